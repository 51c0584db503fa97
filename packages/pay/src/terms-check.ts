/**
 * Whether a payer agrees to terms. Checked before the first payment and again for every answer that asks for money, in
 * two steps: what the headers say against the limits, then all of it against what the ledger says of itself.
 */
import { IlpAddress } from '@millstream/codec'
import type { LedgerInfo } from '@millstream/plugin'
import { Amount, type Asset } from '@millstream/units'
import * as Limits from './limits.js'
import * as Lots from './lots.js'
import { PayError } from './pay-error.js'
import * as PieceCounter from './piece-counter.js'
import type { Terms } from './terms.js'

/** `.` and the longest number of a payment. */
const numberCharactersMax = 1 + String(Number.MAX_SAFE_INTEGER).length

/**
 * @param budgetLeft - Of the payer, in base units.
 * @throws {AssetNotAllowedError | PriceAboveLimitError | PayeeElsewhereError | AddressTooLongError | UnitUnknownError |
 *   PriceBelowMinimumError | BudgetBelowPriceError | RiskBelowPriceError} In this order.
 */
export function againstLimits(terms: Terms, limits: Limits.Limits, budgetLeft: bigint): void {
  const { price, unit, asset, address, ledger, paymentMin } = terms
  if (asset !== undefined && !Limits.sameAsset(asset, limits.asset)) throw new AssetNotAllowedError(asset, limits.asset)
  if (price > limits.maxPrice) throw new PriceAboveLimitError(price, limits.maxPrice, unit, limits.asset)
  if (ledger !== undefined && !address.startsWith(ledger)) throw new PayeeElsewhereError(address, ledger)
  if (address.length + numberCharactersMax > IlpAddress.charactersMax) throw new AddressTooLongError(address)
  if (PieceCounter.create(unit) === undefined) throw new UnitUnknownError(unit)
  // One payment buys several pieces where a shop names a smallest one.
  const least = Lots.least(terms)
  const wanted = [terms.pieces, limits.pieces].filter((count) => count !== undefined)
  const most = wanted.length === 0 ? undefined : BigInt(Math.min(...wanted))
  if (paymentMin !== undefined && most !== undefined && most > 0n && most < least) {
    throw new PriceBelowMinimumError(most, most * price, paymentMin)
  }
  const payment = least * price
  if (budgetLeft < payment) throw new BudgetBelowPriceError(least, payment, budgetLeft, limits.asset)
  const risk = riskOf(terms, limits)
  if (risk < payment) throw new RiskBelowPriceError(least, payment, risk, limits.asset)
}

/** What the smallest payment costs: one piece, or as many as the shop takes at least. */
export function paymentOf(terms: Pick<Terms, 'price' | 'paymentMin'>): bigint {
  return Lots.least(terms) * terms.price
}

/**
 * What is risked where the user does not say: enough for the smallest payment, and to take along behind it what is too
 * small for one of its own.
 */
export function riskOf(terms: Pick<Terms, 'price' | 'paymentMin'>, limits: Limits.Limits): bigint {
  const least = Lots.least(terms)
  return Limits.riskOf(limits, (2n * least - 1n) * terms.price)
}

/**
 * @throws {AssetNotAllowedError | TermsContradictError | PayeeElsewhereError | PriceBelowMinimumError} In this order.
 */
