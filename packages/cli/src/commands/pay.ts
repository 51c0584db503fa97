/** `millstream pay`: reads a stream and pays for it, content to stdout, the rest to stderr. */
import { setTimeout as delay } from 'node:timers/promises'
import { BtpUri } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import {
  createPayer,
  Limits,
  type PaidResponse,
  type PayEvent,
  type Payer,
  type Quote,
  type SettledDoubt,
  type Summary,
  TermsCheck,
} from '@millstream/pay'
import { createNodeHttp, openPayerState, type PayerState } from '@millstream/pay/node'
import type { Asset, ObservedEvent, Observer } from '@millstream/units'
import { type ExitCode, exitCodes } from '../exit-code.js'
import * as Failure from '../failure.js'
import * as Logs from '../logs.js'
import * as Meter from '../meter.js'
import * as PayFailure from '../pay-failure.js'
import * as PayReport from '../pay-report.js'
import type * as PayerClaims from '../payer-claims.js'
import * as PayerRails from '../payer-rails.js'
import * as Signals from '../signals.js'
import * as Sink from '../sink.js'
import type { Terminal } from '../terminal.js'
import type * as XrpPayer from '../xrp-payer.js'

export interface PayOptions {
  readonly ledger?: BtpUri.BtpUri
  readonly budget?: bigint
  readonly maxPrice?: bigint
  readonly asset?: Asset
  readonly pieces?: number
  readonly risk?: bigint
  readonly window: number | 'auto'
  /** Pieces a second that are taken from the stream at most. */
  readonly rate?: number
  readonly endpointHost?: readonly string[]
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
  readonly home: string
  /** Server of the XRP Ledger on which shops are paid by escrows. */
  readonly xrp?: string
  /** Of the XRP account that pays them; without `xrp` of the one whose payment channel settles what is paid. */
  readonly seedFile?: string
  readonly logLevel: Logs.Level
}

interface Outcome {
  readonly summary: PayReport.RunSummary
  readonly failure: Failure.Failure | undefined
}

/** What escrows are counted in. */
const drops: Asset = { code: 'XRP', scale: 6 }
const tickMs = 500
/** How long the end of a stream may take without a word. */
const explainAfterMs = 1_000
/** A terminal with fewer rows has none to give to the meter. */
const rowsMin = 4
/** How long another run on the same account may take to end. */
const lockWaitMs = 2_000

export async function run(url: string, options: PayOptions, terminal: Terminal): Promise<ExitCode> {
  const signals = Signals.listen()
  try {
    const payment = new Payment(url, options, terminal)
    signals.first.then(() => payment.stop())
    return await Promise.race([payment.perform(), signals.second.then(() => payment.endAtOnce())])
  } finally {
    signals.close()
  }
}

/** One run: what is known of it at each moment, so that it can be summed up whenever it ends. */
class Payment {
  private readonly url: string
  private readonly options: PayOptions
  private readonly terminal: Terminal
  private readonly limits: Limits.Limits
  private readonly sink: Sink.Sink
  private readonly abort = new AbortController()
  private rails: PayerRails.PayerRails | undefined
  private xrp: XrpPayer.XrpPayer | undefined
  private response: PaidResponse | undefined
  private meter: Meter.Meter | undefined
  private failedWrite: string | undefined
  private settled: SettledDoubt | undefined
  private isOver = false

  constructor(url: string, options: PayOptions, terminal: Terminal) {
    const { budget, maxPrice, asset, pieces, risk, window } = options
    this.url = url
    this.options = options
    this.terminal = terminal
    try {
      const counted = asset ?? (options.xrp === undefined ? undefined : drops)
      this.limits = Limits.resolve(defined({ budget, maxPrice, asset: counted, pieces, risk, window }))
    } catch (error) {
      throw PayFailure.from(error, { account: undefined, unit: 'opaque', budget: 0n })
    }
    this.sink = Sink.create(terminal.stdout, (code) => {
      if (code !== 'EPIPE') this.failedWrite = code
      this.stop()
    })
  }

  /** Everything is closed before the summary is printed: it is the last word. */
  async perform(): Promise<ExitCode> {
    let outcome: Outcome
    try {
      outcome = await this.attempt()
    } catch (error) {
      outcome = this.failed(error)
    }
    return this.end(outcome)
  }

