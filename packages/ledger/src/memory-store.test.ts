import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { type Account, serverAccount } from './account.js'
import { createMemoryStore, type MemoryStoreEvent } from './memory-store.js'
import { type Cursor, FeedPrunedError, type Store, StoreFailedError } from './store.js'
import {
  type OpenedStore,
  type OpenStore,
  storeContract,
  testEpoch,
  testHashes,
  testTransfer,
} from './testing/index.js'

storeContract('in memory', async (options) => {
  const store = createMemoryStore(options)
  return { store, close: () => store.close() }
})

const openJournaled: OpenStore = async (options) => {
  const batches: Uint8Array[] = []
  const journal = { append: (batch: Uint8Array) => void batches.push(batch), batches: () => batches }
  const open = async (): Promise<OpenedStore> => {
    const store = await createMemoryStore({ ...options, journal })
    return {
      store,
      reopen: async (limits) => {
        await store.close()
        options = { ...options, limits }
        return open()
      },
      close: () => store.close(),
    }
  }
  return open()
}

storeContract('in memory with a journal', openJournaled)

storeContract('in memory with a journal that takes its time', async (options) => {
  const batches: Uint8Array[] = []
  const journal = {
    async append(batch: Uint8Array) {
      await new Promise((resolve) => setImmediate(resolve))
      batches.push(batch)
    },
    async *batches() {
      yield* batches
    },
  }
  const open = async (): Promise<OpenedStore> => {
    const store = await createMemoryStore({ ...options, journal })
    const reopen = async (limits: typeof options.limits) => {
      await store.close()
      options = { ...options, limits }
      return open()
    }
    return { store, reopen, close: () => store.close() }
  }
  return open()
})

const clock = () => testEpoch
const deposit = (account: Account, reference: string) =>
  ({ type: 'deposit', account: account.id, amount: 1n, reference }) as const

function openAlice(store: Store): Account {
  const { outcomes } = store.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 1000n }])
  return (outcomes as readonly { account: Account }[])[0]!.account
}

