/**
 * The `Pay` header: what a piece costs, where to pay it, and the secret or condition for doing so.
 *
 * | form | `form`        | value                                                 |
 * | ---- | ------------- | ----------------------------------------------------- |
 * | A    | `tutorial`    | `<amount> <address> <secret>`                         |
 * | B    | `condition`   | `interledger-condition <amount> <address> <condition>` |
 * | C    | `psk`         | `interledger-psk <amount> <address> <secret>`         |
 * | D    | `http_ilp`    | `<amount> <address> <secret>`                         |
 * | E    | `hkdf`        | `interledger-hkdf <amount> <address> <secret>`        |
 * | F    | `psk2`        | `interledger-psk2 <address> <secret> <amount>`        |
 * | G    | `btp2`        | `interledger-btp2 <https URL> <amount>`               |
 * | X    | `x_pay`       | header `X-Pay`: `<amount> <address> <secret>`         |
 *
 * A, D and X look alike, so what surrounds the header must tell them apart. How each form derives a fulfillment is in
 * `Derivation`. The value holds a secret: it is never quoted in an error.
 *
 * @see The streaming tutorial of 2017; Interledger RFC 14, drafts 1 to 5
 */
import { Base64Url } from '@millstream/units'
import { CodecError } from './codec-error.js'
import * as IlpAddress from './ilp-address.js'
import { uint64Max } from './oer.js'

export const charactersMax = 2048

/** koa-ilp uses 16 bytes, everybody else 32. */
export const secretBytesMin = 16

const conditionBytes = 32

export type SecretForm = 'tutorial' | 'psk' | 'http_ilp' | 'hkdf' | 'psk2' | 'x_pay'

export type PayHeader =
  | {
      readonly form: SecretForm
      /** Base units of the ledger of `address`. */
      readonly amount: bigint
      /** A payment goes to `<address>.<payment id>`. */
      readonly address: string
      /** Key of the derivation: at least 16 bytes. */
      readonly secret: Uint8Array
    }
  | {
      readonly form: 'condition'
      readonly amount: bigint
      readonly address: string
      /** 32 bytes; only the payee knows the fulfillment. */
      readonly condition: Uint8Array
    }
  | {
      readonly form: 'btp2'
      readonly amount: bigint
      readonly url: string
    }

/** What tells the three forms without a name apart. */
export interface Hint {
  /** Of the response. 402, and 204 to OPTIONS, mean form D. */
  readonly status?: number
  /** The response has `Pay-Balance`: form D. */
  readonly hasPayBalance?: boolean
  /** Settles it, whatever else is known. `x_pay` when the header was `X-Pay`. */
  readonly unnamed?: 'tutorial' | 'http_ilp' | 'x_pay'
}

const formsByMethod: ReadonlyMap<string, PayHeader['form']> = new Map([
  ['interledger-condition', 'condition'],
  ['interledger-psk', 'psk'],
  ['interledger-hkdf', 'hkdf'],
  ['interledger-psk2', 'psk2'],
  ['interledger-btp2', 'btp2'],
])

/**
 * Parses the value of a `Pay` header.
 *
 * @param value - As it came; spaces and tabs around it are ignored.
 * @throws {PaySyntaxError} The wrong number of fields, empty ones, more than 2,048 characters, or a comma: several
 *   headers were joined.
 * @throws {PayMethodError} An `interledger-…` method that is not known: it is not guessed at.
 * @throws {PayAmountError} The amount is not `0` or digits without a leading zero, or is above 2^64 - 1.
 * @throws {InvalidAddressError} The address is not a destination address.
 * @throws {PaySecretError} The secret or condition is not canonical base64url or has the wrong length.
 * @example
 * PayHeader.parse('1 g.letter-shop.mytrustline.server.UUxOFrawp0A Agli74z_HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4')
 * // { form: 'tutorial', amount: 1n, address: 'g.letter-shop.mytrustline.server.UUxOFrawp0A', secret: Uint8Array(32) }
 */
