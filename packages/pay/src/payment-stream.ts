/**
 * The payments of one stream: sends them, counts what became of them, and stops when it must.
 *
 * It knows nothing of HTTP. Whoever reads the body tells it what arrived; it says when the body should be closed and
 * when everything is over. At every moment
 *
 * - held + spent for pieces that have not arrived ≤ risk, over all streams of the payer, and ≤ the window of this one;
 * - held + spent ≤ budget, over all streams of the payer;
 * - numbers are used once, in order, and never further ahead of the lowest unresolved one than the shop's window;
 * - no number and no amount is used that the book has not written down.
 *
 * A payment of unknown outcome counts as spent and is never replaced. A rejected or expired one cost nothing; another
 * may follow, with a new number.
 */
import type { Plugin, SendOutcome } from '@millstream/plugin'
import { Instant, type Observer, type RandomBytes, type Timers, type TransferId } from '@millstream/units'
import { Allowance } from './allowance.js'
import type { BookedStream, StreamPosition } from './book.js'
import { Flight, numbersWindow } from './flight.js'
import * as Lots from './lots.js'
import { Pace, type Refusal } from './pace.js'
import type { Money } from './pay-error.js'
import type { PayEvent } from './pay-event.js'
import type { PayerSettings } from './payer-settings.js'
import type { MakePayment } from './payment-maker.js'
import type { Purse, PurseShare } from './purse.js'
import type { StopReason } from './summary.js'
import type { Window } from './window.js'

export interface PaymentStreamOptions {
  readonly plugin: Plugin
  readonly make: MakePayment
  readonly booked: BookedStream
  readonly purse: Purse
  readonly price: bigint
  /** For all streams of the payer together, as this stream sees it. */
  readonly risk: bigint
  /** For this stream alone; the purse has that of the payer. */
  readonly budget: bigint
  readonly pieces: number | undefined
  /** How many pieces the content has, by the word of the shop. */
  readonly contentPieces?: number | undefined
  /** How many pieces one payment buys. One if left out. */
  readonly lots?: Lots.Lots
  readonly window: number | 'auto'
  /** Most payments in flight, whatever `window` says. */
  readonly windowMax: number
  readonly clock: Instant.Clock
  readonly now: () => number
  readonly timers: Timers
  readonly randomBytes: RandomBytes
  readonly settings: PayerSettings
  readonly observer: Observer<PayEvent>
  /** The body is of no use any more: close it, so that the shop lets go of what it holds. Called once. */
  closeBody(): void
  /** Nothing has arrived for a while: how many pieces may what has arrived be, at most? */
  settlePieces(): number
  /** Nothing is in flight any more. Called once, last of all. */
  finished(): void
}

/** Most numbers that are reserved at once. */
const blockMax = 4_096

/** How long bytes that may be whole pieces are waited for to become more. */
const settleMs = 1_000

const deadOnArrival: Refusal = { code: 'R00', message: 'payments are dead on arrival: the clocks differ' }

/** How a shop refuses what comes after the end of its content. */
const endCode = 'F99'

export class PaymentStream {
  fulfilled = 0
  unknown = 0
  /** Rejected or expired: cost nothing. */
  refused = 0
  /** Pieces that arrived for payments: never more than were sent. */
  arrived = 0
  reason: StopReason | undefined
  refusal: Refusal | undefined
  failure: unknown
  bodyState: 'open' | 'ended' | 'broken' | 'closed' = 'open'
  isFinished = false
  private readonly options: PaymentStreamOptions
  private readonly lots: Lots.Lots
  private started = false
  private readonly flight: Flight
  private readonly pace: Pace
  private readonly allowance: Allowance
  private readonly share: PurseShare
  /** The last number that was sent while nothing else was in flight. */
  private alone = 0
  private windowFull = false
  /** Pieces of each payment that is sent next. */
  private lot = 1
  /** Nothing may be sent before something arrives. */
  private blocked = false
  private unknownToTell = 0
  private unknownAmount = 0n
  private unknownReason = ''
  private pumping = false
  private timer: unknown
  private timerAt = Number.POSITIVE_INFINITY
  private readingSince: number | undefined
  private lastProgress = 0
  private leaveAt = Number.POSITIVE_INFINITY

