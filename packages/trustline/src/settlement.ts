/**
 * Where the money behind a trustline comes from and goes to: deposits, claims over what is owed, withdrawals. The host
 * knows the interface and no currency; what is settled becomes a `deposit` or `withdraw` in the ledger, whose rules
 * decide as ever what a customer may still spend.
 */
import type { BtpRefusal } from '@millstream/btp'
import type { BtpFrame } from '@millstream/codec'
import { MillstreamError } from '@millstream/units'

export interface SettlementCustomer {
  /** As the ledger names the account. It may not be there yet: an account is opened with its first value. */
  readonly name: string
}

export interface Settlement {
  /** Name of the entry in MESSAGE frames that it answers. */
  readonly protocol: string
  /**
   * Answers a question of a customer. `question.data` may be a view into a buffer that is used again: it is read before
   * the first pause.
   *
   * @throws {SettlementRefusedError} Answered with ERROR; anything else is answered without words.
   */
  answer(question: BtpFrame.ProtocolEntry, customer: SettlementCustomer): Promise<BtpFrame.ProtocolEntry>
  /**
   * A `claim` in the RESPONSE to a FULFILL. The transfer is done whatever becomes of the claim, so nobody is answered;
   * must not throw, and keeps nothing of the entry's bytes.
   */
  claim(claim: BtpFrame.ProtocolEntry, customer: SettlementCustomer): void
}

/** The entry of a RESPONSE to a FULFILL that settles. */
export const claimProtocol = 'claim'

/** What a customer asked for is not done, in words for its user. At most 200 characters travel. */
export class SettlementRefusedError extends MillstreamError {
  override readonly name = 'Trustline.SettlementRefusedError'
  readonly code = 'TRUSTLINE_SETTLEMENT_REFUSED'
  readonly refusal: BtpRefusal.Refusal
  constructor(name: BtpRefusal.ErrorName, message: string) {
    super(message)
    this.refusal = { name, message }
  }
}
