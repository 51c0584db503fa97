import { readFileSync } from 'node:fs'
import { BtpFrame } from '@millstream/codec'
import { Hex } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as BtpRefusal from '../btp-refusal.js'
import { type Ask, askBalance, askInfo, askLimit, BadAnswerError } from './ledger-dialect.js'

interface Question {
  readonly ask: string
  readonly answer: string
}
interface Recorded {
  readonly dialects: {
    readonly '1.3.5': Record<'info' | 'balance' | 'balanceAfterTwo' | 'limit', Question>
    readonly 'mj-fix': Record<'info' | 'balance' | 'limit', Question>
  }
}
const { dialects } = JSON.parse(
  readFileSync(new URL('../../vectors/plugin-2017.json', import.meta.url), 'utf8'),
) as Recorded

const refusal = new BtpRefusal.RefusedError('it', { name: 'NotAcceptedError', code: 'F00', message: 'TypeError' })

/** A host that was recorded: it answers what it was asked then, byte for byte, and refuses everything else. */
function hostOf(...questions: readonly Question[]): Ask {
  return async (_what, protocolData) => {
    for (const { ask, answer } of questions) {
      const { requestId } = decode(ask)
      const asked = BtpFrame.encode({ type: 'message', requestId, protocolData })
      if (Hex.fromBytes(asked) === ask) return (decode(answer) as BtpFrame.ResponseFrame).protocolData
    }
    throw refusal
  }
}

function decode(hex: string): BtpFrame.Frame {
  return BtpFrame.decode(Hex.toBytes(hex))
}

/** A host that answers any question with these bytes, under the name that was asked. */
function hostThatSays(text: string): Ask {
  return async (_what, [asked]) => [{ name: asked!.name, contentType: 2, data: new TextEncoder().encode(text) }]
}

describe('the dialect of 1.3.5', () => {
  const host = dialects['1.3.5']

  it('tells the ledger', async () => {
    expect(await askInfo(hostOf(host.info))).toEqual({
      dialect: 'info',
      info: {
        prefix: 'g.letter-shop.mytrustline.',
        asset: { code: 'XRP', scale: 9 },
        account: 'g.letter-shop.mytrustline.client',
        direct: true,
      },
    })
  })

  it('tells balance and limit', async () => {
    expect(await askBalance(hostOf(host.balance), 'info')).toBe(0n)
    expect(await askBalance(hostOf(host.balanceAfterTwo), 'info')).toBe(2n)
    expect(await askLimit(hostOf(host.limit), 'info')).toBe(1_000_000_000n)
  })

  it('tells a balance below zero', async () => {
    const data = Hex.toBytes('fffffffffffffffe')
    expect(await askBalance(async () => [{ name: 'balance', contentType: 0, data }], 'info')).toBe(-2n)
  })
})

describe('the dialect of mj-fix', () => {
  const host = dialects['mj-fix']

  it('is found out by asking in the other first', async () => {
    const { dialect, info } = await askInfo(hostOf(host.info))
    expect(dialect).toBe('get_info')
    expect(info).toMatchObject({ prefix: 'g.letter-shop.mytrustline.', asset: { code: 'XRP', scale: 9 } })
  })

  it('tells balance and limit', async () => {
    expect(await askBalance(hostOf(host.balance), 'get_info')).toBe(0n)
    expect(await askLimit(hostOf(host.limit), 'get_info')).toBe(1_000_000_000n)
  })
})

describe('a host', () => {
  const info = { currencyScale: 9, currencyCode: 'XRP', prefix: 'test.host.' }
  const says = (changes: object) => askInfo(hostThatSays(JSON.stringify({ ...info, ...changes })))

  it('that knows neither dialect is no trustline', async () => {
    await expect(askInfo(hostOf())).rejects.toBe(refusal)
  })

  it('that fails is not asked in the other dialect', async () => {
    const failure = new Error('gone')
    let asked = 0
    const ask = () => {
      asked++
      return Promise.reject(failure)
    }
    await expect(askInfo(ask)).rejects.toBe(failure)
    expect(asked).toBe(1)
  })

  it('may say which account the asker has; it must be an account of the ledger', async () => {
    const accountOf = async (account: unknown) => (await says({ account })).info.account
    expect(await accountOf('test.host.alice')).toBe('test.host.alice')
    for (const other of ['test.other.alice', 'test.host.', 'test.host.a.b', 'test.host.a b', 7, null]) {
      expect(await accountOf(other)).toBe('test.host.client')
    }
  })

  it('must say a prefix, a currency and a scale that can be', async () => {
    const bad: object[] = [
      { prefix: 'test.host' },
      { prefix: '' },
      { prefix: 'test.ho st.' },
      { prefix: `test.${'a'.repeat(1_100)}.` },
      { prefix: ['test.host.'] },
      { currencyCode: '' },
      { currencyCode: 'X'.repeat(21) },
      { currencyCode: 'X\u001b[31m' },
      { currencyCode: 5 },
      { currencyScale: -1 },
      { currencyScale: 31 },
      { currencyScale: 1.5 },
      { currencyScale: '9' },
      { currencyScale: null },
    ]
    for (const changes of bad) await expect(says(changes), JSON.stringify(changes)).rejects.toThrow(BadAnswerError)
    expect((await says({ currencyScale: 30 })).info.asset.scale).toBe(30)
  })

  it('must say it in JSON, under the name that was asked', async () => {
    for (const text of ['', '{', 'null', '7', '"text"', '[]', '\uFEFF']) {
      await expect(askInfo(hostThatSays(text)), text).rejects.toThrow(BadAnswerError)
    }
    await expect(askInfo(async () => [])).rejects.toThrow(BadAnswerError)
    const other = [{ name: 'other', contentType: 2, data: new TextEncoder().encode(JSON.stringify(info)) }]
    await expect(askInfo(async () => other)).rejects.toThrow(BadAnswerError)
    const notUtf8 = [{ name: 'info', contentType: 2, data: Uint8Array.of(0x22, 0xff, 0x22) }]
    await expect(askInfo(async () => notUtf8)).rejects.toThrow(BadAnswerError)
  })

  it('must say a balance of eight bytes, or an integer', async () => {
    const bytes = (length: number): Ask => {
      return async () => [{ name: 'balance', contentType: 0, data: new Uint8Array(length) }]
    }
    for (const length of [0, 7, 9]) await expect(askBalance(bytes(length), 'info')).rejects.toThrow(BadAnswerError)
    for (const text of ['"1.5"', '"1e3"', '"-"', '""', '{}', `"${'9'.repeat(41)}"`, '1e21']) {
      await expect(askBalance(hostThatSays(text), 'get_info'), text).rejects.toThrow(BadAnswerError)
    }
    expect(await askBalance(hostThatSays('"-5"'), 'get_info')).toBe(-5n)
    expect(await askBalance(hostThatSays('5'), 'get_info')).toBe(5n)
  })

  it('may have no limit', async () => {
    expect(await askLimit(hostThatSays('"Infinity"'), 'info')).toBeUndefined()
    await expect(askLimit(hostThatSays('"much"'), 'info')).rejects.toThrow(BadAnswerError)
  })
})
