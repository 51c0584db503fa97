/** `millstream ledger` as a process: with a running shop, without one, and where there is nothing. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Millstream from '../processes/millstream.js'

let folder: string
let data: string

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
  data = join(folder, 'shop')
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

function ledger(...args: string[]) {
  return Millstream.run(['ledger', ...args, '--data', data])
}

describe.each(['while the shop runs', 'without a shop'])('the operator’s tools, %s', (when) => {
  beforeEach(async () => {
    const { child } = await Millstream.shop(data)
    if (when === 'while the shop runs') return
    child.kill('SIGTERM')
    await child.ended
  })

  it('open, limit, fund and empty accounts', async () => {
    expect((await ledger('limit', 'alice', '50')).stdout).toMatch(/^account +alice \(named\)\nbalance +0 /)
    const funded = await ledger('fund', 'alice', '1000', '--reference', 'invoice 7')
    expect(funded).toMatchObject({ code: 0, stderr: '' })
    expect(funded.stdout).toMatch(/^funded, reference invoice 7\n/)
    expect(funded.stdout).toMatch(/^balance +1000 \(0.000001 XRP\)$/m)
    const again = await ledger('fund', 'alice', '1000', '--reference', 'invoice 7')
    expect(again.code).toBe(0)
    expect(again.stdout).toMatch(/^nothing changed: /)
    const other = await ledger('fund', 'alice', '1001', '--reference', 'invoice 7', '--json')
    expect(other).toMatchObject({ code: 12, stdout: '' })
    expect(JSON.parse(other.stderr)).toMatchObject({ error: 'LEDGER_REFERENCE_TAKEN', exit: 12 })
    expect((await ledger('withdraw', 'alice', '1001')).code).toBe(12)
    const withdrawn = await ledger('withdraw', 'alice', '400', '--json')
    expect(JSON.parse(withdrawn.stdout)).toMatchObject({ status: 'done', account: { id: 'alice', balance: '600' } })
    const transfers = await ledger('transfers', '--account', 'alice')
    expect(transfers.stdout.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
      'kind',
      'withdrawal',
      'deposit',
      undefined,
    ])
    expect(await ledger('check')).toMatchObject({ code: 0 })
  })

  it('tell a new movement from a repeated one by its reference', async () => {
    await ledger('fund', 'bob', '10')
    await ledger('fund', 'bob', '10')
    const rows = (await ledger('accounts', '--json')).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows.find((row) => row.id === 'bob')).toMatchObject({
      kind: 'stranger',
      balance: '20',
      held: '0',
      limit: '0',
    })
    expect(rows.find((row) => row.id === 'settlement')).toMatchObject({ kind: 'system', balance: '-20' })
  })

  it('refuse what makes no sense', async () => {
    expect((await ledger('fund', 'alice', '0')).code).toBe(2)
    expect((await ledger('fund', 'alice', '1.5')).code).toBe(2)
    expect((await ledger('fund', 'a b', '1')).code).toBe(2)
    expect((await ledger('limit', 'server', '1')).code).toBe(12)
    expect((await ledger('transfers', '--account', 'nobody')).code).toBe(12)
    expect((await ledger('accounts', '--limit', '1')).code).toBe(2)
    expect((await ledger()).code).toBe(2)
  })
})

describe('the operator’s tools, where there is no ledger', () => {
  it('say so, and make none', async () => {
    const ended = await ledger('accounts')
    expect(ended).toMatchObject({ code: 9, stdout: '' })
    expect(ended.stderr).toMatch(/ next +.*--data/)
    expect((await Millstream.run(['ledger', 'fund', 'alice', '1', '--data', folder])).code).toBe(9)
  })

  it('leave alone what is not a ledger', async () => {
    const { child } = await Millstream.shop(data)
    child.kill('SIGTERM')
    await child.ended
    await writeFile(join(data, 'ledger.sqlite'), 'not a database at all, and not a short text either\n'.repeat(100))
    const ended = await ledger('check')
    expect(ended).toMatchObject({ code: 9, stdout: '' })
    expect((await Millstream.run(['shop', '--port', '0', '--btp-port', '0', '--data', data])).code).toBe(9)
  })
})
