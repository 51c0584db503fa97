/** Transactions: `submit`, `tx`, `account_tx`, `transaction_entry`. */
import type { Chain } from '../ledger/chain.js'
import { feeOf } from '../ledger/engine.js'
import type { JsonObject } from '../ledger/entry.js'
import type { Found } from '../ledger/history.js'
import * as Transaction from '../ledger/transaction.js'
import { ApiError } from './api-error.js'
import { choose } from './ledger-choice.js'
import { accountOf, isHash, limitOf, type Method } from './method.js'
import * as TransactionJson from './transaction-json.js'

const listLimits = { min: 1, standard: 200, max: 1_000 }
const ctidText = /^C[0-9A-F]{15}$/i

const noSigning =
  "Signing support in the 'submit' command has been deprecated and will be removed in a future version of the server. " +
  'Please migrate to a standalone signing tool.'

/** The sandbox holds no keys: it submits what is signed. */
export const submit: Method = (request, { chain }) => {
  const { tx_blob: blob } = request
  if (blob === undefined) {
    throw new ApiError('invalidParams', { message: "Missing field 'secret'.", more: { deprecated: noSigning } })
  }
  if (typeof blob !== 'string' || blob === '' || blob.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(blob)) {
    throw new ApiError('invalidParams')
  }
  const transaction = parsed(blob)
  const failHard = request.fail_hard === true
  const { result, applied, kept, accountSequence } = chain.submit(transaction, { failHard })
  return {
    accepted: kept,
    account_sequence_available: accountSequence,
    account_sequence_next: accountSequence,
    applied,
    broadcast: applied,
    ...TransactionJson.resultFields(result),
    kept,
    open_ledger_cost: String(feeOf(transaction.fields, chain.fees)),
    queued: false,
    tx_blob: transaction.blob,
    tx_json: { ...transaction.fields, ...placeOf(transaction, chain), hash: transaction.hash },
    validated_ledger_index: chain.closedLedger.index,
  }
}

export const tx: Method = (request, { chain, version }) => {
  const { transaction: hash, ctid } = request
  const found = foundBy(request, chain)
  if (found !== undefined) return TransactionJson.lookedUp(found, version, request.binary === true, chain.networkId)
  if (hash === undefined && ctid === undefined) throw new ApiError('invalidParams')
  if (!isHash(hash)) throw new ApiError(ctid === undefined ? 'notImpl' : 'txnNotFound')
  const waiting = chain.history.unvalidatedTransaction(hash.toUpperCase())
  if (waiting !== undefined) return TransactionJson.unvalidated(waiting, version, request.binary === true)
  throw new ApiError('txnNotFound', { more: searchedAll(request, chain) })
}

export const accountTx: Method = (request, { chain, version }) => {
  const account = accountOf(request)
  const { oldest, newest } = chain.history.range()
  const range = rangeOf(request, version, oldest, newest, chain)
  const limit = limitOf(request, listLimits)
  const forward = request.forward === true
  const after = markerOf(request)
  const transactions: JsonObject[] = []
  let marker: JsonObject | undefined
  for (const found of chain.history.ofAccount(account, range.min, range.max, forward)) {
    const place = { ledger: found.ledger.index, seq: found.position }
    if (after !== undefined && isBefore(place, after, forward)) continue
    if (transactions.length === limit) {
      marker = place
      break
    }
    transactions.push(TransactionJson.listed(found, version, request.binary === true, chain.networkId))
  }
  return {
    account,
    ledger_index_max: range.max,
    ledger_index_min: range.min,
    limit,
    ...(marker === undefined ? {} : { marker }),
    transactions,
    validated: true,
  }
}