  private async attempt(): Promise<Outcome> {
    const { options } = this
    const log = Logs.observer(
      Logs.create({
        level: options.logLevel,
        readable: this.terminal.stderr.isTTY === true && !options.json,
        write: (text) => {
          this.finishLine()
          this.say(text)
        },
      }),
    )
    const observer: Observer<ObservedEvent | PayEvent> = (event) => {
      log(event)
      if (event.name === 'pay.doubt_settled' && 'isCertain' in event) this.tellSettled(event)
    }
    const state = await openPayerState({ folder: options.home, clock: systemClock, hashes, randomBytes, lockWaitMs })
    const isClaiming = options.seedFile !== undefined && options.xrp === undefined
    const claims = !isClaiming ? {} : { settle: await claimsOf(options.seedFile!) }
    const rails = PayerRails.create({ state, observer, ...claims })
    this.rails = rails
    const xrp = options.xrp === undefined ? undefined : await this.openXrp(options.xrp, state, observer)
    this.xrp = xrp
    let payer: Payer | undefined
    let outcome: Outcome | undefined
    let thrown: unknown
    try {
      const named =
        options.ledger === undefined || options.dryRun ? {} : { rail: await rails.openNamed(options.ledger) }
      payer = createPayer({
        ...named,
        openPlugin: (endpoint) => rails.openEndpoint(endpoint, options.ledger),
        ledgers: xrp === undefined ? [] : [xrp.ledger],
        limits: this.limits,
        endpointHosts: options.endpointHost ?? [],
        http: createNodeHttp(),
        clock: systemClock,
        hashes,
        randomBytes,
        observer,
      })
      if (options.dryRun) outcome = await this.quote(payer, rails)
      else {
        this.response = await payer.fetch(this.url, { signal: this.abort.signal })
        outcome = await this.read(this.response)
      }
    } catch (error) {
      thrown = error
    }
    // What goes wrong here does not take the place of what went wrong before.
    const notClosed = await closeAll([payer, xrp, rails, state])
    if (outcome === undefined) throw thrown
    if (notClosed === undefined || outcome.failure !== undefined) return outcome
    const failure = PayFailure.folderFailed(options.home, notClosed)
    return { summary: { ...outcome.summary, exit: failure.exit }, failure }
  }

  /** Loaded when it is wanted: the client of the XRP Ledger is large. */
  private async openXrp(server: string, state: PayerState, observer: Observer<ObservedEvent>) {
    const { create } = await import('../xrp-payer.js')
    const { home, seedFile, json } = this.options
    const place = { xrp: server, ...(seedFile === undefined ? {} : { seedFile }) }
    const say = (text: string) => {
      if (json) return
      this.finishLine()
      this.say(text)
    }
    return create({ place, home, state, observer, say })
  }

  /** What an earlier run left in doubt. */
  private tellSettled(settled: SettledDoubt): void {
    this.settled = settled
    if (!this.options.json) this.say(PayReport.settled(settled, this.limits.asset))
  }

  /** The stream is over, and its payments are not. */
  private explainWait(response: PaidResponse): void {
    const { inFlight } = response.progress()
    if (this.options.json || this.abort.signal.aborted || inFlight === 0) return
    this.finishLine()
    const until = this.xrp?.account === undefined ? '' : ' They are paid or given back, by their expiry at the latest.'
    this.say(`The stream is over. Waiting for the ledger to say what became of ${inFlight} payments.${until}\n`)
  }

  /** Ctrl-C, or a reader that has gone: nothing new is paid, what is in flight is waited for. */
  stop(): void {
    this.abort.abort()
    const inFlight = this.response?.progress().inFlight ?? 0
    if (this.options.json || this.sink.gone || (inFlight === 0 && !this.sink.isFull)) return
    this.finishLine()
    const what = inFlight > 0 ? `${inFlight} payments in flight` : 'the reader of what was paid'
    this.say(`Waiting for ${what}; press Ctrl-C again to end at once.\n`)
  }

  /** The second Ctrl-C. */
  endAtOnce(): ExitCode {
    const moment = this.response?.progress() ?? nothing
    const doubt = moment.held + moment.unknown
    const exit = doubt > 0n ? exitCodes.unresolved : exitCodes.interrupted
    if (doubt > 0n && !this.options.json) {
      this.finishLine()
      this.say(`${Failure.format(PayFailure.endedAtOnce(moment.inFlight, doubt, this.asset()))}\n`)
    }
    this.sumUp(PayReport.ofMoment('interrupted', { ...moment, asset: this.asset() }, moment, this.facts(exit)))
    this.sink.drop()
    return exit
  }

