import { accountName } from '@millstream/btp'
import { type BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { Hex } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { errorOf, type RawCustomer } from './testing/raw-customer.js'
import { openTestHost, payment, prefix, quickPayee, slowPayee, type TestHost } from './testing/test-host.js'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
let asked = 100

/** Asks in a MESSAGE of one entry, and gives the one entry of the answer, or the ERROR. */
async function ask(test: TestHost, customer: RawCustomer, name: string, data: string, contentType = 0) {
  const requestId = ++asked
  customer.send({ type: 'message', requestId, protocolData: [{ name, contentType, data: Hex.toBytes(data) }] })
  await test.settle()
  const [answer] = customer.answersTo(requestId)
  if (answer?.type !== 'response') return errorOf(answer)
  expect(answer.protocolData).toHaveLength(1)
  return answer.protocolData[0]!
}

describe('info', () => {
  const info = {
    currencyScale: 9,
    currencyCode: 'XRP',
    prefix,
    connectors: [],
    minBalance: '-1000',
    account: prefix + accountName(hashes, 'alice', 'a token of sixteen bytes'),
  }

  it('is LedgerInfo for 02, and the address of the server for anything else', async () => {
    const test = openTestHost()
    const alice = await test.connect()
    const full = await ask(test, alice, 'info', '02')
    expect(full).toMatchObject({ name: 'info', contentType: 2 })
    expect(JSON.parse(text((full as BtpFrame.ProtocolEntry).data))).toEqual(info)
    const account = await ask(test, alice, 'info', '00')
    expect(account).toMatchObject({ name: 'info', contentType: 1 })
    expect(text((account as BtpFrame.ProtocolEntry).data)).toBe(`${prefix}server`)
    expect(await ask(test, alice, 'info', '')).toMatchObject({ code: 'F01', name: 'InvalidFieldsError' })
  })

  it('is answered in the older dialect under its own name', async () => {
    const test = openTestHost()
    const alice = await test.connect()
    const answer = await ask(test, alice, 'get_info', '5b5d', 2)
    expect(answer).toMatchObject({ name: 'get_info', contentType: 2 })
    expect(JSON.parse(text((answer as BtpFrame.ProtocolEntry).data))).toEqual(info)
  })
})

describe('balance and limit', () => {
  it('are those of the account that asks, seen from the host: 64 bits, or JSON text', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    alice.send(payment(1, 2n, test.timers.clock()).frame)
    await test.settle()
    const balance = await ask(test, alice, 'balance', '00')
    expect(balance).toEqual({ name: 'balance', contentType: 0, data: Hex.toBytes('0000000000000002') })
    expect(await ask(test, bob, 'balance', '00')).toMatchObject({ data: Hex.toBytes('0000000000000000') })
    const older = (await ask(test, alice, 'get_balance', '5b5d', 2)) as BtpFrame.ProtocolEntry
    expect(text(older.data)).toBe('"2"')
    for (const name of ['limit', 'get_limit']) {
      const limit = (await ask(test, alice, name, '00')) as BtpFrame.ProtocolEntry
      expect(limit).toMatchObject({ name, contentType: 2 })
      expect(text(limit.data)).toBe('"1000"')
    }
  })

  it('are negative in two’s complement when the host owes', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    alice.send(payment(1, 1n, test.timers.clock()).frame)
    await test.settle()
    for await (const { id, kind } of test.store.accounts()) {
      if (kind === 'stranger') test.store.apply([{ type: 'deposit', account: id, amount: 3n, reference: 'a' }])
    }
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ data: Hex.toBytes('fffffffffffffffe') })
  })

  it('do not count what is held', async () => {
    const test = openTestHost({ payee: slowPayee() })
    const alice = await test.connect()
    alice.send(payment(1, 2n, test.timers.clock()).frame)
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ data: Hex.toBytes('0000000000000000') })
  })
})

describe('other messages', () => {
  it.each([
    ['custom', '7b7d'],
    ['nonsense', '00'],
    ['auth', ''],
    ['__proto__', '00'],
  ])('under %s are refused with F00 unsupported sub-protocol', async (name, data) => {
    const test = openTestHost()
    const alice = await test.connect()
    const answer = await ask(test, alice, name, data)
    expect(answer).toMatchObject({
      code: 'F00',
      name: 'NotAcceptedError',
      text: '{"message":"unsupported sub-protocol"}',
    })
  })

  it('without any protocol too', async () => {
    const test = openTestHost()
    const alice = await test.connect()
    alice.send({ type: 'message', requestId: 5, protocolData: [] })
    await test.settle()
    expect(errorOf(alice.answersTo(5)[0]).code).toBe('F00')
  })

  it('with an ILP packet are answered with an ILP error in a RESPONSE', async () => {
    const test = openTestHost()
    const alice = await test.connect()
    const request = IlpPacket.encode({
      type: 'by_source_request',
      destinationAccount: `${prefix}server.u`,
      sourceAmount: 10n,
      destinationHoldDuration: 3_000,
    })
    const answer = (await ask(test, alice, 'ilp', Hex.fromBytes(request))) as BtpFrame.ProtocolEntry
    expect(answer.name).toBe('ilp')
    expect(IlpPacket.decode(answer.data)).toMatchObject({ type: 'error', code: 'F00', triggeredBy: `${prefix}server` })
    expect(await ask(test, alice, 'ilp', 'ffff')).toMatchObject({ name: 'ilp' })
  })

  it('with an ILP packet are answered by a handler, if there is one, and its failure is an ILP error', async () => {
    const quote = IlpPacket.encode({ type: 'by_source_response', destinationAmount: 10n, sourceHoldDuration: 3_000 })
    const answers = [
      () => quote,
      async () => quote,
      () => {
        throw new Error('a bug')
      },
    ]
    const sources: string[] = []
    const test = openTestHost({
      handlePacket: (_, source) => {
        sources.push(source)
        return answers.shift()!()
      },
    })
    const alice = await test.connect()
    expect(await ask(test, alice, 'ilp', '0400')).toMatchObject({ data: quote })
    expect(await ask(test, alice, 'ilp', '0400')).toMatchObject({ data: quote })
    const failed = (await ask(test, alice, 'ilp', '0400')) as BtpFrame.ProtocolEntry
    expect(IlpPacket.decode(failed.data)).toMatchObject({ type: 'error', code: 'F00' })
    expect(sources[0]).toMatch(/^g\.letter-shop\.mytrustline\.[A-Za-z0-9_-]{22}$/)
  })

  it('that come too fast are refused with T00, and payments are not', async () => {
    const test = openTestHost({ payee: quickPayee(), limits: { messagesBurst: 2, messagesPerSecond: 1 } })
    const alice = await test.connect()
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ name: 'balance' })
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ name: 'balance' })
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ code: 'T00', name: 'UnreachableError' })
    const { id, frame } = payment(1, 1n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    await test.advance(1_000)
    expect(await ask(test, alice, 'balance', '00')).toMatchObject({ name: 'balance' })
  })
})