  constructor(options: PaymentStreamOptions) {
    this.options = options
    this.lots = options.lots ?? Lots.singly
    const { now, randomBytes, settings, observer } = options
    const windowMax = Math.min(options.windowMax, numbersWindow)
    this.pace = new Pace({
      window: options.window,
      windowMax,
      now,
      randomBytes,
      refusalsMs: settings.refusalsMs,
      observer,
    })
    this.flight = new Flight(options.booked.first)
    this.share = options.purse.share()
    this.allowance = new Allowance({
      booked: options.booked,
      block: Math.max(1, Math.min(blockMax, piecesIn(options.risk, options.price * BigInt(this.lots.max)))),
      granted: () => this.wake(),
      failed: (error) => this.stop('state_failed', error),
    })
  }

  /** Payments that were sent and are not known to have ended. */
  get held(): number {
    return this.flight.count
  }

  get window(): Window {
    return this.pace.window
  }

  /** Begins to pay. */
  start(): void {
    if (this.started) return
    this.started = true
    this.wake()
  }

  /** Pieces arrived, whether they were paid or not. */
  arrive(pieces: number): void {
    const now = this.options.now()
    this.lastProgress = now
    const matched = Math.min(pieces, this.flight.pieces + this.fulfilled + this.unknown - this.arrived)
    if (matched > 0) {
      this.arrived += matched
      if (this.windowFull) this.window.grow(matched)
    }
    this.wake()
  }

  /** Whether the body is being waited for: only then it is the shop that is slow. */
  reading(isReading: boolean): void {
    if (isReading) {
      this.readingSince = this.options.now()
      if (this.held === 0 && (this.blocked || this.reason !== undefined)) this.wake()
    } else {
      this.readingSince = undefined
    }
  }

  /** The end of the body says more than what came before it: the content is whole. */
  bodyEnded(): void {
    if (this.bodyState !== 'open') return
    this.bodyState = 'ended'
    this.reason = 'content_ended'
    this.wake()
  }

  bodyBroke(error: unknown): void {
    if (this.bodyState !== 'open') return
    if (this.reason === undefined || this.exposedPieces() > 0 || this.saidToEnd()) {
      this.reason = 'broken'
      this.failure = error
    }
    this.bodyState = 'broken'
    this.wake()
  }

  /** No new payments. What is in flight is waited for. The first reason counts. */
  stop(reason: StopReason, cause?: unknown): void {
    if (this.isFinished) return
    if (this.reason === undefined) {
      this.reason = reason
      this.failure = cause
      if (reason === 'stopped') this.leaveAt = this.options.now() + this.options.settings.leaveMs
    }
    if (reason === 'reader_left') this.closeBody()
    this.wake()
  }

  exposedPieces(): number {
    return this.flight.pieces + Math.max(0, this.fulfilled + this.unknown - this.arrived)
  }

  money(): Omit<Money, 'asset'> {
    const { price } = this.options
    const missing = this.fulfilled + this.unknown - this.arrived
    return {
      paid: BigInt(this.fulfilled) * price,
      piecesPaid: this.fulfilled,
      held: BigInt(this.flight.pieces) * price,
      unknown: BigInt(this.unknown) * price,
      lost: missing > 0 ? BigInt(missing) * price : 0n,
    }
  }

  /** Once per run of what happened, not once for each: fulfillments come by the hundred. */
  private wake(): void {
    if (this.pumping || this.isFinished) return
    this.pumping = true
    queueMicrotask(this.pump)
  }

  private readonly woken = (): void => this.wake()

  private readonly pump = (): void => {
    this.pumping = false
    if (this.isFinished) return
    this.giveUpOld()
    this.tellUnknown()
    this.tellPurse()
    if (this.started && this.reason === undefined) {
      const room = this.room()
      if (room > 0) this.send(room)
    }
    this.look()
  }

