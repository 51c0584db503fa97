/**
 * The metadata of a transaction: which entries it created, modified and deleted, as `rippled` writes them.
 *
 * An entry also changes by being threaded: the transaction that touched it last is noted in it, and in the accounts
 * that own it. Such an account appears without fields.
 */

import type { EngineResult } from './engine-result.js'
import { type AccountRoot, accountIndex, type Entry, type Json, type JsonObject } from './entry.js'
import type { View } from './view.js'

export interface AffectedNode {
  readonly kind: 'CreatedNode' | 'ModifiedNode' | 'DeletedNode'
  readonly node: JsonObject
}

export interface Metadata extends JsonObject {
  readonly AffectedNodes: readonly { readonly [kind: string]: JsonObject }[]
  readonly TransactionIndex: number
  readonly TransactionResult: EngineResult
  readonly DeliveredAmount?: string
}

/** Never in metadata; `PreviousTxnID` and its ledger only among the final fields of a deleted entry. */
const hidden = new Set(['LedgerEntryType', 'Indexes', 'Hashes'])
const deletedOnly = new Set(['PreviousTxnID', 'PreviousTxnLgrSeq'])
/** Shown even where they did not change. */
const always = new Set(['RootIndex'])

/** Writes the threads into `view`, and tells what it does to the state below. */
export function settle(
  view: View,
  transaction: { readonly hash: string; readonly ledgerIndex: number; readonly index: number },
  result: EngineResult,
  delivered: bigint | undefined,
): Metadata {
  const nodes = new Map<string, AffectedNode>()
  const owners = new Set<string>()
  for (const { index, now, last } of [...view.changes()]) {
    const before = view.readBelow(index)
    if (now === undefined) {
      if (before === undefined) continue
      for (const owner of ownersOf(before)) owners.add(owner)
      nodes.set(index, deletedNode(index, before, last))
    } else if (before === undefined) {
      for (const owner of ownersOf(now)) owners.add(owner)
      view.write(index, threaded(now, transaction))
      nodes.set(index, createdNode(index, now))
    } else if (!same(before, now)) {
      view.write(index, threaded(now, transaction))
      nodes.set(index, modifiedNode(index, before, now))
    } else {
      view.write(index, before)
    }
  }
  for (const owner of owners) {
    const index = accountIndex(owner)
    const account = view.read(index) as AccountRoot | undefined
    if (account === undefined || nodes.has(index)) continue
    view.write(index, threaded(account, transaction))
    if (isZero(account.PreviousTxnID)) continue
    nodes.set(index, {
      kind: 'ModifiedNode',
      node: { LedgerEntryType: 'AccountRoot', LedgerIndex: index, ...threadOf(account) },
    })
  }
  const sorted = [...nodes].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    AffectedNodes: sorted.map(([, { kind, node }]) => ({ [kind]: node })),
    ...(delivered === undefined ? {} : { DeliveredAmount: String(delivered) }),
    TransactionIndex: transaction.index,
    TransactionResult: result,
  }
}

/** Every account that is named in the entries that changed: who is told of the transaction, and whose history it is in. */
export function affectedAccounts(metadata: Metadata): Set<string> {
  const accounts = new Set<string>()
  for (const affected of metadata.AffectedNodes) {
    for (const node of Object.values(affected)) {
      const fields = (node.NewFields ?? node.FinalFields) as JsonObject | undefined
      if (fields === undefined) continue
      for (const name of accountFields) {
        const value = fields[name]
        if (typeof value === 'string') accounts.add(value)
      }
    }
  }
  return accounts
}

const accountFields = ['Account', 'Destination', 'Owner', 'RegularKey'] as const

function createdNode(index: string, entry: Entry): AffectedNode {
  const fields: Record<string, Json> = {}
  for (const [name, value] of fieldsOf(entry)) if (!deletedOnly.has(name) && !isDefault(value)) fields[name] = value
  return {
    kind: 'CreatedNode',
    node: { LedgerEntryType: entry.LedgerEntryType, LedgerIndex: index, NewFields: fields },
  }
}

function modifiedNode(index: string, before: Entry, now: Entry): AffectedNode {
  const finals: Record<string, Json> = {}
  for (const [name, value] of fieldsOf(now)) if (!deletedOnly.has(name)) finals[name] = value
  const previous = previousFields(before, now)
  // A field that was not there before leaves an empty list of previous fields behind.
  const added = Object.keys(finals).some((name) => (before as unknown as JsonObject)[name] === undefined)
  return {
    kind: 'ModifiedNode',
    node: {
      FinalFields: finals,
      LedgerEntryType: now.LedgerEntryType,
      LedgerIndex: index,
      ...(Object.keys(previous).length > 0 || added ? { PreviousFields: previous } : {}),
      ...(isZero(before.PreviousTxnID) ? {} : threadOf(before)),
    },
  }
}

function deletedNode(index: string, before: Entry, last: Entry): AffectedNode {
  const finals: Record<string, Json> = {}
  for (const [name, value] of fieldsOf(last)) finals[name] = value
  const previous = previousFields(before, last)
  return {
    kind: 'DeletedNode',
    node: {
      FinalFields: finals,
      LedgerEntryType: before.LedgerEntryType,
      LedgerIndex: index,
      ...(Object.keys(previous).length === 0 ? {} : { PreviousFields: previous }),
    },
  }
}

function previousFields(before: Entry, now: Entry): Record<string, Json> {
  const previous: Record<string, Json> = {}
  for (const [name, value] of fieldsOf(before)) {
    if (deletedOnly.has(name) || always.has(name)) continue
    if ((now as unknown as JsonObject)[name] !== value) previous[name] = value
  }
  return previous
}

function* fieldsOf(entry: Entry): Generator<readonly [string, Json]> {
  for (const [name, value] of Object.entries(entry)) if (value !== undefined && !hidden.has(name)) yield [name, value]
}

function same(a: Entry, b: Entry): boolean {
  const left = a as unknown as JsonObject
  const right = b as unknown as JsonObject
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  for (const name of names) {
    if (name === 'Indexes' ? !sameList(left[name], right[name]) : left[name] !== right[name]) return false
  }
  return true
}

function sameList(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function ownersOf(entry: Entry): string[] {
  switch (entry.LedgerEntryType) {
    case 'Escrow':
    case 'PayChannel':
      return [entry.Account, entry.Destination]
    default:
      return []
  }
}

function threaded<E extends Entry>(entry: E, transaction: { readonly hash: string; readonly ledgerIndex: number }): E {
  return { ...entry, PreviousTxnID: transaction.hash, PreviousTxnLgrSeq: transaction.ledgerIndex }
}

function threadOf(entry: Entry): { readonly PreviousTxnID?: string; readonly PreviousTxnLgrSeq?: number } {
  return entry.PreviousTxnID === undefined
    ? {}
    : { PreviousTxnID: entry.PreviousTxnID, PreviousTxnLgrSeq: entry.PreviousTxnLgrSeq ?? 0 }
}

function isZero(hash: string | undefined): boolean {
  return hash === undefined || /^0*$/.test(hash)
}

function isDefault(value: Json): boolean {
  return value === 0 || value === '0' || value === '' || (Array.isArray(value) && value.length === 0)
}
