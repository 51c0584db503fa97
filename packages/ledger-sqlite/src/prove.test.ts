import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckReport, serverAccount } from '@millstream/ledger'
import { testEpoch, testHashes, testTransfer } from '@millstream/ledger/testing'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ledgerFileName, openSqlite } from './index.js'
import { numbered, openAccount, pay, prepareOf } from './testing/payments.js'
import { makeFolder, removeFolder, temporaryFolder } from './testing/temporary-folder.js'

const open = (folder: string) => openSqlite({ folder, clock: () => testEpoch, hashes: testHashes })

const whole = makeFolder()
afterAll(() => removeFolder(whole))

/** A ledger with everything in it. */
beforeAll(async () => {
  const { ledger, close } = await open(whole)
  const alice = await openAccount(ledger, 'alice')
  const bob = await openAccount(ledger, 'bob')
  await ledger.apply([{ type: 'deposit', account: alice, amount: 2n ** 62n, reference: 'a' }]).durable
  await ledger.apply([{ type: 'withdraw', account: alice, amount: 5n, reference: 'b' }]).durable
  for (let i = 0; i < 20; i++) await pay(ledger, i % 2 === 0 ? alice : bob, numbered(`${i}-`, 1000))
  await ledger.apply([prepareOf('held', alice, 3n), prepareOf('rejected', bob, 4n)]).durable
  await ledger.apply([{ type: 'reject', source: bob, id: testTransfer('rejected').id }]).durable
  await ledger.apply([{ ...prepareOf('back', serverAccount, 9n), target: bob }]).durable
  const { id, fulfillment } = testTransfer('back')
  await ledger.apply([{ type: 'fulfill', source: serverAccount, id, fulfillment }]).durable
  await close()
}, 60_000)

/** Somebody changes the file. */
async function checkAfter(...statements: readonly string[]): Promise<CheckReport> {
  const folder = temporaryFolder()
  copyFileSync(join(whole, ledgerFileName), join(folder, ledgerFileName))
  const database = new Database(join(folder, ledgerFileName))
  for (const statement of statements) database.exec(statement)
  database.close()
  const { ledger, close } = await open(folder)
  const report = await ledger.check()
  await close()
  return report
}

describe('check', () => {
  it('finds nothing where nothing is wrong', async () => {
    const report = await checkAfter()
    expect(report).toEqual({
      ok: true,
      faults: [],
      accounts: 6,
      entries: 20_003,
      holds: 1,
      total: 0n,
      posted: 20_000n + 2n ** 62n + 5n + 9n,
      held: 3n,
    })
  })

  const faults: readonly (readonly [what: string, statement: string, fault: RegExp])[] = [
    [
      'a balance was changed',
      "UPDATE accounts SET posted = posted + 1 WHERE name = 'alice'",
      /Account alice has a balance/,
    ],
    [
      'two balances were changed',
      "UPDATE accounts SET posted = posted + 1 WHERE name IN ('alice', 'bob')",
      /Account bob has/,
    ],
    ['an amount was changed', 'UPDATE transfers SET amount = 2 WHERE seq = 18000', /Account bob has a balance/],
    [
      'an amount is no number',
      "UPDATE transfers SET amount = x'00' WHERE seq = 18000",
      /1 are of no known kind or amount/,
    ],
    ['an amount is negative', 'UPDATE transfers SET amount = -1 WHERE seq = 18000', /1 are of no known kind or amount/],
    [
      'a payer was changed',
      'UPDATE transfers SET source = 16 WHERE seq = 2000',
      /The chain of account|Account alice has/,
    ],
    ['a record is missing', 'DELETE FROM transfers WHERE seq = 100', /only 2047 are there/],
    ['a rejected transfer became a fulfilled one', 'UPDATE transfers SET kind = 1 WHERE kind = 2', /Account bob has/],
    ['a kind is unknown', 'UPDATE transfers SET kind = 9 WHERE seq = 77', /of no known kind/],
    ['a time was changed', 'UPDATE transfers SET at = at + 5 WHERE seq = 16384', /time goes back/],
    [
      'a chain was cut',
      'UPDATE transfers SET source_previous = source_previous - 1 WHERE seq = 18000',
      /The chain of account/,
    ],
    [
      'a chain goes forward',
      'UPDATE transfers SET source_previous = seq WHERE seq = 18000',
      /do not follow the one before/,
    ],
    [
      'the head of a chain was changed',
      "UPDATE accounts SET last_seq = 3 WHERE name = 'bob'",
      /The chain of account bob/,
    ],
    ['a reference is missing', "DELETE FROM movements WHERE reference = 'a'", /has lost its reference/],
    [
      'a reference was added',
      "INSERT INTO movements (kind, reference, seq) VALUES (4, 'c', 1)",
      /There are 3 references for 2/,
    ],
    ['a reference was changed', "UPDATE transfers SET reference = 'z' WHERE reference = 'a'", /has lost its reference/],
    ['what may be repeated was changed', 'UPDATE repeatable SET until = 1', /may be repeated for longer/],
  ]
  for (const [what, statement, fault] of faults) {
    it(`finds that ${what}`, async () => {
      const report = await checkAfter(statement)
      expect(report.ok).toBe(false)
      expect(report.faults.join('\n')).toMatch(fault)
    })
  }

  it('finds that an account is missing', async () => {
    const report = await checkAfter("DELETE FROM accounts WHERE name = 'bob'")
    expect(report.faults.join('\n')).toMatch(/Account 17 is not open, but its entries add up to -9991/)
    expect(report.faults.join('\n')).toMatch(/Account 17 has records, but is neither open nor closed/)
  })

  it('is not disturbed by payments that are made meanwhile', async () => {
    const { ledger, close } = await open(temporaryFolder())
    const alice = await openAccount(ledger, 'alice')
    for (let i = 0; i < 17; i++) await pay(ledger, alice, numbered(`before ${i}-`, 1000))
    const checking = ledger.check()
    let payments = 0
    let isChecked = false
    const checked = checking.then((report) => {
      isChecked = true
      return report
    })
    while (!isChecked) {
      await pay(ledger, alice, [`meanwhile ${payments++}`])
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await checked).toMatchObject({ ok: true, faults: [] })
    expect(payments).toBeGreaterThan(0)
    expect(await ledger.check()).toMatchObject({ ok: true, entries: 17_000 + payments })
    await close()
  })
})
