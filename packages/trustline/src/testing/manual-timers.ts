/** A clock and timers that move together, and only when they are told to. */
import { createManualClock } from '@millstream/plugin/testing'
import type { Instant, Timers } from '@millstream/units'

export interface ManualTimers extends Timers {
  readonly clock: Instant.Clock
  /** Moves the clock and runs what is due on the way, in order. */
  advance(ms: number): void
}

export function createManualTimers(start?: Instant.Instant): ManualTimers {
  const clock = createManualClock(start)
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>()
  let made = 0

  return {
    clock: clock.now,
    setTimeout(callback, ms) {
      timers.set(++made, { at: clock.now() + ms, callback })
      return made
    },
    clearTimeout(timer) {
      timers.delete(timer as number)
    },
    advance(ms) {
      const end = clock.now() + ms
      for (;;) {
        let next: number | undefined
        for (const [id, { at }] of timers) if (at <= end && (next === undefined || at < timers.get(next)!.at)) next = id
        if (next === undefined) break
        const { at, callback } = timers.get(next)!
        timers.delete(next)
        clock.advance(Math.max(0, at - clock.now()))
        callback()
      }
      clock.advance(end - clock.now())
    },
  }
}
