/**
 * Amounts: integers of base units of one asset, 0 to 2^64 - 1, never in a double.
 *
 * A sum or difference of amounts is a plain `bigint` until `from` has checked it again. Text becomes an amount only
 * through `parse` (a person's decimal, in units of the asset) or `fromText` (the wire's integer, in base units); both
 * refuse what does not fit rather than round it.
 */
import type { Asset } from './asset.js'
import type { Brand } from './brand.js'
import { MillstreamError } from './millstream-error.js'

export type Amount = Brand<bigint, 'Amount'>

export const amountMax = 0xffff_ffff_ffff_ffffn as Amount

const integerPattern = /^(?:0|[1-9][0-9]{0,39})$/
const decimalPattern = /^(0|[1-9][0-9]{0,39})(?:\.([0-9]{1,30}))?$/

/**
 * Checks that a value is an amount.
 *
 * @throws {AmountOutOfRangeError} `value` is below 0 or above 2^64 - 1.
 * @example
 * Amount.from(5n) // 5n
 */
export function from(value: bigint): Amount {
  if (typeof value !== 'bigint' || value < 0n || value > amountMax) throw new AmountOutOfRangeError(String(value))
  return value as Amount
}

/**
 * Reads an amount in base units, as it stands in headers and JSON.
 *
 * @throws {AmountSyntaxError} `text` is not `0` or digits without a leading zero.
 * @throws {AmountOutOfRangeError} `text` is above 2^64 - 1.
 * @example
 * Amount.fromText('18446744073709551615') // 18446744073709551615n
 */
export function fromText(text: string): Amount {
  if (typeof text !== 'string' || !integerPattern.test(text)) throw new AmountSyntaxError(text)
  return from(BigInt(text))
}

/**
 * Reads a decimal in units of the asset, as a person writes it.
 *
 * @throws {AmountSyntaxError} `text` is not a plain decimal (no sign, no exponent, no separators).
 * @throws {AmountPrecisionError} `text` has more fraction digits than the scale holds and they are not zeros.
 * @throws {AmountOutOfRangeError} The amount is above 2^64 - 1 base units.
 * @example
 * Amount.parse('1.25', { code: 'XRP', scale: 6 }) // 1250000n
 */
export function parse(text: string, asset: Asset): Amount {
  const match = typeof text === 'string' ? decimalPattern.exec(text) : null
  if (match === null) throw new AmountSyntaxError(text)
  const [, whole = '', fraction = ''] = match
  const beyond = fraction.slice(asset.scale)
  if (/[1-9]/.test(beyond)) throw new AmountPrecisionError(text, asset)
  return from(BigInt(whole + fraction.slice(0, asset.scale).padEnd(asset.scale, '0')))
}

/**
 * Writes base units as a decimal of the asset, exactly, without trailing zeros. Takes sums and negative balances too.
 *
 * @example
 * Amount.format(1_250_000n, { code: 'XRP', scale: 6 }) // '1.25 XRP'
 */
export function format(value: bigint, asset: Asset): string {
  const digits = (value < 0n ? -value : value).toString().padStart(asset.scale + 1, '0')
  const whole = digits.slice(0, digits.length - asset.scale)
  const fraction = digits.slice(digits.length - asset.scale).replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`} ${asset.code}`
}

export class AmountSyntaxError extends MillstreamError {
  override readonly name = 'Amount.AmountSyntaxError'
  readonly code = 'AMOUNT_SYNTAX'
  constructor(text: unknown) {
    super(`${JSON.stringify(String(text).slice(0, 40))} is not an amount: write digits, without sign or leading zeros.`)
  }
}

export class AmountPrecisionError extends MillstreamError {
  override readonly name = 'Amount.AmountPrecisionError'
  readonly code = 'AMOUNT_PRECISION'
  constructor(text: string, asset: Asset) {
    super(`${text} ${asset.code} is finer than one base unit: at most ${asset.scale} digits may follow the point.`)
  }
}

export class AmountOutOfRangeError extends MillstreamError {
  override readonly name = 'Amount.AmountOutOfRangeError'
  readonly code = 'AMOUNT_OUT_OF_RANGE'
  constructor(text: string) {
    super(`${text.slice(0, 60)} is not an amount: amounts go from 0 to 18446744073709551615 base units.`)
  }
}
