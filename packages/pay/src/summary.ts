/** What a paid stream reports: while it runs, and when it has stopped. */
import type { Money, PayError } from './pay-error.js'

/**
 * Why a stream stopped.
 *
 * | reason             | what happened                                                                    |
 * | ------------------ | -------------------------------------------------------------------------------- |
 * | `content_ended`    | the body ended cleanly                                                           |
 * | `budget`           | one more payment would exceed the budget                                         |
 * | `pieces`           | as many pieces are paid as were asked for                                        |
 * | `minimum`          | what is left to buy costs less than the smallest payment that the shop takes     |
 * | `stopped`          | `stop()` or the abort signal                                                     |
 * | `reader_left`      | whoever read the body stopped reading it                                         |
 * | `free`             | the answer asked for no money                                                    |
 * | `broken`           | the body broke off: this is not the whole content                                |
 * | `refused`          | the shop refused a payment for good                                              |
 * | `ledger_refused`   | the ledger refused a payment for good: no money or credit is left, most likely   |
 * | `account_ended`    | the account, one without credentials, ended with its connection                  |
 * | `not_delivered`    | the shop took payments and sent nothing                                          |
 * | `state_failed`     | the payer's own book could not be written                                        |
 */
export type StopReason =
  | 'content_ended'
  | 'budget'
  | 'pieces'
  | 'minimum'
  | 'stopped'
  | 'reader_left'
  | 'free'
  | 'broken'
  | 'refused'
  | 'ledger_refused'
  | 'account_ended'
  | 'not_delivered'
  | 'state_failed'

export interface Summary extends Money {
  readonly stopped: StopReason
  /** The body ended cleanly: this is the whole content, or the rest of it. */
  readonly ended: boolean
  /** Pieces that arrived, whether paid or not; for `opaque` units, those paid that arrived. */
  readonly pieces: number
  readonly bytes: number
  /** `paid + unknown`: what counts against the budget. */
  readonly spent: bigint
  /** Payments that were rejected or expired: they cost nothing. */
  readonly refused: number
  readonly seconds: number
  /** What went wrong, for the reasons that are failures; the body throws the same error. */
  readonly error: PayError | undefined
}

/** A moment of a running stream; cheap to take. */
export interface Progress extends Money {
  readonly pieces: number
  readonly bytes: number
  readonly spent: bigint
  /** What may still be spent. */
  readonly left: bigint
  /** Payments in flight, and how many there may be at the moment. */
  readonly inFlight: number
  readonly window: number
  /** From sending a payment to its fulfillment, smoothed, in milliseconds; undefined before the first. */
  readonly delayMs: number | undefined
  readonly seconds: number
}
