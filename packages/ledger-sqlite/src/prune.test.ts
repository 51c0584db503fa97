/** Records that are removed, in a file: what stays true across restarts, and what `check` still sees. */
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AccountId,
  BooksDisagreeError,
  type Cursor,
  type Store,
  StoreClosedError,
  serverAccount,
} from '@millstream/ledger'
import { testEpoch, testHashes, testTransfer } from '@millstream/ledger/testing'
import type { StreamRecord } from '@millstream/shop'
import { Instant } from '@millstream/units'
import Database from 'libsql'
import { beforeEach, describe, expect, it } from 'vitest'
import { ledgerFileName, type OpenedSqlite, openSqlite } from './index.js'
import { numbered, openAccount, prepareOf } from './testing/payments.js'
import { smallDisk } from './testing/small-disk.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const minute = 60_000
const end = Instant.from(testEpoch + 1_000 * minute)

let now: Instant.Instant
let folder: string

const open = (options: { readonly folder?: string; readonly fileBytesMax?: number } = {}) =>
  openSqlite({ folder, clock: () => now, hashes: testHashes, ...options })

const advance = (ms: number) => {
  now = Instant.after(now, ms)
}

beforeEach(() => {
  now = testEpoch
  folder = temporaryFolder()
})

/** Pays 1 for each name; expires in a minute. */
function pay(ledger: Store, source: AccountId, names: readonly string[]): Promise<void> {
  const expiresAt = Instant.after(now, minute)
  ledger.apply(names.map((name) => ({ ...prepareOf(name, source), expiresAt })))
  const fulfills = names.map((name) => ({ type: 'fulfill', source, ...testTransfer(name) }) as const)
  return ledger.apply(fulfills).durable
}

/** So many payments of a minute each, then enough time that none of them may be repeated. */
async function payThousands(ledger: Store, account: AccountId, thousands: number, prefix = ''): Promise<void> {
  for (let i = 0; i < thousands; i++) await pay(ledger, account, numbered(`${prefix}${i}-`, 1000))
  advance(10 * minute)
}

async function balances(ledger: Store): Promise<Record<string, bigint>> {
  const found: Record<string, bigint> = {}
  for await (const { name, posted } of ledger.accounts()) found[name] = posted
  return found
}

/** The books are proved before anything goes. */
async function isCut(ledger: Store): Promise<boolean> {
  return (await ledger.history()).after > 0
}

function streamAt(cursor: Cursor, more: Partial<StreamRecord> = {}): StreamRecord {
  const record = { userId: 'a'.repeat(22), kid: 0, price: 1n, unit: 'letter', resource: '/', createdAt: now }
  return { ...record, cursor, pieces: 0n, floor: 0, numbers: new Uint8Array(0), ...more }
}

