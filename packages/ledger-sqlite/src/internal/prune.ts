/**
 * Removing old records. Each portion is proved and removed in one write, with what it adds up to: whenever the process
 * dies, checkpoints and records together say the same. The pages that become free are used for new records, so a file
 * that is pruned as fast as it is written to does not grow.
 */
import {
  type AccountId,
  type Book,
  BooksDisagreeError,
  type Cursor,
  expiredKeptMs,
  type PruneReport,
  type PruneRequest,
} from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import { closedCheckpoint, createCheckpointWriter } from './checkpoints.js'
import type { SqlDatabase } from './database.js'
import { turn } from './history.js'
import type { Kept } from './kept.js'
import { createPortionProver } from './prove-portion.js'
import { depositKind } from './rows.js'
import { blockOf, blockRows, portionEnd } from './schema.js'
import type { SeqAt } from './seq-at.js'

export interface PruneContext {
  readonly database: SqlDatabase
  readonly book: Book
  readonly kept: Kept
  readonly seqAt: SeqAt
  /** The lowest place from which a stream would read the feed at the next start. */
  readonly lowestStream: () => Cursor | undefined
  readonly assertOpen: () => void
}

interface Bound {
  readonly by: PruneReport['boundBy']
  /** Nothing after this place goes. */
  readonly through: number
}

/** Closed accounts that are forgotten in one write. */
const closedPerWrite = 500

/**
 * How far it may go. Called in a moment in which nothing waits to be written; later moments can only allow more, but for
 * readers.
 */
export function boundOf(context: PruneContext, request: PruneRequest): Bound {
  const { database, book, seqAt } = context
  const last = book.cursor
  const repeatable = firstRepeatable(database, book.now)
  const bounds: Bound[] = [
    { by: 'newest', through: last - 1 },
    { by: 'time', through: seqAt(request.before, last) },
    ...(repeatable === undefined ? [] : [{ by: 'repeatable', through: repeatable - 1 } as const]),
    ...lowestReaders(context, request.readers).map((through) => ({ by: 'reader', through }) as const),
  ]
  const bound = bounds.reduce((least, next) => (next.through < least.through ? next : least))
  return { ...bound, through: Math.max(bound.through, context.kept.start.after) }
}

export function reportOf(context: PruneContext, began: Cursor, { by, through }: Bound): PruneReport {
  const { database, kept } = context
  if (through === kept.start.after) return { history: kept.start, records: through - began, boundBy: by }
  const at = database.value('SELECT at FROM transfers WHERE seq = ?', [through]) as Instant.Instant
  return { history: { after: through as Cursor, at }, records: through - began, boundBy: by }
}

/** Removes up to a bound, or to where a reader has begun meanwhile. */
export async function removeThrough(context: PruneContext, request: PruneRequest, bound: Bound): Promise<Bound> {
  const { kept, assertOpen } = context
  const removePortion = createRemover(context)
  const { pause = () => turn(assertOpen) } = request
  while (kept.start.after < bound.through) {
    const began = performance.now()
    const from = kept.start.after
    const reader = Math.min(...lowestReaders(context, request.readers), bound.through)
    const to = portionEnd(from, reader)
    if (to <= from) return { by: 'reader', through: from }
    removePortion(from, to)
    await pause(performance.now() - began)
    assertOpen()
  }
  await forgetClosed(context, pause)
  return bound
}

