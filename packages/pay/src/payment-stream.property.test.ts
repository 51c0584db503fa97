/**
 * Random days of a payer: delays, losses, rejections, cuts, outcomes that nobody tells, shops that give too much or too
 * little, crashes. After every step the bounds hold, and at the end what is counted as spent covers what was posted.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Book, type BookedStream, type BookState, createBook } from './book.js'
import { createDrivenTime, type DrivenTime } from './internal/testing/driven-time.js'
import { openStream, type StreamUnderTest } from './internal/testing/payment-streams.js'
import { fulfilled, refusedBy } from './internal/testing/scripted-plugin.js'
import { payerSettings } from './payer-settings.js'
import { Purse } from './purse.js'

type Step =
  | { readonly do: 'end'; readonly stream: number; readonly pick: number; readonly how: How }
  | { readonly do: 'good_days'; readonly rounds: number }
  | { readonly do: 'end_all'; readonly stream: number; readonly how: How }
  | { readonly do: 'deliver'; readonly stream: number; readonly share: number }
  | { readonly do: 'give'; readonly stream: number; readonly pieces: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'write'; readonly fails: boolean }
  | { readonly do: 'stop'; readonly stream: number }
  | { readonly do: 'crash' }

/** What becomes of a payment, and whether the ledger posted it. */
type How =
  | 'fulfilled'
  | 'rejected'
  | 'refused'
  | 'expired'
  | 'ledger'
  | 'unknown_posted'
  | 'unknown_lost'
  | 'silent_posted'

const how = fc.oneof(
  { weight: 12, arbitrary: fc.constant<How>('fulfilled') },
  fc.constantFrom<How>('rejected', 'expired', 'ledger', 'unknown_posted', 'unknown_lost', 'silent_posted'),
)
const stream = fc.nat(1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('good_days' as const), rounds: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), stream, pick: fc.nat(), how }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end_all' as const), stream, how }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), stream, share: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('give' as const), stream, pieces: fc.integer({ min: 1, max: 50 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 60, 1000, 12_000, 50_000) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), fails: fc.nat(20).map((n) => n === 0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), stream }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
)
const setting = fc.record({
  price: fc.constantFrom(1n, 7n),
  risk: fc.constantFrom(7n, 20n, 100n),
  budget: fc.constantFrom(50n, 300n, 5000n),
  window: fc.constantFrom<number | 'auto'>('auto', 1, 5, 1000),
  pieces: fc.constantFrom(undefined, 0, 3, 40),
})

/** The truth about one stream, which the payer does not see. */
interface Truth {
  readonly under: StreamUnderTest
  readonly booked: BookedStream
  posted: number
  delivered: number
  given: number
  /** Payments of which nobody will tell. */
  readonly silent: Set<number>
  readonly first: number
}

class World {
  readonly time: DrivenTime = createDrivenTime()
  purse: Purse
  book: Book
  truths: Truth[] = []
  /** Posted in former lives. */
  postedBefore = 0
  saved: BookState | undefined
  private readonly setting: Setting
  private saving: { readonly state: BookState; end(failed: boolean): void } | undefined

  constructor(setting: Setting) {
    this.setting = setting
    this.purse = new Purse(setting.budget)
    this.book = this.newBook()
  }

