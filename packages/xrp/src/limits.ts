/** The bounds of the XRP Ledger side, with their defaults. */
export interface XrpLimits {
  /** Signed transactions that are in no validated ledger yet; more wait unsigned. */
  readonly inFlightMax: number
  /** Transactions that wait to be signed; beyond it a payment is refused. */
  readonly queuedMax: number
  /** A transaction may get into this many ledgers after the newest validated one: LastLedgerSequence. */
  readonly ledgersAheadMax: number
  /** A ledger is expected at least this often, to work out how many are left before a time. */
  readonly ledgerMs: number
  /** Drops that one transaction may cost. */
  readonly feeDropsMax: bigint
  /** How much of a transfer's time must be left when it is finished: its fulfillment is public from then on. */
  readonly expiryMarginMs: number
  /** Furthest expiry. */
  readonly expiresInMsMax: number
  /** Incoming escrows that are looked after at once; what comes beyond is left to expire. */
  readonly incomingMax: number
  /** Outgoing transfers that are remembered, and for how long after expiry; above half of them, until expiry. */
  readonly outgoingKeptMax: number
  readonly outgoingKeptMs: number
  /** An outcome that nobody can tell by then, after expiry, is `unknown`. */
  readonly unknownAfterMs: number
  /** How often an EscrowCreate that got into no ledger is tried again. */
  readonly createAttemptsMax: number
  /** Pages of open escrows that are read at a start, and of missed transactions per request. */
  readonly pagesMax: number
  /** Reconnecting after a cut. */
  readonly reconnectMs: number
  readonly reconnectMsMax: number
  /** Longest wait for an answer of the server. */
  readonly requestMs: number
}

export const xrpLimits: XrpLimits = {
  inFlightMax: 256,
  queuedMax: 4096,
  ledgersAheadMax: 20,
  ledgerMs: 4000,
  feeDropsMax: 100_000n,
  expiryMarginMs: 20_000,
  expiresInMsMax: 3_600_000,
  incomingMax: 4096,
  outgoingKeptMax: 65_536,
  outgoingKeptMs: 86_400_000,
  unknownAfterMs: 60_000,
  createAttemptsMax: 3,
  pagesMax: 1024,
  reconnectMs: 250,
  reconnectMsMax: 30_000,
  requestMs: 20_000,
}