describe('a file whose old records were removed', () => {
  let opened: OpenedSqlite
  let alice: AccountId

  beforeEach(async () => {
    opened = await open()
    alice = await openAccount(opened.ledger, 'alice')
    const { durable } = opened.ledger.apply([
      { type: 'deposit', account: alice, amount: 2n ** 62n, reference: 'large' },
      { type: 'deposit', account: alice, amount: 7n, reference: 'small' },
      { type: 'withdraw', account: alice, amount: 3n, reference: 'back' },
    ])
    await durable
    await payThousands(opened.ledger, alice, 5)
  })

  it('has the same balances, history and references after a restart', async () => {
    const before = await balances(opened.ledger)
    const report = await opened.ledger.prune({ before: end })
    expect(report).toEqual({ history: { after: 5002, at: testEpoch }, records: 5002, boundBy: 'newest' })
    await opened.close()
    const { ledger, close } = await open()
    expect(await balances(ledger)).toEqual(before)
    expect(await ledger.history()).toEqual({ after: 5002, at: testEpoch })
    expect(await ledger.check()).toMatchObject({ ok: true, faults: [], entries: 5003, posted: 2n ** 62n + 5010n })
    const { outcomes } = ledger.apply([
      { type: 'deposit', account: alice, amount: 2n ** 62n, reference: 'large' },
      { type: 'deposit', account: alice, amount: 8n, reference: 'small' },
      { type: 'withdraw', account: alice, amount: 3n, reference: 'back' },
    ])
    expect((await outcomes).map(({ status }) => status)).toEqual(['exists', 'exists_different', 'exists'])
    await close()
  })

  it('goes on: new payments, new pruning, and every record that is kept proves', async () => {
    const { ledger, close } = opened
    for (let i = 0; i < 4; i++) {
      await payThousands(ledger, alice, 1, `more ${i} `)
      await ledger.prune({ before: Instant.after(now, -15 * minute) })
      expect((await ledger.check()).faults).toEqual([])
    }
    const list: number[] = []
    for await (const { cursor } of ledger.transfers({ account: alice, newestFirst: true })) list.push(cursor!)
    const { after } = await ledger.history()
    expect(after).toBe(8003)
    expect(list).toEqual(Array.from({ length: 1000 }, (_, i) => 9003 - i))
    await close()
  })

  it('uses the pages that became free again', async () => {
    await opened.close()
    const sizes: number[] = []
    for (let i = 0; i < 6; i++) {
      const { ledger, close } = await open()
      await ledger.prune({ before: end })
      await payThousands(ledger, alice, 5, `more ${i} `)
      await close()
      sizes.push(statSync(join(folder, ledgerFileName)).size)
    }
    expect(sizes.at(-1)! / sizes[0]!).toBeLessThan(1.1)
  })

  it('keeps what an open stream has not folded, also one that was put a moment ago', async () => {
    const { ledger, streams, close } = opened
    await streams.put(streamAt(3000 as Cursor))
    const put = streams.put(streamAt(2500 as Cursor, { userId: 'b'.repeat(22) }))
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 2500, boundBy: 'reader' })
    await put
    expect((await ledger.posted(2500 as Cursor, 1))[0]?.cursor).toBe(2501)
    await streams.put(streamAt(2500 as Cursor, { userId: 'b'.repeat(22), endedAt: now, ending: 'content_ended' }))
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 500, boundBy: 'reader' })
    await streams.delete('a'.repeat(22))
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 2002, boundBy: 'newest' })
    await close()
  })

  it('is not cut from under somebody who lists it', async () => {
    const { ledger, close } = opened
    const list = ledger.transfers()[Symbol.asyncIterator]()
    await list.next()
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 0, boundBy: 'reader' })
    let rest = 0
    while ((await list.next()).done !== true) rest++
    expect(rest).toBe(5002)
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 5002 })
    await close()
  })

  it('is not cut from under a list that is given up', async () => {
    const { ledger, close } = opened
    for await (const _ of ledger.transfers()) break
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 5002 })
    await close()
  })

  it('stops where a reader begins while it is under way, and goes on later', async () => {
    const { ledger, close } = opened
    let list: AsyncIterator<unknown> | undefined
    const pause = async () => {
      if (!(await isCut(ledger))) return
      list ??= ledger.transfers()[Symbol.asyncIterator]()
      await list.next()
    }
    expect(await ledger.prune({ before: end, pause })).toEqual({
      history: { after: 2048, at: testEpoch },
      records: 2048,
      boundBy: 'reader',
    })
    await list!.return!()
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 5002 - 2048 })
    await close()
  })

  it('pauses between the portions of proving too', async () => {
    const { ledger, close } = opened
    const removedBefore: number[] = []
    const pause = async () => void removedBefore.push((await ledger.history()).after)
    await ledger.prune({ before: end, pause })
    // 5,003 records are three portions; beside them accounts are compared.
    expect(removedBefore.filter((after) => after === 0).length).toBeGreaterThanOrEqual(3)
    expect(removedBefore.filter((after) => after > 0)).toEqual([2048, 4096, 5002])
    await close()
  })

  it('takes payments between the portions, and leaves them whole when the pause throws', async () => {
    const { ledger, close } = opened
    let portions = 0
    const pause = async () => {
      if (!(await isCut(ledger))) return
      portions++
      await pay(ledger, alice, numbered(`during ${portions} `, 10))
      if (portions === 2) throw new StoreClosedError()
    }
    await expect(ledger.prune({ before: end, pause })).rejects.toThrow(StoreClosedError)
    expect((await ledger.history()).after).toBe(4096)
    expect(await ledger.check()).toMatchObject({ faults: [], entries: 5023 })
    await close()
  })

  it('ends with the ledger', async () => {
    const { ledger, close } = opened
    const closing: Promise<void>[] = []
    const pause = async () => void ((await isCut(ledger)) && closing.push(close()))
    await expect(ledger.prune({ before: end, pause })).rejects.toThrow(StoreClosedError)
    await Promise.all(closing)
    const again = await open()
    // Closing waits for what is to be written; a portion more may go meanwhile.
    expect([2048, 4096]).toContain((await again.ledger.history()).after)
    expect((await again.ledger.check()).faults).toEqual([])
    await again.close()
  })

  it('prunes one request after another', async () => {
    const { ledger, close } = opened
    const reports = await Promise.all([ledger.prune({ before: end }), ledger.prune({ before: end })])
    expect(reports.map(({ records }) => records)).toEqual([5002, 0])
    await close()
  })

  it.each([
    ['a balance', "UPDATE accounts SET posted = 1 WHERE name = 'alice'"],
    ['a record', 'UPDATE transfers SET amount = 2 WHERE seq = 100'],
    ['a missing record', 'DELETE FROM transfers WHERE seq = 100'],
    ['a chain', 'UPDATE transfers SET source_previous = 7 WHERE seq = 100'],
  ])('is not pruned when %s is wrong', async (_, statement) => {
    await opened.close()
    const database = new Database(join(folder, ledgerFileName))
    database.exec(statement)
    database.close()
    const { ledger, close } = await open()
    await expect(ledger.prune({ before: end })).rejects.toThrow(BooksDisagreeError)
    expect(await ledger.history()).toEqual({ after: 0, at: undefined })
    await close()
  })

  it.each([
    ['a sum of a checkpoint', 'UPDATE checkpoints SET paid = paid + 1 WHERE account = 16', /paid/],
    [
      'two sums that hide each other',
      'UPDATE checkpoints SET paid = paid + 1, received = received + 1 WHERE account = 2',
      /Removed deposits were/,
    ],
    ['the cut of a chain', 'UPDATE checkpoints SET last_seq = last_seq - 1 WHERE account = 16', /The chain of account/],
    ['a lost checkpoint', 'DELETE FROM checkpoints WHERE account = 16', /Account alice/],
    ['a checkpoint of nobody', 'INSERT INTO checkpoints VALUES (99, 0, 0, 0)', /which is not there/],
    ['the place', 'UPDATE pruned SET seq = seq - 1', /only/],
    ['a removed reference', "DELETE FROM movements WHERE reference = 'small'", /Removed deposits were/],
    ['its amount', "UPDATE movements SET amount = 8 WHERE reference = 'small'", /Removed deposits were/],
    [
      'a withdrawal that is forgotten',
      "UPDATE movements SET amount = NULL WHERE reference = 'back'",
      /has lost its record/,
    ],
  ])('shows a check that %s was changed', async (_, statement, fault) => {
    await opened.ledger.prune({ before: end })
    await opened.close()
    const database = new Database(join(folder, ledgerFileName))
    database.exec(statement)
    database.close()
    const { ledger, close } = await open()
    const { ok, faults } = await ledger.check()
    expect(ok).toBe(false)
    expect(faults.join('\n')).toMatch(fault)
    await close()
  })
})