  /** How many payments may be sent now, each for `lot` pieces. Stops the stream when there will never be room again. */
  private room(): number {
    const { options, held, lots } = this
    const { price, purse, pieces } = options
    this.windowFull = false
    this.blocked = false
    const committed = this.flight.pieces + this.fulfilled + this.unknown

    const piecesLeft = pieces === undefined ? Number.POSITIVE_INFINITY : pieces - committed
    if (piecesLeft < lots.min) {
      if (held === 0) this.stop(piecesLeft <= 0 ? 'pieces' : 'minimum')
      return 0
    }
    const ownBudgetLeft = piecesIn(options.budget - BigInt(committed) * price, price)
    const budgetLeft = Math.min(ownBudgetLeft, piecesIn(purse.budget - purse.committed, price))
    if (budgetLeft < lots.min) {
      // What is held may be given back, here or by another stream.
      if (held === 0 && (ownBudgetLeft < lots.min || purse.committed === purse.spent)) this.stop('budget')
      else purse.wait(this.woken)
      return 0
    }
    if (options.now() < this.pace.pausedUntil || (this.pace.probing && held > 0)) return 0

    const windowLeft = this.pace.inFlightMax(this.unknown, this.arrived) - this.exposedPieces()
    const riskLeft = piecesIn(options.risk - purse.exposed, price)
    if (riskLeft < lots.min) purse.wait(this.woken)
    if (lots.max > 1) return this.roomForOne(windowLeft, Math.min(budgetLeft, riskLeft), piecesLeft)
    const most = Math.min(budgetLeft, piecesLeft, this.contentLeft())
    const wanted = Math.min(windowLeft, riskLeft, most)
    if (wanted <= 0) {
      this.blocked = true
      this.windowFull = windowLeft <= 0
      return 0
    }
    const room = this.takeNumbers(wanted, most)
    this.windowFull = room === windowLeft
    return room
  }

  /** A payment for as many pieces as may be paid now. */
  private roomForOne(windowLeft: number, allowed: number, piecesLeft: number): number {
    const { lots, flight } = this
    const { contentPieces = Number.POSITIVE_INFINITY } = this.options
    const rest = Math.min(piecesLeft, contentPieces - flight.pieces - this.fulfilled - this.unknown)
    if (rest > 0 && rest < lots.min && this.held === 0) {
      this.stop('minimum')
      return 0
    }
    this.lot = Lots.choose(lots, { window: windowLeft, allowed, rest })
    this.blocked = this.lot === 0
    this.windowFull = this.lot === 0 ? windowLeft <= 0 : this.lot >= windowLeft
    return this.lot === 0 ? 0 : this.takeNumbers(1, 1)
  }

  private takeNumbers(wanted: number, most: number): number {
    const { flight } = this
    const numbersLeft = flight.room()
    if (numbersLeft <= 0) {
      // As many numbers as the shop tells apart were refused in a row.
      if (flight.count === 0) this.stop('refused')
      return 0
    }
    return this.allowance.take(flight.next, Math.min(wanted, numbersLeft), most, () => this.position())
  }

  /**
   * Payments beyond the end of the content would all be refused, so they go out one at a time: the shop may have counted
   * wrongly, and a payment whose outcome is unknown may not have bought its piece.
   */
  private contentLeft(): number {
    const { held } = this
    const { contentPieces = Number.POSITIVE_INFINITY } = this.options
    return Math.max(contentPieces - this.fulfilled - held, held === 0 ? 1 : 0)
  }

  private send(count: number): void {
    const { plugin, make, price, randomBytes, clock, settings } = this.options
    const { flight, lot } = this
    const now = this.options.now()
    const amount = lot === 1 ? price : price * BigInt(lot)
    const expiresAt = Instant.after(clock(), settings.expiresInMs)
    if (flight.count === 0) {
      this.alone = count === 1 ? flight.next : 0
      this.lastProgress = now
    }
    for (let i = 0; i < count; i++) {
      const number = flight.add(now, lot)
      const { packet, condition } = make(number, lot)
      const id = randomBytes(16) as TransferId.TransferId
      plugin.send({ id, amount, condition, expiresAt, packet }).then(
        (outcome) => this.settle(number, outcome),
        (error: unknown) => this.settle(number, { status: 'unknown', reason: String(error) }),
      )
    }
    this.tellPurse()
  }

