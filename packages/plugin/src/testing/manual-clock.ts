/** A clock that stands still until it is told otherwise. */
import { Instant } from '@millstream/units'

export interface ManualClock {
  readonly now: Instant.Clock
  advance(ms: number): void
}

/** @param start - 2017-10-25T12:00:00.000Z when left out. */
export function createManualClock(start: Instant.Instant = Instant.from(1_508_932_800_000)): ManualClock {
  let now = start
  return {
    now: () => now,
    advance(ms) {
      now = Instant.after(now, ms)
    },
  }
}
