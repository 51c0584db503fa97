/**
 * A record of a stream and what was posted to the stream since it was written, folded together: which numbers are used,
 * how many pieces are paid, and by whom.
 *
 * A ledger may keep less of its feed than a record lags behind. Then nobody can say which numbers of that stream were
 * used: all of them count as used, and the paid pieces of its record are what is known for certain.
 */
import type { Cursor, Plugin, Posted } from '@millstream/plugin'
import { MillstreamError } from '@millstream/units'
import { userIdLength } from './keyring.js'
import { createNumbers, type Numbers, type NumbersSnapshot, parseNumber } from './numbers.js'
import type { StreamRecord } from './stream-store.js'

const allUsed: NumbersSnapshot = { floor: Number.MAX_SAFE_INTEGER, numbers: new Uint8Array() }

export class StreamFold {
  readonly record: StreamRecord
  private owner: string | undefined
  private pieces: bigint
  private numbers: Numbers | undefined
  private isUnknown = false

  constructor(record: StreamRecord) {
    this.record = record
    this.owner = record.owner
    this.pieces = record.pieces
  }

  /** What was posted up to the record's place in the feed is in the record. */
  add({ cursor, amount, source }: Posted, number: number): void {
    if (this.isUnknown || number === 0 || cursor <= this.record.cursor) return
    this.numbers ??= createNumbers(this.record)
    this.numbers.use(number)
    this.pieces += amount / this.record.price
    if (amount > 0n) this.owner ??= source
  }

  /** The feed does not go back to the record. */
  loseTrack(): void {
    this.isUnknown = true
  }

  result(cursor: Cursor): StreamRecord {
    const { floor, numbers } = this.isUnknown ? allUsed : (this.numbers?.snapshot() ?? this.record)
    const owner = this.owner === undefined ? {} : { owner: this.owner }
    return { ...this.record, ...owner, cursor, pieces: this.pieces, floor, numbers }
  }
}

/** The stream that was paid, and the number of the payment: 0 if it has none. */
export function paymentOf(destination: string, base: string): { readonly userId: string; readonly number: number } {
  const userEnd = base.length + userIdLength
  if (!destination.startsWith(base) || destination[userEnd] !== '.') return { userId: '', number: 0 }
  return { userId: destination.slice(base.length, userEnd), number: parseNumber(destination, userEnd + 1) }
}

export function isFeedPruned(error: unknown): boolean {
  return error instanceof MillstreamError && error.code === 'LEDGER_FEED_PRUNED'
}

/**
 * Folds what the owner of one stream has paid since its record was written. A record that names nobody is that of a stream
 * to which nothing was posted: the owner stands in it before the first fulfillment.
 */
export async function foldOwn(record: StreamRecord, plugin: Plugin, account: string): Promise<StreamRecord> {
  const { owner, userId } = record
  if (owner === undefined || record.endedAt !== undefined || plugin.posted === undefined) return record
  const fold = new StreamFold(record)
  let cursor = record.cursor
  try {
    for await (const posted of plugin.posted(record.cursor, owner)) {
      const paid = paymentOf(posted.destination, `${account}.`)
      if (posted.source !== owner || paid.userId !== userId) continue
      fold.add(posted, paid.number)
      cursor = posted.cursor
    }
  } catch (error) {
    if (!isFeedPruned(error)) throw error
    fold.loseTrack()
  }
  return fold.result(cursor)
}
