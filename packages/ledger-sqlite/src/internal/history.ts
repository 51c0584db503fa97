/**
 * Reading what has been written. SQLite works in the thread of the payments, so everything that may be long is done in
 * portions of about a millisecond, with a turn of the event loop between them.
 */
import {
  type AccountId,
  type Cursor,
  type Entry,
  FeedPrunedError,
  type SearchOutcome,
  serverAccount,
  type TransferRecord,
} from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import type { SqlDatabase, SqlValue } from './database.js'
import type { Kept } from './kept.js'
import { entryColumns, fulfilledKind, isPosted, recordColumns, toEntry, toRecord } from './rows.js'

export interface History {
  posted(after: Cursor, limit: number): readonly Entry[]
  recentlyFulfilled(source: AccountId, head: Cursor, now: Instant.Instant, limit: number): Promise<readonly Entry[]>
  search(source: AccountId, head: Cursor, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome>
  transfers(query: HistoryQuery): AsyncIterable<TransferRecord>
}

export interface HistoryQuery {
  readonly account: AccountId | undefined
  readonly newestFirst: boolean
  /** Records after `low`, up to `high`. */
  readonly low: number
  readonly high: number
  /** The last record of the account. */
  readonly head: Cursor | undefined
}

/** Steps along a chain, or rows gone through, in one turn. */
const stepsPerTurn = 500
const rowsPerTurn = 2_000

const outcomes = [undefined, 'fulfilled', 'rejected', 'expired'] as const

/** The record of an account's chain before this one. */
const previousOf = 'CASE WHEN source = ?1 THEN source_previous ELSE target_previous END'

/**
 * @param longestExpiryMs - Nothing that ended longer ago than that can still be alive.
 * @param assertOpen - Throws once the database is closed: asked after each turn.
 */
export function createHistory(
  database: SqlDatabase,
  kept: Kept,
  longestExpiryMs: number,
  assertOpen: () => void,
): History {
  const posted = database.prepare(
    `SELECT ${entryColumns} FROM transfers WHERE seq > ? AND ${isPosted} ORDER BY seq LIMIT ?`,
  )
  const step = database.prepare(`SELECT ${entryColumns}, ${previousOf.replace('?1', '?')} FROM transfers WHERE seq = ?`)
  const walk = database.prepare(
    `WITH RECURSIVE chain (n, previous, at, kind, found) AS (
       SELECT 1, ${previousOf}, at, kind, source = ?1 AND id IS ?2 FROM transfers WHERE seq = ?3
       UNION ALL
       SELECT n + 1, CASE WHEN transfers.source = ?1 THEN source_previous ELSE target_previous END, transfers.at,
         transfers.kind, transfers.source = ?1 AND transfers.id IS ?2
       FROM chain JOIN transfers ON transfers.seq = chain.previous
       WHERE n < ?5 AND NOT found AND chain.at >= ?4
     )
     SELECT previous, at, kind, found FROM chain ORDER BY n DESC LIMIT 1`,
  )
  const record = database.prepare(
    `SELECT ${recordColumns}, ${previousOf.replace('?1', '?')} FROM transfers WHERE seq = ?`,
  )
  const forward = database.prepare(`SELECT ${recordColumns} FROM transfers WHERE seq > ? AND seq <= ? ORDER BY seq`)
  const backward = database.prepare(
    `SELECT ${recordColumns} FROM transfers WHERE seq > ? AND seq <= ? ORDER BY seq DESC`,
  )
  const forwardOf = database.prepare(
    `SELECT ${recordColumns} FROM transfers WHERE seq > ?1 AND seq <= ?2 AND (source = ?3 OR target = ?3) ORDER BY seq`,
  )
  const backwardOf = database.prepare(
    `SELECT ${recordColumns} FROM transfers WHERE seq > ?1 AND seq <= ?2 AND (source = ?3 OR target = ?3)` +
      ' ORDER BY seq DESC',
  )

  return {
    posted(after, limit) {
      const { after: begins } = kept.start
      if (after < begins) throw new FeedPrunedError({ after, kept: begins })
      return posted.all([after, limit]).map(toEntry)
    },

    async recentlyFulfilled(source, head, now, limit) {
      const entries: Entry[] = []
      let next: SqlValue = head
      // What has expired is passed over, but not for ever: what was sent last is what may be unanswered.
      for (let steps = 1; next !== 0 && entries.length < limit && steps <= 2 * limit; steps++) {
        const row = step.get([source, next as number])
        if (row === undefined) break
        next = row.at(-1)!
        const [, at, kind, from, , , , , expiresAt] = row
        if ((at as number) < now - longestExpiryMs) break
        if (kind === fulfilledKind && from === source && (expiresAt as number) > now) entries.push(toEntry(row))
        if (steps % stepsPerTurn === 0) await turn(assertOpen)
      }
      return entries.reverse()
    },

    async search(source, head, id, expiresAt) {
      const earliest = expiresAt - longestExpiryMs
      let next: number = head
      while (next !== 0) {
        const row = walk.get([source, id, next, earliest, stepsPerTurn])
        if (row === undefined) break
        const [previous, at, kind, found] = row
        if (found === 1) return outcomes[kind as number]!
        if ((at as number) < earliest) return 'not_found'
        next = previous as number
        await turn(assertOpen)
      }
      // The chain goes on into what was removed; if all of that ended before, the transfer is not in it.
      const { at: removedAt } = kept.start
      return next === 0 || removedAt === undefined || removedAt < earliest ? 'not_found' : 'pruned'
    },

    async *transfers({ account, newestFirst, low, high, head }) {
      if (newestFirst && account !== undefined && account !== serverAccount) {
        let next: number = head!
        for (let steps = 1; next > low; steps++) {
          const row = record.get([account, next])
          if (row === undefined) return
          if (next <= high) yield toRecord(row)
          next = row.at(-1) as number
          if (steps % stepsPerTurn === 0) await turn(assertOpen)
          else assertOpen()
        }
        return
      }
      // The server takes part in nearly everything, and oldest first there is no chain: through all records in order.
      for (let left = high - low, first = low, last = high; left > 0; left = last - first) {
        const from = newestFirst ? Math.max(first, last - rowsPerTurn) : first
        const to = newestFirst ? last : Math.min(last, first + rowsPerTurn)
        const range = [from, to]
        const rows =
          account === undefined
            ? (newestFirst ? backward : forward).all(range)
            : (newestFirst ? backwardOf : forwardOf).all([...range, account])
        for (const row of rows) yield toRecord(row)
        if (newestFirst) last = from
        else first = to
        await turn(assertOpen)
      }
    },
  }
}

/** Lets others have a turn. */
export async function turn(assertOpen: () => void): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  assertOpen()
}
