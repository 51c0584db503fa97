/**
 * The body of an answer as it is paid for. Each chunk that is taken from it is counted and told to the payments, so
 * whoever stops reading makes them stop: nothing is read ahead here.
 */
import type { PayError } from './pay-error.js'
import type { PaymentStream } from './payment-stream.js'
import type { PieceCounter } from './piece-counter.js'

export interface PaidBodyOptions {
  readonly source: AsyncIterable<Uint8Array>
  /** Undefined for a free body. */
  readonly payments: PaymentStream | undefined
  readonly counter: PieceCounter | undefined
  /** What the body throws at its end; undefined for an end that is no failure. */
  error(): PayError | undefined
  /** A free body has no payments that could tell. */
  ended(how: 'ended' | 'broken' | 'left', error?: unknown): void
}

export class PaidBody implements AsyncIterableIterator<Uint8Array, undefined> {
  bytes = 0
  private counted = 0
  private readonly options: PaidBodyOptions
  private readonly source: AsyncIterator<Uint8Array>
  private over = false

  constructor(options: PaidBodyOptions) {
    this.options = options
    this.source = options.source[Symbol.asyncIterator]()
  }

  /** Pieces that are whole, whether they were paid or not. */
  get pieces(): number {
    return this.counted - (this.options.counter?.ahead ?? 0)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { payments, counter } = this.options
    if (this.over) return done
    payments?.start()
    if (payments !== undefined && payments.bodyState !== 'open') return this.end()
    payments?.reading(true)
    let result: IteratorResult<Uint8Array>
    try {
      result = await this.source.next()
    } catch (error) {
      payments?.reading(false)
      payments?.bodyBroke(error)
      this.options.ended('broken', error)
      // A body that was closed from this side, because all is over, did not break.
      if (payments === undefined) throw error
      return this.end()
    }
    payments?.reading(false)
    if (result.done === true) {
      if (counter !== undefined) this.count(counter.end())
      payments?.bodyEnded()
      this.options.ended('ended')
      return this.end()
    }
    this.bytes += result.value.length
    if (counter !== undefined) this.count(counter.count(result.value))
    return result
  }

  /** Whoever reads leaves: the loop was left, or the stream cancelled. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.over) {
      this.over = true
      this.options.payments?.stop('reader_left')
      this.options.ended('left')
    }
    return done
  }

  /** @returns How many pieces were taken for whole that might have been parts. */
  settle(): number {
    const pieces = this.options.counter?.settle() ?? 0
    this.counted += pieces
    return pieces
  }

  private count(pieces: number): void {
    this.counted += pieces
    this.options.payments?.arrive(pieces)
  }

  private end(): IteratorResult<Uint8Array, undefined> {
    this.over = true
    const error = this.options.error()
    if (error !== undefined) throw error
    return done
  }
}

const done: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** The same body for those who want a stream; nothing is read ahead here either. */
export function toReadable(body: PaidBody): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await body.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await body.return()
      },
    },
    { highWaterMark: 0 },
  )
}
