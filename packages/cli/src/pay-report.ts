/** What `pay` prints besides the content: the summary of a run, the terms of a dry run, and failures. */
import type { Money as PayMoney, Progress, Quote, SettledDoubt, StopReason, Summary } from '@millstream/pay'
import type { Asset } from '@millstream/units'
import type { ExitCode } from './exit-code.js'
import { type Failure, printable } from './failure.js'
import * as Meter from './meter.js'
import * as Money from './money.js'

/** One run of `pay`, whatever became of it: the last line of stderr. Amounts are decimal strings in base units. */
export interface RunSummary {
  readonly url: string
  readonly stopped: StopReason | 'failed' | 'dry_run' | 'interrupted'
  readonly pieces: number
  readonly paid: string
  readonly seconds: number
  readonly piecesPerSecond: number
  readonly unit: string
  readonly asset?: Asset
  /** Id of the account that paid, for the operator of its ledger. */
  readonly account?: string
  readonly piecesPaid: number
  readonly bytes: number
  /** Whether the content ended cleanly. */
  readonly ended: boolean
  /** Still held: paid or given back, at the latest when it expires. */
  readonly held: string
  /** Of unknown outcome: counts as spent. */
  readonly unknown: string
  /** Spent for pieces that did not arrive. */
  readonly lost: string
  readonly refused: number
  /** What earlier runs had left in doubt, and how much of it turned out to be spent. */
  readonly settled?: { readonly amount: string; readonly spent: string; readonly isCertain: boolean }
  readonly exit: ExitCode
  readonly error?: string
  readonly message?: string
  readonly next?: string
}

const words: Record<RunSummary['stopped'], string> = {
  content_ended: 'the content ended',
  budget: 'the budget is used up',
  pieces: 'as many pieces as you asked for',
  minimum: 'what is left costs less than the smallest payment that the shop takes',
  stopped: 'you stopped it',
  reader_left: 'the reader of stdout has gone',
  free: 'it costs nothing',
  broken: 'the content broke off',
  refused: 'the shop refused a payment',
  ledger_refused: 'the ledger refused a payment',
  account_ended: 'the connection to the ledger was cut, and the account ended with it',
  not_delivered: 'the shop took payments and delivered nothing',
  state_failed: 'the folder of the payer cannot be written',
  failed: 'it failed',
  dry_run: 'it was a dry run, nothing was paid',
  interrupted: 'you ended it at once',
}

/** `60 letters, paid 60 (0.00000006 XRP) in 4.9 s, 12.2/s: as many pieces as you asked for` */
export function line(summary: RunSummary): string {
  const { asset } = summary
  const money = (text: string) => (asset === undefined ? text : printable(Money.format(BigInt(text), asset)))
  const atMost = summary.unknown === '0' ? '' : 'at most '
  const doubtful = [
    ['', summary.held, 'held'],
    ['', summary.unknown, 'of unknown outcome'],
    [atMost, summary.lost, 'for pieces that did not arrive'],
  ] as const
  const doubts = doubtful
    .filter(([, amount]) => amount !== '0')
    .map(([before, amount, what]) => `, ${before}${money(amount)} ${what}`)
  const counted = Meter.pieces(summary.pieces, summary.unit)
  const rate = summary.pieces === 0 ? '' : `, ${Meter.formatRate(summary.piecesPerSecond)}`
  const why = summary.stopped === 'failed' ? `it failed (${summary.error})` : words[summary.stopped]
  return `${counted}, paid ${money(summary.paid)}${doubts.join('')} in ${summary.seconds.toFixed(1)} s${rate}: ${why}\n`
}

/** `Of 256 (0.000000256 XRP) that an earlier run left in doubt, 200 (0.0000002 XRP) was spent.` */
export function settled({ amount, spent, isCertain }: SettledDoubt, asset: Asset): string {
  const show = (value: bigint) => printable(Money.format(value, asset))
  const outcome = isCertain
    ? `${spent === 0n ? 'nothing was' : spent === amount ? 'all was' : `${show(spent)} was`} spent`
    : 'nobody can tell any more what was spent: all of it counts'
  return `Of ${show(amount)} that an earlier run left in doubt, ${outcome}.\n`
}

export interface RunFacts {
  readonly url: string
  readonly unit: string
  readonly asset: Asset | undefined
  readonly account: string | undefined
  readonly exit: ExitCode
  readonly settled?: SettledDoubt | undefined
}

export function ofRun(summary: Summary, facts: RunFacts): RunSummary {
  return {
    ...start(facts, summary.stopped, summary.pieces, summary.paid, summary.seconds),
    ...rest(summary),
    bytes: summary.bytes,
    ended: summary.ended,
    refused: summary.refused,
  }
}

