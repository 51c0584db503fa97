/**
 * HTTP for payers on Node, over `node:http`. Shops write a chunk for each tick, older ones a chunk for each letter, and
 * here a chunk costs a fraction of what it costs in `fetch`; chunks that came together are handed on as one.
 */
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import type { Http, HttpRequest, HttpResponse } from '../http.js'
import { PayError } from '../pay-error.js'

export interface NodeHttpOptions {
  /** Most redirects that are followed. 5 */
  readonly redirectsMax?: number
  /** Certificates that are trusted besides those of the system, as PEM. */
  readonly ca?: string | readonly string[]
  /** How long the headers of an answer may take, in milliseconds. 30,000 */
  readonly headersMsMax?: number
}

/** Bytes of a body that are read before somebody asks for them. */
const readAheadBytesMax = 65_536

/** Of a request that is redirected to another origin: what is meant for the first one only (RFC 9110, 15.4). */
const originHeaders = ['authorization', 'cookie', 'proxy-authorization', 'pay-token']

export function createNodeHttp(options: NodeHttpOptions = {}): Http {
  const redirectsMax = options.redirectsMax ?? 5
  return async (url, request) => {
    let target = new URL(url)
    let current = request
    for (let redirects = 0; ; redirects++) {
      const message = await send(target, current, options)
      const location = isRedirect(message.statusCode) ? message.headers.location : undefined
      if (location === undefined) return responseOf(message, target, current)
      message.destroy()
      if (redirects === redirectsMax) throw new TooManyRedirectsError(redirectsMax)
      if (!URL.canParse(location, target.href)) throw new RedirectRefusedError(location)
      const next = new URL(location, target)
      if (next.protocol !== 'http:' && next.protocol !== 'https:') throw new RedirectRefusedError(next.protocol)
      current = redirected(current, message.statusCode!, next.origin === target.origin)
      target = next
    }
  }
}

function send(url: URL, request: HttpRequest, options: NodeHttpOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:'
    const outgoing = (secure ? requestSecure : requestPlain)(url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal: request.signal,
      ...(options.ca === undefined ? {} : { ca: options.ca as string[] }),
    })
    // For all of the head: one that comes byte by byte, or after ever more interim answers, is never silent.
    const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), options.headersMsMax ?? 30_000)
    outgoing.on('close', () => clearTimeout(timer))
    outgoing.on('error', reject)
    outgoing.on('response', (message) => {
      // A stream may be silent for as long as it likes.
      clearTimeout(timer)
      resolve(message)
    })
    outgoing.end(request.body)
  })
}

function isRedirect(status: number | undefined): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

/** As `fetch` does: 303, and 301 and 302 after POST, become GET without a body. */
function redirected(request: HttpRequest, status: number, sameOrigin: boolean): HttpRequest {
  const headers = new Map(request.headers)
  headers.delete('host')
  if (!sameOrigin) for (const name of originHeaders) headers.delete(name)
  const post = request.method === 'POST' && (status === 301 || status === 302)
  if (!post && (status !== 303 || request.method === 'HEAD')) return { ...request, headers }
  for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name)
  return { method: 'GET', headers, signal: request.signal }
}

function responseOf(message: IncomingMessage, url: URL, request: HttpRequest): HttpResponse {
  return {
    status: message.statusCode ?? 0,
    url: url.href,
    header(name) {
      const value = message.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    *headers() {
      for (const [name, value] of Object.entries(message.headers)) {
        if (value !== undefined) yield [name, Array.isArray(value) ? value.join(', ') : value] as const
      }
    },
    body: new MessageBody(message, request.signal),
  }
}

/** The chunks of a message: those that came together in one, and no more of them in memory than the bound. */
class MessageBody implements AsyncIterableIterator<Uint8Array, undefined> {
  private readonly message: IncomingMessage
  private chunks: Uint8Array[] = []
  private bytes = 0
  private ended = false
  private error: unknown
  private waiting:
    | { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }
    | undefined

  constructor(message: IncomingMessage, signal: AbortSignal) {
    this.message = message
    message.on('data', (chunk: Uint8Array) => {
      this.chunks.push(chunk)
      this.bytes += chunk.length
      if (this.waiting !== undefined) this.wake()
      else if (this.bytes >= readAheadBytesMax) message.pause()
    })
    message.on('end', () => {
      this.ended = message.complete
      this.settle()
    })
    message.on('error', (error) => this.fail(signal.aborted ? signal.reason : error))
    // A connection that breaks before the last chunk is told by this alone, if no error came.
    message.on('close', () => {
      if (!message.complete) this.fail(new Error('the connection broke'))
    })
    // Nothing is read before somebody asks.
    message.pause()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.chunks.length > 0) return Promise.resolve({ done: false, value: this.take() })
    if (this.ended) return Promise.resolve({ done: true, value: undefined })
    if (this.error !== undefined) return Promise.reject(this.error)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      if (this.message.isPaused()) this.message.resume()
    })
  }

  /** Once what is ready now has been read: a write of the shop is often several chunks. */
  private wake(): void {
    if (this.chunks.length === 1) queueMicrotask(() => this.settle())
  }

  private settle(): void {
    const { waiting } = this
    if (waiting === undefined) return
    if (this.chunks.length > 0) {
      this.waiting = undefined
      waiting.resolve({ done: false, value: this.take() })
    } else if (this.ended) {
      this.waiting = undefined
      waiting.resolve({ done: true, value: undefined })
    } else if (this.error !== undefined) {
      this.waiting = undefined
      waiting.reject(this.error)
    }
  }

  private fail(error: unknown): void {
    if (this.ended) return
    this.error ??= error
    this.settle()
  }

  private take(): Uint8Array {
    const { chunks, bytes } = this
    this.chunks = []
    this.bytes = 0
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)
  }
}

export class TooManyRedirectsError extends PayError {
  override readonly name = 'NodeHttp.TooManyRedirectsError'
  readonly code = 'PAY_TOO_MANY_REDIRECTS'
  constructor(max: number) {
    super({
      message: `The shop redirects more than ${max} times.`,
      next: 'give the address that it redirects to in the end; nothing was paid',
    })
  }
}

export class RedirectRefusedError extends PayError {
  override readonly name = 'NodeHttp.RedirectRefusedError'
  readonly code = 'PAY_REDIRECT_REFUSED'
  constructor(protocol: string) {
    super({
      message: `The shop redirects to an address that is not HTTP (${JSON.stringify(protocol.slice(0, 20))}).`,
      next: 'tell the shop; nothing was paid',
    })
  }
}
