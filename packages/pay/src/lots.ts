/**
 * How many pieces one payment buys. Over a trustline it is one: a payment costs nothing and takes a moment. Where a shop
 * names a smallest payment each one takes seconds and costs a fee, so that it buys as many pieces as may be paid now.
 */
import type { LedgerInfo } from '@millstream/plugin'
import type { Terms } from './terms.js'

export interface Lots {
  /** Fewer pieces cost less than the smallest payment. */
  readonly min: number
  readonly max: number
}

/** One payment, one piece. */
export const singly: Lots = { min: 1, max: 1 }

/** Most pieces of one payment: no shop takes more than it tells numbers apart. */
export const piecesPerPaymentMax = 16_384

/** Whether payments of several pieces are made at all: only to the direct receiver, and only where the shop asks for it. */
export function isWanted(
  { price, paymentMin }: Pick<Terms, 'price' | 'paymentMin'>,
  { direct }: Pick<LedgerInfo, 'direct'>,
): boolean {
  return direct && paymentMin !== undefined && price > 0n
}

/** The fewest pieces that a payment may buy. */
export function least({ price, paymentMin = 0n }: Pick<Terms, 'price' | 'paymentMin'>): bigint {
  if (price === 0n || paymentMin <= price) return 1n
  return (paymentMin + price - 1n) / price
}

export interface LotRoom {
  /** What the window allows, in pieces. */
  readonly window: number
  /** What budget and risk allow: never exceeded. */
  readonly allowed: number
  /** What is to be bought at all from here on. */
  readonly rest: number
}

/**
 * Pieces of the next payment. What would be left behind it is bought along with it, or left large enough for another
 * payment, so that no end of the content is too small to be paid for.
 *
 * @returns 0 when nothing can be bought now.
 */
export function choose({ min, max }: Lots, { window, allowed, rest }: LotRoom): number {
  const most = Math.min(allowed, max)
  // The window begins with one payment, however large the smallest one is.
  const pieces = Math.min(Math.max(window, min), most, rest)
  if (window <= 0 || pieces < min) return 0
  const behind = rest - pieces
  if (behind === 0 || behind >= min) return pieces
  if (rest <= most) return rest
  return rest - min >= min ? rest - min : pieces
}
