/** Ledgers and what is in them: `ledger`, `ledger_entry`, `ledger_data`. */

import { encode } from 'ripple-binary-codec'
import { isAddress } from '../ledger/address.js'
import type { ClosedLedger } from '../ledger/closed-ledger.js'
import { accountIndex, escrowIndex, type JsonObject, ownerDirectoryIndex } from '../ledger/entry.js'
import * as RippleTime from '../ledger/ripple-time.js'
import { typeNames, withIndex } from './account-methods.js'
import { ApiError } from './api-error.js'
import { choose } from './ledger-choice.js'
import { type ApiVersion, isHash, limitOf, type Method } from './method.js'
import * as TransactionJson from './transaction-json.js'

const dataLimits = { min: 1, standard: 256, max: 2_048 }

export const ledger: Method = (request, { chain, version }) => {
  const { closed, fields } = choose(request, chain)
  if (closed === undefined) {
    const index = chain.openIndex
    const open = {
      closed: false,
      ledger_index: version === 1 ? String(index) : index,
      parent_hash: chain.closedLedger.hash,
    }
    return { ledger: open, ...fields }
  }
  const header = headerOf(closed, version)
  if (request.transactions !== true) return { ledger: header, ...fields }
  const expand = request.expand === true
  const transactions = closed.transactions.map((validated) =>
    expand ? TransactionJson.inLedger(closed, validated, version, request.binary === true) : validated.transaction.hash,
  )
  return { ledger: { ...header, transactions }, ...fields }
}

export const ledgerEntry: Method = (request, { chain }) => {
  const { view, fields } = choose(request, chain)
  const index = entryIndexOf(request)
  const entry = view.read(index)
  if (entry === undefined) throw new ApiError('entryNotFound')
  return {
    index,
    ...(request.binary === true ? { node_binary: encode(entry) } : { node: withIndex(index, entry) }),
    ...fields,
  }
}

export const ledgerData: Method = (request, { chain }) => {
  const { closed, fields } = choose({ ...request, ledger_index: request.ledger_index ?? 'validated' }, chain)
  const source = closed ?? chain.closedLedger
  const limit = limitOf(request, dataLimits)
  const { marker, type } = request
  if (marker !== undefined && !isHash(marker)) {
    throw new ApiError('invalidParams', { message: "Invalid field 'marker', not valid." })
  }
  const wanted =
    type === undefined ? undefined : Object.hasOwn(typeNames, String(type)) ? typeNames[String(type)] : 'none'
  const state: JsonObject[] = []
  let last = typeof marker === 'string' ? marker.toUpperCase() : ''
  for (const [index, entry] of source.state.entries(last)) {
    if (wanted !== undefined && entry.LedgerEntryType !== wanted) continue
    if (state.length === limit) return { ...fields, marker: last, state }
    state.push(request.binary === true ? { data: encode(entry), index } : withIndex(index, entry))
    last = index
  }
  return { ...fields, state }
}

function headerOf(ledger: ClosedLedger, version: ApiVersion): JsonObject {
  return {
    account_hash: ledger.accountHash,
    close_flags: 0,
    close_time: ledger.closeTime,
    close_time_human: RippleTime.toHuman(ledger.closeTime),
    close_time_iso: RippleTime.toIso(ledger.closeTime),
    close_time_resolution: RippleTime.closeTimeResolution,
    closed: true,
    ledger_hash: ledger.hash,
    ledger_index: version === 1 ? String(ledger.index) : ledger.index,
    parent_close_time: ledger.parentCloseTime,
    parent_hash: ledger.parentHash,
    total_coins: String(ledger.totalCoins),
    transaction_hash: ledger.transactionHash,
  }
}

function entryIndexOf(request: JsonObject): string {
  const direct = request.index ?? request.payment_channel
  if (direct !== undefined) return hashOf(direct)
  if (request.account_root !== undefined) {
    if (!isAddress(request.account_root)) {
      throw new ApiError('malformedAddress')
    }
    return accountIndex(request.account_root)
  }
  const { escrow, directory } = request
  if (escrow !== undefined) return typeof escrow === 'string' ? hashOf(escrow) : escrowIndexOf(escrow as JsonObject)
  if (directory !== undefined) {
    if (typeof directory === 'string') return hashOf(directory)
    return ownerDirectoryIndex(ownerOf(directory as JsonObject))
  }
  throw new ApiError('invalidParams', { message: 'No ledger_entry params provided.' })
}

function escrowIndexOf(escrow: JsonObject): string {
  const owner = ownerOf(escrow)
  const { seq } = escrow
  if (seq === undefined) throw new ApiError('malformedRequest', { message: "Missing field 'seq'." })
  const number = typeof seq === 'string' && /^\d{1,10}$/.test(seq) ? Number(seq) : seq
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 0xffff_ffff) {
    throw new ApiError('malformedRequest', { message: "Invalid field 'seq', not number." })
  }
  return escrowIndex(owner, number)
}

function ownerOf(object: JsonObject | null): string {
  if (object === null || typeof object !== 'object') throw new ApiError('malformedRequest')
  if (object.owner === undefined) throw new ApiError('malformedRequest', { message: "Missing field 'owner'." })
  if (!isAddress(object.owner)) throw new ApiError('malformedOwner')
  return object.owner
}

function hashOf(value: unknown): string {
  if (!isHash(value)) throw new ApiError('malformedRequest')
  return value.toUpperCase()
}
