/**
 * Octet Encoding Rules: the subset of ITU-T X.696 that Interledger uses, in its canonical form.
 *
 * All integers are big-endian; there are no tags, no padding and no alignment. A variable field is a length determinant
 * and that many bytes. The reader accepts one encoding of each value, checks every length against the bytes that are
 * left before it allocates or slices, and never gives partial data. Both are used by `IlpPacket` and `BtpFrame`.
 *
 * @see ITU-T X.696; Interledger RFC 30
 */
import { CodecError } from './codec-error.js'

export const uint8Max = 0xff
export const uint16Max = 0xffff
export const uint32Max = 0xffff_ffff
export const uint64Max = 0xffff_ffff_ffff_ffffn

/** Bytes of a length determinant after the first: 4 can say more than any packet here may hold. */
const lengthBytesMax = 4

/** Bytes of a count: 6 stay exact in a double. */
const countBytesMax = 6

// A byte order mark would otherwise vanish, and with it the identity of bytes and text.
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const utf8StrictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const utf8Encoder = new TextEncoder()

const safeMax = BigInt(Number.MAX_SAFE_INTEGER)

/** Up to here a loop over characters is cheaper than the encoder, and above the size of this so is the memory. */
const shortTextMax = 16
const textScratch = new Uint8Array(1024)

const empty = new Uint8Array(0)

/** Bytes of the length determinant for a content of `length` bytes. */
export function lengthSize(length: number): number {
  if (length < 0x80) return 1
  if (length < 0x100) return 2
  if (length < 0x1_0000) return 3
  return length < 0x100_0000 ? 4 : 5
}

/** Bytes of a variable field with a content of `length` bytes. */
export function varSize(length: number): number {
  return lengthSize(length) + length
}

/** Writes a length determinant; the caller has made room for it. Returns the offset after it. */
export function writeLength(target: Uint8Array, offset: number, length: number): number {
  if (length < 0x80) {
    target[offset] = length
    return offset + 1
  }
  const count = lengthSize(length) - 1
  target[offset++] = 0x80 | count
  for (let shift = 8 * (count - 1); shift >= 0; shift -= 8) target[offset++] = length >>> shift
  return offset
}

/** Writes an unsigned 64-bit integer that was checked before; the caller has made room for it. */
export function writeUint64(target: Uint8Array, offset: number, value: bigint): void {
  // The low and the high half as doubles: cheaper than any function that takes a bigint.
  const safe = value <= safeMax
  const high = safe ? Math.floor(Number(value) / 0x1_0000_0000) : Number(value >> 32n)
  const low = safe ? Number(value) - high * 0x1_0000_0000 : Number(value & 0xffff_ffffn)
  target[offset] = high >>> 24
  target[offset + 1] = high >>> 16
  target[offset + 2] = high >>> 8
  target[offset + 3] = high
  target[offset + 4] = low >>> 24
  target[offset + 5] = low >>> 16
  target[offset + 6] = low >>> 8
  target[offset + 7] = low
}

/** Writes text that is known to be ASCII; the caller has made room for it. Returns the offset after it. */
export function writeAscii(target: Uint8Array, offset: number, text: string): number {
  const length = text.length
  if (length > shortTextMax && length <= textScratch.length) {
    utf8Encoder.encodeInto(text, textScratch)
    for (let i = 0; i < length; i++) target[offset + i] = textScratch[i]!
  } else {
    for (let i = 0; i < length; i++) target[offset + i] = text.charCodeAt(i)
  }
  return offset + length
}

/** @throws {IntegerRangeError} `value` is not an integer from 0 to 2^64 - 1. */
export function assertUint64(field: string, value: bigint): void {
  if (typeof value !== 'bigint' || value < 0n || value > uint64Max) {
    throw new IntegerRangeError({ field, max: uint64Max })
  }
}

/** @throws {IntegerRangeError} `value` is not an integer from 0 to `max`. */
export function assertUint(field: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new IntegerRangeError({ field, max })
}

