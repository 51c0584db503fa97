/**
 * One paid response body, from its opening to its end: who may pay, when a payment is fulfilled, how it all ends.
 *
 * ```
 *            check            fulfill             settled: fulfilled            end of tick
 * transfer ───────▶ checked ─────────▶ waiting ─▶ promised ─────────▶ pieces taken ─────────▶ body
 *                                         │            │ settled: expired, rejected: pieces stay in the queue
 *                                         ▼ content ended, source failed, reader left, rival, expiry: rejected
 * ```
 *
 * A hold is fulfilled when as many pieces are at hand as it buys; they go to the body when the ledger says that it was
 * posted. So nothing leaves unpaid, and nothing is paid that was not at hand. Before the first hold nothing is read;
 * after it, one piece beyond the holds, to see the end.
 */
import { Derivation } from '@millstream/codec'
import type { Cursor, IncomingTransfer, Rejection, SettledOutcome } from '@millstream/plugin'
import { type Condition, type Instant, Octets } from '@millstream/units'
import { Hold } from './hold.js'
import type { KeyId } from './keyring.js'
import { createNumbers, type Numbers, type NumbersSnapshot, numbersWindow } from './numbers.js'
import type { Body, Offer, PaidStream, StreamTotals } from './offer.js'
import { type FlowOwner, PieceFlow } from './piece-flow.js'
import * as Refusal from './refusal.js'
import type { StreamEnd } from './shop-event.js'
import type { StreamHouse } from './stream-house.js'
import type { StreamRecord } from './stream-store.js'

export interface StreamIdentity {
  readonly userId: string
  readonly kid: KeyId
  readonly secret: Uint8Array
  readonly seed: Uint8Array
  /** ILP address of the stream. */
  readonly address: string
  readonly unit: string
  /** Who counts as one in the bound on unpaid streams. */
  readonly addressKey: string | undefined
}

export interface StreamWatch {
  /** Pieces paid at the last sweep, and when something was last held or paid. */
  paid: number
  activeAt: number
  recordedAt: number
  recordedPaid: number
  recordedCursor: number
}

type Phase =
  | 'open'
  /** Nothing more is taken; what is promised is delivered, then the body is broken off. */
  | 'breaking'
  /** The body has ended, been broken off, or lost its reader. Promises may still settle. */
  | 'over'

type StreamHold = Hold<Stream>

export class Stream implements PaidStream, FlowOwner {
  readonly userId: string
  readonly price: bigint
  readonly address: string
  readonly secret: Uint8Array
  /** What the addresses of its payments begin with. */
  readonly base: string
  readonly createdAt: Instant.Instant
  readonly offer: Offer
  /** Pieces that were posted. */
  paid = 0
  owner: string | undefined
  end: StreamEnd | undefined
  endedAt: Instant.Instant | undefined
  /** Pieces of all open holds. */
  held = 0
  /** What the shop remembers about it from one sweep to the next. */
  readonly watch: StreamWatch

  private phase: Phase = 'open'
  /** Why nothing is taken any more. */
  private refusal: Refusal.Refusal | undefined
  private readonly house: StreamHouse
  readonly identity: StreamIdentity
  private readonly derive: (address: string) => Condition.Fulfillment
  private readonly flow: PieceFlow
  private numbers: Numbers | undefined
  /** Holds that wait for pieces, in the order in which they were held; those before `waitingFirst` are gone. */
  private waiting: StreamHold[] = []
  private waitingFirst = 0
  /** Holds behind it that do not wait any more. */
  private waitingGone = 0
  /** As long as nobody owns the stream, fulfillments go to one account at a time. */
  private candidate: string | undefined
  private promises = 0
  private recording: 'not_yet' | 'writing' | 'written' = 'not_yet'
  /** Whom the record names as long as nobody owns the stream. */
  private recordedFor: string | undefined
  private wrappedUp = false

  constructor(house: StreamHouse, identity: StreamIdentity, offer: Offer, body: Body) {
    this.house = house
    this.identity = identity
    this.userId = identity.userId
    this.price = offer.price
    this.address = identity.address
    this.secret = identity.secret
    this.base = `${identity.address}.`
    this.offer = offer
    this.createdAt = house.clock()
    this.watch = { paid: 0, activeAt: this.createdAt, recordedAt: this.createdAt, recordedPaid: 0, recordedCursor: 0 }
    this.derive = Derivation.tutorial(house.hashes, identity.secret)
    const { content } = offer
    const { userId, seed } = identity
    const opened = typeof content === 'function' ? () => content({ userId, seed }) : content
    this.flow = new PieceFlow(offer.piece, opened, body, this, house.limits)
  }

