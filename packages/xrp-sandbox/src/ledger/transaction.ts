/**
 * A transaction as it came in: its blob decoded, its fields and memos checked, its signature verified. What passes here
 * may be applied; what the ledger thinks of it is decided elsewhere.
 */

import { MillstreamError } from '@millstream/units'
import { decode, encode, encodeForSigning } from 'ripple-binary-codec'
import { deriveAddress, verify } from 'ripple-keypairs'
import type { Json, JsonObject } from './entry.js'
import { prefixes, sha512Half, toHex } from './hash.js'
import { complaintAbout } from './transaction-format.js'

export interface TransactionFields extends JsonObject {
  readonly TransactionType: string
  readonly Account: string
  readonly Fee: string
  readonly Sequence: number
  readonly SigningPubKey: string
  readonly Flags?: number
  readonly LastLedgerSequence?: number
  readonly AccountTxnID?: string
  readonly NetworkID?: number
  readonly TicketSequence?: number
}

export interface Transaction {
  readonly fields: TransactionFields
  /** Upper case hex, fields in their canonical order. */
  readonly blob: string
  readonly hash: string
  /** The account whose key signed it. `undefined`: signed by several, or by nobody. */
  readonly signer: string | undefined
}

const blobBytesMin = 32
export const blobBytesMax = 1_048_576
const memosBytesMax = 1024
const textCharactersMax = 2 * memosBytesMax
/** `TxnSignature`, and what stands before the fields of a transaction when it is signed: `STX\\0`. */
const signatureField = '74'
const signingPrefix = '53545800'
const oneOctetLengthMax = 192

const signers = new Map<string, string>()
const signersMax = 65_536

/**
 * @param blob - Hex of a signed transaction.
 * @throws {InvalidTransactionError} with the text that `rippled` gives as `error_exception`.
 */
export function parse(blob: string): Transaction {
  const bytes = blob.length / 2
  if (bytes < blobBytesMin || bytes > blobBytesMax) throw new InvalidTransactionError('Transaction length invalid')
  const fields = decodeFields(blob)
  const complaint = complaintAbout(fields)
  if (complaint !== undefined) throw new InvalidTransactionError(complaint)
  const transaction = fields as TransactionFields
  assertShort(fields)
  const memo = complaintAboutMemos(transaction.Memos)
  if (memo !== undefined) throw new InvalidTransactionError(`fails local checks: ${memo}`)
  const signed = encodedOf(transaction)
  const multiSigned = transaction.SigningPubKey === '' && transaction.Signers !== undefined
  if (!multiSigned && !isSigned(transaction, signed)) {
    throw new InvalidTransactionError('fails local checks: Invalid signature.')
  }
  return {
    fields: transaction,
    blob: signed,
    hash: toHex(sha512Half(prefixes.transaction, Buffer.from(signed, 'hex'))),
    signer: multiSigned ? undefined : addressOf(transaction.SigningPubKey),
  }
}

/**
 * A transaction that is not signed, for a simulation: as if its account had signed it.
 *
 * @throws {InvalidTransactionError} A field is missing, out of place, or cannot be encoded.
 */
export function unsigned(fields: JsonObject): Transaction {
  const complaint = complaintAbout(fields)
  if (complaint !== undefined) throw new InvalidTransactionError(complaint)
  assertShort(fields)
  const blob = encodedOf(fields as TransactionFields)
  const transaction = decodeFields(blob) as TransactionFields
  return {
    fields: transaction,
    blob,
    hash: toHex(sha512Half(prefixes.transaction, Buffer.from(blob, 'hex'))),
    signer: transaction.Account,
  }
}

/** @throws {InvalidTransactionError} It cannot be decoded. */
export function decodeFields(blob: string): JsonObject {
  try {
    return decode(blob) as JsonObject
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const short = /requested \d+ bytes|end of buffer|out of|outside/i.test(message)
    throw new InvalidTransactionError(short ? 'invalid SerialIter getRaw' : message.slice(0, 200), { cause })
  }
}

