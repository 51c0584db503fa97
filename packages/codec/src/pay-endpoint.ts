/**
 * The `Pay-Endpoint` header: where an account can be opened, as a string of HTTP structured fields.
 *
 * ```
 * Pay-Endpoint: "btp+ws://localhost:9000/"
 * ```
 *
 * The payer brings its own credentials, so there are none in it. Whether its host may be trusted is the payer's affair.
 *
 * @see RFC 9651 (structured fields)
 */
import { parseItem, serializeItem } from 'structured-headers'
import * as BtpUri from './btp-uri.js'
import { CodecError } from './codec-error.js'

export const charactersMax = 2048

export interface PayEndpoint {
  /** `btp+ws://host:port/` or `btp+wss://…`, without credentials. */
  readonly uri: string
  /** The WebSocket URL. */
  readonly url: string
  /** Host name without the port, lower case, IPv6 in brackets. */
  readonly hostname: string
  /** Over TLS. */
  readonly secure: boolean
}

/**
 * @throws {PayEndpointError} Not a string of structured fields, not a BTP URI, or one with credentials.
 */
export function parse(value: string): PayEndpoint {
  return endpointOf(parseText(value))
}

/**
 * @param uri - BTP URI without credentials.
 * @throws {PayEndpointError} `uri` is not what `parse` would accept.
 */
export function format(uri: string): string {
  return serializeItem(endpointOf(uri).uri)
}

function parseText(value: string): string {
  try {
    const [item] = value.length <= charactersMax ? parseItem(value) : []
    if (typeof item === 'string') return item
  } catch {
    // Told below.
  }
  throw new PayEndpointError()
}

function endpointOf(text: string): PayEndpoint {
  let uri: BtpUri.BtpUri
  try {
    uri = BtpUri.parse(text)
  } catch {
    throw new PayEndpointError()
  }
  const { url, secure } = uri
  if (text.includes('@')) throw new PayEndpointError()
  return { uri: `btp+${url}`, url, hostname: new URL(url).hostname, secure }
}

export class PayEndpointError extends CodecError {
  override readonly name = 'PayEndpoint.PayEndpointError'
  readonly code = 'PAY_ENDPOINT'
  constructor() {
    super('The Pay-Endpoint header is not a BTP URI without credentials, in quotes.')
  }
}
