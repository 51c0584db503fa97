/** Between the values of the originals (decimal strings, base64url, Buffers, Dates) and those of the codec. */
import { IlpPacket } from '@millstream/codec'
import { Amount, Instant, MillstreamError } from '@millstream/units'

/** @throws {AmountSyntaxError} @throws {AmountOutOfRangeError} Not an integer from 0 to 2^64 - 1 as a string. */
export function amountOf(text: string): bigint {
  return Amount.fromText(text)
}

/**
 * The bytes of base64 or base64url, padded or not, or of a Buffer; none when it is missing.
 *
 * @throws {IlpPacketValueError} Characters outside both alphabets, a length that base64 cannot have, or bits that would
 *   be lost: the original drops them all.
 */
export function bytesOfBase64(field: string, value: string | Uint8Array | null | undefined): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array()
  if (typeof value !== 'string') return bytesOf(field, value)
  const text = value
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/={1,2}$/, '')
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new IlpPacketValueError(field, 'base64url')
  return bytes
}

/** The bytes of a Buffer; none when it is missing. */
export function bytesOfBuffer(field: string, value: Uint8Array | null | undefined): Uint8Array {
  return value === undefined || value === null ? new Uint8Array() : bytesOf(field, value)
}

/** @throws {IlpPacketValueError} Not a Buffer or other Uint8Array. */
export function bytesOf(field: string, value: Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new IlpPacketValueError(field, 'a Buffer')
  return value
}

/** The UTF-8 bytes of a string, or the bytes of a Buffer. */
export function bytesOfText(field: string, value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : bytesOf(field, value)
}

/** @throws {IlpPacketValueError} Not a string. */
export function textOf(field: string, value: string): string {
  if (typeof value !== 'string') throw new IlpPacketValueError(field, 'a string')
  return value
}

/** @throws {IlpPacketValueError} Not a Date that is valid and between 1970 and 9999. */
export function instantOf(field: string, value: Date): Instant.Instant {
  // Dates of another realm (a test runner's, a vm's) are no instances of this one's class.
  const ms = Object.prototype.toString.call(value) === '[object Date]' ? Number(value) : Number.NaN
  if (!(ms >= 0 && ms <= Instant.instantMax)) throw new IlpPacketValueError(field, 'a Date between 1970 and 9999')
  return Instant.from(ms)
}

/** @throws {IlpPacketValueError} Not an object. */
export function fieldsOf<Fields extends object>(value: Fields): Fields {
  if (typeof value !== 'object' || value === null) throw new IlpPacketValueError('The packet', 'an object')
  return value
}

/** The same memory as a Buffer, as the originals give it. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Decodes a packet of one type out of a Buffer.
 *
 * @throws {PacketTypeError} Another type.
 * @throws {IlpPacketValueError} Not a Buffer.
 */
export function decodeAs<Type extends IlpPacket.Packet['type']>(
  type: Type,
  binary: Uint8Array,
): Extract<IlpPacket.Packet, { readonly type: Type }> {
  return IlpPacket.decodeAs(type, bytesOf('The packet', binary))
}

export class IlpPacketValueError extends MillstreamError {
  override readonly name = 'IlpPacketValueError'
  readonly code = 'ILP_PACKET_VALUE'
  constructor(field: string, expected: string) {
    super(`${field} is not ${expected}.`)
  }
}
