/**
 * How many payments a stream keeps in flight: paid for or held, and not arrived yet.
 *
 * Starts at 1 and grows only with pieces that arrived, never with fulfillments. `auto` then looks for the window that
 * keeps the path busy without queueing much: it doubles each round trip until payments take noticeably longer than on
 * an idle path, then follows the delay gently (as TCP Vegas and LEDBAT, RFC 6817, do). A larger window than that gains
 * little: paths that gather payments (group commits, one write for many frames) get faster with the window, so a queue
 * of some milliseconds is worth having; a longer one only means more money in flight.
 */

/** Most payments in flight that `auto` goes to: the holds that hosts allow an account by default. */
export const autoWindowMax = 4_096

/** A queue this long is worth having, in milliseconds; or as long as the path takes when idle, if that is more. */
const queueTargetMs = 50

/** Growth per round, once doubling has ended and while the queue is empty. */
const gentleGrowth = 0.125

/** One round never shrinks the window by more than this. */
const shrinkMin = 0.5

export class Window {
  /** May have a fraction; at least 1. */
  size = 1
  /** Smoothed delay, for people. */
  delayMs: number | undefined = undefined

  private readonly max: number
  private readonly auto: boolean
  private doubling = true
  /** How much of the queue that is worth having is free, 0 to 1, as of the last round. */
  private ease = 1
  private idleDelay = Number.POSITIVE_INFINITY
  private roundEnd = 1
  /** Payments before this number were sent with a window that was since found too large. */
  private judgedBefore = 1
  private sum = 0
  private count = 0

  /** @param max - Not above this, whatever the path could carry. */
  constructor(size: number | 'auto', max: number) {
    this.auto = size === 'auto'
    this.max = Math.max(1, Math.min(size === 'auto' ? autoWindowMax : size, max))
  }

  /** `pieces` arrived while as many payments were in flight as the window allows. */
  grow(pieces: number): void {
    if (this.doubling) this.size += pieces
    else this.size += gentleGrowth * this.ease * pieces
    if (this.size > this.max) this.size = this.max
  }

  /**
   * A payment was fulfilled.
   *
   * @param number - Its number.
   * @param delay - Milliseconds since it was sent.
   * @param alone - Nothing else was in flight when it was sent: this is what the idle path takes.
   * @param next - The next number that will be sent.
   */
  measure(number: number, delay: number, alone: boolean, next: number): void {
    if (alone || delay < this.idleDelay) this.idleDelay = delay
    if (number < this.judgedBefore) return
    this.sum += delay
    this.count++
    // A round is over when what was sent after the last one has come back.
    if (number < this.roundEnd) return
    this.roundEnd = next
    const mean = this.sum / this.count
    this.sum = 0
    this.count = 0
    this.delayMs = this.delayMs === undefined ? mean : this.delayMs + (mean - this.delayMs) / 4
    if (this.auto) this.follow(mean, next)
  }

  /** A refusal that passes: halves. */
  cut(): void {
    this.doubling = false
    this.size = Math.max(1, this.size / 2)
  }

  private follow(delay: number, next: number): void {
    const target = Math.max(queueTargetMs, this.idleDelay)
    const queue = delay - this.idleDelay
    // At 1 there is no queue of ours: the path itself is as slow as that, and what it can carry is to be found anew.
    if (this.size <= 1) this.doubling = true
    if (queue <= target || this.size <= 1) {
      this.ease = Math.max(0, Math.min(1, 1 - queue / target))
      return
    }
    this.doubling = false
    this.ease = 0
    this.judgedBefore = next
    // On a busy path delay is in proportion to the window, so this aims at the target at once.
    this.size = Math.max(1, this.size * Math.max(shrinkMin, (this.idleDelay + target) / delay))
  }
}
