/**
 * What a store has to write so that the ledger comes back as it is. The `Book` decides in memory and hands over, from
 * time to time, everything that was decided since the last time; what began and ended in between leaves no trace but
 * its result. The same records, handed to `Book.restore` in order, rebuild the ledger.
 */
import type { Condition, Instant, TransferId } from '@millstream/units'
import type { AccountId, AccountKind } from './account.js'
import type { Cursor, EntryKind, Hold, TransferRecord } from './store.js'

export interface Changes {
  /** Ledger time when they were handed over; no time in them is later. */
  readonly at: Instant.Instant
  /**
   * Accounts that are new or changed, as they are now. Of the server only `last` is taken back: its balance is derived,
   * so that being paid changes no row of its own.
   */
  readonly accounts: readonly AccountRow[]
  /** New holds that are still open. */
  readonly held: readonly HeldTransfer[]
  /** Serial numbers of holds of earlier changes that have ended. */
  readonly released: readonly number[]
  /** Everything that ended, in the order of its cursors, without a gap. */
  readonly records: readonly LedgerRecord[]
}

export interface AccountRow {
  readonly id: AccountId
  readonly name: string
  readonly kind: AccountKind
  readonly posted: bigint
  readonly creditLimit: bigint
  readonly openedAt: Instant.Instant
  readonly owedSince: Instant.Instant | undefined
  /** Merged into another: its name is free again, its id is not. */
  readonly closed: boolean
  /** The last record of its chain, 0 for none. */
  readonly last: Cursor
}

/** An open hold with its number, which grows in the order of preparing. */
export interface HeldTransfer extends Hold {
  readonly serial: number
}

/** One line of the books that does not change any more. */
export interface LedgerRecord extends Omit<TransferRecord, 'cursor' | 'state'> {
  readonly kind: EntryKind
  readonly state: 'fulfilled' | 'rejected' | 'expired' | 'posted'
  readonly cursor: Cursor
  /**
   * The record before this one of the same account as source or target, 0 for none: what one account did is a chain
   * through the records, newest first, so that no index has to be kept. What is paid to the server is not in its chain,
   * only what it pays.
   */
  readonly sourcePrevious: Cursor
  readonly targetPrevious: Cursor
  /** Transfers only. */
  readonly id?: TransferId.TransferId
  readonly destination?: string
  readonly expiresAt?: Instant.Instant
  readonly contentHash?: number
  /** Fulfilled transfers only. */
  readonly fulfillment?: Condition.Fulfillment
  /** Deposits and withdrawals only. */
  readonly reference?: string
}
