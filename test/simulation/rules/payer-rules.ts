/**
 * What a payer does, seen from outside of it: at the seam to its rail and at the body that it reads. Risk, budget,
 * numbers and what it has written down are checked with each payment that leaves it; what it was told against the truth,
 * then and later.
 */

import { IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import type { BookState, Summary } from '@millstream/pay'
import type { OutgoingTransfer, SendOutcome } from '@millstream/plugin'
import { numbersWindow } from '@millstream/shop'
import { Hex, Octets } from '@millstream/units'
import * as Content from '../content.js'
import type { PayerPlan } from '../plan.js'
import { short } from '../shop-disk.js'
import type { Findings } from './findings.js'
import type { LedgerRules, TransferTruth } from './ledger-rules.js'

/** One stream of one life. */
export interface PaidStreamTruth {
  readonly address: string
  readonly price: bigint
  sent: number
  /** Told not to be paid. */
  returned: number
  /** Pieces, or bytes where pieces cannot be counted. */
  arrived: number
  bytes: number
  readonly unresolved: Set<number>
  /** Of its transfers. */
  readonly ids: string[]
  /** Its body is over: what has not arrived is lost, and no longer at risk. */
  isClosed: boolean
}

export interface PayerRulesOptions {
  readonly name: string
  readonly plan: PayerPlan
  readonly findings: Findings
  readonly ledger: LedgerRules
  readonly content: Content.Truth
  /** Its account, where it keeps one. */
  readonly account: string | undefined
  /** The shop delivers what it sells, the host says what is. */
  readonly shopIsHonest: boolean
  readonly hostIsHonest: boolean
  /** No clock was set that its book has to go by, and no money given to it that hides what it spent. */
  readonly booksAreExact: () => boolean
  /** What its book says on the disk for certain. */
  readonly book: () => BookState | undefined
}

export class PayerRules {
  /** Of the life that it lives. */
  private streams: PaidStreamTruth[] = []
  /** Numbers of each address, over all lives. */
  private readonly numbers = new Map<string, Set<number>>()
  /** Transfers of which it was told that they are not paid. */
  private readonly returned = new Set<string>()
  private readonly mine = new Set<string>()
  /** Posted from its account, by the truth. */
  posted = 0n
  private readonly options: PayerRulesOptions

  constructor(options: PayerRulesOptions) {
    this.options = options
  }

  started(): void {
    this.streams = []
    // Without credentials it has no book, and a shop that lies may send it an old header.
    if (this.options.account === undefined) this.numbers.clear()
  }

  opened(address: string, price: bigint): PaidStreamTruth {
    const stream = {
      address,
      price,
      sent: 0,
      returned: 0,
      arrived: 0,
      bytes: 0,
      unresolved: new Set<number>(),
      ids: [],
      isClosed: false,
    }
    this.streams.push(stream)
    return stream
  }

  sending(transfer: OutgoingTransfer): PaidStreamTruth | undefined {
    const { findings, plan, book, account } = this.options
    const { account: destination, amount } = IlpPacket.decodePayment(transfer.packet)
    const dot = destination.lastIndexOf('.')
    const address = destination.slice(0, dot)
    const number = Number(destination.slice(dot + 1))
    const stream = this.streams.findLast((one) => one.address === address)
    if (stream === undefined) {
      findings.add('a payer pays what it asked for', `It pays to ${destination}.`)
      return undefined
    }
    const what = `number ${number} of stream ${short(address.split('.').at(-1)!)}`
    const claim = (holds: boolean, rule: string, detail: () => string) => findings.claim(holds, rule, detail)
    claim(
      amount === stream.price && transfer.amount === amount,
      'a payer pays its price',
      () => `${amount} for ${what}.`,
    )
    const used = this.numbers.get(address) ?? new Set()
    this.numbers.set(address, used)
    claim(!used.has(number), 'a payer uses a number once', () => `Twice: ${what}.`)
    used.add(number)
    const lowest = Math.min(number, ...stream.unresolved)
    claim(number - lowest < numbersWindow, 'a payer keeps to the window of numbers', () => `${what} after ${lowest}.`)
    stream.unresolved.add(number)
    stream.sent++
    const id = Hex.fromBytes(transfer.id)
    stream.ids.push(id)
    this.mine.add(id)

    const budget = this.sum((one) => BigInt(one.sent - one.returned) * one.price)
    claim(budget <= plan.budget, 'a payer keeps to its budget', () => `${budget} of ${plan.budget}, with ${what}.`)
    const exposed = this.sum((one) => BigInt(exposedPieces(one)) * one.price)
    claim(exposed <= plan.risk, 'a payer keeps to its risk', () => `${exposed} of ${plan.risk}, with ${what}.`)
    claim(
      exposedPieces(stream) <= 1 + stream.arrived,
      'the window grows with pieces that arrived',
      () => `${exposedPieces(stream)} are at risk after ${stream.arrived} that arrived, with ${what}.`,
    )
    const wanted = plan.pieces ?? Number.POSITIVE_INFINITY
    claim(stream.sent - stream.returned <= wanted, 'a payer pays for no more pieces than wanted', () => what)
    if (account !== undefined) {
      const next = book()?.streams.find((one) => one.address === address)?.next ?? 0
      claim(number < next, 'a payer writes ahead', () => `It pays ${what}; its disk has numbers below ${next}.`)
    }
    return stream
  }

  told(transfer: OutgoingTransfer, stream: PaidStreamTruth, outcome: SendOutcome): void {
    const { findings, hostIsHonest } = this.options
    const destination = IlpPacket.decodePayment(transfer.packet).account
    stream.unresolved.delete(Number(destination.slice(destination.lastIndexOf('.') + 1)))
    const id = Hex.fromBytes(transfer.id)
    const isReturned = outcome.status === 'rejected' || outcome.status === 'expired'
    if (isReturned) stream.returned++
    if (outcome.status === 'fulfilled' && outcome.fulfillment !== undefined) {
      findings.claim(
        Octets.equal(hashes.sha256(outcome.fulfillment), transfer.condition),
        'a payer is given the fulfillment',
        () => `That of transfer ${id.slice(0, 8)} is not of its condition.`,
      )
    }
    if (!hostIsHonest) return
    const state = this.truthOf(id)?.state
    const rule = 'a payer is told the truth'
    const what = `Transfer ${id.slice(0, 8)} is said to be ${outcome.status}`
    if (outcome.status === 'fulfilled') findings.claim(state === 'fulfilled', rule, () => `${what}, it is ${state}.`)
    if (!isReturned) return
    this.returned.add(id)
    findings.claim(state !== 'fulfilled', rule, () => `${what} (${JSON.stringify(outcome)}), it is paid.`)
  }

  arrived(stream: PaidStreamTruth, bytes: number): void {
    const { content, shopIsHonest } = this.options
    stream.bytes += bytes
    stream.arrived = content.unit === 'opaque' ? stream.bytes : Content.wholePiecesWithin(content, stream.bytes)
    // A shop that breaks off in the middle of a letter: its bytes are taken for letters after a while.
    if (content.unit === 'letter' && !shopIsHonest) {
      stream.arrived += stream.bytes - (content.ends[stream.arrived - 1] ?? 0)
    }
  }

  /** The host's ledger posted a transfer of this payer. */
  paid(transfer: TransferTruth): void {
    if (!this.mine.has(transfer.id) || this.truthOf(transfer.id) !== transfer) return
    this.posted += transfer.amount
    this.options.findings.claim(
      !this.returned.has(transfer.id),
      'a payer is told the truth',
      () => `Transfer ${transfer.id.slice(0, 8)} was said not to be paid, and now is.`,
    )
  }

  over(stream: PaidStreamTruth, summary: Summary): void {
    const { findings, plan, content, shopIsHonest, hostIsHonest } = this.options
    stream.isClosed = true
    const { paid, unknown, held, spent, lost, stopped } = summary
    const claim = (holds: boolean, rule: string, detail: () => string) => findings.claim(holds, rule, detail)
    claim(
      held === 0n && spent === paid + unknown,
      'a summary adds up',
      () => `${spent} = ${paid} + ${unknown}, ${held} held`,
    )
    claim(lost <= plan.risk, 'a payer keeps to its risk', () => `${lost} of ${plan.risk} were lost.`)
    claim(spent <= plan.budget, 'a payer keeps to its budget', () => `${spent} of ${plan.budget} were spent.`)
    if (hostIsHonest) {
      const posted = this.postedTo(stream)
      claim(
        paid <= posted && posted <= spent,
        'the books agree',
        () => `It says ${paid} and perhaps ${unknown} more, the ledger says ${posted}.`,
      )
    }
    if (shopIsHonest && stopped === 'content_ended') {
      claim(
        stream.bytes === content.bytes.length,
        'a body ends when it is whole',
        () => `${stream.bytes} bytes were read.`,
      )
    }
  }

  /** What the payer's book says covers what was paid, also if it dies now. */
  checkBook(): void {
    const { findings, book, account, hostIsHonest, booksAreExact } = this.options
    if (account === undefined || !hostIsHonest || this.posted === 0n || !booksAreExact()) return
    const state = book()
    const covered = state === undefined ? 0n : coveredBy(state)
    findings.claim(
      covered >= this.posted,
      "a payer's book covers what was paid",
      () => `It covers ${covered}, ${this.posted} were posted.`,
    )
  }

  private truthOf(id: string): TransferTruth | undefined {
    const { ledger, account } = this.options
    if (account === undefined) return ledger.stateOf(id, undefined)
    const source = ledger.byName.get(account)?.id
    return source === undefined ? undefined : ledger.stateOf(id, source)
  }

  private postedTo(stream: PaidStreamTruth): bigint {
    const paid = stream.ids.filter((id) => this.truthOf(id)?.state === 'fulfilled')
    return BigInt(paid.length) * stream.price
  }

  private sum(of: (stream: PaidStreamTruth) => bigint): bigint {
    return this.streams.reduce((sum, stream) => sum + of(stream), 0n)
  }
}

function coveredBy({ spent, unresolved, streams }: BookState): bigint {
  const inDoubt = unresolved.reduce((sum, { amount }) => sum + amount, 0n)
  return spent + inDoubt + streams.reduce((sum, { reserved }) => sum + reserved, 0n)
}

/** Held, or paid for pieces that have not arrived. */
function exposedPieces({ sent, returned, arrived, unresolved, isClosed }: PaidStreamTruth): number {
  return isClosed ? unresolved.size : Math.max(0, sent - returned - arrived)
}