describe('pruning', () => {
  it('forgets closed accounts with their records, but uses no id twice', async () => {
    const { ledger, close } = await open()
    const openPassing = (name: string) => ({ type: 'open', name, kind: 'passing', creditLimit: 0n }) as const
    const [{ account: hour }] = await ledger.apply([openPassing('hour')]).outcomes
    for (let i = 0; i < 20; i++) {
      const [{ account }] = await ledger.apply([openPassing(`p${i}`)]).outcomes
      ledger.apply([{ type: 'deposit', account: account.id, amount: 5n, reference: `d${i}` }])
      await pay(ledger, account.id, [`payment of ${i}`])
      await ledger.apply([{ type: 'merge', from: account.id, into: hour.id }]).durable
    }
    advance(10 * minute)
    await ledger.prune({ before: end })
    await close()

    const database = new Database(join(folder, ledgerFileName))
    const count = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }
    expect(count('closed_accounts').n).toBe(1)
    // Server, settlement, the one that took them over, those that are gone, the last of them.
    expect(count('checkpoints').n).toBe(5)
    database.close()
    const again = await open()
    expect((await again.ledger.check()).faults).toEqual([])
    expect((await again.ledger.find('hour'))?.posted).toBe(80n)
    const [{ account }] = await again.ledger.apply([openPassing('new')]).outcomes
    expect(account.id).toBe(hour.id + 21)
    await again.close()
  })

  it('adds up amounts and sums beyond 64 bits', async () => {
    const { ledger, close } = await openSqlite({
      folder,
      clock: () => now,
      hashes: testHashes,
      limits: { balanceMax: 2n ** 90n },
    })
    const alice = await openAccount(ledger, 'alice')
    const amount = 2n ** 64n - 1n
    for (let i = 0; i < 5; i++) {
      await ledger.apply([{ type: 'deposit', account: alice, amount, reference: `d${i}` }]).durable
      await ledger.apply([{ ...prepareOf(`t${i}`, alice), amount }]).durable
      const { id, fulfillment } = testTransfer(`t${i}`)
      await ledger.apply([{ type: 'fulfill', source: alice, id, fulfillment }]).durable
    }
    advance(10 * minute)
    await ledger.prune({ before: end })
    expect(await ledger.check()).toMatchObject({ faults: [], posted: 10n * amount })
    const [deposit] = await ledger.apply([{ type: 'deposit', account: alice, amount, reference: 'd0' }]).outcomes
    expect(deposit.status).toBe('exists')
    expect((await ledger.account(serverAccount))?.posted).toBe(5n * amount)
    await close()
  })

  it('makes room in a file that may not grow', async () => {
    const first = await open()
    const alice = await openAccount(first.ledger, 'alice')
    await first.ledger.apply([{ type: 'deposit', account: alice, amount: 9n, reference: 'd' }]).durable
    await payThousands(first.ledger, alice, 5)
    await first.close()
    const full = await open({ fileBytesMax: statSync(join(folder, ledgerFileName)).size })
    expect(await full.ledger.prune({ before: end })).toMatchObject({ records: 5000 })
    expect((await full.ledger.check()).faults).toEqual([])
    // What became free is room for payments.
    await payThousands(full.ledger, alice, 1, 'more ')
    expect((await full.ledger.check()).faults).toEqual([])
    await full.close()
  })

  it('removes nothing on a disk that is full, and goes on when there is room', async (context) => {
    const disk = smallDisk(context, 8)
    const { ledger, close } = await open({ folder: join(disk.folder, 'ledger') })
    const alice = await openAccount(ledger, 'alice')
    await payThousands(ledger, alice, 8)
    disk.fill(0)
    await expect(ledger.prune({ before: end })).rejects.toThrow(disk.error)
    expect(await ledger.history()).toEqual({ after: 0, at: undefined })
    expect((await ledger.check()).faults).toEqual([])
    disk.makeRoom()
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 7999 })
    await payThousands(ledger, alice, 1, 'more ')
    expect((await ledger.check()).faults).toEqual([])
    await close()
  })

  it('takes a file of the form before, and brings it to this one', async () => {
    const first = await open()
    const alice = await openAccount(first.ledger, 'alice')
    await first.ledger.apply([{ type: 'deposit', account: alice, amount: 9n, reference: 'd' }]).durable
    await payThousands(first.ledger, alice, 3)
    await first.close()
    const database = new Database(join(folder, ledgerFileName))
    for (const statement of [
      'DROP TABLE checkpoints',
      'DROP TABLE pruned',
      'ALTER TABLE movements DROP COLUMN account',
      'ALTER TABLE movements DROP COLUMN amount',
      'PRAGMA user_version = 1',
    ]) {
      database.exec(statement)
    }
    database.close()
    const old = temporaryFolder()
    copyFileSync(join(folder, ledgerFileName), join(old, ledgerFileName))
    const { ledger, close } = await open({ folder: old })
    expect(await ledger.prune({ before: end })).toMatchObject({ records: 3000 })
    expect((await ledger.check()).faults).toEqual([])
    await close()
    const again = await open({ folder: old })
    expect(await again.ledger.history()).toEqual({ after: 3000, at: testEpoch })
    await again.close()
  })
})
