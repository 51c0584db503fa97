/** Values and rows of the tables, both ways. */
import type {
  AccountId,
  AccountKind,
  AccountRow,
  Cursor,
  Entry,
  EntryKind,
  HeldTransfer,
  LedgerRecord,
  TransferRecord,
} from '@millstream/ledger'
import type { Condition, Instant, TransferId } from '@millstream/units'
import type { SqlRow, SqlValue } from './database.js'

/** By number as it stands in the tables. */
export const accountKinds: readonly AccountKind[] = ['system', 'named', 'stranger', 'passing']

export const fulfilledKind = 1
export const depositKind = 4
export const withdrawalKind = 5

const recordKinds: readonly (readonly [EntryKind, LedgerRecord['state']] | undefined)[] = [
  undefined,
  ['transfer', 'fulfilled'],
  ['transfer', 'rejected'],
  ['transfer', 'expired'],
  ['deposit', 'posted'],
  ['withdrawal', 'posted'],
  ['merge', 'posted'],
  ['write_off', 'posted'],
]

/** SQL: the kinds of records that moved value. */
export const isPosted = 'kind NOT IN (2, 3)'

export function kindNumber(record: LedgerRecord): number {
  return recordKinds.findIndex((kind) => kind?.[0] === record.kind && kind[1] === record.state)
}

const int64Max = 2n ** 63n - 1n

/** A sum as it is stored. */
export function fromSum(sum: bigint): SqlValue {
  return sum <= int64Max && sum >= -int64Max ? sum : sum.toString()
}

/** A sum that was read as text: `CAST(… AS TEXT)`. */
export function toSum(value: SqlValue | undefined): bigint {
  return BigInt(value as string)
}

/** A copy as a plain array of bytes: the binding gives Buffers. */
function toBytes(value: SqlValue | undefined): Uint8Array {
  return Uint8Array.from(value as Uint8Array)
}

export const accountColumns =
  'id, name, kind, CAST(posted AS TEXT), CAST(credit_limit AS TEXT), opened_at, owed_since, last_seq'

export function toAccount(row: SqlRow): AccountRow {
  const [id, name, kind, posted, creditLimit, openedAt, owedSince, last] = row
  return {
    id: id as AccountId,
    name: name as string,
    kind: accountKinds[kind as number]!,
    posted: posted === null ? 0n : toSum(posted),
    creditLimit: toSum(creditLimit),
    openedAt: openedAt as Instant.Instant,
    owedSince: owedSince === null ? undefined : (owedSince as Instant.Instant),
    closed: false,
    last: last as Cursor,
  }
}

export const holdColumns =
  'serial, id, source, target, CAST(amount AS TEXT), condition, expires_at, destination, content_hash, prepared_at'

export function toHold(row: SqlRow): HeldTransfer {
  const [serial, id, source, target, amount, condition, expiresAt, destination, contentHash, preparedAt] = row
  return {
    serial: serial as number,
    id: toBytes(id) as TransferId.TransferId,
    source: source as AccountId,
    target: target as AccountId,
    amount: toSum(amount),
    condition: toBytes(condition) as Condition.Condition,
    expiresAt: expiresAt as Instant.Instant,
    destination: destination as string,
    contentHash: contentHash as number,
    preparedAt: preparedAt as Instant.Instant,
  }
}

export const entryColumns =
  'seq, at, kind, source, target, CAST(amount AS TEXT), id, destination, expires_at, reference, fulfillment'

export function toEntry(row: SqlRow): Entry {
  const [seq, at, kind, source, target, amount, id, destination, expiresAt, reference, fulfillment] = row
  const movement = {
    cursor: seq as Cursor,
    kind: recordKinds[kind as number]![0],
    postedAt: at as Instant.Instant,
    source: source as AccountId,
    target: target as AccountId,
    amount: toSum(amount),
  }
  if (id === null) return reference === null ? movement : { ...movement, reference: reference as string }
  return {
    ...movement,
    id: toBytes(id) as TransferId.TransferId,
    destination: destination as string,
    fulfillment: toBytes(fulfillment) as Condition.Fulfillment,
    expiresAt: expiresAt as Instant.Instant,
  }
}

export const recordColumns =
  'seq, at, kind, source, target, CAST(amount AS TEXT), id, destination, expires_at, reference'

export function toRecord(row: SqlRow): TransferRecord {
  const [seq, at, kindNumber, source, target, amount, id, destination, expiresAt, reference] = row
  const [kind, state] = recordKinds[kindNumber as number]!
  const movement = {
    kind,
    state,
    cursor: seq as Cursor,
    at: at as Instant.Instant,
    source: source as AccountId,
    target: target as AccountId,
    amount: toSum(amount),
  }
  if (id === null) return reference === null ? movement : { ...movement, reference: reference as string }
  return {
    ...movement,
    id: toBytes(id) as TransferId.TransferId,
    destination: destination as string,
    expiresAt: expiresAt as Instant.Instant,
  }
}
