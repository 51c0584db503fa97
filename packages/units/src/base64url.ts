/**
 * base64url without padding (RFC 4648, section 5), strict: one text for each byte string.
 */
import { MillstreamError } from './millstream-error.js'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const values = new Map(Array.from(alphabet, (character, value) => [character.charCodeAt(0), value]))

export function fromBytes(bytes: Uint8Array): string {
  let text = ''
  let i = 0
  for (; i + 2 < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!
    text +=
      alphabet[group >> 18]! + alphabet[(group >> 12) & 63]! + alphabet[(group >> 6) & 63]! + alphabet[group & 63]!
  }
  if (i + 1 === bytes.length) {
    const group = bytes[i]! << 4
    text += alphabet[group >> 6]! + alphabet[group & 63]!
  } else if (i + 2 === bytes.length) {
    const group = ((bytes[i]! << 8) | bytes[i + 1]!) << 2
    text += alphabet[group >> 12]! + alphabet[(group >> 6) & 63]! + alphabet[group & 63]!
  }
  return text
}

/**
 * @throws {Base64UrlSyntaxError} A character outside the alphabet, padding, an impossible length, or unused bits that
 *   are not zero.
 */
export function toBytes(text: string): Uint8Array {
  const rest = text.length % 4
  if (rest === 1) throw new Base64UrlSyntaxError()
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let group = 0
  let bits = 0
  let offset = 0
  for (let i = 0; i < text.length; i++) {
    const value = values.get(text.charCodeAt(i))
    if (value === undefined) throw new Base64UrlSyntaxError()
    group = ((group << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[offset++] = (group >> bits) & 0xff
    }
  }
  if ((group & ((1 << bits) - 1)) !== 0) throw new Base64UrlSyntaxError()
  return bytes
}

export class Base64UrlSyntaxError extends MillstreamError {
  override readonly name = 'Base64Url.Base64UrlSyntaxError'
  readonly code = 'BASE64URL_SYNTAX'
  constructor() {
    super('Text is not canonical base64url without padding.')
  }
}
