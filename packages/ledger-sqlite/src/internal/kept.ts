/**
 * Where the kept history begins, and who is reading it at this moment: nothing is removed from under a reader, so that
 * no list has a hole that nobody sees.
 */
import type { Cursor, HistoryStart } from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import type { SqlDatabase } from './database.js'

export class Kept {
  #start: HistoryStart
  readonly #readers = new Set<{ readonly from: Cursor }>()

  constructor(database: SqlDatabase) {
    const [seq, at] = database.prepare('SELECT seq, at FROM pruned').get([])!
    this.#start = { after: seq as Cursor, at: at === null ? undefined : (at as Instant.Instant) }
  }

  get start(): HistoryStart {
    return this.#start
  }

  /** To be called with the write that removes. */
  cut(start: HistoryStart): void {
    this.#start = start
  }

  /** The lowest place that a reader under way has begun at. */
  get lowestReader(): Cursor | undefined {
    let lowest: Cursor | undefined
    for (const { from } of this.#readers) if (lowest === undefined || from < lowest) lowest = from
    return lowest
  }

  /** Keeps everything after the beginning as it is now. @returns Ends that; may be called twice. */
  read(): () => void {
    const reader = { from: this.#start.after }
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }
}
