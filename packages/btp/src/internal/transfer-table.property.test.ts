import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTransferTable } from './transfer-table.js'

interface Entry {
  readonly prepare: Uint8Array
  readonly idOffset: number
  readonly n: number
}

/** Ids that count up in one place, or are alike but for it: the worst that a program does. */
function entry(n: number, place: number): Entry {
  const prepare = new Uint8Array(20)
  new DataView(prepare.buffer).setUint32(3 + place, n)
  return { prepare, idOffset: 3, n }
}

describe('transfer table', () => {
  it('holds what a Map would hold, whatever is added and deleted', () => {
    const command = fc.tuple(fc.constantFrom('add', 'delete', 'find'), fc.nat(300))
    fc.assert(
      fc.property(fc.array(command, { maxLength: 1_000 }), fc.nat(12), (commands, place) => {
        const table = createTransferTable<Entry>()
        const model = new Map<number, Entry>()
        for (const [what, n] of commands) {
          const asked = entry(n, place)
          const found = table.find(asked.prepare, asked.idOffset)
          expect(found).toBe(model.get(n))
          if (what === 'add' && found === undefined) {
            table.add(asked)
            model.set(n, asked)
          } else if (what === 'delete' && found !== undefined) {
            table.delete(found)
            model.delete(n)
          }
          expect(table.size).toBe(model.size)
        }
        const held = (entries: Iterable<Entry>) => Array.from(entries, ({ n }) => n).sort((a, b) => a - b)
        expect(held(table.entries())).toEqual(held(model.values()))
      }),
      { numRuns: 200 },
    )
  })

  it('grows, and finds everything still, wherever the ids differ', () => {
    for (let place = 0; place <= 12; place++) {
      const table = createTransferTable<Entry>()
      const entries = Array.from({ length: 2_000 }, (_, n) => entry(n, place))
      for (const each of entries) table.add(each)
      expect(entries.filter((each) => table.find(each.prepare, each.idOffset) !== each)).toEqual([])
      for (const each of entries) table.delete(each)
      expect([table.size, table.entries()]).toEqual([0, []])
    }
  })
})
