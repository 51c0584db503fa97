/**
 * The seam between those who pay or are paid (shop, payer) and the rail under them (a hosted trustline, XRP escrows, a
 * pair in memory). Shop and payer know this interface and no implementation; every implementation passes
 * `@millstream/plugin/testing`.
 */
import type { Asset, Brand, Condition, Instant } from '@millstream/units'
import type { IncomingTransfer, OutgoingTransfer, Rejection, SendOutcome } from './transfer.js'

/** A place in the feed of what was posted: opaque, comparable with `<`, growing. 0 is before everything. */
export type Cursor = Brand<number, 'Cursor'>

export interface LedgerInfo {
  /** Ledger prefix, ends with `.`: `g.letter-shop.mytrustline.` */
  readonly prefix: string
  readonly asset: Asset
  /** This side's own address on the ledger: `<prefix>server` for a shop. */
  readonly account: string
  /** The payee is the direct receiver of each transfer, so one payment may buy several pieces. */
  readonly direct: boolean
  /** The smallest payment that the rail can carry without loss; absent when there is none. */
  readonly paymentMin?: bigint
  /**
   * How much of a transfer's time must be left when it is fulfilled, in milliseconds; absent is 0. The payee neither
   * takes nor fulfills a transfer with less: the rail could not post it in time for certain.
   */
  readonly expiryMarginMs?: number
}

/** What a payee registers. All three are called in the order in which things happened at the ledger. */
export interface Payee {
  /**
   * Before the hold, synchronous. A rejection leaves no record. It changes nothing: what passes may still be refused by
   * the ledger, may be known to it already, and may stand in one batch with others like it, so that `fulfill` looks again.
   */
  check(transfer: IncomingTransfer): Rejection | undefined
  /**
   * Before `check`, where it has to find something out about a transfer first: a promise that never rejects. A plugin that
   * can wait calls it, and lets the transfer alone wait; for others `check` says that it does not know.
   */
  lookFor?(transfer: IncomingTransfer): Promise<void> | undefined
  /**
   * Once held. May wait (for content); when it can, it answers at once, so that prepare and fulfill share a commit.
   * A rejected promise is a bug: the transfer is then rejected with T00.
   */
  fulfill(transfer: IncomingTransfer): Condition.Fulfillment | Rejection | Promise<Condition.Fulfillment | Rejection>
  /**
   * Once the outcome is durable; where this side keeps the book, before the payer is told. `fulfilled` means paid: `cursor` is its place in the feed.
   * Called exactly once for each transfer for which `fulfill` was called, if the process lives.
   */
  settled(transfer: IncomingTransfer, outcome: SettledOutcome, cursor: Cursor): void
}

/** `lost`: the fulfillment became public and no money came all the same. Nothing was paid, and its number is used. */
export type SettledOutcome = 'fulfilled' | 'rejected' | 'expired' | 'lost'

/** One posted transfer of the feed. */
export interface Posted {
  readonly cursor: Cursor
  /** Ledger address of the account that paid. */
  readonly source: string
  /** ILP address that was paid. */
  readonly destination: string
  /** 0 for what was lost: its fulfillment is public, so its number is used, and nothing was paid. */
  readonly amount: bigint
  readonly postedAt: Instant.Instant
}

export interface Plugin {
  /** @throws {NotConnectedError} Before the first connection has told it. */
  info(): LedgerInfo
  /** What this side's account holds, in base units; negative when it owes. */
  balance(): Promise<bigint>
  /**
   * Pays. Never rejects: every way to fail is an outcome. Settles what is unknown by itself as long as it can
   * (reconnect, the same transfer again), at the latest some seconds after expiry.
   */
  send(transfer: OutgoingTransfer): Promise<SendOutcome>
  /** Registers the one payee of this side. Transfers that arrive without one are rejected with F06. */
  receive(payee: Payee): void
  /**
   * Where this side keeps the book: what was posted to it after a cursor, in order, up to now; with `source`, by that
   * account at least. Absent where the peer keeps it. Fails with an error of code `LEDGER_FEED_PRUNED` where some of it is
   * no longer kept.
   */
  posted?(after: Cursor, source?: string): AsyncIterable<Posted>
  /** Where this side keeps the book: the place of what ended last. */
  newest?(): Promise<Cursor>
  /**
   * Calls back when the account of this side has ended, as one without credentials does with its connection: whatever
   * was unresolved is `unknown` by then, and what is sent afterwards is paid by another account. Absent where accounts
   * last. Returns what ends the calling back.
   */
  onAccountEnded?(listener: () => void): () => void
}