function encodedOf(fields: TransactionFields): string {
  try {
    return encode(fields)
  } catch (cause) {
    throw new InvalidTransactionError(cause instanceof Error ? cause.message.slice(0, 200) : String(cause), { cause })
  }
}

function isSigned(fields: TransactionFields, blob: string): boolean {
  const signature = fields.TxnSignature
  if (typeof signature !== 'string' || signature === '' || fields.Signers !== undefined) return false
  try {
    return verify(signedData(fields, signature, blob), signature, fields.SigningPubKey)
  } catch {
    // The packages throw where key or signature have no such form at all.
    return false
  }
}

/**
 * What is signed is the blob without its signature, which is cheaper to cut out than to encode all again. The signature
 * of a claim on a channel is not signed either.
 */
function signedData(fields: TransactionFields, signature: string, blob: string): string {
  if (fields.Signature !== undefined) return encodeForSigning(fields)
  const bytes = signature.length / 2
  const field = `${signatureField}${bytes.toString(16).padStart(2, '0')}${signature}`.toUpperCase()
  const at = blob.indexOf(field)
  if (bytes > oneOctetLengthMax || at < 0 || at % 2 !== 0) return encodeForSigning(fields)
  return signingPrefix + blob.slice(0, at) + blob.slice(at + field.length)
}

function addressOf(publicKey: string): string {
  const known = signers.get(publicKey)
  if (known !== undefined) return known
  const address = deriveAddress(publicKey)
  if (signers.size >= signersMax) signers.clear()
  signers.set(publicKey, address)
  return address
}

/**
 * No field that the sandbox knows is longer than a memo can be. The codec looks into every text whether it is an
 * address, for a time that grows with the square of its length.
 */
function assertShort(value: Json | undefined): void {
  if (typeof value === 'string' && value.length > textCharactersMax) {
    throw new InvalidTransactionError('fails local checks: A field is too long.')
  }
  if (typeof value !== 'object' || value === null) return
  for (const part of Object.values(value)) assertShort(part)
}

/** Characters of URLs in RFC 3986. */
const memoText = /^[0-9A-Za-z\-._~:/?#[\]@!$&'()*+,;=%]*$/

function complaintAboutMemos(memos: Json | undefined): string | undefined {
  if (memos === undefined) return undefined
  if (!Array.isArray(memos)) return 'A memo array may contain only Memo objects.'
  if (encodedBytesOf(memos as readonly JsonObject[]) > memosBytesMax)
    return 'The memo exceeds the maximum allowed size.'
  for (const element of memos as readonly JsonObject[]) {
    const memo = element.Memo as JsonObject | undefined
    if (memo === undefined) return 'A memo array may contain only Memo objects.'
    for (const [name, value] of Object.entries(memo)) {
      if (name !== 'MemoType' && name !== 'MemoData' && name !== 'MemoFormat') {
        return 'A memo may contain only MemoType, MemoData or MemoFormat fields.'
      }
      if (name !== 'MemoData' && !memoText.test(Buffer.from(String(value), 'hex').toString('latin1'))) {
        return 'The MemoType and MemoFormat fields may only contain characters that are allowed in URLs under RFC 3986.'
      }
    }
  }
  return undefined
}

/** As an array of objects without the name of the array: each memo and the array have an end, each field a length. */
function encodedBytesOf(memos: readonly JsonObject[]): number {
  let bytes = 1
  for (const { Memo } of memos) {
    bytes += 2
    for (const value of Object.values((Memo ?? {}) as JsonObject)) {
      const octets = String(value).length / 2
      bytes += octets + (octets <= oneOctetLengthMax ? 2 : 3)
    }
  }
  return bytes
}

export class InvalidTransactionError extends MillstreamError {
  override readonly name = 'Transaction.InvalidTransactionError'
  readonly code = 'XRP_SANDBOX_INVALID_TRANSACTION'
  readonly exception: string
  constructor(exception: string, options?: ErrorOptions) {
    super(`This is no transaction: ${exception} Nothing was applied. Sign it again and submit that.`, options)
    this.exception = exception
  }
}