function createRemover({ database, kept }: PruneContext): (from: Cursor, to: number) => void {
  const prove = createPortionProver(database)
  const addToCheckpoint = createCheckpointWriter(database)
  const movements = database.prepare(
    'SELECT kind, reference, source, target, typeof(amount), CAST(amount AS TEXT) FROM transfers' +
      ' WHERE seq > ? AND seq <= ? AND kind IN (4, 5)',
  )
  const leaveInteger = database.prepare(
    'UPDATE movements SET account = ?, amount = CAST(? AS INTEGER) WHERE kind = ? AND reference = ?',
  )
  const leaveText = database.prepare('UPDATE movements SET account = ?, amount = ? WHERE kind = ? AND reference = ?')
  const timeOf = database.prepare('SELECT at FROM transfers WHERE seq = ?')
  const remove = database.prepare('DELETE FROM transfers WHERE seq > ? AND seq <= ?')
  const forgetRepeatable = database.prepare('DELETE FROM repeatable WHERE block < ?')
  const cut = database.prepare('UPDATE pruned SET seq = ?, at = ?, entries = entries + ?')

  return (from, to) => {
    const at = timeOf.get([to])?.[0] as Instant.Instant
    database.transaction(() => {
      const proof = prove(from, to)
      const faults = [...proof.faults]
      for (const [id, sum] of proof.accounts) {
        const before = addToCheckpoint(id, sum)
        if (sum.last > 0 && sum.covered !== sum.last - before) {
          faults.push(`The chain of account ${id} does not go on from ${before}, where it was cut.`)
        }
      }
      if (faults.length > 0) throw new BooksDisagreeError({ faults })
      if (proof.movements > 0) {
        for (const [kind, reference, source, target, type, amount] of movements.all([from, to])) {
          const account = (kind === depositKind ? target : source) as AccountId
          const leave = type === 'integer' ? leaveInteger : leaveText
          leave.run([account, amount!, kind!, reference!])
        }
      }
      remove.run([from, to])
      forgetRepeatable.run([blockOf(to + 1)])
      cut.run([to, at, proof.entries])
    })
    kept.cut({ after: to as Cursor, at })
  }
}

/**
 * The first record that may be repeated, or whose FULFILL may have to be sent again. The tables note until when for each
 * block, a little too long: within those blocks the records themselves are asked.
 */
function firstRepeatable(database: SqlDatabase, now: Instant.Instant): number | undefined {
  const first = database.prepare(
    'SELECT min(seq) FROM transfers WHERE seq > ? AND seq <= ? AND kind <= 3 AND (expires_at > ? OR (kind = 3 AND at > ?))',
  )
  for (const [block] of database.prepare('SELECT block FROM repeatable WHERE until > ? ORDER BY block').all([now])) {
    const from = (block as number) * blockRows
    const seq = first.get([from, from + blockRows, now, now - expiredKeptMs])?.[0]
    if (typeof seq === 'number') return seq
  }
  return undefined
}

function lowestReaders({ kept, lowestStream }: PruneContext, readers: readonly Cursor[] = []): readonly number[] {
  const all = [...readers, kept.lowestReader, lowestStream()].filter((reader) => reader !== undefined)
  return all.length === 0 ? [] : [Math.min(...all)]
}

/**
 * Closed accounts of which no record is left go as well. The one with the highest id stays: no id is used twice. What
 * they paid and received is the same, since nothing was left in them, and goes to a checkpoint of all of them. Those that
 * somebody is reading about go with a later pruning.
 */
async function forgetClosed(
  { database, kept, assertOpen }: PruneContext,
  pause: (workedMs: number) => Promise<void>,
): Promise<void> {
  const some = database.prepare(
    `SELECT id FROM closed_accounts WHERE last_seq <= ? AND id < (SELECT max(id) FROM closed_accounts)
     LIMIT ${closedPerWrite}`,
  )
  const sums = database.prepare('SELECT CAST(paid AS TEXT), CAST(received AS TEXT) FROM checkpoints WHERE account = ?')
  const addToCheckpoint = createCheckpointWriter(database)
  const forget = ['closed_accounts WHERE id = ?', 'checkpoints WHERE account = ?'].map((what) =>
    database.prepare(`DELETE FROM ${what}`),
  )
  while (kept.lowestReader === undefined) {
    const began = performance.now()
    const ids = some.all([kept.start.after])
    if (ids.length === 0) return
    database.transaction(() => {
      for (const [id] of ids) {
        const [paid, received] = (sums.get([id!]) ?? ['0', '0']).map((sum) => BigInt(sum as string))
        addToCheckpoint(closedCheckpoint, { paid: paid!, received: received!, covered: 0, last: 0 })
        for (const statement of forget) statement.run([id!])
      }
    })
    await pause(performance.now() - began)
    assertOpen()
  }
}