  private async read(response: PaidResponse): Promise<Outcome> {
    if (response.terms === undefined && response.status >= 400) throw PayFailure.notServed(response)
    const meter = this.startMeter(response)
    const ticking = setInterval(() => meter.update(this.progress(response)), tickMs)
    const startedAt = performance.now()
    let failure: unknown
    try {
      for await (const chunk of response.body) {
        if (this.sink.gone) break
        await this.sink.write(chunk)
        const progress = this.progress(response)
        meter.update(progress)
        await this.slowDown(progress.pieces, startedAt)
      }
    } catch (error) {
      failure = error
    }
    // A ledger that is away is waited for until all that is held has expired: nobody is left to guess at that.
    const explaining = setTimeout(() => this.explainWait(response), explainAfterMs)
    const summary = await response.summary
    clearTimeout(explaining)
    clearInterval(ticking)
    const error = summary.error ?? failure
    const facts = { account: this.account(), unit: this.unit(), budget: this.limits.budget }
    const failed = error === undefined ? this.doubts(summary) : PayFailure.from(error, facts)
    const ran = PayReport.ofRun(summary, this.facts(failed?.exit ?? exitCodes.done))
    const left = this.sink.gone && summary.stopped === 'stopped'
    return { summary: left ? { ...ran, stopped: 'reader_left' } : ran, failure: failed }
  }

  private async quote(payer: Payer, rails: PayerRails.PayerRails): Promise<Outcome> {
    const { json } = this.options
    const quote = await payer.quote(this.url, { signal: this.abort.signal })
    const place = quote.terms === undefined ? undefined : this.xrp?.ledger.prefixOf(quote.terms.address)
    const found = place === undefined ? await this.onTrustline(quote, rails) : await this.onXrp(quote, place)
    const facts = { quote, asset: quote.terms?.asset, ...found }
    this.terminal.stdout.write(json ? `${JSON.stringify(PayReport.termsJson(facts))}\n` : PayReport.terms(facts))
    const exit = found.failure?.exit ?? exitCodes.done
    const run = { ...this.facts(exit), unit: quote.terms?.unit ?? 'opaque', asset: facts.asset, account: found.account }
    return { summary: PayReport.ofMoment('dry_run', nothing, nothing, run), failure: undefined }
  }

  private async onTrustline(quote: Quote, rails: PayerRails.PayerRails) {
    const { ledger } = this.options
    const uri = ledger ?? (quote.endpoint === undefined ? undefined : rails.uriOf(quote.endpoint))
    const account = uri === undefined ? undefined : rails.accountOf(uri)
    const standing = uri === undefined ? undefined : await this.standing(rails, uri)
    const balance = standing instanceof Failure.Failure ? undefined : standing?.balance
    const failure = this.verdict(quote, standing, account)
    return { account, balance, ledger: ledger === undefined ? undefined : BtpUri.redact(ledger), failure }
  }

  private async onXrp({ refusal, terms }: Quote, prefix: string) {
    const facts = { account: undefined, unit: 'opaque', budget: 0n }
    const refused = refusal === undefined ? undefined : PayFailure.from(refusal, facts)
    try {
      const xrp = await this.xrp!.standing(prefix)
      const { address: account, balance, spendable } = xrp
      const payment = TermsCheck.paymentOf(terms!)
      const isShort = refused === undefined && spendable < payment
      const short = isShort ? PayFailure.notFunded(xrp, payment) : undefined
      return { account, balance, ledger: undefined, xrp, failure: refused ?? short }
    } catch (error) {
      if (!(error instanceof Failure.Failure)) throw error
      return { account: this.account(), balance: undefined, ledger: undefined, failure: refused ?? error }
    }
  }

  /** For a dry run: what the account may spend, if the ledger can be asked. */
  private async standing(
    rails: PayerRails.PayerRails,
    uri: BtpUri.BtpUri,
  ): Promise<PayerRails.Standing | Failure.Failure | undefined> {
    try {
      return await rails.standing(uri)
    } catch (error) {
      return error instanceof Failure.Failure ? error : undefined
    }
  }

  /** Why this would not be paid: limits of this side first, then what the ledger says. */
  private verdict(
    { refusal, terms }: Quote,
    standing: PayerRails.Standing | Failure.Failure | undefined,
    account: string | undefined,
  ): Failure.Failure | undefined {
    if (refusal !== undefined) return PayFailure.from(refusal, { account: undefined, unit: 'opaque', budget: 0n })
    if (terms === undefined || standing === undefined) return undefined
    if (standing instanceof Failure.Failure) return standing
    const { balance, limit } = standing
    if (limit === undefined || balance + limit >= terms.price) return undefined
    return PayFailure.noMoney(balance + limit, { account, asset: terms.asset, budget: this.limits.budget })
  }