  /** What `check` says to a payment to this stream; `number` is from its address. When it may be taken it gets its hold. */
  check(transfer: IncomingTransfer, number: number): Refusal.Refusal | undefined {
    const closed = this.closedTo(transfer.source)
    if (closed !== undefined) return closed
    const { amount, destinationAmount } = transfer
    if (amount !== destinationAmount) {
      return amount < destinationAmount ? Refusal.lessThanPacket : Refusal.moreThanPacket
    }
    let pieces = 1
    if (amount !== this.price) {
      if (amount < this.price) return Refusal.tooLittle(this.price)
      if (amount % this.price !== 0n) return Refusal.notAMultiple(this.price)
      const several = this.severalRefused(amount / this.price)
      if (several !== undefined) return several
      pieces = Number(amount / this.price)
    }
    const late = this.lateness(transfer)
    if (late !== undefined) return late
    const taken = refusalOfNumber(this.numbers, number)
    if (taken !== undefined) return taken
    const fulfillment = this.derive(transfer.destination)
    if (!Octets.equal(this.house.hashes.sha256(fulfillment), transfer.condition)) return Refusal.wrongCondition
    transfer.note = new Hold(this, transfer, number, pieces, fulfillment)
    return undefined
  }

  /** Once the ledger holds a payment that was checked. Things may have happened since then. */
  fulfill(hold: StreamHold): Condition.Fulfillment | Rejection | Promise<Condition.Fulfillment | Rejection> {
    const refusal =
      this.closedTo(hold.transfer.source) ??
      (hold.pieces > 1 ? this.severalRefused(BigInt(hold.pieces)) : undefined) ??
      this.takeNumber(hold)
    if (refusal !== undefined) return this.refuse(hold, refusal)
    this.held += hold.pieces
    this.flow.want(this.held + 1)
    // The source may have failed just now.
    if (this.refusal !== undefined) {
      this.held -= hold.pieces
      return this.refuse(hold, this.refusal)
    }
    if (this.waitingFirst === this.waiting.length && this.mayPromise(hold)) {
      this.promise(hold)
      return hold.fulfillment
    }
    hold.state = 'waiting'
    this.waiting.push(hold)
    const answer = new Promise<Condition.Fulfillment | Rejection>((resolve) => {
      hold.answer = resolve
    })
    this.advance()
    return answer
  }

  /** What became of a payment for which `fulfill` was called, once that is durable. */
  settled(hold: StreamHold, outcome: SettledOutcome): void {
    const { state, pieces } = hold
    hold.state = 'settled'
    if (outcome === 'fulfilled') {
      if (state === 'promised') this.posted(hold)
      return
    }
    // What was lost is known to everybody: its number must not buy anything again.
    if (outcome === 'lost') this.numbers?.use(hold.number)
    else if (hold.numbered) this.numbers!.release(hold.number)
    if (state === 'waiting') {
      this.held -= pieces
      this.waitingGone++
      this.answer(hold, Refusal.expired)
    } else if (state === 'promised') {
      this.held -= pieces
      this.promises--
      if (this.phase !== 'over') this.flow.takeBack(pieces)
    }
    this.advance()
  }

  drained(): void {
    this.flow.drained()
    this.advance()
  }

