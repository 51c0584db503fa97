/** LedgerInfo (IL-RFC-4): what a ledger says of itself, from a program's options or from the peer. */
import * as LedgerError from './errors.js'

export interface LedgerInfo {
  readonly prefix: string
  readonly currencyCode?: string
  /** One base unit is `10 ** -currencyScale` of the currency. */
  readonly currencyScale?: number
  readonly connectors?: readonly unknown[]
  readonly minBalance?: string
  readonly maxBalance?: string
  /** Programs put more into it, and get it back. */
  readonly [field: string]: unknown
}

/** Longest LedgerInfo that a peer may send, as JSON. */
export const infoBytesMax = 32_768

/**
 * Checks and copies; fields that the specification does not know are kept.
 *
 * @param prefix - Fills in for a `prefix` that is missing.
 * @throws {InvalidFieldsError} Not an object, without a prefix, or with a malformed field.
 */
export function ledgerInfoFrom(value: unknown, prefix?: string): LedgerInfo {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('info', value)
  const info = copyOf(value as LedgerInfo)
  const whole = info.prefix === undefined && prefix !== undefined ? { ...info, prefix } : info
  if (typeof whole.prefix !== 'string' || !whole.prefix.endsWith('.')) throw invalid('info.prefix', whole.prefix)
  const { currencyScale: scale, currencyCode: code } = whole
  if (scale !== undefined && !(Number.isInteger(scale) && scale >= 0 && scale <= 255)) {
    throw invalid('info.currencyScale', scale)
  }
  if (code !== undefined && typeof code !== 'string') throw invalid('info.currencyCode', code)
  return whole
}

/** IL-RFC-4: getInfo returns a copy each time. */
export function copyOf(info: LedgerInfo): LedgerInfo {
  return JSON.parse(JSON.stringify(info)) as LedgerInfo
}

/** Whether two infos are of one ledger: prefix, currency and scale are what money depends on. */
export function isSameLedger(a: LedgerInfo, b: LedgerInfo): boolean {
  return a.prefix === b.prefix && a.currencyCode === b.currencyCode && a.currencyScale === b.currencyScale
}

function invalid(field: string, value: unknown): LedgerError.InvalidFieldsError {
  return new LedgerError.InvalidFieldsError(`invalid "${field}"; got ${JSON.stringify(value)}`)
}
