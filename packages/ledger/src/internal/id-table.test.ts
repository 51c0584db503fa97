import { describe, expect, it } from 'vitest'
import { expired, fulfilled, held, IdTable } from './id-table.js'

const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

function idOf(n: number): Uint8Array {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32(3, n)
  return id
}

function tableWith(count: number, until: (n: number) => number): { table: IdTable; forgotten: Map<number, number> } {
  const forgotten = new Map<number, number>()
  const table = new IdTable(key, (source) => forgotten.set(source, (forgotten.get(source) ?? 0) + 1))
  for (let n = 0; n < count; n++) {
    if (table.find(16 + (n % 3), idOf(n), 0)) throw new Error(`found ${n} before it was added`)
    table.add(16 + (n % 3), n, fulfilled, 0, until(n), 0)
  }
  return { table, forgotten }
}

describe('IdTable', () => {
  it('finds each id with what was said about it, and no other', () => {
    const { table } = tableWith(20_000, () => 30_000)
    const wrong: number[] = []
    for (let n = 0; n < 20_000; n++) {
      const right = table.find(16 + (n % 3), idOf(n), 29) && table.contentHash === n && table.state === fulfilled
      if (!right || table.find(17 + (n % 3), idOf(n), 29)) wrong.push(n)
    }
    expect(wrong).toEqual([])
    expect(table.find(16, idOf(20_000), 29)).toBe(false)
  })

  it('forgets an id at its second, rounded up', () => {
    const { table } = tableWith(2, (n) => 30_000 + n)
    expect(table.find(16, idOf(0), 29)).toBe(true)
    expect(table.find(16, idOf(0), 30)).toBe(false)
    expect(table.find(17, idOf(1), 30)).toBe(true)
    expect(table.find(17, idOf(1), 31)).toBe(false)
  })

  it('keeps an open hold beyond its second, until it has been ended', () => {
    const table = new IdTable(key, () => {})
    expect(table.find(16, idOf(1), 0)).toBe(false)
    table.add(16, 7, held, 12345, 5_000, 0)
    expect(table.find(16, idOf(1), 100)).toBe(true)
    expect(table.hold).toBe(12345)
    table.end(expired, 110_000)
    expect(table.find(16, idOf(1), 109)).toBe(true)
    expect(table.state).toBe(expired)
    expect(table.contentHash).toBe(7)
    expect(table.find(16, idOf(1), 110)).toBe(false)
  })

  it('forgets at once what it is told to, an open hold too, and finds what lies behind it', () => {
    const { table, forgotten } = tableWith(3_000, () => 30_000)
    for (let n = 0; n < 3_000; n += 2) {
      if (table.find(16 + (n % 3), idOf(n), 0)) table.forget()
    }
    expect([...forgotten.values()].reduce((sum, count) => sum + count, 0)).toBe(1_500)
    const found = Array.from({ length: 3_000 }, (_, n) => n).filter((n) => table.find(16 + (n % 3), idOf(n), 0))
    expect(found).toEqual(Array.from({ length: 1_500 }, (_, i) => 2 * i + 1))
    expect(table.find(16, idOf(0), 0)).toBe(false)
    table.add(16, 9, held, 5, 1_000, 0)
    expect(table.find(16, idOf(0), 2)).toBe(true)
    table.forget()
    expect(table.find(16, idOf(0), 2)).toBe(false)
  })

  it('uses the places of expired ids again instead of growing', () => {
    const { table } = tableWith(10_000, () => 1_000)
    const bytes = table.byteLength
    for (let n = 0; n < 200_000; n++) {
      const now = 1 + Math.floor(n / 10_000)
      if (table.find(16, idOf(1_000_000 + n), now)) throw new Error(`found ${n} before it was added`)
      table.add(16, n, fulfilled, 0, (now + 1) * 1000, now)
    }
    expect(table.byteLength).toBeLessThanOrEqual(bytes * 1.25)
  })

  it('counts every id that it gives up exactly once', () => {
    const { table, forgotten } = tableWith(9_000, () => 10_000)
    for (let n = 0; n < 30_000; n++) {
      table.find(99, idOf(1_000_000 + n), 10)
      table.add(99, n, fulfilled, 0, 20_000, 10)
    }
    table.forgetExpired(10)
    table.forgetExpired(10)
    expect([...forgotten]).toEqual(
      expect.arrayContaining([
        [16, 3_000],
        [17, 3_000],
        [18, 3_000],
      ]),
    )
    expect(forgotten.has(99)).toBe(false)
  })

  it('still finds what lies behind forgotten ids', () => {
    const { table } = tableWith(1_000, (n) => (n % 2 === 0 ? 10_000 : 20_000))
    table.forgetExpired(10)
    const wrong: number[] = []
    for (let n = 0; n < 1_000; n++) if (table.find(16 + (n % 3), idOf(n), 10) !== (n % 2 === 1)) wrong.push(n)
    expect(wrong).toEqual([])
  })

  it('takes at most 64 bytes for each id that has not expired, at any size', () => {
    const table = new IdTable(key, () => {})
    let worst = 0
    for (let n = 0; n < 300_000; n++) {
      table.find(16, idOf(n), 0)
      table.add(16, n, fulfilled, 0, 30_000, 0)
      if (n > 20_000 && n % 1000 === 0) worst = Math.max(worst, table.byteLength / n)
    }
    expect(worst).toBeLessThanOrEqual(64)
  })

  it('gives memory back when traffic stops', () => {
    const { table } = tableWith(100_000, () => 30_000)
    const bytes = table.byteLength
    for (let ms = 31_000; ms < 75_000; ms += 100) table.sweep(ms)
    expect(table.byteLength).toBeLessThan(bytes / 20)
  })
})
