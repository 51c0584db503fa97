/** Every bound of a shop, with its default. Beyond a bound something is refused; nothing grows. */
export interface ShopLimits {
  /** A stream that nobody has paid after this many ms is destroyed. 30,000 */
  readonly unpaidMs: number
  /** Unpaid streams of one address: an IPv4 address, or an IPv6 network of 64 bits. 256 */
  readonly unpaidPerAddressMax: number
  /** Unpaid streams of all addresses together. 16,384 */
  readonly unpaidMax: number
  /** Open streams. 65,536 */
  readonly streamsMax: number
  /** A paid stream whose reader stays but holds and pays nothing for this many ms is destroyed. 3,600,000 */
  readonly idleMs: number
  /** For this many ms after its end a stream is remembered, so that late payments are told how it ended. 600,000 */
  readonly rememberedMs: number
  /** Ended streams that are remembered; beyond it the oldest is forgotten. 65,536 */
  readonly rememberedMax: number
  /** Bytes of content of one stream in memory; beyond it nothing is read, unless not one piece is complete. 1,048,576 */
  readonly bufferBytesMax: number
  /** Bytes of one stream that are fulfilled and not yet in its body; beyond it holds wait. 262,144 */
  readonly inFlightBytesMax: number
  /** Pieces that one payment may buy. 16,384 */
  readonly piecesPerPaymentMax: number
  /** A stream whose record lags this many entries behind the ledger's feed is written again. 100,000 */
  readonly recordLagMax: number
  /** A stream that was paid since its record was written has it written again after this many ms. 60,000 */
  readonly recordMs: number
  /** Records of ended streams are deleted after this many ms. 86,400,000 */
  readonly recordsKeptMs: number
  /** In a fleet: streams of other shops that are remembered; beyond it the oldest is forgotten. 4,096 */
  readonly elsewhereMax: number
  /** What was found out about a stream that another shop has open, or that is nowhere, holds for this many ms. 2,000 */
  readonly elsewhereMs: number
  /** Streams of other shops that are looked for at once, and in one second. 64 and 1,000 */
  readonly lookingMax: number
  readonly looksPerSecond: number
  /** Streams of shops that have died are looked for every so many ms. 30,000 */
  readonly abandonedMs: number
  /** On closing, what is fulfilled gets this many ms to settle and reach its reader. 5,000 */
  readonly closeMs: number
}

export const shopLimits: ShopLimits = {
  unpaidMs: 30_000,
  unpaidPerAddressMax: 256,
  unpaidMax: 16_384,
  streamsMax: 65_536,
  idleMs: 3_600_000,
  rememberedMs: 600_000,
  rememberedMax: 65_536,
  bufferBytesMax: 1_048_576,
  inFlightBytesMax: 262_144,
  piecesPerPaymentMax: 16_384,
  recordLagMax: 100_000,
  recordMs: 60_000,
  recordsKeptMs: 86_400_000,
  elsewhereMax: 4_096,
  elsewhereMs: 2_000,
  lookingMax: 64,
  looksPerSecond: 1_000,
  abandonedMs: 30_000,
  closeMs: 5_000,
}