export const transactionEntry: Method = (request, { chain, version }) => {
  const { closed, fields } = choose(request, chain)
  if (!isHash(request.tx_hash)) throw new ApiError('invalidParams')
  const found = chain.history.transaction(request.tx_hash.toUpperCase())
  if (closed === undefined || found?.ledger !== closed) throw new ApiError('transactionNotFound')
  const { transaction, metadata } = found.validated
  if (version === 1) {
    return { ...fields, metadata, tx_json: { ...transaction.fields, hash: transaction.hash } }
  }
  const { tx_json, meta: _, ...rest } = TransactionJson.inLedger(closed, found.validated, 2, false)
  return { ...rest, meta: metadata, tx_json, ...fields }
}

function parsed(blob: string): Transaction.Transaction {
  try {
    return Transaction.parse(blob)
  } catch (error) {
    if (!(error instanceof Transaction.InvalidTransactionError)) throw error
    throw new ApiError('invalidTransaction', { more: { error_exception: error.exception } })
  }
}

/** Where one that is submitted again already is. */
function placeOf(transaction: Transaction.Transaction, chain: Chain): JsonObject {
  const found = chain.history.transaction(transaction.hash)
  if (found === undefined) return {}
  const { ledger, position } = found
  const ctid = TransactionJson.ctidOf(ledger.index, position, chain.networkId)
  return { ctid, inLedger: ledger.index, ledger_index: ledger.index }
}

function foundBy(request: JsonObject, chain: Chain): Found | undefined {
  const { transaction: hash, ctid } = request
  if (isHash(hash)) return chain.history.transaction(hash.toUpperCase())
  if (typeof ctid !== 'string' || !ctidText.test(ctid)) return undefined
  const ledger = chain.history.ledger(Number.parseInt(ctid.slice(1, 8), 16))
  const position = Number.parseInt(ctid.slice(8, 12), 16)
  const validated = ledger?.transactions[position]
  return ledger === undefined || validated === undefined ? undefined : { ledger, position, validated }
}

function searchedAll(request: JsonObject, chain: Chain): JsonObject {
  const { min_ledger: min, max_ledger: max } = request
  if (typeof min !== 'number' || typeof max !== 'number') return {}
  if (max < min) throw new ApiError('lgrIdxsInvalid')
  const { oldest, newest } = chain.history.range()
  return { searched_all: min >= oldest && max <= newest }
}

function rangeOf(
  request: JsonObject,
  version: 1 | 2,
  oldest: number,
  newest: number,
  chain: Chain,
): { min: number; max: number } {
  if (request.ledger_index !== undefined || request.ledger_hash !== undefined) {
    const { closed } = choose(request, chain)
    const index = closed?.index ?? newest
    return { min: index, max: index }
  }
  const given = (name: 'ledger_index_min' | 'ledger_index_max') => {
    const value = request[name]
    if (value === undefined || value === -1) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new ApiError('invalidParams')
    return value
  }
  const min = given('ledger_index_min')
  const max = given('ledger_index_max')
  if (version === 2 && ((min !== undefined && min > newest) || (max !== undefined && max > newest))) {
    throw new ApiError('lgrIdxMalformed')
  }
  const range = { min: Math.max(min ?? oldest, oldest), max: Math.min(max ?? newest, newest) }
  if (range.max < range.min) throw new ApiError(version === 2 ? 'invalidLgrRange' : 'lgrIdxsInvalid')
  return range
}

function markerOf({ marker }: JsonObject): { ledger: number; seq: number } | undefined {
  if (marker === undefined) return undefined
  const { ledger, seq } = (marker ?? {}) as JsonObject
  if (typeof ledger !== 'number' || typeof seq !== 'number') {
    throw new ApiError('invalidParams', {
      message: 'invalid marker. Provide ledger index via ledger field, and transaction sequence number via seq field',
    })
  }
  return { ledger, seq }
}

function isBefore(
  place: { ledger: number; seq: number },
  marker: { ledger: number; seq: number },
  forward: boolean,
): boolean {
  const difference = place.ledger - marker.ledger || place.seq - marker.seq
  return forward ? difference < 0 : difference > 0
}
