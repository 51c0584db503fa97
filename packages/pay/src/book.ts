/**
 * The payer's book of one ledger account: what it spent there, what may have become spent, and which numbers it used.
 *
 * Numbers and spending are reserved in blocks, written ahead: before the first payment of a block goes out, the book
 * says that all of it may be spent. After a crash the rest of the block counts as spent until the host's balance says
 * otherwise, and its numbers are never used again.
 */
import type { Instant } from '@millstream/units'

/** What a stream tells its book. */
export interface StreamPosition {
  /** First number that is not used yet. */
  readonly next: number
  /** Posted so far by this stream, in base units. */
  readonly posted: bigint
  /** Held or of unknown outcome: may still become spent. */
  readonly unresolved: bigint
}

export interface BookedStream {
  /** First number that was never reserved for this address: 1, or more when the address was paid before. */
  readonly first: number
  /** Returns once it is durable that numbers below `end` may be used. Undefined when it is so at once. */
  reserve(end: number, position: StreamPosition): Promise<void> | undefined
  /** The stream is over: nothing is in flight any more. */
  close(position: StreamPosition): Promise<void>
}

/** What a balance of the host says about the book. */
export type BalanceVerdict =
  | { readonly status: 'agrees' }
  /** Somebody gave money to the account. */
  | { readonly status: 'credited'; readonly amount: bigint }
  /** The host took more than this payer ever sent: `amount` is unexplained. The host's balance is adopted. */
  | { readonly status: 'unexplained'; readonly amount: bigint; readonly expectedMin: bigint; readonly balance: bigint }

export interface Book {
  /** @param price - Base units for each number. */
  open(address: string, price: bigint): Promise<BookedStream>
  /** Compares with what the host says, and settles what was unresolved where that can be told. */
  reconcile(balance: bigint): Promise<BalanceVerdict>
  /** Posted by this account as far as known, over the life of the book. */
  readonly spent: bigint
  /** May have become spent. */
  readonly unresolved: bigint
  readonly asOf?: Instant.Instant
}
