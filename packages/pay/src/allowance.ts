/**
 * The numbers that a stream may use: those that its book has written down. The next block is asked for before the last
 * one is used up, so that payments do not wait for the disk; no more than a block is ever ahead.
 */
import type { BookedStream, StreamPosition } from './book.js'

export interface AllowanceOptions {
  readonly booked: BookedStream
  /** Most numbers that are reserved ahead: together they cost no more than the risk. */
  readonly block: number
  /** More may be used. */
  granted(): void
  failed(error: unknown): void
}

export class Allowance {
  /** Numbers below are written down. */
  private end: number
  private writing = false
  private readonly options: AllowanceOptions

  constructor(options: AllowanceOptions) {
    this.options = options
    this.end = options.booked.first
  }

  /**
   * @param most - How many could ever be used from here: no more are reserved.
   * @returns How many of `wanted` numbers, beginning with `next`, may be used now.
   */
  take(next: number, wanted: number, most: number, position: () => StreamPosition): number {
    const { booked, block } = this.options
    // What is taken now is on its way while the next block is written.
    const taken = Math.min(wanted, this.end - next)
    const left = this.end - next - taken
    const end = next + taken + Math.min(block, most - taken)
    if (!this.writing && end > this.end && left <= block / 2) {
      const written = booked.reserve(end, position())
      if (written === undefined) this.end = end
      else this.await(written, end)
    }
    return Math.min(wanted, this.end - next)
  }

  private await(written: Promise<void>, end: number): void {
    this.writing = true
    written.then(
      () => {
        this.writing = false
        this.end = end
        this.options.granted()
      },
      (error: unknown) => {
        this.writing = false
        this.options.failed(error)
      },
    )
  }
}