/** @throws {FieldLengthError} `length` is below `min` or above `max`. */
export function assertLength(field: string, length: number, min: number, max: number): void {
  if (!(length >= min && length <= max)) throw new FieldLengthError({ field, length, min, max })
}

/** Reads the fields of one byte string, one after the other. Byte strings it gives are views, not copies. */
export class Reader {
  readonly bytes: Uint8Array
  private readonly what: string
  private readonly limit: number
  private offset: number

  /** @param what - Names the whole for error messages: `BTP frame`. */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.what = what
    this.offset = 0
    this.limit = bytes.length
  }

  get left(): number {
    return this.limit - this.offset
  }

  uint8(): number {
    if (this.offset >= this.limit) this.throwTruncated(1)
    return this.bytes[this.offset++]!
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8()
  }

  uint32(): number {
    const offset = this.take(4)
    const bytes = this.bytes
    return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
  }

  uint64(): bigint {
    const high = this.uint32()
    const low = this.uint32()
    // A double is exact up to 2^53, and one conversion is cheaper than shifting bigints.
    if (high < 0x20_0000) return BigInt(high * 0x1_0000_0000 + low)
    return (BigInt(high) << 32n) | BigInt(low)
  }

  /** The next `count` bytes, without a prefix. */
  octets(count: number): Uint8Array {
    const offset = this.take(count)
    // Not `subarray`, which would answer with a slower Buffer when it is given one.
    return count === 0 ? empty : new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + offset, count)
  }

  /** Passes over `count` bytes and tells where in `bytes` they begin. */
  skip(count: number): number {
    return this.take(count)
  }

  /** A length determinant. The bytes that it announces are known to be there. */
  length(): number {
    const first = this.uint8()
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      if (count === 0 || count === 0x7f) throw new NonCanonicalLengthError({ what: this.what, offset: this.offset - 1 })
      if (count > lengthBytesMax) throw new LengthTooLargeError({ what: this.what, offset: this.offset - 1 })
      const start = this.take(count)
      length = 0
      for (let i = 0; i < count; i++) length = length * 0x100 + this.bytes[start + i]!
      if (length < 0x80 || this.bytes[start] === 0) {
        throw new NonCanonicalLengthError({ what: this.what, offset: start - 1 })
      }
    }
    if (length > this.left) this.throwTruncated(length)
    return length
  }

  /** A variable OCTET STRING of `min` to `max` bytes. */
  varOctets(field: string, max: number, min = 0): Uint8Array {
    return this.octets(this.varLength(field, max, min))
  }

  /** A variable IA5String: 7-bit characters. */
  ascii(field: string, max: number, min = 0): string {
    const length = this.varLength(field, max, min)
    return this.fixedAscii(field, length)
  }

  /** An IA5String of exactly `count` characters, without a prefix. */
  fixedAscii(field: string, count: number): string {
    const text = utf8Decoder.decode(this.octets(count))
    assertAscii(field, text)
    return text
  }

  /** A variable UTF8String; the bounds are in bytes. */
  utf8(field: string, max: number, min = 0): string {
    const bytes = this.varOctets(field, max, min)
    try {
      return utf8StrictDecoder.decode(bytes)
    } catch {
      throw new CharacterError({ field, expected: 'UTF-8' })
    }
  }

  /**
   * A variable text whose characters the caller checks, all of them: bytes that are no ASCII come out as characters
   * above 127.
   */
  uncheckedText(field: string, max: number, min = 0): string {
    return utf8Decoder.decode(this.octets(this.varLength(field, max, min)))
  }

  /** The count in front of a SEQUENCE OF, when each element has at least `elementBytesMin` bytes. */
  count(field: string, elementBytesMin: number): number {
    const size = this.length()
    const start = this.take(size)
    if (size === 0 || (size > 1 && this.bytes[start] === 0)) {
      throw new NonCanonicalIntegerError({ what: this.what, offset: start })
    }
    let count = 0
    for (let i = 0; i < size && i < countBytesMax; i++) count = count * 0x100 + this.bytes[start + i]!
    if (size > countBytesMax || count * elementBytesMin > this.left) {
      throw new CountError({ field, countMax: Math.floor(this.left / elementBytesMin) })
    }
    return count
  }

  /** Enters a variable field that is the last: its end must be the end of the bytes, and `end` checks for it. */
  enterLast(): void {
    const length = this.length()
    if (length !== this.left) this.throwTrailing(this.offset + length)
  }

  /** @throws {TrailingBytesError} Bytes are left. */
  end(): void {
    if (this.offset !== this.limit) this.throwTrailing(this.offset)
  }

  private varLength(field: string, max: number, min: number): number {
    const length = this.length()
    if (length < min || length > max) throw new FieldLengthError({ field, length, min, max })
    return length
  }

  private take(count: number): number {
    const offset = this.offset
    if (count > this.limit - offset) this.throwTruncated(count)
    this.offset = offset + count
    return offset
  }

  private throwTruncated(needed: number): never {
    throw new TruncatedError({ what: this.what, offset: this.offset, needed, left: this.left })
  }

  private throwTrailing(offset: number): never {
    throw new TrailingBytesError({ what: this.what, offset, count: this.limit - offset })
  }
}