  left(): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.flow.abandon()
    this.finish('reader_left', Refusal.readerLeft)
    this.wrapUp()
  }

  close(): void {
    this.breakOff('shop_closed', Refusal.streamClosed)
  }

  /** Ends the stream from the shop's side: delivers what is promised, then breaks the body off. */
  breakOff(end: StreamEnd, refusal: Refusal.Refusal): void {
    if (this.phase !== 'open') return
    this.phase = 'breaking'
    this.flow.stop()
    this.finish(end, refusal)
    this.advance()
  }

  /** Breaks the body off without waiting for what is promised: it stays owed. */
  abandon(): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.flow.abandon()
    this.flow.destroy()
    this.finish('shop_closed', Refusal.streamClosed)
    this.wrapUp()
  }

  get isOpen(): boolean {
    return this.phase === 'open'
  }

  totals(): StreamTotals {
    const { delivered } = this.flow
    return {
      paid: BigInt(this.paid),
      delivered: BigInt(delivered),
      owed: BigInt(this.paid - delivered),
      amount: BigInt(this.paid) * this.price,
    }
  }

  usedNumbers(): NumbersSnapshot {
    return this.numbers?.snapshot() ?? { floor: 0, numbers: new Uint8Array(0) }
  }

  /** The record as of a place in the feed up to which everything was settled. */
  record(cursor: Cursor): StreamRecord {
    const { etag, resource } = this.offer
    const { end } = this
    return {
      userId: this.userId,
      kid: this.identity.kid,
      price: this.price,
      unit: this.identity.unit,
      resource: resource.slice(0, resourceCharactersMax),
      ...(etag === undefined ? {} : { etag }),
      createdAt: this.createdAt,
      ...ownerOf(this.owner ?? this.recordedFor),
      cursor,
      pieces: BigInt(this.paid),
      ...this.usedNumbers(),
      ...(end === undefined || this.endedAt === undefined
        ? {}
        : { endedAt: this.endedAt, ending: end === 'unpaid' ? 'idle' : end }),
    }
  }

  /** Its record was asked for, so there is one to keep up to date. */
  get recorded(): boolean {
    return this.recording !== 'not_yet'
  }

  // Called by the flow.

  flowChanged(): void {
    this.advance()
  }

  sourceFailed(error: unknown): void {
    if (this.phase !== 'open') return
    this.house.observer({ name: 'shop.source_failed', level: 'warn', userId: this.userId, error })
    this.breakOff('source_failed', Refusal.sourceFailed)
  }

  bodyFailed(): void {
    this.left()
  }

  /** Why nobody, or not this account, may pay. */
  private closedTo(source: string): Refusal.Refusal | undefined {
    if (this.owner !== undefined && this.owner !== source) return Refusal.foreignStream
    return this.refusal
  }

  private severalRefused(pieces: bigint): Refusal.Refusal | undefined {
    if (!this.house.direct) return Refusal.connectorsBetween
    if (pieces > this.house.limits.piecesPerPaymentMax) return Refusal.piecesTooMany
    if (this.offer.pieces === undefined && this.house.hasMinimum && !this.flow.sourceDone) return undefined
    const declared = this.offer.pieces === undefined ? 0 : this.offer.pieces - this.paid
    const remaining = Math.max(declared, this.flow.atHand + this.flow.promised)
    return Number(pieces) > remaining - this.held ? Refusal.piecesNotKnown : undefined
  }

  private lateness({ expiresAt }: IncomingTransfer): Refusal.Refusal | undefined {
    const left = expiresAt - this.house.clock()
    if (left > this.house.marginMs) return undefined
    return left <= 0 ? Refusal.expired : Refusal.expiresTooSoon
  }

  private takeNumber(hold: StreamHold): Refusal.Refusal | undefined {
    this.numbers ??= createNumbers()
    const refusal = refusalOfNumber(this.numbers, hold.number)
    if (refusal !== undefined) return refusal
    this.numbers.hold(hold.number)
    hold.numbered = true
    return undefined
  }

  /** Whether the next hold can be fulfilled now. */
  private mayPromise(hold: StreamHold): boolean {
    if (!this.flow.canPromise(hold.pieces) || this.lateness(hold.transfer) !== undefined) return false
    // Two accounts that hold at once cannot both become the owner: the second waits for what becomes of the first.
    if (this.owner === undefined && this.promises > 0 && this.candidate !== hold.transfer.source) return false
    // What the feed lacks is durable before the first fulfillment is public: also whose payments to look for in it.
    const isNamed = this.owner !== undefined || this.recordedFor === hold.transfer.source
    if (this.recording === 'not_yet' || (this.recording === 'written' && !isNamed)) this.writeRecordFor(hold)
    return this.recording === 'written'
  }

  private promise(hold: StreamHold): void {
    hold.state = 'promised'
    this.candidate = hold.transfer.source
    this.promises++
    this.flow.promise(hold.pieces)
  }

  private posted(hold: StreamHold): void {
    const { pieces } = hold
    this.numbers!.use(hold.number)
    this.promises--
    this.held -= pieces
    this.paid += pieces
    if (this.owner === undefined) this.own(hold.transfer.source)
    if (this.phase === 'over') {
      // The reader has left in between: the pieces stay owed.
      this.wrapUp()
      return
    }
    // The flow calls back at the end of the tick.
    this.flow.deliver(pieces)
  }

  /** The first account that posted owns the stream. */
  private own(source: string): void {
    this.owner = source
    this.house.streamPaid(this)
    for (let i = this.waitingFirst; i < this.waiting.length; i++) {
      const hold = this.waiting[i]!
      if (hold.state === 'waiting' && hold.transfer.source !== source) this.reject(hold, Refusal.foreignStream)
    }
  }

  /** Does what has become possible. */
  private advance(): void {
    if (this.phase === 'open') this.answerWaiting()
    if (this.phase === 'open' && this.flow.sourceDone && this.flow.settled && this.flow.atHand === 0) {
      this.phase = 'over'
      this.flow.end()
      this.finish('content_ended', Refusal.contentEnded)
    }
    if (this.phase === 'breaking' && this.flow.settled) {
      this.phase = 'over'
      this.flow.destroy()
    }
    if (this.phase === 'over') this.wrapUp()
  }

  private answerWaiting(): void {
    // Nothing is read for a stream on which nothing was ever held.
    if (this.numbers !== undefined) this.flow.want(this.held + 1)
    while (this.phase === 'open' && this.waitingFirst < this.waiting.length) {
      const hold = this.waiting[this.waitingFirst]!
      if (hold.state === 'waiting') {
        const refusal = this.lateness(hold.transfer) ?? this.neverAtHand(hold)
        if (refusal !== undefined) {
          this.reject(hold, refusal)
        } else if (this.mayPromise(hold)) {
          this.promise(hold)
          this.answer(hold, hold.fulfillment)
        } else {
          break
        }
      }
      this.waitingFirst++
    }
    this.forgetAnswered()
  }

  /** Why a hold for several pieces waits in vain. Holds for one piece wait for the end, and are rejected there. */
  private neverAtHand(hold: StreamHold): Refusal.Refusal | undefined {
    if (!this.flow.settled || this.flow.atHand >= hold.pieces || this.flow.atHand === 0) return undefined
    if (this.flow.sourceDone) return Refusal.piecesNotKnown
    return this.flow.memoryFull ? Refusal.piecesTooMany : undefined
  }

  private forgetAnswered(): void {
    if (this.waitingFirst < this.waiting.length && this.waitingFirst + this.waitingGone < 1024) return
    this.waiting = this.waiting.filter((hold) => hold.state === 'waiting')
    this.waitingFirst = 0
    this.waitingGone = 0
  }

  /** Rejects a hold that waits. */
  private reject(hold: StreamHold, refusal: Refusal.Refusal): void {
    this.held -= hold.pieces
    this.answer(hold, this.refuse(hold, refusal))
  }

  private refuse(hold: StreamHold, refusal: Refusal.Refusal): Refusal.Refusal {
    hold.state = 'refused'
    this.house.refused(refusal)
    return refusal
  }

  private answer(hold: StreamHold, answer: Condition.Fulfillment | Rejection): void {
    const { answer: tell } = hold
    hold.answer = undefined
    tell?.(answer)
  }

  private writeRecordFor({ transfer }: StreamHold): void {
    this.recording = 'writing'
    this.recordedFor = transfer.source
    this.house.write(this).then(
      () => {
        this.recording = 'written'
        this.advance()
      },
      () => this.breakOff('source_failed', Refusal.sourceFailed),
    )
  }

  private finish(end: StreamEnd, refusal: Refusal.Refusal): void {
    if (this.end !== undefined) return
    this.end = end
    this.endedAt = this.house.clock()
    this.refusal = refusal
    const { waiting } = this
    this.waiting = []
    this.waitingFirst = 0
    this.waitingGone = 0
    for (const hold of waiting) if (hold.state === 'waiting') this.reject(hold, refusal)
    this.house.streamEnded(this)
  }

  private wrapUp(): void {
    if (this.phase !== 'over' || this.promises > 0 || this.wrappedUp) return
    this.wrappedUp = true
    this.house.streamOver(this)
  }
}

function refusalOfNumber(numbers: Numbers | undefined, number: number): Refusal.Refusal | undefined {
  const verdict = numbers?.judge(number) ?? (number <= numbersWindow ? 'free' : 'beyond_window')
  if (verdict === 'free') return undefined
  if (verdict === 'in_use') return Refusal.numberInUse
  return verdict === 'used' ? Refusal.numberUsed : Refusal.numberBeyondWindow
}

function ownerOf(owner: string | undefined): Pick<StreamRecord, 'owner'> {
  return owner === undefined ? {} : { owner }
}

/** Longest name of a resource in a record. */
const resourceCharactersMax = 2048
