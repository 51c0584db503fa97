/** What every StreamStore does. Run it with a function that opens an empty store, and one that opens it again. */
import type { Cursor } from '@millstream/plugin'
import { type Instant, Octets } from '@millstream/units'
import { afterEach, describe, expect, it } from 'vitest'
import type { StreamRecord, StreamStore } from '../stream-store.js'

export interface OpenedStreamStore {
  readonly streams: StreamStore
  /** Closes the store and opens it again over the same medium. Absent where a store does not outlive its process. */
  reopen?(): Promise<OpenedStreamStore>
  close?(): Promise<void>
}

/**
 * @param name - Names the store in the test report.
 * @param open - Opens a store without records.
 * @param options - Whether the store outlives its process: then `reopen` is there.
 */
export function streamStoreContract(
  name: string,
  open: () => Promise<OpenedStreamStore>,
  { survives }: { readonly survives: boolean },
): void {
  describe(`the stream store ${name}`, () => {
    let opened: OpenedStreamStore | undefined
    const openEmpty = async () => {
      opened = await open()
      return opened.streams
    }
    afterEach(async () => {
      await opened?.close?.()
      opened = undefined
    })

    it('knows nothing at first', async () => {
      const streams = await openEmpty()
      expect(await streams.get(userId(1))).toBeUndefined()
      expect(await everything(streams)).toEqual([])
    })

    it('gives back every field of a record', async () => {
      const streams = await openEmpty()
      await streams.put(full)
      expect(await streams.get(full.userId)).toEqual(full)
      expect(await everything(streams)).toEqual([full])
    })

    it('gives back a record without the fields that it does not have', async () => {
      const streams = await openEmpty()
      await streams.put(bare)
      const found = await streams.get(bare.userId)
      expect(found).toEqual(bare)
      expect(found?.owner).toBeUndefined()
      expect(found?.endedAt).toBeUndefined()
    })

    it('holds the largest of everything', async () => {
      const streams = await openEmpty()
      const largest: StreamRecord = {
        ...full,
        kid: 255,
        price: 2n ** 64n - 1n,
        resource: `/${'ü'.repeat(2047)}`,
        etag: `"${'x'.repeat(254)}"`,
        cursor: Number.MAX_SAFE_INTEGER as Cursor,
        pieces: 2n ** 63n - 1n,
        floor: Number.MAX_SAFE_INTEGER,
        numbers: new Uint8Array(2048).fill(255),
        createdAt: 253_402_300_799_999 as Instant.Instant,
      }
      await streams.put(largest)
      expect(await streams.get(largest.userId)).toEqual(largest)
    })

    it('puts a record in the place of the one before it, the fields it no longer has included', async () => {
      const streams = await openEmpty()
      await streams.put(full)
      await streams.put({ ...bare, userId: full.userId })
      expect(await streams.get(full.userId)).toEqual({ ...bare, userId: full.userId })
      expect(await everything(streams)).toHaveLength(1)
    })

    it('takes puts and deletes of one user id in the order of the calls', async () => {
      const streams = await openEmpty()
      const calls: Promise<void>[] = []
      for (let i = 1; i <= 20; i++) calls.push(streams.put({ ...bare, pieces: BigInt(i) }))
      calls.push(streams.delete(bare.userId))
      for (let i = 21; i <= 40; i++) calls.push(streams.put({ ...bare, pieces: BigInt(i) }))
      await Promise.all(calls)
      expect((await streams.get(bare.userId))?.pieces).toBe(40n)
      await Promise.all([streams.put(bare), streams.delete(bare.userId)])
      expect(await streams.get(bare.userId)).toBeUndefined()
    })

    it('keeps user ids apart that differ in case only', async () => {
      const streams = await openEmpty()
      await streams.put({ ...bare, userId: 'abcdefghijklmnopqrstuA', pieces: 1n })
      await streams.put({ ...bare, userId: 'ABCDEFGHIJKLMNOPQRSTUA', pieces: 2n })
      expect((await streams.get('abcdefghijklmnopqrstuA'))?.pieces).toBe(1n)
      expect((await streams.get('ABCDEFGHIJKLMNOPQRSTUA'))?.pieces).toBe(2n)
    })

    it('is not changed through the objects that go in and out', async () => {
      const streams = await openEmpty()
      const numbers = Uint8Array.of(1, 2, 3)
      const put = streams.put({ ...full, numbers })
      numbers.fill(9)
      await put
      const found = await streams.get(full.userId)
      found?.numbers.fill(7)
      const again = await streams.get(full.userId)
      expect(again && Octets.equal(again.numbers, Uint8Array.of(1, 2, 3))).toBe(true)
    })

    it('forgets a deleted record, and does not mind deleting it twice', async () => {
      const streams = await openEmpty()
      await streams.put(full)
      await streams.put(bare)
      await streams.delete(full.userId)
      await streams.delete(full.userId)
      expect(await streams.get(full.userId)).toBeUndefined()
      expect(await everything(streams)).toEqual([bare])
    })

    it('goes through many records exactly once, also when others are put and deleted meanwhile', async () => {
      const streams = await openEmpty()
      const ids = Array.from({ length: 300 }, (_, i) => userId(i))
      await Promise.all(ids.map((id) => streams.put({ ...bare, userId: id })))
      const seen: string[] = []
      for await (const record of streams.all()) {
        seen.push(record.userId)
        if (seen.length === 1) {
          await streams.put({ ...bare, userId: userId(1000) })
          await streams.delete(record.userId)
        }
      }
      expect(seen.filter((id) => id !== userId(1000)).sort()).toEqual(ids.sort())
    })

    if (survives)
      it('has after closing and opening what it had before', async () => {
        const streams = await openEmpty()
        await streams.put(full)
        await streams.put(bare)
        await streams.put({ ...bare, pieces: 9n })
        await streams.put({ ...bare, userId: userId(77) })
        await streams.delete(userId(77))
        opened = await opened!.reopen!()
        const found = await everything(opened!.streams)
        expect(found.sort((a, b) => (a.userId < b.userId ? -1 : 1))).toEqual(
          [full, { ...bare, pieces: 9n }].sort((a, b) => (a.userId < b.userId ? -1 : 1)),
        )
      })
  })
}

const bare: StreamRecord = {
  userId: 'AAAAAAAAAAAAAAAAAAAAAA',
  kid: 0,
  price: 1n,
  unit: 'letter',
  resource: '/',
  createdAt: 0 as Instant.Instant,
  cursor: 0 as Cursor,
  pieces: 0n,
  floor: 0,
  numbers: new Uint8Array(0),
}

const full: StreamRecord = {
  userId: '_-8AAQIDBAUGBwgJCgsMDQ',
  kid: 7,
  price: 1_000n,
  unit: 'bytes:1024',
  resource: '/books/one?page=2',
  etag: '"5f-1890"',
  createdAt: 1_700_000_000_123 as Instant.Instant,
  owner: 'g.letter-shop.mytrustline.alice',
  cursor: 4_294_967_297 as Cursor,
  pieces: 12n,
  floor: 10,
  numbers: Uint8Array.of(0b101, 0, 0x80),
  endedAt: 1_700_000_001_456 as Instant.Instant,
  ending: 'reader_left',
}

function userId(n: number): string {
  return `${String(n).padStart(21, '0')}A`
}

async function everything(streams: StreamStore): Promise<StreamRecord[]> {
  const records: StreamRecord[] = []
  for await (const record of streams.all()) records.push(record)
  return records
}
