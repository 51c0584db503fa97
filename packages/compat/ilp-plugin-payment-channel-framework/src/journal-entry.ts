/**
 * Entries of the journal as JSON: the changes of the book in text, and with each transfer that is held what its program
 * sees of it, `noteToSelf` included.
 */
import type {
  AccountId,
  AccountRow,
  Changes,
  Cursor,
  HeldTransfer as LedgerHold,
  LedgerRecord,
} from '@millstream/ledger'
import { Base64Url, Condition, Instant, MillstreamError, TransferId } from '@millstream/units'
import type { Direction } from './ended-transfers.js'
import * as ProtocolData from './protocol-data.js'
import * as Text from './text.js'
import type * as Transfer from './transfer.js'
import { directionFrom, heldUntil, own, peer, sourceOf, targetOf } from './trustline-accounts.js'
import type { HeldTransfer } from './trustline-context.js'

export { directionFrom }

export interface Entry {
  /** Milliseconds since 1970, and so are all times below. */
  readonly at: number
  readonly accounts: readonly Account[]
  readonly held: readonly Held[]
  readonly released: readonly number[]
  readonly records: readonly Record[]
  /** Of a base: the last record of the ledger. */
  readonly cursor?: number
}

export interface Account {
  readonly account: 'self' | 'peer'
  readonly posted: string
  readonly creditLimit: string
  readonly openedAt: number
  readonly last: number
}

export interface Held {
  readonly serial: number
  readonly direction: Direction
  readonly contentHash: number
  readonly preparedAt: number
  readonly program: Transfer.ProgramTransfer
}

export interface Record {
  readonly cursor: number
  readonly direction: Direction
  readonly state: 'fulfilled' | 'rejected' | 'expired'
  readonly id: string
  readonly amount: string
  readonly contentHash: number
  readonly expiresAt: number
  readonly at: number
  readonly fulfillment?: string
  readonly sourcePrevious: number
  readonly targetPrevious: number
}

/** What has to be known of a transfer that has ended. */
export interface EndedTransfer {
  readonly source: AccountId
  readonly id: TransferId.TransferId
  readonly contentHash: number
  readonly state: Record['state']
  readonly expiresAt: Instant.Instant
  /** When it ended. */
  readonly at: Instant.Instant
  readonly fulfillment?: Condition.Fulfillment
}

export type EndedRecord = LedgerRecord & EndedTransfer

export function fromChanges(changes: Changes, programs: ReadonlyMap<string, Transfer.ProgramTransfer>): Entry {
  return {
    at: changes.at,
    accounts: changes.accounts.map(fromAccount),
    held: changes.held.map((hold) => fromHold(hold, programs)),
    released: changes.released,
    records: changes.records.map(fromRecord),
  }
}

export function toChanges(entry: Entry): Changes {
  return {
    at: Instant.from(entry.at),
    accounts: entry.accounts.map(toAccount),
    held: entry.held.map(toHold),
    released: entry.released,
    records: entry.records.map(toRecord),
  }
}

/** @throws {EntryError} `text` is not an entry. */
export function parse(key: string, text: string): Entry {
  try {
    const entry = JSON.parse(text) as Entry
    // Reads every field once, so that nothing is taken over of an entry that is damaged in the middle.
    toChanges(entry)
    return entry
  } catch (error) {
    throw new EntryError(key, error)
  }
}

/** A sum as the plugin of 2017 wrote it: an integer, large ones with an exponent. */
export function parseSum(text: string): bigint {
  const match = /^([0-9]+)(?:\.([0-9]+))?(?:e\+([0-9]{1,3}))?$/.exec(text)
  if (match === null) throw new EntryError(':tl:balance', new Error('not an integer'))
  const [, whole = '', fraction = '', exponent = '0'] = match
  const zeros = Number(exponent) - fraction.length
  if (zeros < 0) throw new EntryError(':tl:balance', new Error('not an integer'))
  return BigInt(whole + fraction + '0'.repeat(zeros))
}

