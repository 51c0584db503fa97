/**
 * Virtual time: everything that will happen, in its order. One event at a time; before the next one everything runs that
 * the event set off and that waits for nothing outside: promises and their like. There is no input or output, so one
 * turn of the real event loop is exactly that.
 */
import type { Process } from './process.js'

/** The platform's own: the simulation puts another one in its place while it runs. */
const turn = globalThis.setImmediate

export interface Scheduled {
  /** Set, it will not happen. */
  isCancelled: boolean
}

interface Event extends Scheduled {
  at: number
  /** Events of one time happen in the order in which they were scheduled. */
  readonly sequence: number
  /** Whose code runs: nothing happens in a process that is dead, and later in one that stands still. */
  readonly owner: Process | undefined
  readonly run: () => void
}

export class Timeline {
  /** Milliseconds since the beginning. */
  now = 0
  /** Events that have happened. */
  steps = 0
  /** Whose event is happening. */
  current: Process | undefined
  private readonly heap: Event[] = []
  private sequence = 0

  after(ms: number, owner: Process | undefined, run: () => void): Scheduled {
    const event: Event = { at: this.now + Math.max(0, ms), sequence: this.sequence++, owner, run, isCancelled: false }
    this.push(event)
    return event
  }

  /** The time of the next event; `undefined` when nothing will happen any more. */
  get next(): number | undefined {
    while (this.heap[0]?.isCancelled) this.pop()
    return this.heap[0]?.at
  }

  /** Lets the next event happen, and what it sets off. @returns false when there was none. */
  async step(): Promise<boolean> {
    if (this.next === undefined) return false
    const event = this.pop()
    const { owner } = event
    this.now = Math.max(this.now, event.at)
    if (owner !== undefined && !owner.isAlive) return true
    if (owner !== undefined && owner.stalledUntil > this.now) {
      event.at = owner.stalledUntil
      this.push(event)
      return true
    }
    this.steps++
    this.current = owner
    event.run()
    if (owner !== undefined) await settle()
    this.current = undefined
    return true
  }

  private push(event: Event): void {
    const { heap } = this
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(event, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = event
  }

  private pop(): Event {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++
      if (!isBefore(heap[below]!, last)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence)
}

export function settle(): Promise<void> {
  return new Promise((resolve) => turn(resolve))
}