export function parse(value: string, hint: Hint = {}): PayHeader {
  if (value.length > charactersMax || value.includes(',')) throw new PaySyntaxError()
  const fields = value.replace(/^[ \t]+|[ \t]+$/g, '').split(' ')
  const [first = '', second = '', third = '', fourth = ''] = fields
  if (fields.some((field) => field === '')) throw new PaySyntaxError()
  const form = formsByMethod.get(first)
  switch (form) {
    case 'condition':
      assertFields(fields, 4)
      return {
        form,
        amount: parseAmount(second),
        address: parseAddress(third),
        condition: parseBytes(fourth, conditionBytes, conditionBytes),
      }
    case 'psk':
    case 'hkdf':
      assertFields(fields, 4)
      return { form, amount: parseAmount(second), address: parseAddress(third), secret: parseSecret(fourth) }
    case 'psk2':
      assertFields(fields, 4)
      return { form, amount: parseAmount(fourth), address: parseAddress(second), secret: parseSecret(third) }
    case 'btp2':
      assertFields(fields, 3)
      return { form, amount: parseAmount(third), url: parseUrl(second) }
    default: {
      if (first.startsWith('interledger-')) throw new PayMethodError()
      assertFields(fields, 3)
      return {
        form: unnamedForm(hint),
        amount: parseAmount(first),
        address: parseAddress(second),
        secret: parseSecret(third),
      }
    }
  }
}

/**
 * Formats the value of a `Pay` header (of `X-Pay` for form X).
 *
 * @throws {CodecError} A part is not what `parse` would accept.
 */
export function format(header: PayHeader): string {
  const value = fieldsOf(header).join(' ')
  const unnamed = header.form === 'tutorial' || header.form === 'http_ilp' || header.form === 'x_pay'
  parse(value, unnamed ? { unnamed: header.form } : {})
  return value
}

function fieldsOf(header: PayHeader): readonly string[] {
  const amount = String(header.amount)
  switch (header.form) {
    case 'condition':
      return ['interledger-condition', amount, header.address, Base64Url.fromBytes(header.condition)]
    case 'btp2':
      return ['interledger-btp2', header.url, amount]
    case 'psk':
    case 'hkdf':
      return [`interledger-${header.form}`, amount, header.address, Base64Url.fromBytes(header.secret)]
    case 'psk2':
      return ['interledger-psk2', header.address, Base64Url.fromBytes(header.secret), amount]
    default:
      return [amount, header.address, Base64Url.fromBytes(header.secret)]
  }
}

function unnamedForm(hint: Hint): 'tutorial' | 'http_ilp' | 'x_pay' {
  if (hint.unnamed !== undefined) return hint.unnamed
  return hint.status === 402 || hint.status === 204 || hint.hasPayBalance === true ? 'http_ilp' : 'tutorial'
}

function assertFields(fields: readonly string[], count: number): void {
  if (fields.length !== count) throw new PaySyntaxError()
}

function parseAmount(text: string): bigint {
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(text)) throw new PayAmountError()
  const amount = BigInt(text)
  if (amount > uint64Max) throw new PayAmountError()
  return amount
}

function parseAddress(text: string): string {
  IlpAddress.assertDestination('The address in a Pay header', text)
  return text
}

function parseSecret(text: string): Uint8Array {
  return parseBytes(text, secretBytesMin, charactersMax)
}

function parseBytes(text: string, min: number, max: number): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = Base64Url.toBytes(text)
  } catch {
    throw new PaySecretError()
  }
  if (bytes.length < min || bytes.length > max) throw new PaySecretError()
  return bytes
}

function parseUrl(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new PaySyntaxError()
  }
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') throw new PaySyntaxError()
  return text
}

export class PaySyntaxError extends CodecError {
  override readonly name = 'PayHeader.PaySyntaxError'
  readonly code = 'PAY_HEADER_SYNTAX'
  constructor() {
    super('The Pay header does not have one of the known forms.')
  }
}

export class PayMethodError extends CodecError {
  override readonly name = 'PayHeader.PayMethodError'
  readonly code = 'PAY_HEADER_METHOD'
  constructor() {
    super('The Pay header names a way of paying that is not known here.')
  }
}

export class PayAmountError extends CodecError {
  override readonly name = 'PayHeader.PayAmountError'
  readonly code = 'PAY_HEADER_AMOUNT'
  constructor() {
    super('The amount in a Pay header is not an integer from 0 to 18446744073709551615.')
  }
}

export class PaySecretError extends CodecError {
  override readonly name = 'PayHeader.PaySecretError'
  readonly code = 'PAY_HEADER_SECRET'
  constructor() {
    super(
      `The secret in a Pay header is not base64url of at least ${secretBytesMin} bytes, or a condition not of ${conditionBytes}.`,
    )
  }
}
