/**
 * What has to survive the process: signed transactions that are in no ledger yet, what they are for, how far the
 * ledgers were read, and the feed of what was posted to this account.
 *
 * Small texts by key, and one list that only grows. A write is whole or not there; it is durable when its promise has
 * resolved. One process at a time uses a store.
 */
import type { Cursor, Posted } from '@millstream/plugin'

export interface StoreWrite {
  /** JSON texts; an empty map is fine. */
  readonly put: ReadonlyMap<string, string>
  readonly remove: readonly string[]
  /** In the order of their cursors. One whose cursor is not above the last is known already and left out. */
  readonly posted: readonly Posted[]
}

export interface XrpStore {
  /** Everything by key, once, before the first write. */
  load(): Promise<ReadonlyMap<string, string>>
  write(write: StoreWrite): Promise<void>
  posted(after: Cursor): AsyncIterable<Posted>
  /** The cursor of the last entry of the feed; 0 when there is none. */
  readonly lastCursor: Cursor
  /** Forgets the feed up to a cursor, that one included. */
  prunePosted(upTo: Cursor): Promise<void>
  close(): Promise<void>
}

/** Forgets everything with the process: for tests, and for programs that can do without. */
export function createMemoryStore(): XrpStore {
  const entries = new Map<string, string>()
  let feed: Posted[] = []
  let lastCursor = 0 as Cursor
  return {
    load: async () => new Map(entries),
    async write({ put, remove, posted }) {
      for (const one of posted) {
        if (one.cursor <= lastCursor) continue
        feed.push(one)
        lastCursor = one.cursor
      }
      for (const [key, value] of put) entries.set(key, value)
      for (const key of remove) entries.delete(key)
    },
    async *posted(after) {
      yield* feed.filter(({ cursor }) => cursor > after)
    },
    get lastCursor() {
      return lastCursor
    },
    async prunePosted(upTo) {
      feed = feed.filter(({ cursor }) => cursor > upTo)
    },
    close: async () => undefined,
  }
}
