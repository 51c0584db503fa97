/**
 * Every bound of a host, with its default. Bounds of money are the ledger's (`LedgerLimits`), bounds of one connection
 * are those of its session and of its first frame (`@millstream/btp`).
 */
export interface TrustlineLimits {
  /**
   * PREPAREs of one account in one tick; the rest waits for the next, so that a flood delays nobody for long, and the
   * customer works on the first answers while the host works on the rest.
   */
  readonly framesPerTickMax: number
  /** Connections of one account at a time. One more is refused. */
  readonly connectionsPerAccountMax: number
  /** Accounts that are connected or have something open. A connection of one more is refused. */
  readonly accountsMax: number
  /**
   * Refused PREPAREs of one account: so many at once, then so many a second. Beyond that PREPAREs are looked up, not
   * judged, and new ones rejected with T05. Payments that are taken count for nothing.
   */
  readonly refusedBurst: number
  readonly refusedPerSecond: number
  /** Questions (balance, limit, info) of one account: so many at once, then so many a second; then ERROR T00. */
  readonly messagesBurst: number
  readonly messagesPerSecond: number
  /** Accounts opened in the ledger from one IPv4 address or IPv6 /64: so many at once, then so many a minute. */
  readonly openingsBurst: number
  readonly openingsPerMinute: number
  /** Addresses whose openings are remembered. */
  readonly addressesMax: number
  /** FULFILLs of one account that are kept until it acknowledges them or they expire; then the oldest are dropped. */
  readonly unacknowledgedMax: number
  /** Transfers that the host itself holds for one customer. */
  readonly outgoingPerAccountMax: number
  /** Searches for ids that have left memory: those that wait, of all accounts and of one. */
  readonly searchesMax: number
  readonly searchesPerAccountMax: number
  /** How exact expiry is for those who only wait: the ledger itself is exact. */
  readonly sweepMs: number
  /** Between two looks at what can leave memory. */
  readonly housekeepingMs: number
  /** Between two looks through all accounts for debts of strangers. */
  readonly writeOffMs: number
  /** Debts of strangers that are older are written off. */
  readonly strangerDebtMsMax: number
  /** How long `drain` waits for what is held. */
  readonly drainMs: number
}

export const trustlineLimits: TrustlineLimits = {
  framesPerTickMax: 512,
  connectionsPerAccountMax: 16,
  accountsMax: 65_536,
  refusedBurst: 4_096,
  refusedPerSecond: 200,
  messagesBurst: 200,
  messagesPerSecond: 50,
  openingsBurst: 100,
  openingsPerMinute: 60,
  addressesMax: 65_536,
  unacknowledgedMax: 4_096,
  outgoingPerAccountMax: 1_024,
  searchesMax: 256,
  searchesPerAccountMax: 16,
  sweepMs: 50,
  housekeepingMs: 60_000,
  writeOffMs: 3_600_000,
  strangerDebtMsMax: 86_400_000,
  drainMs: 10_000,
}
