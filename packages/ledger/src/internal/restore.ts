/** Rebuilding the state from what was handed over before. */
import { type Instant, MillstreamError } from '@millstream/units'
import type { AccountId } from '../account.js'
import type { AccountRow, Changes, HeldTransfer, LedgerRecord } from '../changes.js'
import type { Cursor } from '../store.js'
import { AccountState } from './account-state.js'
import * as Ids from './id-table.js'
import type { LedgerState } from './ledger-state.js'
import { referenceKey } from './movements.js'
import type { TransferState } from './transfer-state.js'
import { expiredKeptMs } from './transfers.js'

/** What has to be known of a transfer that has ended, as long as it may be repeated. */
export interface EndedTransfer {
  readonly source: AccountId
  readonly id: Uint8Array
  readonly contentHash: number
  readonly state: 'fulfilled' | 'rejected' | 'expired'
  readonly expiresAt: Instant.Instant
  /** When it ended. */
  readonly at: Instant.Instant
}

/** Open holds by serial number, while records are read that may end them. */
export type OpenHolds = Map<number, TransferState>

export function restore(state: LedgerState, changes: Changes, open: OpenHolds, now: Instant.Instant): void {
  const second = Math.floor(now / 1000)
  for (const row of changes.accounts) restoreAccount(state, row)
  for (const record of changes.records) restoreRecord(state, record, second)
  for (const serial of changes.released) {
    const transfer = open.get(serial)
    if (transfer === undefined) throw new RestoreError(`hold ${serial} ended without having begun`)
    open.delete(serial)
    state.wheel.remove(transfer)
    state.release(transfer)
    if (transfer.sourceAccount.isStranger) state.exposureChanged(transfer.sourceAccount)
  }
  for (const hold of changes.held) open.set(hold.serial, restoreHold(state, hold, second))
  if (changes.at > state.now) state.setNow(changes.at)
}

function restoreAccount(state: LedgerState, row: AccountRow): void {
  state.accountIdNext = Math.max(state.accountIdNext, row.id + 1)
  let account = state.accounts.get(row.id)
  if (account === undefined) {
    if (row.closed) return
    account = new AccountState(row.id, row.name, row.kind, row.openedAt)
    state.addAccount(account)
  }
  account.last = row.last
  // The server's balance is what makes the sum zero.
  if (account === state.server) return
  state.server.posted -= row.posted - account.posted
  account.posted = row.posted
  account.owedSince = row.owedSince
  account.persisted = true
  account.setKind(row.kind)
  account.setCreditLimit(row.creditLimit)
  state.exposureChanged(account)
  if (row.closed) state.removeAccount(account)
}

function restoreRecord(state: LedgerState, record: LedgerRecord, second: number): void {
  if (record.cursor <= state.cursor) throw new RestoreError(`record ${record.cursor} comes after ${state.cursor}`)
  state.cursor = record.cursor as Cursor
  const { kind, reference, source, target, amount } = record
  if (kind === 'transfer') {
    remember(state, record as LedgerRecord & EndedTransfer, second)
  } else if ((kind === 'deposit' || kind === 'withdrawal') && state.findReference === undefined) {
    const account = kind === 'deposit' ? target : source
    state.references.set(referenceKey(kind, reference!), { account, amount })
  }
}

/** Puts the id of an ended transfer into the table, if it may still be repeated. */
export function remember(state: LedgerState, transfer: EndedTransfer, second: number): void {
  const { source, id, contentHash } = transfer
  const until = transfer.state === 'expired' ? transfer.at + expiredKeptMs : transfer.expiresAt
  const code =
    transfer.state === 'fulfilled' ? Ids.fulfilled : transfer.state === 'rejected' ? Ids.rejected : Ids.expired
  if (state.ids.find(source, id, second)) state.ids.end(code, until)
  else if (Math.ceil(until / 1000) > second) {
    state.ids.add(source, contentHash, code, 0, until, second)
    const account = state.accounts.get(source)
    if (account !== undefined) account.ids += 1
  }
}

function restoreHold(state: LedgerState, hold: HeldTransfer, second: number): TransferState {
  const source = state.accounts.get(hold.source)
  const target = state.accounts.get(hold.target)
  if (source === undefined || target === undefined) throw new RestoreError(`hold ${hold.serial} is of no account`)
  if (state.ids.find(hold.source, hold.id, second)) throw new RestoreError(`hold ${hold.serial} has an id in use`)
  const transfer = state.restoreHold(hold, source, target)
  state.ids.add(source.id, hold.contentHash, Ids.held, transfer.slot, hold.expiresAt, second)
  source.ids += 1
  return transfer
}

export class RestoreError extends MillstreamError {
  override readonly name = 'Ledger.RestoreError'
  readonly code = 'LEDGER_RESTORE'
  constructor(what: string) {
    super(
      `The records of the ledger contradict each other: ${what}. Nothing was written. Keep them as they are for an ` +
        'inquiry, and go on with a copy from before.',
    )
  }
}