/** Of a run that ended before it had a summary, at a moment of its stream or before there was one. */
export function ofMoment(
  stopped: RunSummary['stopped'],
  money: PayMoney,
  progress: Pick<Progress, 'pieces' | 'bytes' | 'seconds'>,
  facts: RunFacts,
): RunSummary {
  return {
    ...start(facts, stopped, progress.pieces, money.paid, progress.seconds),
    ...rest(money),
    bytes: progress.bytes,
    ended: false,
    refused: 0,
  }
}

function start(facts: RunFacts, stopped: RunSummary['stopped'], pieces: number, paid: bigint, seconds: number) {
  const { url, unit, asset, account, exit, settled } = facts
  const piecesPerSecond = seconds > 0 ? Math.round((pieces / seconds) * 10) / 10 : 0
  const known = {
    ...(asset === undefined ? {} : { asset }),
    ...(account === undefined ? {} : { account }),
    ...(settled === undefined
      ? {}
      : { settled: { ...settled, amount: `${settled.amount}`, spent: `${settled.spent}` } }),
  }
  const rounded = Math.round(seconds * 1000) / 1000
  return { url, stopped, pieces, paid: `${paid}`, seconds: rounded, piecesPerSecond, unit, ...known, exit }
}

function rest(money: PayMoney) {
  const { piecesPaid, held, unknown, lost } = money
  return { piecesPaid, held: `${held}`, unknown: `${unknown}`, lost: `${lost}` }
}

export interface QuoteFacts {
  readonly quote: Quote
  readonly asset: Asset | undefined
  readonly account: string | undefined
  /** Absent where the ledger could not be asked. */
  readonly balance: bigint | undefined
  /** The one that the user named, without credentials. */
  readonly ledger: string | undefined
  /** Of the account on the XRP Ledger, in drops. */
  readonly xrp?: { readonly reserve: bigint; readonly held: bigint; readonly spendable: bigint; readonly fee: bigint }
  /** Why it would not be paid. */
  readonly failure: Failure | undefined
}

/** The terms of a dry run for a person. */
export function terms({ quote, asset, account, balance, ledger, xrp, failure }: QuoteFacts): string {
  const money = (value: bigint) => (asset === undefined ? `${value}` : Money.format(value, asset))
  const { terms: asked, endpoint } = quote
  const lines: Array<readonly [string, string | undefined]> =
    asked === undefined
      ? [['price', `nothing: the shop answers ${quote.status} and asks for no money`]]
      : [
          ['price', `${money(asked.price)} for 1 ${unitWords(asked.unit)}`],
          ['pieces', asked.pieces === undefined ? 'the shop does not say' : `${asked.pieces}`],
          ['least', asked.paymentMin === undefined ? undefined : `${money(asked.paymentMin)} a payment`],
          ['payee', asked.address],
          ['ledger', ledger ?? endpoint?.uri ?? asked.ledger],
          ['account', account],
          ['balance', balance === undefined ? undefined : money(balance)],
          ['reserve', xrp === undefined ? undefined : `${drops(xrp.reserve)}, kept back by the ledger`],
          ['escrow', xrp === undefined || xrp.held === 0n ? undefined : `${drops(xrp.held)}, of earlier payments`],
          ['fee', xrp === undefined ? undefined : `${drops(xrp.fee)} for each payment`],
          ['left', xrp === undefined ? undefined : `${drops(xrp.spendable)} for one more`],
          ['verdict', failure?.message ?? 'within your limits'],
          ['next', failure?.next],
        ]
  return lines
    .filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
    .map(([label, text]) => `${label.padEnd(7)}  ${printable(text).replaceAll('\n', `\n${' '.repeat(9)}`)}\n`)
    .join('')
}

/** The same for a program: one object. */
export function termsJson({ quote, asset, account, balance, ledger, xrp, failure }: QuoteFacts): object {
  const { terms: asked, endpoint } = quote
  return {
    url: quote.url,
    status: quote.status,
    ...(asked === undefined
      ? { price: '0' }
      : {
          price: `${asked.price}`,
          unit: asked.unit,
          pieces: asked.pieces,
          ...(asked.paymentMin === undefined ? {} : { paymentMin: `${asked.paymentMin}` }),
          address: asked.address,
          prefix: asked.ledger,
        }),
    asset,
    endpoint: ledger ?? endpoint?.uri,
    account,
    balance: balance === undefined ? undefined : `${balance}`,
    ...(xrp === undefined ? {} : { xrp: dropsJson(xrp) }),
    allowed: failure === undefined,
    ...(failure === undefined ? {} : { error: failure.code, message: failure.message, next: failure.next }),
  }
}

type XrpFacts = NonNullable<QuoteFacts['xrp']>

function drops(value: bigint): string {
  return Money.format(value, { code: 'XRP', scale: 6 })
}

function dropsJson({ reserve, held, spendable, fee }: XrpFacts) {
  return { reserve: `${reserve}`, held: `${held}`, spendable: `${spendable}`, fee: `${fee}` }
}

function unitWords(unit: string): string {
  return Meter.pieces(1, unit).replace(/^1 /, '')
}
