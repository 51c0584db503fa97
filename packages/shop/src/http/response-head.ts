/**
 * The headers of a paid response.
 *
 * | header                             | value                                                                          |
 * | ---------------------------------- | ------------------------------------------------------------------------------ |
 * | `Pay`                              | form A: `<price> <account>.<userId> <secret>`; not on HEAD                     |
 * | `Pay-Terms`                        | unit, pieces if known, asset, ledger                                           |
 * | `Pay-Endpoint`                     | where an account can be opened                                                 |
 * | `Cache-Control`                    | `no-store`: the secret is for one reader, and so is what it buys               |
 * | `X-Accel-Buffering`                | `no`: a proxy in front, as nginx is, passes pieces on at once                  |
 * | `Access-Control-…`                 | any page may read what its user pays for                                       |
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { PayEndpoint, PayHeader, PayTerms } from '@millstream/codec'
import type { LedgerInfo } from '@millstream/plugin'
import type { PaidStream } from '../offer.js'

/** Where readers can open an account: a BTP URI without credentials, or the port of one on the host that they asked. */
export type Endpoint = string | { readonly port: number; readonly secure?: boolean }

export const corsHeaders: OutgoingHttpHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'Pay, Pay-Terms, Pay-Endpoint, Pay-Balance, Pay-Token, ETag, Content-Length, Content-Language, Last-Modified, Location, Retry-After',
}

export const preflightHeaders: OutgoingHttpHeaders = {
  ...corsHeaders,
  allow: 'GET, HEAD, OPTIONS',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*, Authorization',
  'access-control-max-age': '86400',
}

export const privateHeaders: OutgoingHttpHeaders = {
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

/** What the shop says itself about a body that it sells or holds. */
const ownHeaders = /^(?:pay|pay-.*|content-length|transfer-encoding|connection|accept-ranges)$/

/** The headers of content, in lower case so that none is said twice, without those that are the shop's to say. */
export function contentHeaders(headers: OutgoingHttpHeaders | undefined): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) => {
      const lower = name.toLowerCase()
      return value === undefined || ownHeaders.test(lower) ? [] : [[lower, value]]
    }),
  )
}

export interface Terms {
  readonly unit: string
  readonly pieces: number | undefined
}

export function termsHeader(info: LedgerInfo, { unit, pieces }: Terms): string {
  const known = pieces !== undefined && pieces <= PayTerms.piecesMax
  return PayTerms.format({
    unit,
    asset: info.asset,
    ledger: info.prefix,
    ...(known ? { pieces } : {}),
    ...(info.paymentMin === undefined ? {} : { paymentMin: info.paymentMin }),
  })
}

export function payHeader({ price, address, secret }: PaidStream): string {
  return PayHeader.format({ form: 'tutorial', amount: price, address, secret })
}

/**
 * @returns `undefined` when the request does not say on which host it is, in a way that can be believed.
 * @throws {PayEndpointError} A configured endpoint is no BTP URI, or one with credentials.
 */
export function endpointHeader(endpoint: Endpoint, request: IncomingMessage): string | undefined {
  if (typeof endpoint === 'string') return PayEndpoint.format(endpoint)
  const host = hostOf(request)
  if (host === undefined) return undefined
  try {
    return PayEndpoint.format(`btp+${endpoint.secure === true ? 'wss' : 'ws'}://${host}:${endpoint.port}/`)
  } catch {
    return undefined
  }
}

/** RFC 9110, 7.2: a name or an address, and perhaps a port, which RFC 3986, 3.2.3 lets be empty. */
const hostPattern = /^([a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{0,5})?$/i

function hostOf(request: IncomingMessage): string | undefined {
  const { host } = request.headers
  if (host !== undefined) return hostPattern.exec(host)?.[1]
  // HTTP/1.0 may leave it out: then it is the address that was asked.
  const address = request.socket.localAddress?.replace(/^::ffff:(?=\d+\.)/i, '')
  return address?.includes(':') === true ? `[${address}]` : address
}
