/**
 * A transfer from its preparing to its end. One object all the way: a hold while it is open, a record when it has
 * ended, so that a payment makes no more garbage than it must.
 */
import type { Condition, Instant, TransferId } from '@millstream/units'
import type { AccountId } from '../account.js'
import type { HeldTransfer, LedgerRecord } from '../changes.js'
import type { Cursor } from '../store.js'
import type { AccountState } from './account-state.js'
import { TimedLink } from './expiry-wheel.js'

export class TransferState extends TimedLink implements HeldTransfer, Omit<LedgerRecord, 'state' | 'expiresAt'> {
  declare readonly expiresAt: Instant.Instant
  readonly serial: number
  readonly id: TransferId.TransferId
  readonly source: AccountId
  readonly target: AccountId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly destination: string
  readonly contentHash: number
  readonly preparedAt: Instant.Instant

  readonly sourceAccount: AccountState
  readonly targetAccount: AccountState
  /** Place in the book's list of open holds. */
  readonly slot: number
  /** The changes in which it is new. */
  readonly epoch: number

  state: 'held' | 'fulfilled' | 'rejected' | 'expired' = 'held'
  cursor = 0 as Cursor
  at: Instant.Instant
  sourcePrevious = 0 as Cursor
  targetPrevious = 0 as Cursor
  fulfillment: Condition.Fulfillment | undefined = undefined

  constructor(
    hold: {
      readonly id: TransferId.TransferId
      readonly amount: bigint
      readonly condition: Condition.Condition
      readonly expiresAt: Instant.Instant
      readonly destination: string
      readonly contentHash: number
    },
    sourceAccount: AccountState,
    targetAccount: AccountState,
    preparedAt: Instant.Instant,
    serial: number,
    slot: number,
    epoch: number,
  ) {
    super(hold.expiresAt)
    this.serial = serial
    this.id = hold.id
    this.source = sourceAccount.id
    this.target = targetAccount.id
    this.amount = hold.amount
    this.condition = hold.condition
    this.destination = hold.destination
    this.contentHash = hold.contentHash
    this.preparedAt = preparedAt
    this.sourceAccount = sourceAccount
    this.targetAccount = targetAccount
    this.slot = slot
    this.epoch = epoch
    this.at = preparedAt
  }

  get kind(): 'transfer' {
    return 'transfer'
  }
}
