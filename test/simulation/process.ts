/**
 * A process of the simulated world, in one of its lives: its clock, its timers, its luck. Whatever it does that others
 * can see (a frame sent, a write begun) passes `output`, which is where it can be made to die: before it, and so after
 * the one before.
 */
import type { Instant, RandomBytes, Timers } from '@millstream/units'
import type { Random } from './random.js'
import type { Scheduled, Timeline } from './timeline.js'

export interface ProcessOptions {
  readonly name: string
  readonly life: number
  readonly timeline: Timeline
  readonly random: Random
  /** How wrong its machine's clock is. Shared by all lives. */
  readonly machine: Machine
  /** Called when the fuse has burnt down. */
  readonly die: (process: Process) => void
}

/** What outlives a process. */
export interface Machine {
  readonly name: string
  /** What its clock shows more than the true time. */
  clockErrorMs: number
  /** Writes that will fail: the next, or one after it. */
  failingWrite: { in: number; how: WriteFailure } | undefined
  /** Writes take so much longer until this time. */
  slowDisk: { readonly until: number; readonly ms: number } | undefined
}

/** What a write that fails leaves on the disk. */
export type WriteFailure = 'nothing' | 'torn' | 'whole'

/** 2026-01-01T00:00:00Z */
const beginning = 1_767_225_600_000

export class Process {
  readonly name: string
  readonly life: number
  readonly machine: Machine
  readonly random: Random
  isAlive = true
  /** It stands still until then: nothing happens in it, and then all of it. */
  stalledUntil = 0
  /** So many outputs more, then it dies. */
  fuse: number | undefined
  private readonly timeline: Timeline
  private readonly die: (process: Process) => void

  constructor(options: ProcessOptions) {
    this.name = options.name
    this.life = options.life
    this.machine = options.machine
    this.timeline = options.timeline
    this.random = options.random
    this.die = options.die
  }

  readonly clock: Instant.Clock = () =>
    Math.floor(beginning + this.timeline.now + this.machine.clockErrorMs) as Instant.Instant

  /** Milliseconds that only grow. */
  readonly now = (): number => this.timeline.now

  readonly randomBytes: RandomBytes = (length) => this.random.bytes(length)

  readonly timers: Timers = {
    setTimeout: (callback, ms) => {
      if (!this.isAlive) return { isCancelled: true } satisfies Scheduled
      return this.timeline.after(Math.max(1, Math.ceil(ms)), this, callback)
    },
    clearTimeout: (timer) => {
      if (timer !== undefined) (timer as Scheduled).isCancelled = true
    },
  }

  /** @returns Whether what it is about to do happens. */
  output(): boolean {
    if (!this.isAlive) return false
    if (this.fuse === undefined) return true
    if (this.fuse > 0) {
      this.fuse--
      return true
    }
    this.die(this)
    return false
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timers.setTimeout(resolve, ms))
  }
}
