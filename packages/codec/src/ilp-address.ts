/**
 * ILP addresses: `scheme.segment.segment…`, up to 1023 characters of ASCII.
 *
 * A destination names an account and does not end with a point; a prefix names a ledger or group and does. RFC 15 asked
 * for two segments after the scheme in 2017 and for one since 2018; one is the default here, and the payee checks its
 * own prefix anyway.
 *
 * @see Interledger RFC 15
 */
import { CodecError } from './codec-error.js'

export const charactersMax = 1023

/** `test` came with the second draft, `local` was in the table of the first and in its grammar since the fourth. */
const schemes: ReadonlySet<string> = new Set([
  'g',
  'private',
  'example',
  'peer',
  'self',
  'local',
  'test',
  'test1',
  'test2',
  'test3',
])

const pointCode = 0x2e
const letterG = 0x67

/** 1 for the code of each character that may stand in a segment. */
const segmentCharacters = new Uint8Array(128)
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~-') {
  segmentCharacters[character.charCodeAt(0)] = 1
}

/** Is `text` the address of an account, with at least `segmentsMin` segments after the scheme? */
export function isDestination(text: string, segmentsMin = 1): boolean {
  return measure(text) >= Math.max(1, segmentsMin)
}

/** Is `text` a prefix: a scheme and any number of segments, each followed by a point? */
export function isPrefix(text: string): boolean {
  // A prefix with one more character at its end is an address, unless it is too long already.
  return text.length > 0 && text.length <= charactersMax && measurePrefix(text)
}

/** Is `text` one segment of an address? */
export function isSegment(text: string): boolean {
  if (text.length === 0 || text.length > charactersMax) return false
  for (let i = 0; i < text.length; i++) if (!isSegmentCharacter(text.charCodeAt(i))) return false
  return true
}

/** @throws {InvalidAddressError} `text` is not a destination address. */
export function assertDestination(field: string, text: string, segmentsMin = 1): void {
  if (!isDestination(text, segmentsMin)) throw new InvalidAddressError({ field, expected: 'address' })
}

/** @throws {InvalidAddressError} `text` is not a prefix. */
export function assertPrefix(field: string, text: string): void {
  if (!isPrefix(text)) throw new InvalidAddressError({ field, expected: 'prefix' })
}

/** @throws {InvalidAddressError} `text` is neither a destination address nor a prefix. */
export function assertAddressOrPrefix(field: string, text: string): void {
  if (!isDestination(text) && !isPrefix(text)) throw new InvalidAddressError({ field, expected: 'address or prefix' })
}

/** The number of segments after the scheme; -1 if `text` is no destination address. */
function measure(text: string): number {
  const length = typeof text === 'string' ? text.length : 0
  if (length === 0 || length > charactersMax) return -1
  let segments = -1
  let segmentStart = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === pointCode) {
      if (i === segmentStart) return -1
      if (segments === -1 && !isScheme(text, i)) return -1
      segments++
      segmentStart = i + 1
    } else if (!isSegmentCharacter(code)) {
      return -1
    }
  }
  return segmentStart === length ? -1 : segments + 1
}

function measurePrefix(text: string): boolean {
  if (text.charCodeAt(text.length - 1) !== pointCode) return false
  const name = text.slice(0, -1)
  return schemes.has(name) || measure(name) >= 1
}

function isScheme(text: string, length: number): boolean {
  if (length === 1) return text.charCodeAt(0) === letterG
  return schemes.has(text.slice(0, length))
}

function isSegmentCharacter(code: number): boolean {
  return code < 128 && segmentCharacters[code] === 1
}

export class InvalidAddressError extends CodecError {
  override readonly name = 'IlpAddress.InvalidAddressError'
  readonly code = 'ILP_ADDRESS'
  constructor(options: { readonly field: string; readonly expected: 'address' | 'prefix' | 'address or prefix' }) {
    super(`${options.field} is not an ILP ${options.expected}.`)
  }
}
