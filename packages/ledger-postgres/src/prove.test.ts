import { type CheckReport, serverAccount } from '@millstream/ledger'
import { testEpoch, testHashes, testTransfer } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import { beforeAll, expect, it } from 'vitest'
import { openPostgres } from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()

postgres.describe('check', () => {
  const { server } = postgres
  let whole: URL
  let copies = 0

  /** A ledger with everything in it. */
  beforeAll(async () => {
    whole = new URL(await server.createDatabase())
    const limits = { strangersCreditMax: 1_000n }
    const { ledger, close } = await openPostgres({
      url: whole.href,
      host: 'one',
      hashes: testHashes,
      ledgerClock: () => testEpoch,
      limits,
    })
    const open = async (name: string, kind: 'named' | 'stranger') => {
      const [{ account }] = await ledger.apply([{ type: 'open', name, kind, creditLimit: 2n ** 64n - 1n }]).outcomes
      return account.id
    }
    const [alice, bob, stranger] = [
      await open('alice', 'named'),
      await open('bob', 'named'),
      await open('s1', 'stranger'),
    ]
    const prepare = (name: string, source = alice, amount = 1n, target = serverAccount) => {
      const { id, condition } = testTransfer(name)
      const rest = { condition, expiresAt: Instant.from(testEpoch + 1_000), destination: 'test.x', contentHash: 7 }
      return { type: 'prepare', id, source, target, amount, ...rest } as const
    }
    const fulfill = (name: string, source = alice) => {
      const { id, fulfillment } = testTransfer(name)
      return { type: 'fulfill', source, id, fulfillment } as const
    }
    const names = Array.from({ length: 50 }, (_, i) => `t${i}`)
    await ledger.apply(names.map((name) => prepare(name))).durable
    await ledger.apply(names.map((name) => fulfill(name))).durable
    await ledger.apply([{ type: 'deposit', account: alice, amount: 2n ** 62n, reference: 'a' }]).durable
    await ledger.apply([{ type: 'withdraw', account: alice, amount: 5n, reference: 'b' }]).durable
    await ledger.apply([
      prepare('big', bob, 2n ** 63n - 100n),
      prepare('held', bob, 3n),
      prepare('back', serverAccount, 9n, bob),
    ]).durable
    await ledger.apply([fulfill('big', bob), fulfill('back', serverAccount)]).durable
    await ledger.apply([prepare('owed', stranger, 20n), prepare('rejected', bob, 4n)]).durable
    await ledger.apply([{ type: 'reject', source: bob, id: testTransfer('rejected').id }]).durable
    await close()
  })

  /** Somebody changes the tables. */
  async function checkAfter(...statements: readonly string[]): Promise<CheckReport> {
    copies += 1
    const copy = new URL(whole)
    copy.pathname = `${whole.pathname}_${copies}`
    await server.query(`CREATE DATABASE ${copy.pathname.slice(1)} TEMPLATE ${whole.pathname.slice(1)}`)
    for (const statement of statements) await server.query(statement, [], copy.href)
    const { ledger, close } = await openPostgres({ url: copy.href, hashes: testHashes, ledgerClock: () => testEpoch })
    const report = await ledger.check()
    await close()
    return report
  }

  it('finds nothing where nothing is wrong', async () => {
    const posted = 50n + 2n ** 62n + 5n + 2n ** 63n - 100n + 9n
    const expected = { ok: true, faults: [], accounts: 7, entries: 54, holds: 2, total: 0n, posted, held: 23n }
    expect(await checkAfter()).toEqual(expected)
  })

  const faults: readonly (readonly [what: string, statement: string, fault: RegExp])[] = [
    [
      'a balance',
      "UPDATE millstream.accounts SET posted = posted + 1 WHERE name = 'alice'",
      /Account alice has a balance/,
    ],
    [
      'the balance of the server',
      'UPDATE millstream.feed SET server_posted = server_posted - 1',
      /Account server has a bal/,
    ],
    ['an amount', 'UPDATE millstream.transfers SET amount = 2 WHERE seq = 7', /Account (alice|server) has a balance/],
    [
      'an amount to a negative one',
      'UPDATE millstream.transfers SET amount = -1 WHERE seq = 7',
      /of no known kind or amount/,
    ],
    ['a kind', 'UPDATE millstream.transfers SET kind = 9 WHERE seq = 7', /of no known kind/],
    ['a record that is gone', 'DELETE FROM millstream.transfers WHERE seq = 7', /Of the 55 records 54 are there/],
    ['the last record', 'DELETE FROM millstream.transfers WHERE seq = 55', /The records go from 1 to 54/],
    [
      'a rejected transfer to a fulfilled one',
      'UPDATE millstream.transfers SET kind = 1 WHERE kind = 2',
      /Account bob has/,
    ],
    ['a time', 'UPDATE millstream.transfers SET at = at + 5 WHERE seq = 7', /time goes back/],
    ['a payer', 'UPDATE millstream.transfers SET source = 17 WHERE seq = 7', /Account alice has/],
    ['an account that is gone', "DELETE FROM millstream.accounts WHERE name = 'bob'", /is neither open nor closed/],
    [
      'the newest record of an account',
      "UPDATE millstream.accounts SET last_seq = 3 WHERE name = 'bob'",
      /bob notes 3/,
    ],
    [
      'a hold',
      'UPDATE millstream.holds SET amount = 4 WHERE amount = 3',
      /Account bob has outgoing holds of 3, but .* 4/,
    ],
    [
      'a hold that is gone',
      'DELETE FROM millstream.holds WHERE amount = 3',
      /outgoing holds of 3, but they add up to 0/,
    ],
    [
      'how many holds there are',
      "UPDATE millstream.accounts SET holds_out = 9 WHERE name = 'bob'",
      /another number of/,
    ],
    [
      'what strangers owe',
      'UPDATE millstream.feed SET strangers = 0',
      /Strangers owe and hold 20 on credit; 0 is noted/,
    ],
    [
      'a reference',
      "UPDATE millstream.transfers SET reference = 'z' WHERE reference = 'a'",
      /have lost their reference/,
    ],
    ['a reference that is gone', "DELETE FROM millstream.movements WHERE reference = 'a'", /have lost their reference/],
    ['a reference that was added', "INSERT INTO millstream.movements VALUES (4, 'c', 60, 16, 1)", /3 references for 2/],
  ]
  for (const [what, statement, fault] of faults) {
    it(`finds a change of ${what}`, async () => {
      const report = await checkAfter(statement)
      expect(report.ok).toBe(false)
      expect(report.faults.join('\n')).toMatch(fault)
    })
  }
})
