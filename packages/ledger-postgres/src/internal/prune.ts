/**
 * Forgetting old records, a portion at a time: what they add up to goes into checkpoints with the transaction that removes
 * them. Payments go on meanwhile; only the end of each portion touches a row that they need.
 */
import {
  BooksDisagreeError,
  type CheckReport,
  expiredKeptMs,
  type HistoryStart,
  type PruneReport,
  type PruneRequest,
} from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import type { Reads } from './connection.js'
import { toStart } from './history.js'
import { isPosted } from './rows.js'

const rowsPerPortion = 20_000

export interface PruneContext {
  readonly reads: Reads
  readonly schema: string
  readonly now: Instant.Instant
  readonly horizonMs: number
  readonly check: () => Promise<CheckReport>
}

export async function prune(context: PruneContext, request: PruneRequest): Promise<PruneReport> {
  const { faults } = await context.check()
  if (faults.length > 0) throw new BooksDisagreeError({ faults })
  const { start, upTo, boundBy } = await findBound(context, request)
  const records = upTo - start.after
  if (request.dryRun === true || records === 0) {
    return { history: records === 0 ? start : await startAt(context, upTo), records, boundBy }
  }
  let history = start
  while (history.after < upTo) {
    const began = performance.now()
    history = await removePortion(context, Math.min(upTo, history.after + rowsPerPortion))
    await request.pause?.(performance.now() - began)
  }
  return { history, records, boundBy }
}

async function findBound(context: PruneContext, { before, readers = [] }: PruneRequest) {
  const { reads, schema: s, now, horizonMs } = context
  const [row] = await reads.query(
    `SELECT pruned_seq, pruned_at, seq, (SELECT ${s}.last_before($1)),
      (SELECT min(seq) FROM ${s}.transfers WHERE seq > (SELECT ${s}.last_before($2))
        AND (expires_at > $3 OR (kind = 3 AND at > $3 - ${expiredKeptMs}))),
      (SELECT min(cursor) FROM ${s}.streams WHERE ended_at IS NULL)
    FROM ${s}.feed`,
    [before, Math.max(0, now - horizonMs), now],
  )
  const start = toStart(row!)
  const [last, beforeTime, repeatable, stream] = row!.slice(2) as [number, number, number | null, number | null]
  const bounds: (readonly [PruneReport['boundBy'], number])[] = [['newest', Math.max(start.after, last - 1)]]
  if (beforeTime < last) bounds.push(['time', beforeTime])
  if (repeatable !== null) bounds.push(['repeatable', repeatable - 1])
  for (const reader of stream === null ? readers : [...readers, stream]) {
    bounds.push(['reader', Math.max(start.after, reader)])
  }
  const [boundBy, upTo] = bounds.reduce((least, bound) => (bound[1] < least[1] ? bound : least))
  return { start, upTo, boundBy }
}

async function startAt({ reads, schema: s }: PruneContext, seq: number): Promise<HistoryStart> {
  const [row] = await reads.query(`SELECT seq, at FROM ${s}.transfers WHERE seq = $1`, [seq])
  return toStart(row!)
}

function removePortion({ reads, schema: s }: PruneContext, upTo: number): Promise<HistoryStart> {
  return reads.transaction(async (query) => {
    // Two who prune at once would count the same records twice.
    await query("SELECT pg_advisory_xact_lock(hashtextextended('millstream prune ' || $1, 0))", [s])
    const [now] = await query(`SELECT pruned_seq, pruned_at FROM ${s}.feed`)
    const start = toStart(now!)
    if (start.after >= upTo) return start
    const range = [start.after, upTo]
    const [sums] = await query(
      `SELECT count(*), count(*) FILTER (WHERE ${isPosted}), coalesce(sum(amount) FILTER (WHERE ${isPosted}), 0)
      FROM ${s}.transfers WHERE seq > $1 AND seq <= $2`,
      range,
    )
    const [count, entries, posted] = sums as [number, number, bigint]
    if (count !== upTo - start.after) {
      const which = `Of the ${upTo - start.after} records up to ${upTo}, ${count} are there.`
      throw new BooksDisagreeError({ faults: [which] })
    }
    await query(
      `INSERT INTO ${s}.checkpoints AS c (account, posted)
      SELECT id, sum(amount) FROM (
        SELECT source AS id, -amount AS amount FROM ${s}.transfers WHERE seq > $1 AND seq <= $2 AND ${isPosted}
        UNION ALL SELECT target, amount FROM ${s}.transfers WHERE seq > $1 AND seq <= $2 AND ${isPosted}
      ) AS sides GROUP BY id
      ON CONFLICT (account) DO UPDATE SET posted = c.posted + excluded.posted`,
      range,
    )
    const [last] = await query(`SELECT seq, at FROM ${s}.transfers WHERE seq = $1`, [upTo])
    await query(`DELETE FROM ${s}.transfers WHERE seq > $1 AND seq <= $2`, range)
    await query(`DELETE FROM ${s}.accounts WHERE closed AND posted = 0 AND last_seq <= $1`, [upTo])
    await query(
      `DELETE FROM ${s}.checkpoints WHERE posted = 0 AND NOT EXISTS (SELECT 1 FROM ${s}.accounts WHERE id = account)`,
    )
    const history = toStart(last!)
    await query(
      `UPDATE ${s}.feed SET pruned_seq = $1, pruned_at = $2, pruned_entries = pruned_entries + $3,
        pruned_posted = pruned_posted + $4::numeric`,
      [upTo, history.at, entries, posted],
    )
    return history
  })
}
