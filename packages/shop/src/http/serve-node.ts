/**
 * Serves one request of node:http with content that has a price.
 *
 * GET opens a stream: status and headers leave at once, the body is held until it is paid. HEAD answers the same headers
 * without `Pay`: there is no stream, and nothing to pay. OPTIONS answers what pages of other origins may do. All other
 * methods are refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readerOf } from '../content.js'
import { countPieces, type Piece } from '../piece.js'
import { type Shop, ShopClosedError, TooManyStreamsError } from '../shop.js'
import type { Found } from '../source/source.js'
import { hasPlace } from './pipeline.js'
import { sendProblem } from './problem.js'
import { responseBody } from './response-body.js'
import {
  contentHeaders,
  corsHeaders,
  type Endpoint,
  endpointHeader,
  payHeader,
  preflightHeaders,
  privateHeaders,
  termsHeader,
} from './response-head.js'

export interface HttpTerms {
  /** Base units for one piece: 1 to 2^64 - 1. */
  readonly price: bigint
  readonly piece: Piece
  /** What `Pay-Terms` calls the pieces of a function; `opaque` when left out. */
  readonly unit?: string
  /** Left out when the reader knows where to open an account. */
  readonly endpoint?: Endpoint
  /** Whose stream it is, for the bound on unpaid ones; the other end of the connection when left out. */
  readonly addressOf?: (request: IncomingMessage) => string | undefined
}

export interface HttpOffer extends HttpTerms, Found {
  /** What is read; the URL of the request when left out. */
  readonly resource?: string
}

/**
 * Answers a request. Never throws: what cannot be answered well is answered with a problem, or the connection is cut.
 *
 * @example
 * createServer((request, response) => {
 *   serveNode(shop, request, response, { price: 1n, piece: 'line', content: poem, endpoint: { port: 9000 } })
 * })
 */
export function serveNode(shop: Shop, request: IncomingMessage, response: ServerResponse, offer: HttpOffer): void {
  ignoreErrors(request, response)
  if (hasPlace(request, response)) serveCounted(shop, request, response, offer)
  else letGo(offer)
}

/** The same for a request that has its place in the pipeline. */
export function serveCounted(shop: Shop, request: IncomingMessage, response: ServerResponse, offer: HttpOffer): void {
  if (!answersMethod(request, response)) {
    letGo(offer)
    return
  }
  try {
    if (offer.free === true || offer.bytes === 0) passOn(request, response, offer)
    else if (request.method === 'HEAD') sendHead(shop, request, response, offer)
    else sell(shop, request, response, offer)
  } catch (error) {
    letGo(offer)
    fail(response, error)
  }
}

/** Answers the methods that need no content. @returns whether it is GET or HEAD. */
export function answersMethod(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return true
  if (request.method === 'OPTIONS') response.writeHead(204, preflightHeaders).end()
  else sendProblem(response, 405, 'Only GET, HEAD and OPTIONS are served here.', { allow: 'GET, HEAD, OPTIONS' })
  return false
}

/** A reader that leaves in the middle of anything is nothing unusual. */
export function ignoreErrors(request: IncomingMessage, response: ServerResponse): void {
  if (request.listenerCount('error') === 0) request.on('error', () => {})
  if (response.listenerCount('error') === 0) response.on('error', () => {})
}

export function fail(response: ServerResponse, error: unknown): void {
  if (error instanceof TooManyStreamsError) {
    const status = error.bound === 'address' ? 429 : 503
    sendProblem(response, status, error.message, {
      'retry-after': String(Math.ceil(error.retryAfterMs / 1000)),
    })
  } else if (error instanceof ShopClosedError) {
    sendProblem(response, 503, error.message)
  } else {
    sendProblem(response, 500, 'The shop failed to answer. Nothing was charged.')
  }
}

/** The content will not be read. */
export function letGo({ content }: Found): void {
  if (typeof content === 'function') return
  try {
    readerOf(content).close()
  } catch {
    // It belongs to the program; nothing is lost if it does not like to be let go of.
  }
}

