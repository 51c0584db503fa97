/**
 * From the source through the meter to the body: takes pieces in hand as they are wanted, promises them to holds, and
 * writes them when they are paid, all of one tick in one write.
 *
 * The queue of pieces at hand has two parts: the first `promised` ones belong to holds whose fulfillment the rail has,
 * the others wait for a hold. Which hold gets which piece is decided when it is posted.
 */
import { type Content, ContentChunkError, type ContentReader, readerOf } from './content.js'
import type { ShopLimits } from './limits.js'
import { createMeter, type Meter } from './meter.js'
import type { Body } from './offer.js'
import type { Piece } from './piece.js'

/** Whoever decides what is promised. */
export interface FlowOwner {
  /** Pieces came, pieces went, or the end came. Not called from within a call of the owner. */
  flowChanged(): void
  /** The source failed: nothing more will be at hand. May be called from within `want`. */
  sourceFailed(error: unknown): void
  /** The body takes nothing any more. */
  bodyFailed(): void
}

export class PieceFlow {
  /** Pieces that went to the body. */
  delivered = 0
  /** Pieces of holds whose fulfillment the rail has. */
  promised = 0
  private promisedBytes = 0
  /** Posted, and for the body at the end of this tick. */
  private pendingBytes = 0
  private pendingPieces = 0
  private flushing = false
  /** The body is above its high-water mark. */
  private full = false
  private reader: ContentReader | undefined
  private reading = false
  /** The source has said its last. */
  private sourceEnded = false
  private open = true
  private readonly meter: Meter
  private readonly body: Body
  private readonly owner: FlowOwner
  private readonly limits: ShopLimits

  private readonly openContent: (() => Content) | undefined

  /** @param content - A function is called when the first piece is wanted. */
  constructor(piece: Piece, content: Content | (() => Content), body: Body, owner: FlowOwner, limits: ShopLimits) {
    this.meter = createMeter(piece)
    this.openContent = typeof content === 'function' ? content : undefined
    this.reader = typeof content === 'function' ? undefined : readerOf(content)
    this.body = body
    this.owner = owner
    this.limits = limits
  }

  /** Complete pieces in memory that are promised to nobody. */
  get atHand(): number {
    return this.meter.pieces - this.promised
  }

  /** No piece will be at hand that is not already. */
  get sourceDone(): boolean {
    return this.meter.ended
  }

  /** Nothing promised, nothing on its way to the body. */
  get settled(): boolean {
    return this.promised === 0 && this.pendingBytes === 0
  }

  /** Nothing more can be read before pieces that are at hand have gone to the body. */
  get memoryFull(): boolean {
    return this.meter.bytes >= this.limits.bufferBytesMax && this.meter.pieces > 0
  }

  /** Reads until `pieces` pieces are in memory, those that are promised among them, and never beyond that chunk. */
  want(pieces: number): void {
    if (this.reading || !this.open) return
    try {
      for (;;) {
        this.meter.cut(pieces)
        if (this.meter.pieces >= pieces || this.sourceEnded || this.memoryFull) return
        this.reader ??= readerOf(this.openContent!())
        const chunk = this.reader.read()
        if (chunk instanceof Promise) {
          this.reading = true
          chunk.then(this.arrived, this.failed)
          return
        }
        this.take(chunk)
      }
    } catch (error) {
      this.owner.sourceFailed(error)
    }
  }

  /** Whether the next `pieces` pieces are at hand and the body has room for them. */
  canPromise(pieces: number): boolean {
    if (this.full || this.atHand < pieces) return false
    const onTheirWay = this.promisedBytes + this.pendingBytes
    // Whatever its size, one hold at a time is let through.
    return onTheirWay === 0 || onTheirWay + this.meter.size(this.promised, pieces) <= this.limits.inFlightBytesMax
  }

  promise(pieces: number): void {
    this.promisedBytes += this.meter.size(this.promised, pieces)
    this.promised += pieces
  }

  /** A promise came to nothing: its pieces are for the next. */
  takeBack(pieces: number): void {
    this.promised -= pieces
    this.promisedBytes = this.meter.size(0, this.promised)
  }

  /** A promise was posted: the first `pieces` pieces go to the body at the end of this tick. */
  deliver(pieces: number): void {
    const bytes = this.meter.take(pieces)
    this.promised -= pieces
    this.promisedBytes -= bytes
    this.pendingBytes += bytes
    this.pendingPieces += pieces
    if (this.flushing) return
    this.flushing = true
    queueMicrotask(this.flush)
  }

  /** The body has room again. */
  drained(): void {
    this.full = false
  }

  /** Nothing more is wanted of the source. What was promised can still be delivered. */
  stop(): void {
    if (!this.open) return
    this.open = false
    attempt(() => this.reader?.close())
  }

  /** The reader has gone: nothing more can be delivered. */
  abandon(): void {
    this.stop()
    this.pendingBytes = 0
    this.pendingPieces = 0
  }

  /** Everything is delivered: the body ends well. */
  end(): void {
    this.stop()
    attempt(() => this.body.end())
  }

  /** Breaks the body off after what was written. */
  destroy(): void {
    this.stop()
    attempt(() => this.body.destroy())
  }

  private readonly arrived = (chunk: Uint8Array | undefined): void => {
    this.reading = false
    if (!this.open) return
    try {
      this.take(chunk)
    } catch (error) {
      this.owner.sourceFailed(error)
      return
    }
    this.owner.flowChanged()
  }

  private readonly failed = (error: unknown): void => {
    this.reading = false
    if (this.open) this.owner.sourceFailed(error)
  }

  private readonly flush = (): void => {
    this.flushing = false
    if (this.pendingBytes > 0) {
      const bytes = this.meter.draw(this.pendingBytes)
      this.delivered += this.pendingPieces
      this.pendingBytes = 0
      this.pendingPieces = 0
      try {
        if (!this.body.write(bytes)) this.full = true
      } catch {
        this.owner.bodyFailed()
        return
      }
    }
    this.owner.flowChanged()
  }

  private take(chunk: Uint8Array | undefined): void {
    if (chunk === undefined) {
      this.sourceEnded = true
      this.meter.end()
    } else if (chunk instanceof Uint8Array) {
      this.meter.push(chunk)
    } else {
      throw new ContentChunkError(chunk)
    }
  }
}

/** Lets go of something that belongs to the program: how it takes that does not change what has to be done. */
function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // Said above.
  }
}