/** Writes fields one after the other into a buffer that grows. Every value is checked. */
export class Writer {
  private bytes = new Uint8Array(256)
  private offset = 0

  uint8(field: string, value: number): void {
    assertUint(field, value, uint8Max)
    const offset = this.reserve(1)
    this.bytes[offset] = value
  }

  uint16(field: string, value: number): void {
    assertUint(field, value, uint16Max)
    const offset = this.reserve(2)
    this.bytes[offset] = value >>> 8
    this.bytes[offset + 1] = value
  }

  uint32(field: string, value: number): void {
    assertUint(field, value, uint32Max)
    const offset = this.reserve(4)
    for (let i = 0; i < 4; i++) this.bytes[offset + i] = value >>> (24 - 8 * i)
  }

  uint64(field: string, value: bigint): void {
    assertUint64(field, value)
    const offset = this.reserve(8)
    writeUint64(this.bytes, offset, value)
  }

  /** Exactly `count` bytes, without a prefix. */
  octets(field: string, bytes: Uint8Array, count: number): void {
    assertLength(field, bytes.length, count, count)
    const offset = this.reserve(count)
    this.bytes.set(bytes, offset)
  }

  varOctets(field: string, bytes: Uint8Array, max: number, min = 0): void {
    assertLength(field, bytes.length, min, max)
    const offset = this.reserve(varSize(bytes.length))
    this.bytes.set(bytes, writeLength(this.bytes, offset, bytes.length))
  }

  /** A variable IA5String. */
  ascii(field: string, text: string, max: number, min = 0): void {
    assertAscii(field, text)
    assertLength(field, text.length, min, max)
    this.varOctets(field, utf8Encoder.encode(text), max)
  }

  /** An IA5String of exactly `count` characters, without a prefix. */
  fixedAscii(field: string, text: string, count: number): void {
    assertAscii(field, text)
    this.octets(field, utf8Encoder.encode(text), count)
  }

  /** A variable UTF8String; the bounds are in bytes. */
  utf8(field: string, text: string, max: number, min = 0): void {
    // The encoder would turn half of a surrogate pair into another character without a word.
    if (/\p{Surrogate}/u.test(text)) throw new CharacterError({ field, expected: 'UTF-8' })
    this.varOctets(field, utf8Encoder.encode(text), max, min)
  }

