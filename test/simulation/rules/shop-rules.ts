/**
 * What the shop reads, promises and delivers: nothing that is not paid and durable, in order and unchanged; nothing is
 * promised that is not at hand; nothing is read before anything is held; its records say what the feed says.
 */
import type { StreamRecord } from '@millstream/shop'
import * as Content from '../content.js'
import { short } from '../shop-disk.js'
import type { Findings } from './findings.js'
import type { LedgerRules } from './ledger-rules.js'

export interface Delivery {
  readonly userId: string
  readonly content: Content.Truth
  /** Bytes that its source gave, and that went to the body. */
  read: number
  written: number
  /** Pieces of payments that the ledger of this process held, and fulfilled, durable or not. */
  held: number
  fulfilled: number
}

export class ShopRules {
  readonly deliveries = new Map<string, Delivery>()
  private readonly findings: Findings
  private readonly ledger: LedgerRules

  constructor(findings: Findings, ledger: LedgerRules) {
    this.findings = findings
    this.ledger = ledger
  }

  opened(userId: string, content: Content.Truth, price: bigint): Delivery {
    const delivery = { userId, content, read: 0, written: 0, held: 0, fulfilled: 0 }
    this.deliveries.set(userId, delivery)
    this.ledger.streams.set(userId, {
      userId,
      price,
      pieces: content.ends.length,
      numbers: new Map(),
      highest: 0,
      paid: 0,
      owner: undefined,
      payments: [],
    })
    return delivery
  }

  /** The source is asked for more. */
  reading({ content, held, userId, read }: Delivery): void {
    this.findings.claim(
      held > 0,
      'nothing is read before anything is held',
      () => `The source of stream ${short(userId)} is read.`,
    )
    // One piece beyond what is held, to see the end, and never further than the chunk that contains it.
    this.findings.claim(
      read === content.bytes.length || Content.wholePiecesWithin(content, read) <= held,
      'nothing is read that nobody holds',
      () => `Stream ${short(userId)}: ${read} bytes were read already, ${held} pieces were ever held.`,
    )
  }

  /** The ledger has just fulfilled, in memory. */
  fulfilled({ content, fulfilled, userId, read }: Delivery): void {
    this.findings.claim(
      fulfilled <= Content.wholePiecesWithin(content, read),
      'nothing is promised that is not at hand',
      () => `Stream ${short(userId)}: ${fulfilled} are fulfilled, ${read} bytes were read.`,
    )
  }

  writing(delivery: Delivery, bytes: Uint8Array): void {
    const { content, userId, written } = delivery
    const end = written + bytes.length
    delivery.written = end
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === content.bytes[written + i]) continue
      this.findings.add('content is delivered as it is', `Stream ${short(userId)} differs at byte ${written + i}.`)
      return
    }
    const paid = this.ledger.streams.get(userId)?.paid ?? 0
    this.findings.claim(
      Content.piecesWithin(content, end) <= paid,
      'nothing is delivered unpaid',
      () => `Stream ${short(userId)}: ${Content.piecesWithin(content, end)} pieces are delivered, ${paid} are paid.`,
    )
  }

  ending({ content, userId, written }: Delivery): void {
    this.findings.claim(
      written === content.bytes.length,
      'a body ends when it is whole',
      () => `Stream ${short(userId)} ends after ${written} of ${content.bytes.length} bytes.`,
    )
  }

  /** A record is on the disk: it is a fold of the feed up to its cursor. */
  recorded(record: StreamRecord): void {
    const stream = this.ledger.streams.get(record.userId)
    if (stream === undefined) {
      this.findings.add('a record is of a stream', `There is none of ${record.userId}.`)
      return
    }
    const what = `The record of stream ${short(record.userId)} up to ${record.cursor}`
    const rule = 'the fold of a stream equals the feed'
    this.findings.claim(record.cursor <= this.ledger.cursor, rule, () => `${what} is ahead of ${this.ledger.cursor}.`)
    const payments = stream.payments.filter(({ cursor }) => cursor <= record.cursor)
    const pieces = payments.reduce((sum, payment) => sum + payment.pieces, 0)
    this.findings.claim(
      BigInt(pieces) === record.pieces,
      rule,
      () => `${what} has ${record.pieces}, the feed ${pieces}.`,
    )
    for (const { number } of payments) {
      const bit = number - record.floor - 1
      const isUsed = bit < 0 || ((record.numbers[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
      this.findings.claim(isUsed, rule, () => `${what} does not know that number ${number} was paid.`)
    }
    this.findings.claim(record.price === stream.price, rule, () => `${what} has another price.`)
  }
}
