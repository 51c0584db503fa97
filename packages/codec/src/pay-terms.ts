/**
 * The `Pay-Terms` header: what the price buys and in which money, for a payer to judge before it pays. A dictionary of
 * HTTP structured fields; members that are not known are ignored, so that later versions can add some.
 *
 * ```
 * Pay-Terms: unit=bytes:1024, pieces=10, asset="XRP", scale=9, ledger="g.letter-shop.mytrustline."
 * ```
 *
 * | member        | type    | required | meaning                                                         |
 * | ------------- | ------- | -------- | --------------------------------------------------------------- |
 * | `unit`        | token   | yes      | what one price buys: see `Unit`                                 |
 * | `pieces`      | integer |          | how many pieces the whole body has, if the shop knows           |
 * | `asset`       | string  | yes      | code of the asset                                               |
 * | `scale`       | integer | yes      | one base unit is 10^-scale of it                                |
 * | `ledger`      | string  | yes      | prefix of the ledger on which is paid                           |
 * | `payment-min` | string  |          | smallest payment that the rail carries, decimal, in base units  |
 *
 * @see RFC 9651 (structured fields)
 */
import { Amount, type Asset } from '@millstream/units'
import { type Dictionary, parseDictionary, serializeDictionary, Token } from 'structured-headers'
import { CodecError } from './codec-error.js'
import * as IlpAddress from './ilp-address.js'

export const charactersMax = 2048
/** The largest integer of a structured field. */
export const piecesMax = 999_999_999_999_999
export const scaleMax = 30
export const unitBytesMax = 0x7fff_ffff

/** One piece: a letter, N bytes, a line, an event; `opaque` when the reader cannot count them. */
export type Unit =
  | { readonly kind: 'letter' | 'line' | 'event' | 'opaque' }
  | { readonly kind: 'bytes'; readonly bytes: number }

export interface PayTerms {
  /** As it stands in the header; `unitOf` reads it. A unit that is not known counts as opaque. */
  readonly unit: string
  readonly pieces?: number
  readonly asset: Asset
  /** Prefix of the ledger, ends with a point. */
  readonly ledger: string
  readonly paymentMin?: bigint
}

/**
 * @throws {PayTermsError} Not a dictionary of structured fields, a required member missing, or one that is not of its
 *   type or range.
 */
export function parse(value: string): PayTerms {
  const members = parseMembers(value)
  const unit = bareItem(members, 'unit')
  if (!(unit instanceof Token)) throw new PayTermsError('unit')
  const code = bareItem(members, 'asset')
  const scale = bareItem(members, 'scale')
  const ledger = bareItem(members, 'ledger')
  const pieces = bareItem(members, 'pieces')
  const paymentMin = bareItem(members, 'payment-min')
  const terms = {
    unit: unit.toString(),
    ...(pieces === undefined ? {} : { pieces }),
    asset: { code, scale },
    ledger,
    ...(paymentMin === undefined ? {} : { paymentMin: parseAmount(paymentMin) }),
  }
  assertTerms(terms)
  return terms
}

/** @throws {PayTermsError} A part is not what `parse` would accept. */
export function format(terms: PayTerms): string {
  assertTerms(terms)
  const members: Dictionary = new Map()
  members.set('unit', [new Token(terms.unit), new Map()])
  if (terms.pieces !== undefined) members.set('pieces', [terms.pieces, new Map()])
  members.set('asset', [terms.asset.code, new Map()])
  members.set('scale', [terms.asset.scale, new Map()])
  members.set('ledger', [terms.ledger, new Map()])
  if (terms.paymentMin !== undefined) members.set('payment-min', [String(terms.paymentMin), new Map()])
  return serializeDictionary(members)
}

/** What a unit means. A unit that is not known cannot be counted: it is opaque. */
export function unitOf(terms: Pick<PayTerms, 'unit'>): Unit {
  const { unit } = terms
  if (unit === 'letter' || unit === 'line' || unit === 'event') return { kind: unit }
  const bytes = unitBytes(unit)
  return bytes === undefined ? { kind: 'opaque' } : { kind: 'bytes', bytes }
}

function unitBytes(unit: string): number | undefined {
  const match = /^bytes:([1-9][0-9]{0,9})$/.exec(unit)
  const bytes = match === null ? 0 : Number(match[1])
  return bytes >= 1 && bytes <= unitBytesMax ? bytes : undefined
}

function parseMembers(value: string): Dictionary {
  if (value.length > charactersMax) throw new PayTermsError('value')
  try {
    return parseDictionary(value)
  } catch {
    throw new PayTermsError('value')
  }
}

/** The value of a member without its parameters; undefined when there is none or when it is a list. */
function bareItem(members: Dictionary, name: string): unknown {
  const member = members.get(name)
  if (member === undefined) return undefined
  if (Array.isArray(member[0])) throw new PayTermsError(name)
  return member[0]
}

function parseAmount(text: unknown): bigint {
  try {
    return Amount.fromText(text as string)
  } catch {
    throw new PayTermsError('payment-min')
  }
}

function assertTerms(terms: {
  readonly unit: string
  readonly pieces?: unknown
  readonly asset: { readonly code: unknown; readonly scale: unknown }
  readonly ledger: unknown
  readonly paymentMin?: bigint
}): asserts terms is PayTerms {
  const { unit, pieces, asset, ledger, paymentMin } = terms
  if (unit.startsWith('bytes') && unitBytes(unit) === undefined) throw new PayTermsError('unit')
  // The letters of a token, and few enough for a terminal.
  if (!/^[A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]{0,63}$/.test(unit)) throw new PayTermsError('unit')
  if (pieces !== undefined && !isUint(pieces, piecesMax)) throw new PayTermsError('pieces')
  if (typeof asset.code !== 'string' || !/^[\x21-\x7e]{1,32}$/.test(asset.code)) throw new PayTermsError('asset')
  if (!isUint(asset.scale, scaleMax)) throw new PayTermsError('scale')
  if (typeof ledger !== 'string' || !IlpAddress.isPrefix(ledger)) throw new PayTermsError('ledger')
  if (paymentMin !== undefined && (paymentMin < 0n || paymentMin > Amount.amountMax)) {
    throw new PayTermsError('payment-min')
  }
}

function isUint(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}

export class PayTermsError extends CodecError {
  override readonly name = 'PayTerms.PayTermsError'
  readonly code = 'PAY_TERMS'
  constructor(member: string) {
    super(`The ${member} of a Pay-Terms header is missing or is not what it must be.`)
  }
}
