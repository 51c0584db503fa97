/**
 * BTP URIs: `btp+ws://user:token@host:port/path`, or `btp+wss` over TLS. They name a listener and open an account on
 * it, so they hold a secret: nothing here ever puts a token into a message.
 *
 * @see Interledger RFC 23
 */
import { CodecError } from './codec-error.js'

export const charactersMax = 2048

// URL would skip further slashes in front of the host, and take backslashes for slashes.
const pattern = /^btp\+(wss?):\/\/((?!\/)[\x21-\x5b\x5d-\x7e]+)$/

export interface BtpUri {
  /** The WebSocket URL: without credentials. */
  readonly url: string
  /** Both are decoded, and empty when they are missing. */
  readonly username: string
  readonly token: string
  /** Over TLS. */
  readonly secure: boolean
}

/**
 * @throws {BtpUriError} Another scheme, no host, a fragment, broken percent-encoding, or a character that a URI cannot
 *   have.
 * @example
 * BtpUri.parse('btp+ws://alice:s3cret@localhost:9000/')
 * // { url: 'ws://localhost:9000/', username: 'alice', token: 's3cret', secure: false }
 */
export function parse(text: string): BtpUri {
  const match = text.length <= charactersMax ? pattern.exec(text) : null
  const url = match === null ? null : urlOf(`${match[1]}://${match[2]}`)
  if (url === null || url.hostname === '' || url.hash !== '' || text.includes('#')) throw new BtpUriError()
  const username = decodePercent(url.username)
  const token = decodePercent(url.password)
  url.username = ''
  url.password = ''
  return { url: url.href, username, token, secure: url.protocol === 'wss:' }
}

/** The whole URI, token included: for configuration, never for logs. */
export function format(uri: BtpUri): string {
  return withUserInfo(uri, `${encodePercent(uri.username)}:${encodePercent(uri.token)}@`)
}

/** The URI without its token: for logs. */
export function redact(uri: BtpUri): string {
  return withUserInfo(uri, uri.username === '' ? '' : `${encodePercent(uri.username)}@`)
}

function withUserInfo(uri: BtpUri, userInfo: string): string {
  const match = /^(wss?:\/\/)([^@]*)$/.exec(uri.url)
  if (match === null) throw new BtpUriError()
  return `btp+${match[1]}${userInfo}${match[2]}`
}

function urlOf(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new BtpUriError()
  }
}

function encodePercent(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    throw new BtpUriError()
  }
}

export class BtpUriError extends CodecError {
  override readonly name = 'BtpUri.BtpUriError'
  readonly code = 'BTP_URI'
  constructor() {
    super('This is not a BTP URI: write btp+ws://user:token@host:port/ or btp+wss://user:token@host:port/.')
  }
}