  private settle(number: number, outcome: SendOutcome): void {
    const sentAt = this.flight.end(number)
    // Given up, long after its expiry: it counts as spent, whatever is said of it now.
    if (sentAt === undefined) return
    const now = this.options.now()
    const pieces = this.flight.piecesOf(number)
    this.lastProgress = now
    switch (outcome.status) {
      case 'fulfilled':
        this.fulfilled += pieces
        this.flight.paid(number)
        this.pace.fulfilled(number, now - sentAt, number === this.alone, this.flight.next)
        break
      case 'unknown':
        this.countUnknown(pieces, outcome.reason)
        break
      case 'expired':
        this.giveBack()
        this.expired(number, now - sentAt)
        break
      case 'rejected':
        this.giveBack()
        if (outcome.by === 'ledger') this.refusedByLedger(number, outcome)
        else if (outcome.code === 'R00') this.expired(number, now - sentAt)
        else if (outcome.code.startsWith('T')) this.slowDown(number, 'refused', outcome)
        else this.refuse('refused', outcome)
    }
    this.wake()
  }

  private countUnknown(pieces: number, reason: string): void {
    this.unknown += pieces
    this.unknownToTell++
    this.unknownAmount += BigInt(pieces) * this.options.price
    this.unknownReason = reason
  }

  /** A rail tells every outcome some seconds after expiry at the latest; one that does not is not waited for any more. */
  private giveUpOld(): void {
    const now = this.options.now()
    while (now >= this.nextDeadline()) {
      const oldest = this.flight.oldest()
      this.flight.end(oldest)
      this.countUnknown(this.flight.piecesOf(oldest), 'the rail did not tell')
    }
  }

  /** When the oldest payment in flight will have expired, with some grace. */
  private nextDeadline(): number {
    const { expiresInMs, graceMs } = this.options.settings
    return this.flight.oldestSentAt() + expiresInMs + graceMs
  }

  private giveBack(): void {
    this.refused++
    // What arrived counts for payments that were sent and not given back.
    this.arrived = Math.min(this.arrived, this.flight.pieces + this.fulfilled + this.unknown)
  }

  /** A slow source lets payments expire, and the next may fare better. One that is dead on arrival is another matter. */
  private expired(number: number, age: number): void {
    if (age < this.options.settings.expiresInMs / 2) {
      this.slowDown(number, 'refused', deadOnArrival)
    } else {
      this.pace.cut(number, this.flight.next)
    }
  }

  private refusedByLedger(number: number, refusal: Refusal): void {
    if (refusal.code.startsWith('T')) {
      this.slowDown(number, 'ledger_refused', refusal)
    } else if (number === this.alone && this.flight.next === number + 1) {
      this.refuse('ledger_refused', refusal)
    } else {
      this.pace.probe(number, this.flight.next)
    }
  }

  private slowDown(number: number, reason: StopReason, refusal: Refusal): void {
    if (!this.pace.refused(number, this.flight.next, refusal)) this.refuse(reason, refusal)
  }

  private refuse(reason: StopReason, refusal: Refusal): void {
    if (this.reason === undefined) this.refusal = refusal
    this.stop(reason)
  }

  private tellPurse(): void {
    const { price } = this.options
    const spent = this.fulfilled + this.unknown
    // What is lost when the stream is over is not at risk any more: it is spent.
    const exposed = this.isFinished ? 0 : this.exposedPieces()
    this.share.set(BigInt(this.flight.pieces + spent) * price, BigInt(spent) * price, BigInt(exposed) * price)
  }

  private tellUnknown(): void {
    if (this.unknownToTell === 0) return
    const count = this.unknownToTell
    const amount = this.unknownAmount
    this.unknownToTell = 0
    this.unknownAmount = 0n
    this.options.observer({
      name: 'pay.outcome_unknown',
      level: 'warn',
      count,
      amount,
      reason: this.unknownReason,
    })
  }

  position(): StreamPosition {
    const { price } = this.options
    return {
      next: this.flight.next,
      posted: BigInt(this.fulfilled) * price,
      unresolved: BigInt(this.flight.pieces + this.unknown) * price,
    }
  }