  /** The count in front of a SEQUENCE OF: a minimal unsigned integer. */
  count(field: string, count: number): void {
    assertUint(field, count, uint32Max)
    const size = count < 0x100 ? 1 : count < 0x1_0000 ? 2 : count < 0x100_0000 ? 3 : 4
    let offset = this.reserve(1 + size)
    this.bytes[offset++] = size
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) this.bytes[offset++] = count >>> shift
  }

  /** Room for `count` bytes that another function writes; use it before the next call. */
  room(count: number, write: (target: Uint8Array, offset: number) => void): void {
    const offset = this.reserve(count)
    write(this.bytes, offset)
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.offset)
  }

  /** May replace `bytes`: take it only afterwards. */
  private reserve(count: number): number {
    const offset = this.offset
    const needed = offset + count
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.offset = needed
    return offset
  }
}

/** @throws {CharacterError} `text` has a character above 127. */
export function assertAscii(field: string, text: string): void {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) throw new CharacterError({ field, expected: 'ASCII' })
  }
}

export class TruncatedError extends CodecError {
  override readonly name = 'Oer.TruncatedError'
  readonly code = 'OER_TRUNCATED'
  constructor(options: {
    readonly what: string
    readonly offset: number
    readonly needed: number
    readonly left: number
  }) {
    const { what, offset, needed, left } = options
    super(`${what} is cut short: at offset ${offset} it needs ${needed} more bytes, but ${left} are left.`)
  }
}

export class NonCanonicalLengthError extends CodecError {
  override readonly name = 'Oer.NonCanonicalLengthError'
  readonly code = 'OER_NON_CANONICAL_LENGTH'
  constructor(options: { readonly what: string; readonly offset: number }) {
    super(`${options.what} has a length prefix at offset ${options.offset} that is not in its shortest form.`)
  }
}

export class LengthTooLargeError extends CodecError {
  override readonly name = 'Oer.LengthTooLargeError'
  readonly code = 'OER_LENGTH_TOO_LARGE'
  constructor(options: { readonly what: string; readonly offset: number }) {
    super(`${options.what} has a length prefix at offset ${options.offset} of more than ${lengthBytesMax} bytes.`)
  }
}

export class NonCanonicalIntegerError extends CodecError {
  override readonly name = 'Oer.NonCanonicalIntegerError'
  readonly code = 'OER_NON_CANONICAL_INTEGER'
  constructor(options: { readonly what: string; readonly offset: number }) {
    super(`${options.what} has an integer at offset ${options.offset} that is not in its shortest form.`)
  }
}

export class CountError extends CodecError {
  override readonly name = 'Oer.CountError'
  readonly code = 'OER_COUNT'
  constructor(options: { readonly field: string; readonly countMax: number }) {
    super(`${options.field} announces more elements than the ${options.countMax} that are allowed or have room.`)
  }
}

export class TrailingBytesError extends CodecError {
  override readonly name = 'Oer.TrailingBytesError'
  readonly code = 'OER_TRAILING_BYTES'
  constructor(options: { readonly what: string; readonly offset: number; readonly count: number }) {
    super(`${options.what} should end at offset ${options.offset}, but ${options.count} more bytes follow.`)
  }
}

export class FieldLengthError extends CodecError {
  override readonly name = 'Oer.FieldLengthError'
  readonly code = 'OER_FIELD_LENGTH'
  constructor(options: {
    readonly field: string
    readonly length: number
    readonly min: number
    readonly max: number
  }) {
    const { field, length, min, max } = options
    super(`${field} has ${length} bytes, but ${min === max ? `exactly ${min}` : `${min} to ${max}`} are allowed.`)
  }
}

export class IntegerRangeError extends CodecError {
  override readonly name = 'Oer.IntegerRangeError'
  readonly code = 'OER_INTEGER_RANGE'
  constructor(options: { readonly field: string; readonly max: number | bigint }) {
    super(`${options.field} is not an integer from 0 to ${options.max}.`)
  }
}

export class CharacterError extends CodecError {
  override readonly name = 'Oer.CharacterError'
  readonly code = 'OER_CHARACTER'
  constructor(options: { readonly field: string; readonly expected: 'ASCII' | 'UTF-8' }) {
    super(`${options.field} is not valid ${options.expected}.`)
  }
}
