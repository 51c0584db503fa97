/**
 * The feed of a ledger from its end. A Store reads its feed forwards only; cursors are whole numbers that grow, so the
 * end is found by doubling and halving, and blocks are read backwards from there. Cost: some sixty small reads and the
 * blocks that are looked at, whatever the length of the history.
 */
import type { Cursor, Entry, Store } from '@millstream/ledger'

const blockFirst = 64
const blockMax = 4_096

export async function* newestFirst(store: Pick<Store, 'posted'>): AsyncGenerator<Entry> {
  let end = await lastCursor(store)
  for (let block = blockFirst; end > 0; block = Math.min(block * 2, blockMax)) {
    const start = Math.max(0, end - block)
    // Cursors are whole numbers, so no more than `end - start` entries lie between the two.
    const entries = await store.posted(start as Cursor, end - start)
    for (const entry of entries.toReversed()) if (entry.cursor <= end) yield entry
    end = start
  }
}

async function lastCursor(store: Pick<Store, 'posted'>): Promise<number> {
  const isBeforeEnd = async (cursor: number) => (await store.posted(cursor as Cursor, 1)).length > 0
  if (!(await isBeforeEnd(0))) return 0
  let low = 0
  let high = 1
  while (await isBeforeEnd(high)) {
    low = high
    high *= 2
  }
  // The last entry lies after `low` and not after `high`.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await isBeforeEnd(middle)) low = middle
    else high = middle
  }
  return high
}
