/** The stops of a stream that are failures, as errors: what happened, what became of the money, what to do next. */
import type { Refusal } from './pace.js'
import { type Money, PayError } from './pay-error.js'
import type { StopReason } from './summary.js'

export interface Stop {
  readonly reason: StopReason | undefined
  readonly refusal: Refusal | undefined
  readonly failure: unknown
  readonly money: Money
  /** Id of the payer's account, where it is known. */
  readonly account: string | undefined
}

/** @returns `undefined` for reasons that are no failure. */
export function errorOf(stop: Stop): PayError | undefined {
  switch (stop.reason) {
    case 'broken':
      return new ContentBrokenError(stop)
    case 'refused':
      return new PaymentRefusedError(stop)
    case 'ledger_refused':
      return impossible.has(stop.refusal?.code ?? '') ? new LedgerRejectedError(stop) : new LedgerRefusedError(stop)
    case 'account_ended':
      return new AccountEndedError(stop)
    case 'not_delivered':
      return new NotDeliveredError(stop)
    case 'state_failed':
      return new BookFailedError(stop)
    default:
      return undefined
  }
}

/** Refusals that money does not help against: it expires before it is there, or there is no such payee. */
const impossible: ReadonlySet<string> = new Set(['F00', 'F02'])

/** The words of a peer, as theirs: bounded, and without what would steer a terminal. */
function quoted(refusal: Refusal | undefined): string {
  if (refusal === undefined) return 'without a word'
  return `with ${JSON.stringify(refusal.code.slice(0, 3))}: ${JSON.stringify(refusal.message.slice(0, 200))}`
}

function wordsOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}

export class ContentBrokenError extends PayError {
  override readonly name = 'StopError.ContentBrokenError'
  readonly code = 'PAY_CONTENT_BROKEN'
  constructor(stop: Stop) {
    super({
      message: 'The content broke off: what arrived is not the whole of it.',
      next: stop.money.held > 0n ? 'try again; what is held is paid or given back by its expiry' : 'try again',
      money: stop.money,
      cause: stop.failure,
    })
  }
}

export class PaymentRefusedError extends PayError {
  override readonly name = 'StopError.PaymentRefusedError'
  readonly code = 'PAY_REFUSED'
  constructor(stop: Stop) {
    super({
      message: `The shop takes no more payments for this stream: it refused one ${quoted(stop.refusal)}.`,
      next: 'ask for the URL again, for a new stream; what was refused cost nothing',
      money: stop.money,
    })
  }
}

export class LedgerRefusedError extends PayError {
  override readonly name = 'StopError.LedgerRefusedError'
  readonly code = 'PAY_LEDGER_REFUSED'
  constructor(stop: Stop) {
    const account = stop.account === undefined ? 'your account' : `your account ${stop.account}`
    const passes = stop.refusal?.code.startsWith('T') === true
    super({
      message: passes
        ? `The ledger has taken no payment for a while; it refused the last one ${quoted(stop.refusal)}.`
        : `The ledger refused a payment ${quoted(stop.refusal)}. Most likely there is no money or credit left.`,
      next: passes
        ? 'see whether the ledger runs and can be reached, and run again; what was refused cost nothing'
        : `have ${account} funded by whoever runs the ledger; what was refused cost nothing`,
      money: stop.money,
    })
  }
}

export class LedgerRejectedError extends PayError {
  override readonly name = 'StopError.LedgerRejectedError'
  readonly code = 'PAY_LEDGER_REJECTED'
  constructor(stop: Stop) {
    super({
      message: `The ledger cannot carry payments to this shop: it refused one ${quoted(stop.refusal)}.`,
      next:
        stop.refusal?.code === 'F02'
          ? 'see whether you and the shop are on the same network; what was refused cost nothing but a fee'
          : 'see whether your clock and that of the ledger agree; what was refused cost nothing but a fee',
      money: stop.money,
    })
  }
}

export class AccountEndedError extends PayError {
  override readonly name = 'StopError.AccountEndedError'
  readonly code = 'PAY_ACCOUNT_ENDED'
  constructor(stop: Stop) {
    super({
      message: 'The connection to the ledger was cut, and an account without user name and token ends with it.',
      next: 'ask for the URL again, for a new stream; with a user name and a token the account outlives its connections',
      money: stop.money,
    })
  }
}

export class NotDeliveredError extends PayError {
  override readonly name = 'StopError.NotDeliveredError'
  readonly code = 'PAY_NOT_DELIVERED'
  constructor(stop: Stop) {
    // Where nothing is known to be paid, the shop may not have been paid either.
    const isPaid = stop.money.piecesPaid > 0
    super({
      message: isPaid
        ? 'The shop took payments and did not send what they paid for.'
        : 'The ledger did not say what became of the payments, and what they were for did not come.',
      next: 'do not count on what was lost; a lower --risk loses less',
      money: stop.money,
    })
  }
}

export class BookFailedError extends PayError {
  override readonly name = 'StopError.BookFailedError'
  readonly code = 'PAY_BOOK_FAILED'
  constructor(stop: Stop) {
    super({
      message: `The payer's own book cannot be written (${wordsOf(stop.failure)}), and nothing is paid that is not written down.`,
      next: 'see to the disk and its permissions, then run again',
      money: stop.money,
      cause: stop.failure,
    })
  }
}
