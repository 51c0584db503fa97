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

// `test` came with the second draft; `local` was in the table of the first and in its grammar since the fourth.
const scheme = '(?:g|private|example|peer|self|local|test[1-3]?)'
const segment = '[A-Za-z0-9_~-]+'
const destinationPattern = new RegExp(`^${scheme}(?:\\.${segment})+$`)
const prefixPattern = new RegExp(`^${scheme}\\.(?:${segment}\\.)*$`)
const segmentPattern = new RegExp(`^${segment}$`)

/** Is `text` the address of an account, with at least `segmentsMin` segments after the scheme? */
export function isDestination(text: string, segmentsMin = 1): boolean {
  if (typeof text !== 'string' || text.length > charactersMax || !destinationPattern.test(text)) return false
  return segmentsMin <= 1 || text.split('.').length > segmentsMin
}

/** Is `text` a prefix: a scheme and any number of segments, each followed by a point? */
export function isPrefix(text: string): boolean {
  return typeof text === 'string' && text.length <= charactersMax && prefixPattern.test(text)
}

/** Is `text` one segment of an address? */
export function isSegment(text: string): boolean {
  return typeof text === 'string' && text.length <= charactersMax && segmentPattern.test(text)
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

export class InvalidAddressError extends CodecError {
  override readonly name = 'IlpAddress.InvalidAddressError'
  readonly code = 'ILP_ADDRESS'
  constructor(options: { readonly field: string; readonly expected: 'address' | 'prefix' | 'address or prefix' }) {
    super(`${options.field} is not an ILP ${options.expected}.`)
  }
}