export function againstLedger(terms: Terms, limits: Limits.Limits, info: LedgerInfo): void {
  const { address, asset, ledger, price } = terms
  if (!Limits.sameAsset(info.asset, limits.asset)) throw new AssetNotAllowedError(info.asset, limits.asset)
  if (asset !== undefined && !Limits.sameAsset(asset, info.asset)) {
    throw new TermsContradictError('asset', nameOf(asset), nameOf(info.asset))
  }
  if (ledger !== undefined && ledger !== info.prefix) throw new TermsContradictError('ledger', ledger, info.prefix)
  if (!address.startsWith(info.prefix)) throw new PayeeElsewhereError(address, info.prefix)
  const paymentMin = greater(info.paymentMin ?? 0n, terms.paymentMin ?? 0n)
  const pieces = Lots.isWanted(terms, info) ? Lots.least(terms) : 1n
  if (pieces * price < paymentMin) throw new PriceBelowMinimumError(pieces, pieces * price, paymentMin)
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function cost(pieces: bigint, amount: string): string {
  return pieces === 1n ? `One piece costs ${amount}` : `The smallest payment, for ${pieces} pieces, is ${amount}`
}

function nameOf(asset: Asset): string {
  return `${asset.code} (scale ${asset.scale})`
}

function amountOf(value: bigint, asset: Asset): string {
  return `${value} (${Amount.format(value, asset)})`
}

export class PriceAboveLimitError extends PayError {
  override readonly name = 'TermsCheck.PriceAboveLimitError'
  readonly code = 'PAY_PRICE_ABOVE_LIMIT'
  constructor(price: bigint, maxPrice: bigint, unit: string, asset: Asset) {
    super({
      message: `The shop asks ${amountOf(price, asset)} for one piece (unit '${unit}'), above your limit of ${maxPrice}.`,
      next: `run again with --max-price ${price}; until then nothing will be sent`,
    })
  }
}

export class AssetNotAllowedError extends PayError {
  override readonly name = 'TermsCheck.AssetNotAllowedError'
  readonly code = 'PAY_ASSET_NOT_ALLOWED'
  constructor(asset: Asset, allowed: Asset) {
    super({
      message: `The shop wants to be paid in ${nameOf(asset)}; your limits are for ${nameOf(allowed)}.`,
      next: `run again with --asset ${asset.code}:${asset.scale} and a --max-price and --budget for it; nothing was paid`,
    })
  }
}

export class UnitUnknownError extends PayError {
  override readonly name = 'TermsCheck.UnitUnknownError'
  readonly code = 'PAY_UNIT_UNKNOWN'
  constructor(unit: string) {
    super({
      message: `The shop sells by '${unit}', a unit that this payer cannot count.`,
      next: 'use a newer payer, or ask the shop to sell by a unit that is known; nothing was paid',
    })
  }
}

export class PriceBelowMinimumError extends PayError {
  override readonly name = 'TermsCheck.PriceBelowMinimumError'
  readonly code = 'PAY_PRICE_BELOW_MINIMUM'
  constructor(pieces: bigint, amount: bigint, paymentMin: bigint) {
    const what = pieces === 1n ? 'One piece costs' : `${pieces} pieces cost`
    super({
      message: `${what} ${amount}, less than the smallest payment that the ledger carries (${paymentMin}).`,
      next: 'buy more pieces at once, ask the shop for larger ones, or for another ledger; nothing was paid',
    })
  }
}

export class BudgetBelowPriceError extends PayError {
  override readonly name = 'TermsCheck.BudgetBelowPriceError'
  readonly code = 'PAY_BUDGET_BELOW_PRICE'
  constructor(pieces: bigint, price: bigint, left: bigint, asset: Asset) {
    super({
      message: `${cost(pieces, amountOf(price, asset))}, more than the ${left} that are left of your budget.`,
      next: `run again with a --budget of ${price} or more; nothing was paid`,
    })
  }
}

export class RiskBelowPriceError extends PayError {
  override readonly name = 'TermsCheck.RiskBelowPriceError'
  readonly code = 'PAY_RISK_BELOW_PRICE'
  constructor(pieces: bigint, price: bigint, risk: bigint, asset: Asset) {
    super({
      message: `${cost(pieces, amountOf(price, asset))}, more than the ${risk} that you risk at a time.`,
      next: `run again with --risk ${price} or more; nothing was paid`,
    })
  }
}

export class PayeeElsewhereError extends PayError {
  override readonly name = 'TermsCheck.PayeeElsewhereError'
  readonly code = 'PAY_PAYEE_ELSEWHERE'
  constructor(address: string, prefix: string) {
    super({
      message: `The shop wants payments to ${address}, which is not on the ledger ${prefix}.`,
      next: 'give the ledger of this address with --ledger; nothing was paid',
    })
  }
}

export class AddressTooLongError extends PayError {
  override readonly name = 'TermsCheck.AddressTooLongError'
  readonly code = 'PAY_ADDRESS_TOO_LONG'
  constructor(address: string) {
    super({
      message: `The shop wants payments to an address of ${address.length} characters, which leaves no room for the numbers of payments.`,
      next: 'tell the shop; nothing was paid',
    })
  }
}

export class TermsContradictError extends PayError {
  override readonly name = 'TermsCheck.TermsContradictError'
  readonly code = 'PAY_TERMS_CONTRADICT'
  constructor(what: string, shop: string, ledger: string) {
    super({
      message: `The shop says that the ${what} is ${shop}, the ledger says ${ledger}.`,
      next: 'tell the shop, or give another ledger with --ledger; nothing was paid',
    })
  }
}
