/**
 * What a ledger is asked and what it answers. Refusals are values; statuses are checked in the order in which they
 * stand here. A command that is refused changes nothing.
 */
import type { Condition, Instant, TransferId } from '@millstream/units'
import type { Account, AccountId, AccountKind } from './account.js'
import type { Cursor, Hold } from './store.js'

export type Command = Open | Limit | Prepare | LookUp | Fulfill | Reject | Deposit | Withdraw | Merge | WriteOff

/** Opens an account or finds it. A `stranger` is made durable with its first durable entry, a `named` one at once. */
export interface Open {
  readonly type: 'open'
  readonly name: string
  readonly kind: Exclude<AccountKind, 'system'>
  /** For a new account, and for one that is still `stranger` or `passing`; a named account keeps its own. */
  readonly creditLimit: bigint
}
export type OpenOutcome = { readonly status: 'opened' | 'exists'; readonly account: Account }

/** Sets the credit limit and makes the account `named`. A limit below what is owed only stops further holds. */
export interface Limit {
  readonly type: 'limit'
  readonly account: AccountId
  readonly creditLimit: bigint
}
export type LimitOutcome = { readonly status: 'limited'; readonly account: Account } | AccountNotFound

/**
 * Holds `amount` on `source` for `target`. The byte strings belong to the ledger from here on: hand in copies where they
 * are views into a buffer that is used again.
 */
export interface Prepare {
  readonly type: 'prepare'
  /** Unique among the transfers of `source`. */
  readonly id: TransferId.TransferId
  readonly source: AccountId
  readonly target: AccountId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  /** ILP address that is paid; goes into the entry. */
  readonly destination: string
  /** 32-bit hash of everything that the payer sent, to tell a repeat from another transfer of the same id. */
  readonly contentHash: number
}
export type PrepareOutcome =
  | { readonly status: 'prepared' }
  /** The same id and content, still held. */
  | Exists
  /** The same id and content, already ended. `fulfillment` where it is still at hand. */
  | { readonly status: 'exists_fulfilled'; readonly fulfillment?: Condition.Fulfillment }
  | { readonly status: 'exists_rejected' | 'exists_expired' }
  /** The same id, other content. */
  | { readonly status: 'exists_different' }
  | AccountNotFound
  /** `expiresAt` is now or has passed. */
  | { readonly status: 'expired' }
  /** `expiresAt` is further away than the ledger allows. */
  | { readonly status: 'expires_too_late' }
  /** Worth another try once some holds or ids have ended. */
  | { readonly status: 'exceeds_holds' | 'exceeds_ids' }
  /** Beyond the source's balance and credit, beyond all strangers' total, beyond what the target may hold. */
  | { readonly status: 'exceeds_balance' | 'exceeds_strangers' | 'exceeds_target' }

export interface Exists {
  readonly status: 'exists'
  /** It was prepared by another host of the ledger, which may be dead: whoever is asked about it here may end it. */
  readonly elsewhere?: true
}

/**
 * Asks what became of a transfer without preparing it: for a repeated PREPARE, which is answered from the ledger before
 * anything else about it is judged.
 */
export interface LookUp {
  readonly type: 'look_up'
  readonly source: AccountId
  readonly id: TransferId.TransferId
  readonly contentHash: number
  /** Of the PREPARE that came: with it, what is dead to the ledger is told from what it never held. */
  readonly expiresAt?: Instant.Instant
}
export type LookUpOutcome =
  /** The same id and content: still held, or how it ended. */
  | Exists
  | { readonly status: 'exists_fulfilled' | 'exists_rejected' | 'exists_expired' }
  /** The same id, other content. */
  | { readonly status: 'exists_different' }
  /** Never held, or no longer in memory: `Store.search` looks into the records. */
  | { readonly status: 'not_found' }
  /** The same, and `expiresAt` is not after ledger time: its id may have left memory. */
  | { readonly status: 'expired' }

/** Posts a held transfer. */
export interface Fulfill {
  readonly type: 'fulfill'
  readonly source: AccountId
  readonly id: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment
}
export type FulfillOutcome =
  | { readonly status: 'fulfilled'; readonly cursor: Cursor }
  | { readonly status: 'not_found' }
  /** Already ended. `exists_fulfilled`: with this very fulfillment, or one that cannot be compared any more. */
  | { readonly status: 'exists_fulfilled' | 'exists_rejected' | 'exists_expired' }
  /** SHA-256 of the fulfillment is not the condition; the hold stays. */
  | { readonly status: 'wrong_fulfillment' }

/** Ends a held transfer and gives its amount back to the source. */
export interface Reject {
  readonly type: 'reject'
  readonly source: AccountId
  readonly id: TransferId.TransferId
}
export type RejectOutcome =
  | { readonly status: 'rejected' }
  | { readonly status: 'not_found' }
  | { readonly status: 'exists_fulfilled' | 'exists_rejected' | 'exists_expired' }

/** Credits value received elsewhere. Once for each reference. */
export interface Deposit {
  readonly type: 'deposit'
  readonly account: AccountId
  readonly amount: bigint
  /** Names the value received: a transaction hash, or what the operator wrote. 1 to 128 characters. */
  readonly reference: string
}
export type DepositOutcome =
  | { readonly status: 'deposited'; readonly cursor: Cursor }
  /** The reference was used before: for this very deposit, or for another account or amount. */
  | { readonly status: 'exists' | 'exists_different' }
  | AccountNotFound
  /** Beyond what the account may hold. */
  | { readonly status: 'exceeds_target' }

/** Debits value given elsewhere; never below a balance of zero. Once for each reference. */
export interface Withdraw {
  readonly type: 'withdraw'
  readonly account: AccountId
  readonly amount: bigint
  readonly reference: string
}
export type WithdrawOutcome =
  | { readonly status: 'withdrawn'; readonly cursor: Cursor }
  | { readonly status: 'exists' | 'exists_different' }
  | AccountNotFound
  | { readonly status: 'exceeds_balance' }

/** Moves all of `from` to `into` and closes `from`, which holds nothing. For passing accounts. */
export interface Merge {
  readonly type: 'merge'
  readonly from: AccountId
  readonly into: AccountId
}
export type MergeOutcome = { readonly status: 'merged' } | AccountNotFound | { readonly status: 'has_holds' }

/** Moves what a stranger owes to the bad-debt account. */
export interface WriteOff {
  readonly type: 'write_off'
  readonly account: AccountId
}
export type WriteOffOutcome =
  | { readonly status: 'written_off'; readonly amount: bigint }
  | AccountNotFound
  | { readonly status: 'owes_nothing' }

export type AccountNotFound = { readonly status: 'account_not_found' }

/** The outcome type of a command type. */
export type OutcomeOf<C extends Command> = C extends Open
  ? OpenOutcome
  : C extends Limit
    ? LimitOutcome
    : C extends Prepare
      ? PrepareOutcome
      : C extends LookUp
        ? LookUpOutcome
        : C extends Fulfill
          ? FulfillOutcome
          : C extends Reject
            ? RejectOutcome
            : C extends Deposit
              ? DepositOutcome
              : C extends Withdraw
                ? WithdrawOutcome
                : C extends Merge
                  ? MergeOutcome
                  : WriteOffOutcome

export type Outcome = OutcomeOf<Command>

/** A transfer that expired while a batch was decided, so that its payee and payer can be told. */
export type Expired = Hold
