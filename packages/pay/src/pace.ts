/**
 * How fast a stream may pay: the window, and what refusals that pass do to it: fewer in flight, after a pause that grows
 * with each one. What was in flight together is answered once.
 */
import type { Observer, RandomBytes } from '@millstream/units'
import type { PayEvent } from './pay-event.js'
import { Window } from './window.js'

/** Why a payment was refused, in the words of the one who refused. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

export interface PaceOptions {
  readonly window: number | 'auto'
  readonly windowMax: number
  readonly now: () => number
  readonly randomBytes: RandomBytes
  /** How long refusals that pass are borne without a single payment getting through, in milliseconds. */
  readonly refusalsMs: number
  readonly observer: Observer<PayEvent>
}

/** First pause after a refusal that passes; doubles with each one, up to the longest. */
const pauseMsMin = 50
const pauseMsMax = 5_000

export class Pace {
  readonly window: Window
  /** Nothing is sent before this time. */
  pausedUntil = 0
  /** One payment at a time: the ledger refused one beside others, and may take one alone. Until one gets through. */
  probing = false

  private readonly options: PaceOptions
  private refusalsSince: number | undefined
  private pauses = 0
  /** Refusals of payments before this number were answered already. */
  private cutAt = 0
  /** Payments before this number say nothing about one alone. */
  private probeFrom = 0

  constructor(options: PaceOptions) {
    this.options = options
    this.window = new Window(options.window, options.windowMax)
  }

  /**
   * How many may be held or paid for pieces that have not arrived: a whole number, at least 1. Pieces that are lost for
   * good must not close the window while others do arrive.
   */
  inFlightMax(unknown: number, arrived: number): number {
    return this.probing ? 1 : Math.max(Math.floor(this.window.size), 1 + Math.min(unknown, arrived))
  }

  /** See `Window.measure`. */
  fulfilled(number: number, delay: number, alone: boolean, next: number): void {
    this.pauses = 0
    this.refusalsSince = undefined
    if (number >= this.probeFrom) this.probing = false
    this.window.measure(number, delay, alone, next)
  }

  /**
   * A refusal that passes.
   *
   * @returns Whether to bear it; `false` when there were nothing but refusals for too long.
   */
  refused(number: number, next: number, refusal: Refusal): boolean {
    const { now, randomBytes, refusalsMs, observer } = this.options
    const at = now()
    this.refusalsSince ??= at
    if (at - this.refusalsSince >= refusalsMs) return false
    if (!this.cut(number, next)) return true
    const pauseMs = Math.min(pauseMsMax, pauseMsMin * 2 ** this.pauses++)
    // Somewhere between half of it and all: payers that were refused together do not come back together.
    this.pausedUntil = at + pauseMs * (1 - randomBytes(1)[0]! / 512)
    observer({
      name: 'pay.slowed_down',
      level: 'info',
      code: refusal.code,
      message: refusal.message,
      window: Math.floor(this.window.size),
      pauseMs: Math.ceil(this.pausedUntil - at),
    })
    return true
  }

  /** Too much together, most likely. */
  probe(number: number, next: number): void {
    this.probing = true
    this.probeFrom = next
    this.cut(number, next)
  }

  /**
   * Halves the window, once for all payments that were in flight together.
   *
   * @returns Whether it was the first of them.
   */
  cut(number: number, next: number): boolean {
    if (number < this.cutAt) return false
    this.cutAt = next
    this.window.cut()
    return true
  }
}
