/** Where content comes from, when it is asked for over HTTP. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Content } from '../content.js'
import type { OpenedStream } from '../offer.js'
import type { Piece } from '../piece.js'

export interface SourceRequest {
  readonly method: 'GET' | 'HEAD'
  /** Path and query as they came: begins with `/`, printable ASCII without `#`. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Aborts when the reader goes away before there is an answer. */
  readonly signal: AbortSignal
}

export interface Found {
  /** 200 when left out. */
  readonly status?: number
  /** Of the content: its type, language, validators. */
  readonly headers?: OutgoingHttpHeaders
  /** A function is called when the first payment is held. */
  readonly content: Content | ((stream: OpenedStream) => Content)
  /** Its length, if that is known. */
  readonly bytes?: number
  /** How many pieces it has where the length does not tell; `Infinity` for content without end. */
  readonly pieces?: number | ((piece: Piece) => number | undefined)
  /** Strong validator, with its quotes. */
  readonly etag?: string
  /** Passed on without a price: errors and redirects of an upstream. */
  readonly free?: boolean
}

/** There is nothing to sell. */
export interface NotFound {
  readonly problem: 400 | 403 | 404 | 502 | 503 | 504
  /** For a person. */
  readonly detail: string
}

/** Finds what a request asks for. It reads nothing yet; what it throws is answered with 500. */
export type Source = (request: SourceRequest) => Found | NotFound | Promise<Found | NotFound>