  /** Decides whether the body should be closed, whether all is over, and when to look again. */
  private look(): void {
    const now = this.options.now()
    let lookAt = Number.POSITIVE_INFINITY

    const waitingSince = this.waitingForPieces()
    if (waitingSince !== undefined) {
      const { patienceMs, leaveMs } = this.options.settings
      // Nothing was taken after the account had ended, and what was taken before is on its way.
      const giveUpAt = waitingSince + (this.reason === 'account_ended' ? leaveMs : patienceMs)
      const settleAt = Math.min(waitingSince + settleMs, giveUpAt)
      if (now >= settleAt) {
        const pieces = this.options.settlePieces()
        if (pieces > 0) {
          this.arrive(pieces)
          return
        }
      }
      if (now >= giveUpAt) {
        this.stop(this.isComplete() ? 'pieces' : 'not_delivered')
        this.closeBody()
      }
      lookAt = now < settleAt ? settleAt : giveUpAt
    }

    if (this.reason !== undefined && now >= this.leaveAt) this.closeBody()
    if (this.isOver()) {
      this.finish()
      return
    }
    lookAt = Math.min(lookAt, this.nextDeadline())
    if (this.reason === undefined && this.pace.pausedUntil > now) lookAt = Math.min(lookAt, this.pace.pausedUntil)
    if (this.reason !== undefined && this.bodyState === 'open') lookAt = Math.min(lookAt, this.leaveAt)
    this.lookAt(lookAt)
  }

  /** Since when there is nothing left to hope for but that the shop sends what is paid, or ends the body as it said. */
  private waitingForPieces(): number | undefined {
    if (this.bodyState !== 'open' || this.readingSince === undefined || this.held > 0) return undefined
    const owed = this.exposedPieces() > 0 && (this.blocked || this.reason !== undefined)
    return owed || this.saidToEnd() || this.isComplete() ? Math.max(this.lastProgress, this.readingSince) : undefined
  }

  /** All pieces of which the shop spoke are here, in payments for several: the end of the body is all that is missing. */
  private isComplete(): boolean {
    const { contentPieces = Number.POSITIVE_INFINITY } = this.options
    return this.lots.max > 1 && this.held === 0 && this.arrived >= contentPieces
  }

  /** The shop refused with F99, as it does at the end of its content: the end of the body decides what it was. */
  private saidToEnd(): boolean {
    return this.reason === 'refused' && this.refusal?.code === endCode
  }

  private isOver(): boolean {
    if (this.reason === undefined || this.held > 0) return false
    return this.bodyState !== 'open' || (this.exposedPieces() === 0 && !this.saidToEnd())
  }

  private lookAt(at: number): void {
    // An earlier timer looks, and sets the next one.
    if (at >= this.timerAt) return
    const { timers } = this.options
    if (this.timer !== undefined) timers.clearTimeout(this.timer)
    this.timerAt = at
    this.timer = timers.setTimeout(
      () => {
        this.timer = undefined
        this.timerAt = Number.POSITIVE_INFINITY
        this.wake()
      },
      Math.ceil(Math.max(0, at - this.options.now())),
    )
  }

  private closeBody(): void {
    if (this.bodyState !== 'open') return
    this.bodyState = 'closed'
    this.options.closeBody()
  }

  private finish(): void {
    this.isFinished = true
    this.tellPurse()
    const { purse, timers } = this.options
    purse.forget(this.woken)
    if (this.timer !== undefined) timers.clearTimeout(this.timer)
    this.closeBody()
    const owed = this.fulfilled > this.arrived
    if (owed && isOrdinary(this.reason)) {
      this.reason = 'not_delivered'
    }
    this.options.finished()
  }
}

function isOrdinary(reason: StopReason | undefined): boolean {
  return reason === 'content_ended' || reason === 'budget' || reason === 'pieces' || reason === 'minimum'
}

/** How many whole prices an amount is. */
function piecesIn(amount: bigint, price: bigint): number {
  if (amount < 0n) return 0
  return price === 0n ? Number.POSITIVE_INFINITY : Number(amount / price)
}