/** Opens a stream, and sends its headers at once. */
function sell(shop: Shop, request: IncomingMessage, response: ServerResponse, offer: HttpOffer): void {
  const headers = headersOf(shop, request, offer)
  if (headers === undefined) {
    sendProblem(response, 400, 'The Host header of the request is malformed.')
    letGo(offer)
    return
  }
  const { price, piece, unit, content, etag } = offer
  const pieces = piecesOf(offer)
  const address = (offer.addressOf ?? remoteAddress)(request)
  const stream = shop.open(
    {
      resource: offer.resource ?? request.url ?? '',
      price,
      piece,
      content,
      ...(unit === undefined ? {} : { unit }),
      ...(pieces === undefined ? {} : { pieces }),
      ...(etag === undefined ? {} : { etag }),
      ...(address === undefined ? {} : { address }),
    },
    responseBody(response, request.httpVersion !== '1.0' || offer.bytes !== undefined),
  )
  response.on('close', () => stream.left())
  response.on('drain', () => stream.drained())
  try {
    request.socket.setNoDelay(true)
    response.writeHead(offer.status ?? 200, { ...headers, Pay: payHeader(stream) })
    response.flushHeaders()
  } catch (error) {
    // The stream lets go of the content.
    stream.left()
    fail(response, error)
    return
  }
  // It may have gone before anybody listened.
  if (response.closed || request.socket.destroyed) stream.left()
}

function sendHead(shop: Shop, request: IncomingMessage, response: ServerResponse, offer: HttpOffer): void {
  const headers = headersOf(shop, request, offer)
  if (headers === undefined) sendProblem(response, 400, 'The Host header of the request is malformed.')
  else response.writeHead(offer.status ?? 200, headers).end()
  letGo(offer)
}

/** Sends what costs nothing: no content, and the errors and redirects of an upstream. */
function passOn(request: IncomingMessage, response: ServerResponse, offer: HttpOffer): void {
  const { content, bytes, status = 200 } = offer
  response.writeHead(status, {
    ...contentHeaders(offer.headers),
    ...corsHeaders,
    ...(offer.etag === undefined ? {} : { etag: offer.etag }),
    ...(bytes === undefined || status === 204 || status === 304 ? {} : { 'content-length': bytes }),
  })
  if (request.method === 'HEAD' || bytes === 0 || typeof content === 'function') {
    letGo(offer)
    response.end()
    return
  }
  copy(content, response).catch(() => response.destroy())
}

async function copy(
  content: Exclude<Found['content'], (...args: never[]) => unknown>,
  response: ServerResponse,
): Promise<void> {
  const reader = readerOf(content)
  response.once('close', () => reader.close())
  for (;;) {
    const chunk = await reader.read()
    if (chunk === undefined || response.destroyed) break
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  response.end()
}

function headersOf(shop: Shop, request: IncomingMessage, offer: HttpOffer) {
  const endpoint = offer.endpoint === undefined ? undefined : endpointHeader(offer.endpoint, request)
  if (offer.endpoint !== undefined && endpoint === undefined) return undefined
  const unit = typeof offer.piece === 'function' ? (offer.unit ?? 'opaque') : offer.piece
  return {
    ...contentHeaders(offer.headers),
    ...(offer.etag === undefined ? {} : { etag: offer.etag }),
    ...(offer.bytes === undefined ? {} : { 'content-length': offer.bytes }),
    'accept-ranges': 'none',
    ...corsHeaders,
    ...privateHeaders,
    'Pay-Terms': termsHeader(shop.info(), { unit, pieces: piecesOf(offer) }),
    ...(endpoint === undefined ? {} : { 'Pay-Endpoint': endpoint }),
  }
}

function piecesOf({ pieces, bytes, piece }: HttpOffer): number | undefined {
  const told = typeof pieces === 'function' ? pieces(piece) : pieces
  return told ?? (bytes === undefined ? undefined : countPieces(piece, bytes))
}

function remoteAddress(request: IncomingMessage): string | undefined {
  return request.socket.remoteAddress
}
