/** Accounts are read a portion at a time: however many there are, payments get their turn. */
import { type AccountId, customerAccountMin, type Store } from '@millstream/ledger'
import { testEpoch, testHashes } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OpenedSqlite, openSqlite } from './index.js'
import { numbered, pay } from './testing/payments.js'
import { makeFolder, removeFolder } from './testing/temporary-folder.js'

const count = 10_000
/** One for each 2,048 of them. */
const portions = 4
const later = Instant.after(testEpoch, 2 * 3_600_000)

const folder = makeFolder()
let now = testEpoch
let opened: OpenedSqlite
let passing: readonly AccountId[]

beforeAll(async () => {
  opened = await openSqlite({ folder, clock: () => now, hashes: testHashes })
  passing = await openMany(opened.ledger, 'p')
}, 60_000)

afterAll(async () => {
  await opened.close()
  removeFolder(folder)
})

async function openMany(ledger: Store, prefix: string, many = count): Promise<readonly AccountId[]> {
  const opens = numbered(prefix, many).map(
    (name) => ({ type: 'open', name, kind: 'passing', creditLimit: 9n }) as const,
  )
  const outcomes = await ledger.apply(opens).outcomes
  const ids = outcomes.map((outcome) => (outcome as unknown as { account: { id: AccountId } }).account.id)
  const deposits = ids.map((account) => ({ type: 'deposit', account, amount: 5n, reference: `d${account}` }) as const)
  await ledger.apply(deposits).durable
  return ids
}

/** How many turns others had while something was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const done = work().finally(() => {
    isDone = true
  })
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  await done
  return turns
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<readonly Row[]> {
  const list: Row[] = []
  for await (const row of rows) list.push(row)
  return list
}

it('lists and balances give others a turn', async () => {
  const { ledger } = opened
  expect(await turnsDuring(() => all(ledger.accounts()))).toBeGreaterThanOrEqual(portions)
  expect(await turnsDuring(() => all(ledger.balancesAt(now)))).toBeGreaterThanOrEqual(portions)
})

it('a check is not disturbed by accounts that come, pay and go meanwhile', async () => {
  const { ledger } = opened
  const [hour] = await openMany(ledger, 'hour', 1)
  let isChecked = false
  const checking = ledger.check().finally(() => {
    isChecked = true
  })
  for (let i = 0; !isChecked; i++) {
    const [id] = await openMany(ledger, `new-${i}-`, 1)
    for (const from of [id!, passing[i]!, passing.at(-1 - i)!]) {
      await pay(ledger, from, [`payment ${i} of ${from}`])
      await ledger.apply([{ type: 'merge', from, into: hour! }]).durable
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await checking).faults).toEqual([])
  expect((await ledger.check()).faults).toEqual([])
})

it('closed accounts are forgotten some hundred at a time, and not while somebody reads', async () => {
  const { ledger } = opened
  const [hour] = await openMany(ledger, 'last-hour', 1)
  for await (const { id } of ledger.accounts()) {
    if (id >= customerAccountMin && id !== hour) ledger.apply([{ type: 'merge', from: id, into: hour! }])
  }
  now = later
  await ledger.apply([{ type: 'deposit', account: hour!, amount: 1n, reference: 'newest' }]).durable
  const { records } = await ledger.prune({ before: later, dryRun: true })
  let pauses = 0
  const pause = async () => void ((await ledger.history()).after === records && pauses++)
  await ledger.prune({ before: later, pause })
  expect(pauses).toBeGreaterThanOrEqual(count / 500)
  expect((await ledger.check()).faults).toEqual([])
})
