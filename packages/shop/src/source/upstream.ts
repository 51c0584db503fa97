/**
 * A price in front of another HTTP server: requests are passed on, successful answers are sold, all others are passed
 * back as they are.
 *
 * The upstream's answer is not read before something is paid, so its server feels the back-pressure of the reader. It is
 * cut off when the reader leaves.
 */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { MillstreamError } from '@millstream/units'
import { exactly, readerOf } from '../content.js'
import type { Found, NotFound, Source, SourceRequest } from './source.js'

export interface UpstreamOptions {
  /** How long the upstream may take until its answer begins, in ms. 30,000 */
  readonly answerMs?: number
}

/** RFC 9110, 7.6.1: headers of one connection, and those that proxies add for it. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A whole answer, not encoded, is what can be cut into pieces; the host and what was paid here is our affair. */
const notPassedOn = new Set(['host', 'accept-encoding', 'content-length', 'expect', 'range', 'if-range'])

/** The shop says these itself. */
const notPassedBack = new Set(['content-length', 'accept-ranges'])

/**
 * @param url - What comes before the path of each request; the request for `/` goes to exactly this.
 * @throws {UpstreamUrlError} Not an http or https URL, or one with a query, a fragment or credentials.
 */
export function upstream(url: string, options: UpstreamOptions = {}): Source {
  const base = parseBase(url)
  const secure = base.protocol === 'https:'
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const request = secure ? httpsRequest : httpRequest
  const { answerMs = 30_000 } = options

  return (asked) => {
    const path = pathOf(base, asked.url)
    if (path === undefined) return { problem: 400, detail: 'The path of the request is malformed.' }
    return new Promise<Found | NotFound>((resolve) => {
      const outgoing = request({
        agent,
        method: asked.method,
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port,
        path,
        headers: { ...passedOn(asked.headers), host: base.host, 'accept-encoding': 'identity' },
        signal: asked.signal,
      })
      const timer = setTimeout(() => {
        resolve({ problem: 504, detail: 'The server behind this shop does not answer.' })
        outgoing.destroy()
      }, answerMs)
      outgoing.on('response', (incoming) => {
        clearTimeout(timer)
        resolve(foundOf(asked, incoming))
      })
      outgoing.on('error', () => {
        clearTimeout(timer)
        resolve({ problem: 502, detail: 'The server behind this shop cannot be reached.' })
      })
      outgoing.end()
    })
  }
}

function foundOf(asked: SourceRequest, incoming: IncomingMessage): Found {
  const { statusCode: status = 502, headers } = incoming
  const bytes = lengthOf(headers)
  const { etag } = headers
  const sold = status >= 200 && status < 300 && status !== 204 && status !== 205
  const reader = readerOf(incoming)
  return {
    status,
    headers: passedBack(headers),
    content: bytes === undefined || asked.method === 'HEAD' || !sold ? reader : exactly(bytes, reader),
    ...(bytes === undefined ? {} : { bytes }),
    ...(etag?.startsWith('"') === true && etag.length <= 256 ? { etag } : {}),
    free: !sold,
  }
}

function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return without(headers, (name) => notPassedOn.has(name) || name === 'pay' || name.startsWith('pay-'))
}

function passedBack(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return without(
    headers,
    (name) =>
      notPassedBack.has(name) || name === 'pay' || name.startsWith('pay-') || name.startsWith('access-control-'),
  )
}

function without(headers: IncomingHttpHeaders, drop: (name: string) => boolean): OutgoingHttpHeaders {
  const named = new Set(
    (headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.has(name) && !drop(name)),
  )
}

function lengthOf({ 'content-length': length }: IncomingHttpHeaders): number | undefined {
  return length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined
}

function pathOf(base: URL, url: string): string | undefined {
  const [path = '', ...query] = url.split('?')
  // No segment may lead out of the base, however it is written.
  const names = path.split(/\/|\\|%2f|%5c/i).map((name) => name.replace(/%2e/gi, '.'))
  if (names.includes('..') || names.includes('.')) return undefined
  const joined = path === '/' ? base.pathname : base.pathname.replace(/\/$/, '') + path
  return query.length === 0 ? joined : `${joined}?${query.join('?')}`
}

function parseBase(text: string): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new UpstreamUrlError()
  }
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || !plain) throw new UpstreamUrlError()
  return url
}

export class UpstreamUrlError extends MillstreamError {
  override readonly name = 'Upstream.UpstreamUrlError'
  readonly code = 'UPSTREAM_URL'
  constructor() {
    super('The server to sell from is an http or https URL without user, query and fragment.')
  }
}
