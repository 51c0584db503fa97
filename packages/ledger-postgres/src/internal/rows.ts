/** Values and rows of the tables, both ways. */
import type {
  AccountId,
  AccountKind,
  AccountStanding,
  Cursor,
  Entry,
  EntryKind,
  HeldTransfer,
  LedgerRecord,
  TransferRecord,
} from '@millstream/ledger'
import type { Condition, Instant, TransferId } from '@millstream/units'
import pg from 'pg'

/** By number as it stands in the tables. */
export const accountKinds: readonly AccountKind[] = ['system', 'named', 'stranger', 'passing']

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

const kindNumbers = new Map(recordKinds.map((kind, number) => [kind?.join(), number]))

/** States in the table of ids, and kinds of records, by number. */
export const endedStates: readonly string[] = ['held', 'fulfilled', 'rejected', 'expired']

export const fulfilledKind = 1
export const rejectedKind = 2
export const expiredKind = 3
export const depositKind = 4
export const withdrawalKind = 5

/** SQL: the kinds of records that moved value. */
export const isPosted = 'kind NOT IN (2, 3)'

export function kindNumber(record: LedgerRecord): number {
  if (record.kind === 'transfer') {
    return record.state === 'fulfilled' ? fulfilledKind : record.state === 'rejected' ? rejectedKind : expiredKind
  }
  return kindNumbers.get(`${record.kind},${record.state}`)!
}

/** Whole numbers as `number` (all of ours are below 2^53), sums as `bigint`. */
export const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: string) {
    if (oid === pg.types.builtins.INT8) return Number
    if (oid === pg.types.builtins.NUMERIC) return BigInt
    if (oid === int8ArrayOid) return int8s
    return pg.types.getTypeParser(oid, format as 'text')
  },
} as pg.CustomTypesConfig

const int8ArrayOid = 1016

/** `{1,2}` */
function int8s(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)
}

/** A row as it comes: an array in the order of the columns. */
export type Row = readonly unknown[]

export const accountColumns =
  'id, version, name, kind, posted, held_out, held_in, holds_out, holds_in, credit_limit, opened_at, owed_since, last_seq, closed'

export interface StoredAccount extends Omit<AccountStanding, 'ids' | 'persisted'> {
  readonly version: number
}

export function toAccount(row: Row): StoredAccount {
  return {
    id: row[0] as AccountId,
    version: row[1] as number,
    name: row[2] as string,
    kind: accountKinds[row[3] as number]!,
    posted: row[4] as bigint,
    heldOut: row[5] as bigint,
    heldIn: row[6] as bigint,
    holdsOut: row[7] as number,
    holdsIn: row[8] as number,
    creditLimit: row[9] as bigint,
    openedAt: row[10] as Instant.Instant,
    owedSince: row[11] === null ? undefined : (row[11] as Instant.Instant),
    last: row[12] as Cursor,
    closed: row[13] as boolean,
  }
}

export const holdColumns =
  'source, serial, target, expires_at, prepared_at, content_hash, amount, id, condition, destination, host'

export interface StoredHold extends HeldTransfer {
  readonly host: number
}

export function toHold(row: Row): StoredHold {
  return {
    source: row[0] as AccountId,
    serial: row[1] as number,
    target: row[2] as AccountId,
    expiresAt: row[3] as Instant.Instant,
    preparedAt: row[4] as Instant.Instant,
    contentHash: row[5] as number,
    amount: row[6] as bigint,
    id: toBytes(row[7]) as TransferId.TransferId,
    condition: toBytes(row[8]) as Condition.Condition,
    destination: row[9] as string,
    host: row[10] as number,
  }
}

export const recordColumns = 'seq, at, kind, source, target, amount, id, destination, expires_at, reference'

export function toRecord(row: Row): TransferRecord {
  const [kind, state] = recordKinds[row[2] as number]!
  return {
    kind,
    state,
    cursor: row[0] as Cursor,
    at: row[1] as Instant.Instant,
    source: row[3] as AccountId,
    target: row[4] as AccountId,
    amount: row[5] as bigint,
    ...(row[6] === null ? {} : { id: toBytes(row[6]) as TransferId.TransferId }),
    ...(row[7] === null ? {} : { destination: row[7] as string }),
    ...(row[8] === null ? {} : { expiresAt: row[8] as Instant.Instant }),
    ...(row[9] === null ? {} : { reference: row[9] as string }),
  }
}

export const entryColumns = `${recordColumns}, fulfillment`

export function toEntry(row: Row): Entry {
  const { state: _, at: postedAt, ...rest } = toRecord(row)
  const fulfillment = row[10]
  return {
    ...(rest as Omit<Entry, 'postedAt'>),
    postedAt,
    ...(fulfillment === null ? {} : { fulfillment: toBytes(fulfillment) as Condition.Fulfillment }),
  }
}

/** A copy as a plain array of bytes: `pg` gives Buffers that share memory. */
export function toBytes(value: unknown): Uint8Array {
  return Uint8Array.from(value as Uint8Array)
}
