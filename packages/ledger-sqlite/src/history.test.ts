import { type AccountId, type Cursor, type Store, StoreClosedError, serverAccount } from '@millstream/ledger'
import { testEpoch, testHashes, testTransfer } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openSqlite } from './index.js'
import { numbered, openAccount, prepareOf } from './testing/payments.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const hour = 3_600_000

let now = testEpoch
let ledger: Store
let close: () => Promise<void>
let alice: AccountId

beforeEach(async () => {
  now = testEpoch
  const opened = await openSqlite({ folder: temporaryFolder(), clock: () => now, hashes: testHashes })
  ledger = opened.ledger
  close = opened.close
  onTestFinished(() => close())
  alice = await openAccount(ledger, 'alice')
})

const advance = (ms: number) => {
  now = Instant.after(now, ms)
}

/** Pays 1 for each name; expires in a minute. */
const payNow = (names: readonly string[], source = alice) => {
  const expiresAt = Instant.after(now, 60_000)
  ledger.apply(names.map((name) => ({ ...prepareOf(name, source), expiresAt })))
  return ledger.apply(
    names.map((name) => {
      const { id, fulfillment } = testTransfer(name)
      return { type: 'fulfill', source, id, fulfillment } as const
    }),
  ).durable
}

describe('the history of a ledger', () => {
  it('finds an old transfer behind thousands of newer ones', async () => {
    const expiresAt = Instant.after(now, 60_000)
    await payNow(['old'])
    await ledger.apply([{ ...prepareOf('old rejected', alice), expiresAt }]).durable
    await ledger.apply([{ type: 'reject', source: alice, id: testTransfer('old rejected').id }]).durable
    for (let i = 0; i < 3; i++) {
      advance(20 * 60_000)
      await payNow(numbered(`${i}-`, 700))
    }
    const search = (name: string) => ledger.search(alice, testTransfer(name).id, expiresAt)
    expect(await search('old')).toBe('fulfilled')
    expect(await search('old rejected')).toBe('rejected')
    expect(await search('nothing like it')).toBe('not_found')
    expect(await ledger.search(999 as AccountId, testTransfer('old').id, expiresAt)).toBe('not_found')
  })

  it('does not look further back than a transfer can have been alive', async () => {
    await payNow(['old'])
    const expiresAt = Instant.after(now, 60_000)
    for (let i = 0; i < 3; i++) {
      advance(2 * hour)
      await payNow([`${i}`])
    }
    expect(await ledger.search(alice, testTransfer('old').id, Instant.after(expiresAt, 5 * hour))).toBe('not_found')
    expect(await ledger.search(alice, testTransfer('old').id, expiresAt)).toBe('fulfilled')
  })

  it('searches once at a time, and lets payments pass meanwhile', async () => {
    await payNow(['old'])
    const expiresAt = Instant.after(now, 60_000)
    for (let i = 0; i < 3; i++) await payNow(numbered(`${i}-`, 1000))
    advance(2 * hour)
    await ledger.apply([]).durable
    const searching = ledger.search(alice, testTransfer('old').id, expiresAt)
    expect(await ledger.search(alice, testTransfer('old').id, expiresAt)).toBe('busy')
    let payments = 0
    let isFound = false
    const found = searching.then((outcome) => {
      isFound = true
      return outcome
    })
    while (!isFound) {
      await payNow([`meanwhile ${payments++}`])
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await found).toBe('fulfilled')
    expect(payments).toBeGreaterThan(1)
    expect(await ledger.search(alice, testTransfer('old').id, expiresAt)).toBe('fulfilled')
  })

  it('answers from memory what is still there', async () => {
    await payNow(['new'])
    const searches = Array.from({ length: 3 }, () => ledger.search(alice, testTransfer('new').id, now))
    expect(await Promise.all(searches)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  })

  it('tells what was fulfilled lately, the newest if there is too much, and what the shop paid', async () => {
    const bob = await openAccount(ledger, 'bob')
    await payNow(numbered('a', 30))
    await payNow(numbered('b', 1200), bob)
    await payNow(numbered('c', 30))
    const [last, id] = [testTransfer('c29').id, testTransfer('back')]
    const recent = await ledger.recentlyFulfilled(alice, 40)
    expect(recent).toHaveLength(40)
    expect(recent.at(-1)?.id).toEqual(last)
    expect((await ledger.recentlyFulfilled(alice)).map((entry) => entry.id?.join())).toEqual(
      [...numbered('a', 30), ...numbered('c', 30)].map((name) => testTransfer(name).id.join()),
    )
    expect(await ledger.recentlyFulfilled(bob)).toHaveLength(1200)
    await ledger.apply([{ ...prepareOf('back', serverAccount), target: bob }]).durable
    await ledger.apply([{ type: 'fulfill', source: serverAccount, id: id.id, fulfillment: id.fulfillment }]).durable
    const paid = await ledger.recentlyFulfilled(serverAccount)
    expect(paid.map((entry) => [entry.id?.join(), entry.target])).toEqual([[id.id.join(), bob]])
    expect(await ledger.recentlyFulfilled(bob)).toHaveLength(1200)
    advance(60_000)
    expect(await ledger.recentlyFulfilled(bob)).toEqual([])
  })

  it('lists long books from both ends, of all and of one, and goes on where it stopped', async () => {
    const bob = await openAccount(ledger, 'bob')
    for (let i = 0; i < 5; i++) {
      await payNow(numbered(`a${i}-`, 600))
      await payNow(numbered(`b${i}-`, 300), bob)
    }
    const cursors = async (query: Parameters<Store['transfers']>[0]) => {
      const found: number[] = []
      for await (const { cursor } of ledger.transfers(query)) found.push(cursor!)
      return found
    }
    const all = Array.from({ length: 4500 }, (_, i) => i + 1)
    const bobs = all.filter((cursor) => (cursor - 1) % 900 >= 600)
    expect(await cursors({})).toEqual(all)
    expect(await cursors({ newestFirst: true })).toEqual(all.toReversed())
    expect(await cursors({ account: bob })).toEqual(bobs)
    expect(await cursors({ account: bob, newestFirst: true })).toEqual(bobs.toReversed())
    expect(await cursors({ account: serverAccount, newestFirst: true })).toEqual(all.toReversed())
    expect(await cursors({ after: 4490 as Cursor })).toEqual(all.slice(4490))
    expect(await cursors({ after: 11 as Cursor, newestFirst: true })).toEqual(all.slice(0, 10).toReversed())
    expect(await cursors({ account: bob, after: 4300 as Cursor, limit: 3 })).toEqual([4301, 4302, 4303])
    const page = await cursors({ account: bob, newestFirst: true, limit: 1000 })
    const next = await cursors({ account: bob, newestFirst: true, after: page.at(-1) as Cursor })
    expect([...page, ...next]).toEqual(bobs.toReversed())
  })

  it('ends what it is reading when the ledger is closed', async () => {
    for (let i = 0; i < 3; i++) await payNow(numbered(`${i}-`, 1000))
    const listing = ledger.transfers()[Symbol.asyncIterator]()
    await listing.next()
    await close()
    const rest = async () => {
      while (!(await listing.next()).done);
    }
    await expect(rest()).rejects.toThrow(StoreClosedError)
    await expect(ledger.posted(0 as Cursor, 1)).rejects.toThrow(StoreClosedError)
    await expect(ledger.check()).rejects.toThrow(StoreClosedError)
    await expect(ledger.search(alice, testTransfer('x').id, now)).rejects.toThrow(StoreClosedError)
    expect(() => ledger.apply([])).toThrow(StoreClosedError)
  })
})
