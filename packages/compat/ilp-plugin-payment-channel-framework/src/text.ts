/**
 * The text forms of 2017: bytes as base64url, instants as ISO 8601, amounts and ids as text. Input is taken as the
 * module of 2017 took it where it can mean one thing only; output has one form.
 */
import { Amount, Condition, Instant, TransferId } from '@millstream/units'
import * as LedgerError from './errors.js'

const bytes32Pattern = /^[A-Za-z0-9_-]{43}$/
const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/

export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/**
 * Reads base64url or base64, with or without padding: programs of 2017 wrote either.
 *
 * @throws {InvalidFieldsError} Not text, or with other characters.
 */
export function toBytes(field: string, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !base64Pattern.test(value) || value.replace(/=+$/, '').length % 4 === 1) {
    throw invalid(field, 'base64url text')
  }
  return Uint8Array.from(Buffer.from(value, 'base64'))
}

/** @throws {InvalidFieldsError} Not 43 characters of base64url. */
export function toCondition(field: string, value: unknown): Condition.Condition {
  return Condition.from(toBytes32(field, value))
}

/** @throws {InvalidFieldsError} Not 43 characters of base64url. */
export function toFulfillment(field: string, value: unknown): Condition.Fulfillment {
  return Condition.fulfillmentFrom(toBytes32(field, value))
}

/**
 * Reads an amount in base units: digits, or a number that is a safe integer.
 *
 * @throws {InvalidFieldsError} Anything else: a fraction, a sign, an exponent, 2^64 or more.
 */
export function toAmount(field: string, value: unknown): Amount.Amount {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  try {
    return Amount.fromText(text as string)
  } catch {
    throw invalid(field, 'an integer from 0 to 18446744073709551615, as text')
  }
}

/** @throws {InvalidFieldsError} Not a UUID. */
export function toTransferId(field: string, value: unknown): TransferId.TransferId {
  try {
    return TransferId.parse(value as string)
  } catch {
    throw invalid(field, 'a UUID')
  }
}

/**
 * Reads an instant: ISO 8601 text or a Date.
 *
 * @throws {InvalidFieldsError} Not a time between 1970 and 9999.
 */
export function toInstant(field: string, value: unknown): Instant.Instant {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN
  try {
    return Instant.from(ms)
  } catch {
    throw invalid(field, 'a time in ISO 8601')
  }
}

/** A plain object that JSON can hold, copied; what JSON cannot say is left out. */
export function toPlainObject(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'an object')
  try {
    return JSON.parse(JSON.stringify(value)) as Record<string, unknown>
  } catch {
    throw invalid(field, 'an object that JSON can hold')
  }
}

function toBytes32(field: string, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !bytes32Pattern.test(value)) throw invalid(field, '32 bytes as base64url text')
  return Uint8Array.from(Buffer.from(value, 'base64url'))
}

function invalid(field: string, what: string): LedgerError.InvalidFieldsError {
  return new LedgerError.InvalidFieldsError(`The field "${field}" must be ${what}.`)
}