/** A transfer that is taken up again after a restart. */
export function toHeld(hold: LedgerHold, program: Transfer.ProgramTransfer): HeldTransfer {
  return {
    program,
    contentHash: hold.contentHash,
    transfer: {
      id: hold.id,
      amount: hold.amount,
      condition: hold.condition,
      expiresAt: Text.toInstant('expiresAt', program.expiresAt),
      protocolData: ProtocolData.fromProgram(program),
    },
  }
}

function fromAccount(row: AccountRow): Account {
  return {
    account: row.id === own.id ? 'self' : 'peer',
    posted: row.posted.toString(),
    creditLimit: row.creditLimit.toString(),
    openedAt: row.openedAt,
    last: row.last,
  }
}

function toAccount(account: Account): AccountRow {
  const { id, name } = account.account === 'self' ? own : peer
  return {
    id,
    name,
    kind: 'named',
    posted: BigInt(account.posted),
    creditLimit: BigInt(account.creditLimit),
    openedAt: Instant.from(account.openedAt),
    owedSince: undefined,
    closed: false,
    last: account.last as Cursor,
  }
}

function fromHold(hold: LedgerHold, programs: ReadonlyMap<string, Transfer.ProgramTransfer>): Held {
  const direction = directionFrom(hold.source)
  const program = programs.get(`${direction} ${TransferId.format(hold.id)}`)
  if (program === undefined) throw new EntryError('a new entry', new Error(`nothing is known of hold ${hold.serial}`))
  return { serial: hold.serial, direction, contentHash: hold.contentHash, preparedAt: hold.preparedAt, program }
}

function toHold(held: Held): LedgerHold {
  const { direction, program } = held
  const expiresAt = Text.toInstant('expiresAt', program.expiresAt)
  return {
    serial: held.serial,
    id: TransferId.parse(program.id),
    source: sourceOf(direction),
    target: targetOf(direction),
    amount: Text.toAmount('amount', program.amount),
    condition: Text.toCondition('executionCondition', program.executionCondition),
    expiresAt: heldUntil(direction, expiresAt),
    destination: '',
    contentHash: held.contentHash,
    preparedAt: Instant.from(held.preparedAt),
  }
}

function fromRecord(record: LedgerRecord): Record {
  const { fulfillment } = record
  return {
    cursor: record.cursor,
    direction: directionFrom(record.source),
    state: record.state as Record['state'],
    id: Base64Url.fromBytes(record.id!),
    amount: record.amount.toString(),
    contentHash: record.contentHash!,
    expiresAt: record.expiresAt!,
    at: record.at,
    ...(fulfillment === undefined ? {} : { fulfillment: Text.fromBytes(fulfillment) }),
    sourcePrevious: record.sourcePrevious,
    targetPrevious: record.targetPrevious,
  }
}

export function toRecord(record: Record): EndedRecord {
  const { fulfillment } = record
  return {
    kind: 'transfer',
    cursor: record.cursor as Cursor,
    source: sourceOf(record.direction),
    target: targetOf(record.direction),
    state: record.state,
    id: TransferId.from(Base64Url.toBytes(record.id)),
    amount: BigInt(record.amount),
    destination: '',
    contentHash: record.contentHash,
    expiresAt: Instant.from(record.expiresAt),
    at: Instant.from(record.at),
    ...(fulfillment === undefined ? {} : { fulfillment: Condition.fulfillmentFrom(Base64Url.toBytes(fulfillment)) }),
    sourcePrevious: record.sourcePrevious as Cursor,
    targetPrevious: record.targetPrevious as Cursor,
  }
}

export class EntryError extends MillstreamError {
  override readonly name = 'JournalEntryError'
  readonly code = 'JOURNAL_ENTRY'
  constructor(key: string, cause: unknown) {
    super(`${key} is damaged (${cause instanceof Error ? cause.message : String(cause)})`, { cause })
  }
}
