/** What travels over a rail: one conditional transfer between two accounts of one ledger. Binary, no text forms. */
import type { Condition, Instant, TransferId } from '@millstream/units'

/** A transfer as its payer asks for it. */
export interface OutgoingTransfer {
  /** Made by the payer, kept in memory before sending: sending the same id again is the same transfer. */
  readonly id: TransferId.TransferId
  /** Ledger address of the account to be paid; the payer of a hosted trustline pays its host and leaves it out. */
  readonly target?: string
  /** Base units of the rail's ledger, 0 to 2^64 - 1. */
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  /** The exact bytes of the ILP packet. */
  readonly packet: Uint8Array
}

/** A transfer as its payee sees it. The byte strings belong to it: they are not views into a buffer in use. */
export interface IncomingTransfer {
  readonly id: TransferId.TransferId
  /** Ledger address of the account that pays, authenticated by the rail: `g.shop.alice`. */
  readonly source: string
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly packet: Uint8Array
  /** From the packet: the ILP address that is paid, `<payee's account>.<userId>.<n>`, and what it shall receive. */
  readonly destination: string
  readonly destinationAmount: bigint
  /**
   * The payee's: what its `check` worked out, for its `fulfill` and `settled`. A rail leaves it alone and hands the same
   * object to all three; where it has only the transfer (holds from before a restart) the payee works it out again.
   */
  note?: unknown
}

/** Why a payee does not take a transfer: an ILP error (F06, T05, …) with words for a person. */
export interface Rejection {
  readonly code: string
  readonly message: string
}

/** What became of a transfer, for its payer. `unknown` may have cost its amount: never pay again in its place. */
export type SendOutcome =
  /**
   * Paid. Without a `fulfillment` only the ledger's word says so: it was paid while this side was not connected and the
   * fulfillment did not come again. Spent all the same.
   */
  | { readonly status: 'fulfilled'; readonly fulfillment?: Condition.Fulfillment }
  /** `by` is `payee` for an ILP error, `ledger` for a refusal before anything was held. */
  | ({ readonly status: 'rejected'; readonly by: 'payee' | 'ledger' } & Rejection)
  | { readonly status: 'expired' }
  | { readonly status: 'unknown'; readonly reason: string }
