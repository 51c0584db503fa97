/** What a program asks a shop to sell, and where it shall go. */
import type { Content } from './content.js'
import type { Piece } from './piece.js'

export interface Offer {
  /** What is read: a path and query, or what the program calls it. Cut after 2,048 characters. */
  readonly resource: string
  /** Base units for one piece: 1 to 2^64 - 1. */
  readonly price: bigint
  readonly piece: Piece
  /** What `Pay-Terms` calls the pieces of a function; `opaque` when left out. */
  readonly unit?: string
  /** How many pieces the content has; `Infinity` when it has no end; left out when that is not known. */
  readonly pieces?: number
  /** Strong validator of the resource, with its quotes. */
  readonly etag?: string
  /**
   * What is sold. A function is called when the first payment is held; content in another form is let go of at the end of
   * the stream even if nobody paid.
   */
  readonly content: Content | ((stream: OpenedStream) => Content)
  /** Internet address of the reader, for the bound on unpaid streams. */
  readonly address?: string
}

export interface OpenedStream {
  readonly userId: string
  /** 32 bytes that are the same whenever this stream is derived, and that its payer cannot know. */
  readonly seed: Uint8Array
}

/** Where the pieces of one stream go: an HTTP response, a socket, a buffer in a test. */
export interface Body {
  /** Takes bytes, always. @returns false when its buffer is above its high-water mark: `PaidStream.drained` is due. */
  write(bytes: Uint8Array): boolean
  /** The content is complete. */
  end(): void
  /** Breaks off after what was written, so that nobody mistakes it for the end. */
  destroy(): void
}

/** What a program that serves a stream does with it. */
export interface PaidStream {
  readonly userId: string
  readonly price: bigint
  /** ILP address of the stream: payments go to `<address>.<n>`. */
  readonly address: string
  /** Only for the `Pay` header of the reader. */
  readonly secret: Uint8Array
  /** The body has room again. */
  drained(): void
  /** The reader went away; after the end this says nothing new. */
  left(): void
  /** Ends the stream from the shop's side: what is fulfilled is still delivered. */
  close(): void
  totals(): StreamTotals
}

export interface StreamTotals {
  /** Pieces that were posted. */
  readonly paid: bigint
  /** Pieces that went to the body. */
  readonly delivered: bigint
  /** Pieces posted and not delivered: the reader left between the two. */
  readonly owed: bigint
  /** Base units that were posted. */
  readonly amount: bigint
}