describe('createMemoryStore', () => {
  it('keeps the newest records and still proves its books', async () => {
    const store = createMemoryStore({ clock, hashes: testHashes, recordsKept: 10 })
    const alice = openAlice(store)
    for (let i = 0; i < 55; i++) store.apply([deposit(alice, `r${i}`)])
    expect(await store.check()).toMatchObject({ ok: true, entries: 55, posted: 55n })
    const entries = await store.posted(45 as Cursor, 100)
    expect(entries.map((entry) => entry.reference)).toEqual(Array.from({ length: 10 }, (_, i) => `r${45 + i}`))
    await expect(store.posted(0 as Cursor, 1)).rejects.toThrow(FeedPrunedError)
  })

  it('writes what is decided in one tick as one batch, and what is decided meanwhile as the next', async () => {
    const written: (() => void)[] = []
    const journal = { append: () => new Promise<void>((resolve) => written.push(resolve)), batches: () => [] }
    const store = await createMemoryStore({ clock, hashes: testHashes, journal })
    const alice = openAlice(store)
    const first = store.apply([deposit(alice, 'a')]).durable
    const second = store.apply([deposit(alice, 'b')]).durable
    await Promise.resolve()
    expect(written).toHaveLength(1)
    let firstIsDurable = false
    first.then(() => {
      firstIsDurable = true
    })
    const third = store.apply([deposit(alice, 'c')]).durable
    const asking = store.apply([]).durable
    await new Promise((resolve) => setImmediate(resolve))
    expect({ written: written.length, firstIsDurable }).toEqual({ written: 1, firstIsDurable: false })
    expect(await store.posted(0 as Cursor, 10)).toEqual([])
    written[0]!()
    await Promise.all([first, second])
    expect((await store.posted(0 as Cursor, 10)).map((entry) => entry.reference)).toEqual(['a', 'b'])
    written[1]!()
    await Promise.all([third, asking])
    expect((await store.posted(0 as Cursor, 10)).map((entry) => entry.reference)).toEqual(['a', 'b', 'c'])
  })

  it('stops when the journal cannot be written, and promises nothing that was not', async () => {
    const batches: Uint8Array[] = []
    let full = false
    const journal = {
      append(batch: Uint8Array) {
        if (full) throw new Error('no space left on device')
        batches.push(batch)
      },
      batches: () => batches,
    }
    const store = await createMemoryStore({ clock, hashes: testHashes, journal })
    const alice = openAlice(store)
    await store.apply([deposit(alice, 'a')]).durable
    full = true
    const lost = store.apply([deposit(alice, 'b')])
    await expect(lost.durable).rejects.toThrow(StoreFailedError)
    await expect(lost.durable).rejects.toThrow(/no space left on device.*Everything that was promised is safe/)
    expect(() => store.apply([])).toThrow(StoreFailedError)
    await expect(store.check()).rejects.toThrow(StoreFailedError)
    await store.close()
    const again = await createMemoryStore({ clock, hashes: testHashes, journal })
    expect((await again.posted(0 as Cursor, 10)).map((entry) => entry.reference)).toEqual(['a'])
    expect(await again.check()).toMatchObject({ ok: true, entries: 1 })
  })

  it('fails everything that waits behind a failed write', async () => {
    const fails: ((error: Error) => void)[] = []
    const journal = { append: () => new Promise<void>((_, reject) => fails.push(reject)), batches: () => [] }
    const store = await createMemoryStore({ clock, hashes: testHashes, journal })
    const alice = openAlice(store)
    const first = store.apply([deposit(alice, 'a')]).durable
    await Promise.resolve()
    const second = store.apply([deposit(alice, 'b')]).durable
    fails[0]!(new Error('gone'))
    await expect(first).rejects.toThrow(StoreFailedError)
    await expect(second).rejects.toThrow(StoreFailedError)
    expect(fails).toHaveLength(1)
  })

  it('finds a transfer that has left memory while its record was still on its way to the journal', async () => {
    const written: (() => void)[] = []
    let now = testEpoch
    const journal = { append: () => new Promise<void>((resolve) => written.push(resolve)), batches: () => [] }
    const store = await createMemoryStore({ clock: () => now, hashes: testHashes, journal })
    const alice = openAlice(store)
    const { id, condition, fulfillment } = testTransfer('slow')
    const expiresAt = Instant.after(now, 1_000)
    const to = { source: alice.id, target: serverAccount, destination: 'g.x.server.1', contentHash: 1 }
    store.apply([{ type: 'prepare', id, amount: 10n, condition, expiresAt, ...to }])
    store.apply([{ type: 'fulfill', source: alice.id, id, fulfillment }])
    now = Instant.after(now, 20_000)
    const lookUp = { type: 'look_up', source: alice.id, id, contentHash: 1, expiresAt } as const
    expect(store.apply([lookUp]).outcomes).toEqual([{ status: 'expired' }])
    const found = store.search(alice.id, id, expiresAt)
    await Promise.resolve()
    for (const done of written) done()
    expect(await found).toBe('fulfilled')
  })

  it('drops a batch that was cut short, says so, and writes over it', async () => {
    const batches: Uint8Array[] = []
    const journal = { append: (batch: Uint8Array) => void batches.push(batch), batches: () => batches }
    const store = await createMemoryStore({ clock, hashes: testHashes, journal })
    const alice = openAlice(store)
    await store.apply([deposit(alice, 'a')]).durable
    await store.apply([deposit(alice, 'b')]).durable
    const last = batches.length - 1
    const whole = batches[last]!
    for (const length of [0, 1, 3, 4, 7, 8, 20, whole.length - 1]) {
      const events: MemoryStoreEvent[] = []
      batches[last] = whole.subarray(0, length)
      const again = await createMemoryStore({
        clock,
        hashes: testHashes,
        journal,
        observer: (event) => events.push(event),
      })
      expect((await again.posted(0 as Cursor, 10)).map((entry) => entry.reference)).toEqual(['a'])
      if (length > 0) {
        expect(events).toEqual([{ name: 'ledger.journal_tail_dropped', level: 'warn', bytes: length }])
      }
      await again.apply([deposit(alice, 'c')]).durable
      const third = await createMemoryStore({ clock, hashes: testHashes, journal })
      expect((await third.posted(0 as Cursor, 10)).map((entry) => entry.reference)).toEqual(['a', 'c'])
      batches.length = last + 1
    }
  })
})
