/** What all errors of a payer tell besides code and message: what became of the money, and what to do next. */
import { type Asset, MillstreamError } from '@millstream/units'

/** What became of the money so far, in base units of `asset`. */
export interface Money {
  /** Undefined while no ledger and no header has named it; nothing was paid then. */
  readonly asset: Asset | undefined
  /** Paid for certain. */
  readonly paid: bigint
  /** How many pieces that paid for. */
  readonly piecesPaid: number
  /** Held: paid or given back, at the latest at its expiry. */
  readonly held: bigint
  /** Outcome unknown: counts as spent. */
  readonly unknown: bigint
  /** Spent (paid or unknown) for pieces that did not arrive. */
  readonly lost: bigint
}

export const nothingPaid: Money = { asset: undefined, paid: 0n, piecesPaid: 0, held: 0n, unknown: 0n, lost: 0n }

export interface PayErrorOptions {
  readonly message: string
  /** What the user can do about it, as a sentence without a capital: `run again with --max-price 12; …`. */
  readonly next: string
  readonly money?: Money | undefined
  readonly cause?: unknown
}

export abstract class PayError extends MillstreamError {
  readonly money: Money
  readonly next: string
  constructor(options: PayErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.money = options.money ?? nothingPaid
    this.next = options.next
  }
}
