/** The bounds of settlement over XRP, with their defaults. */
export interface SettlementLimits {
  /** Tags that were given out and have brought no deposit yet. Beyond that the oldest is forgotten, if it is old enough. */
  readonly tagsUnusedMax: number
  readonly tagUnusedMsMin: number
  /** Addresses from which an account was funded, to which it may withdraw. The one that brought least is forgotten. */
  readonly sourcesPerAccountMax: number
  /** Finished deposits and withdrawals that can be asked about; their records in the ledger stay. */
  readonly finishedMax: number
  /** Smallest withdrawal: a hundred times what the ledger takes for it. */
  readonly withdrawDropsMin: bigint
  readonly channelsPerAccountMax: number
  readonly channelsMax: number
  /** Channels that are looked up at once. */
  readonly lookUpsMax: number
  /** Smallest channel. */
  readonly channelDropsMin: bigint
  /** How long the source of a channel must wait before it can take back what was not claimed. */
  readonly settleDelaySecondsMin: number
  /** A claim is redeemed when so much of it is not yet: below, its fee would be a waste. */
  readonly redeemDropsMin: bigint
  /** And when the channel ends within this time, however little it is. */
  readonly redeemBeforeMs: number
  /** Claims of one account that are verified: so many at once, then so many a second. */
  readonly claimsBurst: number
  readonly claimsPerSecond: number
  /** A signature that does not hold counts as so many. */
  readonly claimWrongCost: number
}

export const settlementLimits: SettlementLimits = {
  tagsUnusedMax: 16_384,
  tagUnusedMsMin: 3_600_000,
  sourcesPerAccountMax: 32,
  finishedMax: 10_000,
  withdrawDropsMin: 1_000n,
  channelsPerAccountMax: 4,
  channelsMax: 16_384,
  lookUpsMax: 16,
  channelDropsMin: 1_000_000n,
  settleDelaySecondsMin: 3_600,
  redeemDropsMin: 10_000_000n,
  redeemBeforeMs: 3_600_000,
  claimsBurst: 200,
  claimsPerSecond: 100,
  claimWrongCost: 40,
}
