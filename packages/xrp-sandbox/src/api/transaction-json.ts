/** Transactions as the two versions of the API show them. */
import { encode } from 'ripple-binary-codec'
import type { ClosedLedger, ValidatedTransaction } from '../ledger/closed-ledger.js'
import { codeOf, type EngineResult, messageOf } from '../ledger/engine-result.js'
import type { JsonObject } from '../ledger/entry.js'
import type { Found } from '../ledger/history.js'
import * as RippleTime from '../ledger/ripple-time.js'
import type { Transaction } from '../ledger/transaction.js'
import type { ApiVersion } from './method.js'

/** The fields; of a payment version 2 says `DeliverMax`, version 1 says that and `Amount`. */
export function fieldsOf({ fields }: Transaction, version: ApiVersion): JsonObject {
  if (fields.TransactionType !== 'Payment') return fields
  if (version === 1) return { ...fields, DeliverMax: fields.Amount }
  const { Amount, ...rest } = fields
  return { ...rest, DeliverMax: Amount }
}

/** The metadata with what was delivered, where a transaction delivers XRP and was successful. */
export function metadataOf({ transaction, metadata }: ValidatedTransaction): JsonObject {
  if (metadata.TransactionResult !== 'tesSUCCESS') return metadata
  const delivered =
    metadata.DeliveredAmount ??
    (transaction.fields.TransactionType === 'Payment' ? transaction.fields.Amount : undefined)
  return delivered === undefined ? metadata : { ...metadata, delivered_amount: delivered }
}

/** Where a transaction stands: ledger, position, network. */
export function ctidOf(ledgerIndex: number, position: number, networkId: number): string {
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0')
  return `C${hex(ledgerIndex, 7)}${hex(position, 4)}${hex(networkId, 4)}`
}

/** The answer to `tx`. */
export function lookedUp(
  { ledger, position, validated }: Found,
  version: ApiVersion,
  binary: boolean,
  networkId: number,
): JsonObject {
  const { transaction } = validated
  const ctid = ctidOf(ledger.index, position, networkId)
  const inLedger = { ctid, date: ledger.closeTime, ledger_index: ledger.index }
  if (version === 1) {
    if (binary) {
      const { blob: tx, hash } = transaction
      return { ...inLedger, hash, inLedger: ledger.index, meta: encode(validated.metadata), tx, validated: true }
    }
    return {
      ...fieldsOf(transaction, 1),
      ...inLedger,
      hash: transaction.hash,
      inLedger: ledger.index,
      meta: metadataOf(validated),
      validated: true,
    }
  }
  const common = {
    close_time_iso: RippleTime.toIso(ledger.closeTime),
    ctid,
    hash: transaction.hash,
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    validated: true,
  }
  if (binary) return { ...common, meta_blob: encode(validated.metadata), tx_blob: transaction.blob }
  return { ...common, meta: metadataOf(validated), tx_json: { ...fieldsOf(transaction, 2), ...inLedger } }
}

/** The answer to `tx` for one that is in no ledger. */
export function unvalidated(transaction: Transaction, version: ApiVersion, binary: boolean): JsonObject {
  const { hash, blob } = transaction
  if (version === 1) {
    return binary ? { tx: blob, hash, validated: false } : { ...fieldsOf(transaction, 1), hash, validated: false }
  }
  return binary
    ? { tx_blob: blob, hash, validated: false }
    : { hash, tx_json: fieldsOf(transaction, 2), validated: false }
}

/** One transaction in the answer to `account_tx`. */
export function listed(found: Found, version: ApiVersion, binary: boolean, networkId: number): JsonObject {
  const { ledger, position, validated } = found
  const { transaction } = validated
  if (binary) {
    const meta = encode(validated.metadata)
    return {
      ledger_index: ledger.index,
      ...(version === 1 ? { meta } : { meta_blob: meta }),
      tx_blob: transaction.blob,
      validated: true,
    }
  }
  const inLedger = {
    ctid: ctidOf(ledger.index, position, networkId),
    date: ledger.closeTime,
    ledger_index: ledger.index,
  }
  if (version === 1) {
    const tx = { ...fieldsOf(transaction, 1), ...inLedger, hash: transaction.hash, inLedger: ledger.index }
    return { meta: metadataOf(validated), tx, validated: true }
  }
  return {
    close_time_iso: RippleTime.toIso(ledger.closeTime),
    hash: transaction.hash,
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    meta: metadataOf(validated),
    tx_json: { ...fieldsOf(transaction, 2), ...inLedger },
    validated: true,
  }
}

/** One transaction in the answer to `ledger` with `expand`. */
export function inLedger(
  ledger: ClosedLedger,
  validated: ValidatedTransaction,
  version: ApiVersion,
  binary: boolean,
): JsonObject {
  const { transaction } = validated
  if (binary) {
    const meta = encode(validated.metadata)
    return version === 1
      ? { meta, tx_blob: transaction.blob }
      : { hash: transaction.hash, meta_blob: meta, tx_blob: transaction.blob }
  }
  if (version === 1) return { ...fieldsOf(transaction, 1), hash: transaction.hash, metaData: metadataOf(validated) }
  return {
    close_time_iso: RippleTime.toIso(ledger.closeTime),
    hash: transaction.hash,
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    meta: metadataOf(validated),
    tx_json: fieldsOf(transaction, 2),
    validated: true,
  }
}

/** The message to subscribers about a validated transaction. */
export function validatedEvent(
  ledger: ClosedLedger,
  position: number,
  version: ApiVersion,
  networkId: number,
): JsonObject {
  const validated = ledger.transactions[position]!
  const { transaction } = validated
  return {
    close_time_iso: RippleTime.toIso(ledger.closeTime),
    ctid: ctidOf(ledger.index, position, networkId),
    ...resultFields(validated.metadata.TransactionResult),
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    meta: metadataOf(validated),
    status: 'closed',
    type: 'transaction',
    validated: true,
    ...eventFields(transaction, version, { date: ledger.closeTime }),
  }
}

/** The message to subscribers about a transaction that came into the open ledger. */
export function proposedEvent(
  transaction: Transaction,
  result: EngineResult,
  openIndex: number,
  version: ApiVersion,
): JsonObject {
  return {
    ...resultFields(result),
    ledger_current_index: openIndex,
    status: 'proposed',
    type: 'transaction',
    validated: false,
    ...eventFields(transaction, version, {}),
  }
}

export function resultFields(result: EngineResult): JsonObject {
  return {
    engine_result: result,
    engine_result_code: codeOf(result),
    engine_result_message: messageOf(result),
  }
}

function eventFields(transaction: Transaction, version: ApiVersion, more: JsonObject): JsonObject {
  const fields = { ...fieldsOf(transaction, version), ...more }
  return version === 1
    ? { transaction: { ...fields, hash: transaction.hash } }
    : { hash: transaction.hash, tx_json: fields }
}
