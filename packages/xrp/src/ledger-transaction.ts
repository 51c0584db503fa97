/**
 * One validated transaction as `account_tx` and `tx` give it (API version 2), and what this package reads in it.
 *
 * | part        | where                                                |
 * | ----------- | ---------------------------------------------------- |
 * | hash        | top level, not in `tx_json`                          |
 * | result      | `meta.TransactionResult`                             |
 * | place       | `ledger_index`, `meta.TransactionIndex`              |
 * | what changed | `meta.AffectedNodes`: created, modified, deleted     |
 * | delivered   | `meta.delivered_amount`, never `Amount`              |
 *
 * @see https://xrpl.org/docs/references/protocol/transactions/metadata
 */
import * as Drops from './drops.js'
import { arrayOf, integerOf, type JsonObject, objectOf, textOf } from './internal/json.js'
import { isRippleTime, type RippleTime } from './ripple-time.js'

export interface LedgerTransaction {
  readonly hash: string
  readonly ledgerIndex: number
  /** Its place in that ledger. */
  readonly index: number
  /** When that ledger closed, where the server says it. */
  readonly closedAt: RippleTime | undefined
  readonly type: string
  readonly account: string
  /** A ticket stands in the place of the sequence number when that is 0. */
  readonly sequence: number
  /** `tesSUCCESS`, or a `tec` that took the fee and did nothing else. */
  readonly result: string
  /** Drops that a payment has brought to its destination; `undefined` for tokens, and where the server does not say. */
  readonly delivered: bigint | undefined
  readonly fields: JsonObject
  readonly nodes: readonly LedgerNode[]
}

export interface LedgerNode {
  readonly change: 'created' | 'modified' | 'deleted'
  readonly type: string
  readonly id: string
  /** NewFields or FinalFields; empty where the server leaves them out. */
  readonly fields: JsonObject
}

/** An Escrow entry of the ledger. Absent fields are `undefined`, malformed ones too. */
export interface EscrowEntry {
  readonly id: string
  readonly owner: string
  readonly destination: string
  /** `undefined` for a token. */
  readonly drops: bigint | undefined
  readonly condition: unknown
  readonly cancelAfter: RippleTime | undefined
  readonly finishAfter: unknown
}

/** @returns `undefined` for what is not validated or not of this shape. */
export function parse(value: unknown): LedgerTransaction | undefined {
  const entry = objectOf(value)
  const meta = objectOf(entry?.meta)
  const fields = objectOf(entry?.tx_json)
  if (entry === undefined || meta === undefined || fields === undefined || entry.validated !== true) return undefined
  const hash = textOf(entry.hash) ?? textOf(fields.hash)
  const ledgerIndex = integerOf(entry.ledger_index) ?? integerOf(fields.ledger_index)
  const index = integerOf(meta.TransactionIndex)
  const type = textOf(fields.TransactionType)
  const account = textOf(fields.Account)
  const sequence = integerOf(fields.Sequence)
  const result = textOf(meta.TransactionResult)
  if (
    hash === undefined ||
    ledgerIndex === undefined ||
    index === undefined ||
    type === undefined ||
    account === undefined ||
    sequence === undefined ||
    result === undefined
  ) {
    return undefined
  }
  const { date } = fields
  return {
    hash,
    ledgerIndex,
    index,
    closedAt: isRippleTime(date) ? date : undefined,
    type,
    account,
    sequence: sequence === 0 ? (integerOf(fields.TicketSequence) ?? 0) : sequence,
    result,
    delivered: Drops.fromLedger(meta.delivered_amount),
    fields,
    nodes: nodesOf(meta.AffectedNodes),
  }
}

/** The escrow that a successful EscrowCreate has made. */
export function createdEscrow(transaction: LedgerTransaction): EscrowEntry | undefined {
  return transaction.type === 'EscrowCreate' ? escrowOf(transaction, 'created') : undefined
}

/** The escrow that a successful EscrowFinish or EscrowCancel has ended. */
export function deletedEscrow(transaction: LedgerTransaction): EscrowEntry | undefined {
  return escrowOf(transaction, 'deleted')
}

/** Reads the fields of an Escrow entry, as metadata and `account_objects` give them. */
export function escrowEntry(id: string, fields: JsonObject): EscrowEntry {
  return {
    id,
    owner: textOf(fields.Account) ?? '',
    destination: textOf(fields.Destination) ?? '',
    drops: Drops.fromLedger(fields.Amount),
    condition: fields.Condition,
    cancelAfter: isRippleTime(fields.CancelAfter) ? fields.CancelAfter : undefined,
    finishAfter: fields.FinishAfter,
  }
}

/** What the transaction left of an account; a field that it did not touch is `undefined`. */
export function accountAfter(
  transaction: LedgerTransaction,
  address: string,
): { readonly balance?: bigint; readonly ownerCount?: number; readonly sequence?: number } | undefined {
  for (const { type, change, fields } of transaction.nodes) {
    if (type !== 'AccountRoot' || change === 'deleted' || fields.Account !== address) continue
    const balance = Drops.fromLedger(fields.Balance)
    const ownerCount = integerOf(fields.OwnerCount)
    const sequence = integerOf(fields.Sequence)
    return {
      ...(balance === undefined ? undefined : { balance }),
      ...(ownerCount === undefined ? undefined : { ownerCount }),
      ...(sequence === undefined ? undefined : { sequence }),
    }
  }
  return undefined
}

function escrowOf(transaction: LedgerTransaction, change: LedgerNode['change']): EscrowEntry | undefined {
  if (transaction.result !== 'tesSUCCESS') return undefined
  const node = transaction.nodes.find((one) => one.type === 'Escrow' && one.change === change)
  return node === undefined ? undefined : escrowEntry(node.id, node.fields)
}

function nodesOf(value: unknown): LedgerNode[] {
  const nodes: LedgerNode[] = []
  for (const entry of arrayOf(value) ?? []) {
    const wrapper = objectOf(entry)
    for (const [name, change, inner] of nodeKinds) {
      const node = objectOf(wrapper?.[name])
      const type = textOf(node?.LedgerEntryType)
      const id = textOf(node?.LedgerIndex)
      if (node === undefined || type === undefined || id === undefined) continue
      nodes.push({ change, type, id, fields: objectOf(node[inner]) ?? {} })
    }
  }
  return nodes
}

const nodeKinds = [
  ['CreatedNode', 'created', 'NewFields'],
  ['ModifiedNode', 'modified', 'FinalFields'],
  ['DeletedNode', 'deleted', 'FinalFields'],
] as const
