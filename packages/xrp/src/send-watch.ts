/** What a payer may be told on the way. */
export interface SendWatch {
  /** The escrow is in a validated ledger: the amount is held. */
  held?(): void
}
