import { describe, expect, it } from 'vitest'
import { createRequestTable } from './request-table.js'

const none = () => 'none'

function createTable() {
  return createRequestTable<() => string>(none)
}

describe('request table', () => {
  it('gives each request an id of its own, counting up from 1', () => {
    const table = createTable()
    expect([table.add(none, 'a'), table.add(none, 'b'), table.add(none, 'c')]).toEqual([1, 2, 3])
    expect(table.size).toBe(3)
  })

  it('gives a request back once, with its callback and context', () => {
    const table = createTable()
    const callback = () => 'mine'
    const id = table.add(callback, 'context')
    expect(table.take(id)).toBe(true)
    expect(table.takenCallback).toBe(callback)
    expect(table.takenContext).toBe('context')
    expect(table.take(id)).toBe(false)
    expect(table.size).toBe(0)
  })

  it('knows no id that it has not given, least of all 0', () => {
    const table = createTable()
    table.add(none, undefined)
    expect([0, 2, 65, 4_294_967_295].map((id) => table.take(id))).toEqual([false, false, false, false])
  })

  it('keeps a slow request through thousands of quick ones, and never gives its id again', () => {
    const table = createTable()
    const slow = table.add(none, 'slow')
    const wrong: number[] = []
    for (let i = 0; i < 10_000; i++) {
      const id = table.add(none, i)
      if (id === slow || !table.take(id) || table.takenContext !== i) wrong.push(id)
    }
    expect(wrong).toEqual([])
    expect(table.take(slow)).toBe(true)
    expect(table.takenContext).toBe('slow')
  })

  it('grows with the number of requests in flight and loses none', () => {
    const table = createTable()
    const ids = Array.from({ length: 5_000 }, (_, i) => table.add(none, i))
    expect(new Set(ids).size).toBe(5_000)
    expect(table.ids()).toEqual(ids)
    for (const [i, id] of ids.entries()) {
      expect(table.take(id)).toBe(true)
      expect(table.takenContext).toBe(i)
    }
    expect(table.size).toBe(0)
  })

  it('tells which requests have seen so many sweeps, oldest first', () => {
    const table = createTable()
    const [a, b] = [table.add(none, 'a'), table.add(none, 'b')]
    expect(table.sweep(2)).toEqual([])
    const c = table.add(none, 'c')
    expect(table.sweep(2)).toEqual([a, b])
    table.take(a)
    table.take(b)
    expect(table.sweep(2)).toEqual([c])
  })
})
