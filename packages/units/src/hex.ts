/** Bytes as lower-case hexadecimal text. */
import { MillstreamError } from './millstream-error.js'

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function fromBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += digits[byte]
  return text
}

/** @throws {HexSyntaxError} `text` is not pairs of hexadecimal digits. */
export function toBytes(text: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new HexSyntaxError()
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

export class HexSyntaxError extends MillstreamError {
  override readonly name = 'Hex.HexSyntaxError'
  readonly code = 'HEX_SYNTAX'
  constructor() {
    super('Text is not pairs of hexadecimal digits.')
  }
}