  async open(): Promise<void> {
    for (const user of ['a', 'b']) {
      const booked = await this.book.open(`g.x.${user}`, this.setting.price)
      const under = await openStream({ ...this.setting, booked, time: this.time, purse: this.purse })
      under.payments.start()
      under.payments.reading(true)
      this.truths.push({ under, booked, posted: 0, delivered: 0, given: 0, silent: new Set(), first: booked.first })
    }
    await this.time.settle()
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'end': {
        const truth = this.truths[step.stream]!
        const open = this.openOf(truth)
        const one = open[step.pick % Math.max(1, open.length)]
        if (one !== undefined) this.end(truth, one.number, step.how)
        break
      }
      case 'good_days':
        for (let round = 0; round < step.rounds; round++) {
          for (const stream of [0, 1]) {
            await this.run({ do: 'end_all', stream, how: 'fulfilled' })
            await this.run({ do: 'deliver', stream, share: 1 })
            await this.run({ do: 'write', fails: false })
            this.check()
          }
        }
        break
      case 'end_all': {
        const truth = this.truths[step.stream]!
        for (const { number } of this.openOf(truth)) this.end(truth, number, step.how)
        break
      }
      case 'deliver': {
        const truth = this.truths[step.stream]!
        const pieces = Math.ceil((truth.posted - truth.delivered) / step.share)
        truth.delivered += pieces
        truth.under.payments.arrive(pieces)
        break
      }
      case 'give': {
        const truth = this.truths[step.stream]!
        truth.given += step.pieces
        truth.under.payments.arrive(step.pieces)
        break
      }
      case 'advance':
        await this.time.advance(step.ms)
        break
      case 'write':
        this.saving?.end(step.fails)
        break
      case 'stop':
        this.truths[step.stream]!.under.payments.stop('stopped')
        break
      case 'crash':
        await this.crash()
    }
    await this.time.settle()
  }

  check(): void {
    const { price, risk, budget, pieces } = this.setting
    let exposed = 0n
    let committed = 0n
    for (const { under, silent, first, posted, delivered, given } of this.truths) {
      const { payments, plugin } = under
      const numbers = plugin.sent.map(({ number }) => number)
      expect(numbers).toEqual(numbers.map((_, i) => first + i))
      const refused = plugin.sent.filter(({ outcome }) => isRefused(outcome?.status)).length
      const mayBePaid = plugin.sent.length - refused
      expect(payments.held + payments.fulfilled + payments.unknown).toBe(mayBePaid)
      expect(posted).toBeLessThanOrEqual(mayBePaid)
      if (pieces !== undefined) expect(mayBePaid).toBeLessThanOrEqual(pieces)
      // What the payer can lose at this moment, if every payment in doubt is paid and nothing more comes.
      expect(payments.exposedPieces()).toBeGreaterThanOrEqual(mayBePaid - delivered - given)
      expect(payments.window.size).toBeLessThanOrEqual(1 + delivered + given)
      if (!payments.isFinished) exposed += BigInt(payments.exposedPieces()) * price
      committed += BigInt(mayBePaid) * price
      // Nothing goes out that is not written down.
      const written = this.saved?.streams.find(({ address }) => address === this.addressOf(under))
      if (numbers.length > 0) expect(numbers.at(-1)).toBeLessThan(written!.next)
      expect(silent.size).toBeLessThanOrEqual(numbers.length)
    }
    expect(exposed).toBeLessThanOrEqual(risk)
    expect(this.purse.exposed).toBeGreaterThanOrEqual(0n)
    expect(committed).toBeLessThanOrEqual(budget)
  }

  /** Everybody stops; whatever is never told is given up; then the books must cover the truth. */
  async finish(): Promise<void> {
    for (const { under } of this.truths) under.payments.stop('stopped')
    for (let i = 0; i < 20; i++) {
      this.saving?.end(false)
      await this.time.advance(5_000)
    }
    const { price } = this.setting
    for (const { under, booked, posted } of this.truths) {
      const { payments } = under
      expect(payments.isFinished).toBe(true)
      const { paid, unknown, held } = payments.money()
      expect(held).toBe(0n)
      expect(BigInt(posted) * price).toBeGreaterThanOrEqual(paid)
      expect(BigInt(posted) * price).toBeLessThanOrEqual(paid + unknown)
      const closing = booked.close(payments.position())
      this.saving?.end(false)
      await this.time.settle()
      this.saving?.end(false)
      await closing.catch(() => {})
    }
    expect(this.purse.exposed).toBe(0n)
    const posted = BigInt(this.postedBefore + this.truths.reduce((sum, truth) => sum + truth.posted, 0)) * price
    expect(this.book.spent() + this.book.unresolved()).toBeGreaterThanOrEqual(posted)
    await this.time.advance(45_000)
    const verdict = this.book.reconcile(-posted)
    this.saving?.end(false)
    expect(await verdict).toMatchObject({ status: 'agrees' })
    expect(this.book.unresolved()).toBe(0n)
    expect(this.book.spent()).toBeGreaterThanOrEqual(posted)
    expect(this.time.waiting).toBe(0)
  }

  /** The process dies: what is in flight goes on at the ledger; the next life knows only what was saved. */
  private async crash(): Promise<void> {
    for (const truth of this.truths) {
      for (const { number } of this.openOf(truth)) if (number % 2 === 0) truth.posted++
      this.postedBefore += truth.posted
      // The budget is that of one life.
      truth.under.payments.stop('reader_left')
      for (const one of truth.under.plugin.open()) one.end({ status: 'expired' })
    }
    this.saving = undefined
    await this.time.settle()
    this.purse = new Purse(this.setting.budget)
    this.truths = []
    const { saved } = this
    this.book = this.newBook(saved)
    await this.open()
    for (const { first, under } of this.truths) {
      const known = saved?.streams.find(({ address }) => address === this.addressOf(under))
      expect(first).toBe(known?.next ?? 1)
    }
  }

  private end(truth: Truth, number: number, how: How): void {
    const { plugin } = truth.under
    if (how === 'fulfilled' || how === 'unknown_posted' || how === 'silent_posted') truth.posted++
    const { transfer } = plugin.open().find((one) => one.number === number)!
    // Given up by the payer long ago: whatever is said now, it counts as spent.
    if (this.time.clock() >= transfer.expiresAt + payerSettings.graceMs) truth.silent.add(number)
    else if (how === 'fulfilled') plugin.end(fulfilled, number)
    else if (how === 'rejected') plugin.end(refusedBy('payee', 'T05'), number)
    else if (how === 'expired') plugin.end({ status: 'expired' }, number)
    else if (how === 'ledger') plugin.end(refusedBy('ledger', 'F08'), number)
    else if (how === 'unknown_posted' || how === 'unknown_lost')
      plugin.end({ status: 'unknown', reason: 'cut' }, number)
    else truth.silent.add(number)
  }

  private openOf(truth: Truth) {
    return truth.under.plugin.open().filter(({ number }) => !truth.silent.has(number))
  }

  private addressOf(under: StreamUnderTest): string {
    return this.truths.findIndex((truth) => truth.under === under) === 0 ? 'g.x.a' : 'g.x.b'
  }

  private newBook(state?: BookState): Book {
    return createBook({
      clock: this.time.clock,
      ...(state === undefined ? {} : { state }),
      save: (latest) =>
        new Promise((resolve, reject) => {
          this.saving = {
            state: latest,
            end: (failed) => {
              this.saving = undefined
              if (failed) {
                reject(new Error('disk full'))
                return
              }
              this.saved = latest
              resolve()
            },
          }
        }),
    })
  }
}

type Setting = typeof setting extends fc.Arbitrary<infer T> ? T : never

function isRefused(status: string | undefined): boolean {
  return status === 'rejected' || status === 'expired'
}

describe('PaymentStream', () => {
  it('keeps its bounds through any day, and its books cover what was posted', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.array(step, { maxLength: 60 }), async (setting, steps) => {
        const world = new World(setting)
        await world.open()
        world.check()
        for (const step of steps) {
          await world.run(step)
          world.check()
        }
        await world.finish()
      }),
      { numRuns: 300 },
    )
  })
})
