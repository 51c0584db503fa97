/** One time for everything in a test: the clock, the counter of milliseconds and the timers stand still until driven. */
import { Instant, type Timers } from '@millstream/units'

export interface DrivenTime {
  readonly clock: Instant.Clock
  readonly now: () => number
  readonly timers: Timers
  /** Timers that are set. */
  readonly waiting: number
  /** Lets everything run that can run now. */
  settle(): Promise<void>
  /** Moves the time, firing each timer at its instant. */
  advance(ms: number): Promise<void>
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

const start = 1_508_932_800_000

export function createDrivenTime(): DrivenTime {
  let now = 0
  const timers = new Set<Timer>()

  return {
    clock: () => Instant.from(start + Math.floor(now)),
    now: () => now,
    timers: {
      setTimeout(callback, ms) {
        const timer = { at: now + Math.max(1, Math.ceil(ms)), callback }
        timers.add(timer)
        return timer
      },
      clearTimeout: (timer) => void timers.delete(timer as Timer),
    },
    get waiting() {
      return timers.size
    },
    settle,
    async advance(ms) {
      const end = now + ms
      await settle()
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.callback()
        await settle()
      }
      now = end
      await settle()
    },
  }

  /** A few turns of the event loop: nothing in these tests takes more without a timer of its own. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve))
  }
}
