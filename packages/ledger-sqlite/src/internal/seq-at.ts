/** Finds places by time: records are in the order of time, so halving finds them without an index. */
import type { Instant } from '@millstream/units'
import type { SqlDatabase } from './database.js'
import type { Kept } from './kept.js'

/** The last record, among those up to `last`, that ended before an instant; where the history begins if none did. */
export type SeqAt = (before: Instant.Instant, last: number) => number

export function createSeqAt(database: SqlDatabase, kept: Kept): SeqAt {
  const timeOf = database.prepare('SELECT at FROM transfers WHERE seq = ?')
  return (before, last) => {
    let low: number = kept.start.after
    let high = last
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const at = timeOf.get([middle])?.[0]
      if (at !== undefined && (at as number) < before) low = middle
      else high = middle - 1
    }
    return low
  }
}
