/** One account of the XRP Ledger as of a validated ledger, with what the network keeps back from it. */
export interface AccountState {
  /** Drops. */
  readonly balance: bigint
  readonly ownerCount: number
  /** The next sequence number. */
  readonly sequence: number
  /** Drops that an account must keep, and drops for each object that it owns. */
  readonly reserveBase: bigint
  readonly reserveIncrement: bigint
}
