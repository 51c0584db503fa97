import type { Cursor, Entry } from '@millstream/ledger'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as NewestEntries from './newest-entries.js'

function feedOf(cursors: readonly number[]) {
  let reads = 0
  const store = {
    async posted(after: Cursor, limit: number) {
      reads++
      const entries = cursors.filter((cursor) => cursor > after).slice(0, limit)
      return entries.map((cursor) => ({ cursor }) as Entry)
    },
  }
  return { store, reads: () => reads }
}

async function all(cursors: readonly number[]): Promise<number[]> {
  const result: number[] = []
  for await (const entry of NewestEntries.newestFirst(feedOf(cursors).store)) result.push(entry.cursor)
  return result
}

it('reads nothing from an empty feed', async () => {
  expect(await all([])).toEqual([])
})

it('gives every entry of any feed once, newest first, gaps or not', async () => {
  const feeds = fc.uniqueArray(fc.integer({ min: 1, max: 20_000 }), { maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(feeds, async (cursors) => {
      const feed = cursors.toSorted((a, b) => a - b)
      expect(await all(feed)).toEqual(feed.toReversed())
    }),
    { numRuns: 50 },
  )
})

it('finds the end of a long feed in few reads', async () => {
  const { store, reads } = feedOf(Array.from({ length: 100_000 }, (_, i) => i + 1))
  const newest = await NewestEntries.newestFirst(store).next()
  expect(newest.value?.cursor).toBe(100_000)
  expect(reads()).toBeLessThan(60)
})
