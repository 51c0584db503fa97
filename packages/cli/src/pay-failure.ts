/** What can go wrong while paying, as failures of the command: each error of the payer has its exit code here. */
import { PayError, type Money as PayMoney } from '@millstream/pay'
import { type Asset, MillstreamError } from '@millstream/units'
import { type ExitCode, exitCodes } from './exit-code.js'
import { Failure, from as failureFrom } from './failure.js'
import * as Meter from './meter.js'
import * as Money from './money.js'

const exits = new Map<string, ExitCode>([
  ['PAY_LIMITS_INVALID', exitCodes.limits],
  ['PAY_LIMITS_INCOMPLETE', exitCodes.limits],
  ['PAY_PRICE_ABOVE_LIMIT', exitCodes.limits],
  ['PAY_ASSET_NOT_ALLOWED', exitCodes.limits],
  ['PAY_BUDGET_BELOW_PRICE', exitCodes.limits],
  ['PAY_RISK_BELOW_PRICE', exitCodes.limits],
  ['PAY_PAYEE_ELSEWHERE', exitCodes.limits],
  ['PAY_ENDPOINT_REFUSED', exitCodes.limits],
  ['PAY_SHOP_UNREACHABLE', exitCodes.shop],
  ['PAY_HEADER_INVALID', exitCodes.shop],
  ['PAY_FORM_UNSUPPORTED', exitCodes.shop],
  ['PAY_FIRST_UNSUPPORTED', exitCodes.shop],
  ['PAY_CONTENT_ENCODED', exitCodes.shop],
  ['PAY_UNIT_UNKNOWN', exitCodes.shop],
  ['PAY_PRICE_BELOW_MINIMUM', exitCodes.shop],
  ['PAY_TERMS_CONTRADICT', exitCodes.shop],
  ['PAY_REFUSED', exitCodes.shop],
  ['PAY_ENDPOINT_MISSING', exitCodes.ledger],
  ['PAY_LEDGER_REFUSED', exitCodes.money],
  ['PAY_CONTENT_BROKEN', exitCodes.content],
  ['PAY_NOT_DELIVERED', exitCodes.content],
  ['PAY_BOOK_FAILED', exitCodes.folder],
  ['PAY_ADDRESS_IN_USE', exitCodes.folder],
])

export interface PayFacts {
  /** Id of the account that pays, once it is known. */
  readonly account: string | undefined
  readonly unit: string
  /** What the user was willing to spend: what an operator might be asked for. */
  readonly budget: bigint
}

export function from(error: unknown, facts: PayFacts): Failure {
  if (error instanceof Failure || !(error instanceof MillstreamError)) return failureFrom(error)
  const exit = exits.get(error.code) ?? exitOfFamily(error.code)
  if (!(error instanceof PayError)) {
    return new Failure({ code: error.code, exit, message: error.message, cause: error })
  }
  const account: Array<readonly [string, string]> = facts.account === undefined ? [] : [['account', facts.account]]
  return new Failure({
    code: error.code,
    exit: error.money.unknown > 0n ? exitCodes.unresolved : exit,
    message: error.message,
    fields: [...moneyFields(error.money, facts.unit), ...account],
    next: exit === exitCodes.money && facts.account !== undefined ? fundingAdvice(facts.account, facts) : error.next,
    cause: error,
  })
}

/** What the operator of the ledger can type. */
export function fundingAdvice(account: string, { budget }: Pick<PayFacts, 'budget'>): string {
  return `ask the operator of the ledger for money or credit, who gives it with
millstream ledger fund ${account} ${budget}
millstream ledger limit ${account} ${budget}
and run this again; what was refused cost nothing`
}

function moneyFields(money: PayMoney, unit: string): Array<readonly [string, string]> {
  const { asset, paid, piecesPaid, held, unknown, lost } = money
  const show = (amount: bigint) => formatted(amount, asset)
  const fields: Array<readonly [string, string]> = [
    ['paid', paid === 0n ? 'nothing' : `${show(paid)} for ${Meter.pieces(piecesPaid, unit)}`],
    ['held', held === 0n ? 'nothing' : `${show(held)}, paid or given back by its expiry`],
  ]
  if (unknown > 0n) fields.push(['unknown', `${show(unknown)}, which counts as spent`])
  if (lost > 0n) fields.push(['lost', `${show(lost)} for pieces that did not arrive`])
  return fields
}

function formatted(amount: bigint, asset: Asset | undefined): string {
  return asset === undefined ? `${amount}` : Money.format(amount, asset)
}

/** Codes of the packages below the payer begin with where they come from. */
function exitOfFamily(code: string): ExitCode {
  if (/^PAY(?:ER)?_STATE|^STATE/.test(code)) return exitCodes.folder
  if (/^(?:BTP|TRUSTLINE|CLIENT)_/.test(code)) return exitCodes.ledger
  return exitCodes.bug
}
