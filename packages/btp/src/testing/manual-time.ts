/** A clock and timers that stand still until they are told otherwise. */
import { Instant } from '@millstream/units'
import type { Timers } from '../timers.js'

export interface ManualTime {
  readonly clock: Instant.Clock
  readonly timers: Timers
  /** Timers that have not run. */
  readonly pending: number
  /** Moves the clock and runs every timer that comes due on the way, in order, each at its time. */
  advance(ms: number): Promise<void>
  /** Moves the clock alone, as when somebody sets it. */
  jump(ms: number): void
  /** Lets promises and deliveries run until nothing more happens. */
  settle(): Promise<void>
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Rounds of microtasks after which everything has settled that waits for nothing else. */
const rounds = 50

/** @param start - 2017-10-25T12:00:00.000Z when left out. */
export function createManualTime(start: Instant.Instant = Instant.from(1_508_932_800_000)): ManualTime {
  let now = start
  let elapsed = 0
  const timers = new Set<Timer>()
  return {
    clock: () => now,
    timers: {
      setTimeout(callback, ms) {
        const timer = { at: elapsed + Math.max(0, ms), callback }
        timers.add(timer)
        return timer
      },
      clearTimeout: (timer) => void timers.delete(timer as Timer),
    },
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        timers.delete(next)
        move(next.at - elapsed)
        next.callback()
        await settle()
      }
      move(end - elapsed)
    },
    jump(ms) {
      now = Instant.after(now, ms)
    },
    settle,
  }

  function move(ms: number): void {
    elapsed += ms
    now = Instant.after(now, ms)
  }

  async function settle(): Promise<void> {
    for (let i = 0; i < rounds; i++) await Promise.resolve()
  }
}
