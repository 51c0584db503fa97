/** What can go wrong while paying, as failures of the command: each error of the payer has its exit code here. */
import { PayError, type Money as PayMoney } from '@millstream/pay'
import { type Asset, MillstreamError } from '@millstream/units'
import { type ExitCode, exitCodes, ofCode } from './exit-code.js'
import { Failure, from as failureFrom } from './failure.js'
import * as Meter from './meter.js'
import * as Money from './money.js'

export interface PayFacts {
  /** Id of the account that pays, once it is known. */
  readonly account: string | undefined
  readonly unit: string
  /** What the user was willing to spend: what an operator might be asked for. */
  readonly budget: bigint
}

export function from(error: unknown, facts: PayFacts): Failure {
  if (error instanceof Failure || !(error instanceof MillstreamError)) return failureFrom(error)
  const exit = ofCode(error.code)
  if (!(error instanceof PayError)) {
    return new Failure({ code: error.code, exit, message: error.message, cause: error })
  }
  const account: Array<readonly [string, string]> = facts.account === undefined ? [] : [['account', facts.account]]
  return new Failure({
    code: error.code,
    exit: error.money.unknown > 0n ? exitCodes.unresolved : exit,
    message: error.message,
    fields: [...moneyFields(error.money, facts.unit), ...account],
    next: adviceFor(error, exit, facts),
    cause: error,
  })
}

function adviceFor(error: PayError, exit: ExitCode, facts: PayFacts): string {
  const { account } = facts
  if (exit === exitCodes.money && account !== undefined) return withDoubts(error, fundingAdvice(account, facts))
  return withDoubts(error, isCertificateRefused(error) ? certificateAdvice : error.next)
}

function withDoubts({ money }: PayError, advice: string): string {
  return money.unknown > 0n ? `${advice}\n${countedAsSpent}` : advice
}

const certificateAdvice = `if the certificate is one of your own, name it, or the authority that signed it:
NODE_EXTRA_CA_CERTS=FILE.pem millstream pay …
if not, this may be somebody else's server; nothing was paid`

/** `fetch` wraps what TLS found wrong once or twice. */
function isCertificateRefused(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException
    if (code !== undefined && certificateCodes.test(code)) return true
  }
  return false
}

const certificateCodes = /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_|ERR_TLS_CERT_)/

/** An address of the XRP Ledger: nobody has to be asked for an account there. */
const xrpAccount = /^r[1-9A-HJ-NP-Za-km-z]{24,34}$/

function xrpAdvice(address: string): string {
  return `send XRP to ${address} and run this again; what was refused cost nothing but a fee`
}

/** What the operator of the ledger can type. */
export function fundingAdvice(account: string, { budget }: Pick<PayFacts, 'budget'>): string {
  if (xrpAccount.test(account)) return xrpAdvice(account)
  return `ask the operator of the ledger for money or credit, who gives it with
millstream ledger fund ${account} ${budget}
or
millstream ledger limit ${account} ${budget}
and run this again; what was refused cost nothing`
}

const countedAsSpent =
  'what is unknown counts as spent until the ledger says otherwise; a later run on this ledger asks it'

/** The stream ended, and of some payments nobody said what became of them. */
export function unresolved(amount: bigint, asset: Asset | undefined): Failure {
  return new Failure({
    code: 'PAY_UNRESOLVED',
    exit: exitCodes.unresolved,
    message: 'The ledger did not say what became of some payments: they may have been paid.',
    fields: [['unknown', formatted(amount, asset)]],
    next: countedAsSpent,
  })
}

/** Found out before anything was paid. */
export function noMoney(
  left: bigint,
  facts: { readonly account: string | undefined; readonly asset: Asset | undefined; readonly budget: bigint },
): Failure {
  const { account, asset, budget } = facts
  return new Failure({
    code: 'PAY_LEDGER_REFUSED',
    exit: exitCodes.money,
    message: `Within your limits, but the ledger would refuse it: the account may spend ${left > 0n ? formatted(left, asset) : 'nothing'}.`,
    ...(account === undefined ? {} : { next: fundingAdvice(account, { budget }) }),
  })
}

/** Found out before anything was paid, of an account on the XRP Ledger. Amounts are drops. */
export function notFunded(
  account: { readonly address: string; readonly balance: bigint; readonly reserve: bigint; readonly spendable: bigint },
  payment: bigint,
): Failure {
  const { address, balance, reserve, spendable } = account
  const drops = (value: bigint) => Money.format(value, { code: 'XRP', scale: 6 })
  return new Failure({
    code: 'PAY_LEDGER_REFUSED',
    exit: exitCodes.money,
    message:
      `Within your limits, but the ledger would refuse it: of ${drops(balance)} it keeps ${drops(reserve)} back as a ` +
      `reserve, and more for each open escrow, so that ${drops(spendable)} may be spent. One payment is ${drops(payment)}.`,
    next: xrpAdvice(address),
  })
}

export function endedAtOnce(count: number, amount: bigint, asset: Asset | undefined): Failure {
  return new Failure({
    code: 'PAY_UNRESOLVED',
    exit: exitCodes.unresolved,
    message: `You ended it while ${count} payments were in flight: they may have been paid.`,
    fields: [['at most', formatted(amount, asset)]],
    next: countedAsSpent,
  })
}

export function outputFailed(reason: string): Failure {
  return new Failure({
    code: 'PAY_OUTPUT_FAILED',
    exit: exitCodes.content,
    message: `The content could not be written (${reason}).`,
    next: 'make room where it goes, then run again: what was paid and not written is lost',
  })
}

/** All was paid and received; the last that the folder was to take, it did not. */
export function folderFailed(folder: string, cause: Error): Failure {
  return new Failure({
    code: 'PAY_STATE_UNUSABLE',
    exit: exitCodes.folder,
    message: `The payer's folder ${folder} cannot be written any more: ${cause.message}.`,
    next: 'see to the disk and its permissions; what the folder does not know counts as spent until a later run asks the ledger',
    cause,
  })
}

export function notServed({ status, url }: { readonly status: number; readonly url: string }): Failure {
  return new Failure({
    code: 'PAY_NOT_SERVED',
    exit: exitCodes.shop,
    message: `The shop answered ${status} for ${url}. Nothing was paid.`,
    next: 'check the address',
  })
}

function moneyFields(money: PayMoney, unit: string): Array<readonly [string, string]> {
  const { asset, paid, piecesPaid, held, unknown, lost } = money
  const show = (amount: bigint) => formatted(amount, asset)
  const fields: Array<readonly [string, string]> = [
    ['paid', paid === 0n ? 'nothing' : `${show(paid)} for ${Meter.pieces(piecesPaid, unit)}`],
    ['held', held === 0n ? 'nothing' : `${show(held)}, paid or given back by its expiry`],
  ]
  if (unknown > 0n) fields.push(['unknown', `${show(unknown)}, which counts as spent`])
  // What is unknown may not have been paid at all.
  const atMost = unknown > 0n ? 'at most ' : ''
  if (lost > 0n) fields.push(['lost', `${atMost}${show(lost)} for pieces that did not arrive`])
  return fields
}

function formatted(amount: bigint, asset: Asset | undefined): string {
  return asset === undefined ? `${amount}` : Money.format(amount, asset)
}
