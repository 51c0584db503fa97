import type { Condition, Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import type { AccountId } from './account.js'
import type { Changes } from './changes.js'
import { decode, encode, type Journal, JournalDamagedError, JournalVersionError, replay } from './journal.js'
import type { Cursor } from './store.js'
import { testHashes, testTransfer } from './testing/index.js'

const { id, condition, fulfillment } = testTransfer('t')
const at = 1_508_932_800_123 as Instant.Instant
const movement = {
  at,
  source: 16 as AccountId,
  target: 1 as AccountId,
  amount: 2n ** 64n - 1n,
  sourcePrevious: 40 as Cursor,
  targetPrevious: 0 as Cursor,
}
const transfer = { ...movement, id, destination: 'test.ü.1', expiresAt: at, contentHash: 0xffff_ffff }

const full: Changes = {
  at,
  accounts: [
    {
      id: 16 as AccountId,
      name: 'alice',
      kind: 'named',
      posted: -(2n ** 70n),
      creditLimit: 2n ** 64n - 1n,
      openedAt: at,
      owedSince: 0 as Instant.Instant,
      closed: false,
      last: 46 as Cursor,
    },
    {
      id: 2_000_000_000_000 as AccountId,
      name: '~p0',
      kind: 'passing',
      posted: 0n,
      creditLimit: 255n,
      openedAt: at,
      owedSince: undefined,
      closed: true,
      last: 0 as Cursor,
    },
  ],
  held: [
    {
      serial: Number.MAX_SAFE_INTEGER,
      id,
      source: 16 as AccountId,
      target: 1 as AccountId,
      amount: 0n,
      condition,
      expiresAt: at,
      destination: '',
      contentHash: 0,
      preparedAt: at,
    },
  ],
  released: [1, 128, 16_384],
  records: [
    { ...transfer, kind: 'transfer', state: 'fulfilled', cursor: 41 as Cursor, fulfillment },
    { ...transfer, kind: 'transfer', state: 'rejected', cursor: 42 as Cursor },
    { ...transfer, kind: 'transfer', state: 'expired', cursor: 43 as Cursor },
    { ...movement, kind: 'deposit', state: 'posted', cursor: 44 as Cursor, reference: 'ABC' },
    { ...movement, kind: 'withdrawal', state: 'posted', cursor: 45 as Cursor, reference: 'x'.repeat(128) },
    { ...movement, kind: 'merge', state: 'posted', cursor: 46 as Cursor },
    { ...movement, kind: 'write_off', state: 'posted', cursor: 47 as Cursor },
  ],
}
const empty: Changes = { at, accounts: [], held: [], released: [], records: [] }

const journalOf = (batches: Uint8Array[]): Journal => ({
  append: (batch) => void batches.push(batch),
  batches: () => batches,
})

describe('the journal', () => {
  it('gives back every field of everything', () => {
    const batch = decode(encode({ number: 7, changes: full }, testHashes), testHashes)
    expect(batch?.number).toBe(7)
    expect(batch?.changes).toEqual(full)
  })

  it('takes some 150 bytes for a transfer', () => {
    const records = Array.from({ length: 100 }, (_, i) => ({
      ...full.records[0]!,
      amount: 1000n,
      cursor: (1_000_000 + i) as Cursor,
      destination: 'g.letter-shop.mytrustline.server.8f3Kd0aBcDeFgHiJkLmNoP.12345',
    }))
    const bytes = encode({ number: 1, changes: { ...empty, records } }, testHashes)
    expect(bytes.length / 100).toBeLessThan(150)
  })

  it('finds every flipped bit', () => {
    const bytes = encode({ number: 1, changes: full }, testHashes)
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice()
      damaged[i]! ^= 0x10
      let found: unknown
      try {
        // A longer length reads like a batch that was cut short: `replay` finds the gap if it was not the last one.
        found = decode(damaged, testHashes)
      } catch (error) {
        found = error
      }
      const named = found instanceof JournalDamagedError || found instanceof JournalVersionError
      expect(named || (found === undefined && i >= 4 && i < 8), `byte ${i}`).toBe(true)
    }
  })

  it('refuses trailing bytes and bytes that are no batch', () => {
    const bytes = encode({ number: 1, changes: empty }, testHashes)
    expect(() => decode(Uint8Array.of(...bytes, 0), testHashes)).toThrow(JournalDamagedError)
    expect(() => decode(new TextEncoder().encode('{"id":1}'), testHashes)).toThrow(JournalDamagedError)
  })

  it('refuses a later version by name, whatever follows', () => {
    const bytes = encode({ number: 1, changes: empty }, testHashes)
    bytes[3] = 2
    expect(() => decode(bytes, testHashes)).toThrow(JournalVersionError)
    expect(() => decode(bytes.subarray(0, 5), testHashes)).toThrow(/later version of Millstream/)
  })

  it('finds a missing batch, one twice, and one that was cut short before others', async () => {
    const batches = [1, 2, 3, 4].map((number) => encode({ number, changes: empty }, testHashes))
    const [one, two, three, four] = batches as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const read = (...list: Uint8Array[]) => replay(journalOf(list), testHashes, () => {})
    expect(await read(one, two, three, four)).toEqual({ number: 4, droppedBytes: 0 })
    await expect(read(one, three, four)).rejects.toThrow('batch 3 stands where 2 belongs')
    await expect(read(one, two, two, three)).rejects.toThrow(JournalDamagedError)
    await expect(read(one, two.subarray(0, 9), three)).rejects.toThrow(JournalDamagedError)
    expect(await read(one, two.subarray(0, 9), two, three)).toEqual({ number: 3, droppedBytes: 0 })
    expect(await read(one, two, three.subarray(0, 9))).toEqual({ number: 2, droppedBytes: 9 })
  })

  it('refuses a batch whose contents end too early although its checksum is right', () => {
    const bytes = encode({ number: 1, changes: empty }, testHashes)
    const cut = bytes.slice(0, bytes.length - 1)
    new DataView(cut.buffer).setUint32(4, cut.length)
    cut.set(testHashes.sha256(cut.subarray(0, cut.length - 8)).subarray(0, 8), cut.length - 8)
    expect(() => decode(cut, testHashes)).toThrow(JournalDamagedError)
    expect(fulfillment satisfies Condition.Fulfillment).toHaveLength(32)
  })
})