  private failed(error: unknown): Outcome {
    if (this.abort.signal.aborted && this.response === undefined) {
      return {
        summary: PayReport.ofMoment('stopped', nothing, nothing, this.facts(exitCodes.done)),
        failure: undefined,
      }
    }
    const facts = { account: this.account(), unit: this.unit(), budget: this.limits.budget }
    const failure = PayFailure.from(error, facts)
    const moment = this.response?.progress() ?? nothing
    const money = { ...moment, asset: this.asset() }
    return { summary: PayReport.ofMoment('failed', money, moment, this.facts(failure.exit)), failure }
  }

  private end({ summary, failure }: Outcome): ExitCode {
    if (this.isOver) return summary.exit
    if (failure === undefined) {
      this.sumUp(summary)
      return summary.exit
    }
    const { code: error, message, next } = failure
    if (!this.options.json) {
      this.finishLine()
      this.say(`${Failure.format(failure)}\n`)
    }
    this.sumUp({ ...summary, error, message, ...(next === undefined ? {} : { next }) })
    return summary.exit
  }

  private sumUp(summary: PayReport.RunSummary): void {
    this.finishLine()
    this.isOver = true
    this.terminal.stderr.write(this.options.json ? `${JSON.stringify(summary)}\n` : PayReport.line(summary))
  }

  /** What comes next on a terminal begins on a line of its own. */
  private finishLine(): void {
    this.meter?.end()
    const { stdout, stderr } = this.terminal
    if (!this.sink.atLineStart && stdout.isTTY === true && stderr.isTTY === true) this.say('\n')
    this.sink.startLine()
  }

  private say(text: string): void {
    if (!this.isOver) this.terminal.stderr.write(text)
  }

  private startMeter(response: PaidResponse): Meter.Meter {
    const { quiet, json } = this.options
    const { stdout, stderr } = this.terminal
    const silent = quiet || json || response.terms === undefined
    const live = stdout.isTTY === true && (stderr.rows ?? 24) >= rowsMin ? 'bottom' : 'line'
    this.meter = Meter.create({
      write: (text) => this.say(text),
      style: silent ? 'none' : stderr.isTTY === true ? live : 'plain',
      now: () => performance.now(),
      unit: this.unit(),
      asset: this.asset() ?? Limits.defaultLimits.asset,
      size: () => ({ columns: stderr.columns ?? 80, rows: stderr.rows ?? 24 }),
    })
    return this.meter
  }

  private progress(response: PaidResponse): Meter.Progress {
    const { pieces, paid, left } = response.progress()
    return { pieces, paid, left }
  }

  /** Reading no faster than was asked for makes the payments no faster either. */
  private async slowDown(pieces: number, startedAt: number): Promise<void> {
    const { rate } = this.options
    if (rate === undefined) return
    const ms = startedAt + (pieces * 1000) / rate - performance.now()
    if (ms > 0) await delay(ms, undefined, { signal: this.abort.signal }).catch(() => {})
  }

  private unit(): string {
    return this.response?.terms?.unit ?? 'opaque'
  }

  /** Id of the account that pays, as soon as it is known. */
  private account(): string | undefined {
    return this.xrp?.account ?? this.rails?.account
  }

  private asset(): Asset | undefined {
    return this.response?.terms?.asset
  }

  private facts(exit: ExitCode): PayReport.RunFacts {
    return {
      url: this.url,
      unit: this.unit(),
      asset: this.asset(),
      account: this.account(),
      exit,
      settled: this.settled,
    }
  }

  /** What is wrong although the stream ended as it should. */
  private doubts({ unknown, asset }: Summary): Failure.Failure | undefined {
    if (this.failedWrite !== undefined) return PayFailure.outputFailed(this.failedWrite)
    return unknown > 0n ? PayFailure.unresolved(unknown, asset) : undefined
  }
}

const nothing = {
  asset: undefined,
  paid: 0n,
  piecesPaid: 0,
  held: 0n,
  unknown: 0n,
  lost: 0n,
  pieces: 0,
  bytes: 0,
  seconds: 0,
  inFlight: 0,
}

/** Closes each, whatever becomes of the others. @returns What went wrong first. */
async function closeAll(all: ReadonlyArray<{ close(): Promise<void> } | undefined>): Promise<Error | undefined> {
  let first: Error | undefined
  for (const one of all) {
    try {
      await one?.close()
    } catch (error) {
      first ??= error instanceof Error ? error : new Error(String(error))
    }
  }
  return first
}

/** Without what the user left out, so that defaults stand. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

/** Loaded when it is wanted: the client of the XRP Ledger is large. */
async function claimsOf(seedFile: string): Promise<PayerClaims.Settle> {
  const { create } = await import('../payer-claims.js')
  return create(seedFile)
}
