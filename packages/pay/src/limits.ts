/**
 * What a payer is willing to spend. Set by the user, on by default, checked before the first payment and again for
 * every answer that asks for money.
 */
import { type Asset, MillstreamError } from '@millstream/units'

export interface Limits {
  /** What the amounts below count. A shop that asks for any other asset is not paid. XRP, scale 9 */
  readonly asset: Asset
  /** Most that one piece may cost, in base units. 1,000 */
  readonly maxPrice: bigint
  /** Most that is spent by this payer in its life, over all its streams, in base units. 1,000,000 */
  readonly budget: bigint
  /**
   * Most that can be lost at any moment, over all its streams, in base units: what is held and what was paid for
   * pieces that have not arrived. The larger of one price and a hundredth of the budget.
   */
  readonly risk: bigint | undefined
  /** Stop after paying for this many pieces of a stream. No bound. */
  readonly pieces: number | undefined
  /** Most payments in flight, or `auto`: as many as the path repays. auto */
  readonly window: number | 'auto'
}

/** XRP at scale 9: a budget of 0.001 XRP, in pieces of at most 0.000001 XRP. */
export const defaultLimits: Limits = {
  asset: { code: 'XRP', scale: 9 },
  maxPrice: 1_000n,
  budget: 1_000_000n,
  risk: undefined,
  pieces: undefined,
  window: 'auto',
}

/** Most payments in flight that a user may ask for: the numbers that a shop keeps apart (its window of numbers). */
export const windowMax = 16_384

/**
 * Fills in what the user left out, on top of `base`.
 *
 * @throws {LimitsIncompleteError} An asset other than that of `base`, without a `maxPrice` and a `budget` of its own.
 * @throws {LimitsInvalidError} A limit out of its range.
 */
export function resolve(limits: Partial<Limits> = {}, base: Limits = defaultLimits): Limits {
  const asset = limits.asset ?? base.asset
  if (!sameAsset(asset, base.asset) && (limits.maxPrice === undefined || limits.budget === undefined)) {
    throw new LimitsIncompleteError(asset, base.asset)
  }
  const resolved: Limits = {
    asset,
    maxPrice: limits.maxPrice ?? base.maxPrice,
    budget: limits.budget ?? base.budget,
    risk: limits.risk ?? base.risk,
    pieces: limits.pieces ?? base.pieces,
    window: limits.window ?? base.window,
  }
  assertValid(resolved)
  return resolved
}

/** The risk that a user who set none takes for a stream of this price: the larger of one price and budget ÷ 100. */
export function riskOf(limits: Limits, price: bigint): bigint {
  if (limits.risk !== undefined) return limits.risk
  const share = limits.budget / 100n
  return share > price ? share : price
}

export function sameAsset(a: Asset, b: Asset): boolean {
  return a.code === b.code && a.scale === b.scale
}

function assertValid(limits: Limits): void {
  const { asset, maxPrice, budget, risk, pieces, window } = limits
  if (asset.code.length === 0 || !Number.isInteger(asset.scale) || asset.scale < 0 || asset.scale > 255) {
    throw new LimitsInvalidError('asset', 'a code and a scale from 0 to 255')
  }
  if (maxPrice < 0n) throw new LimitsInvalidError('maxPrice', 'base units, 0 or more')
  if (budget < 0n) throw new LimitsInvalidError('budget', 'base units, 0 or more')
  if (risk !== undefined && risk < 0n) throw new LimitsInvalidError('risk', 'base units, 0 or more')
  if (pieces !== undefined && (!Number.isSafeInteger(pieces) || pieces < 0)) {
    throw new LimitsInvalidError('pieces', 'a whole number, 0 or more')
  }
  if (window !== 'auto' && (!Number.isInteger(window) || window < 1 || window > windowMax)) {
    throw new LimitsInvalidError('window', `'auto' or a whole number from 1 to ${windowMax}`)
  }
}

export class LimitsInvalidError extends MillstreamError {
  override readonly name = 'Limits.LimitsInvalidError'
  readonly code = 'PAY_LIMITS_INVALID'
  constructor(limit: keyof Limits, range: string) {
    super(`The limit '${limit}' is out of range: it takes ${range}. Nothing was paid.`)
  }
}

export class LimitsIncompleteError extends MillstreamError {
  override readonly name = 'Limits.LimitsIncompleteError'
  readonly code = 'PAY_LIMITS_INCOMPLETE'
  constructor(asset: Asset, known: Asset) {
    super(
      `Limits for ${asset.code} (scale ${asset.scale}) need a maxPrice and a budget of their own: those for ` +
        `${known.code} (scale ${known.scale}) say nothing about it. Nothing was paid.`,
    )
  }
}
