/**
 * A payer, an in-memory ledger and a shop, with a network between payer and ledger that delays, loses and repeats, and
 * a reader that dawdles. Whatever happens: what is read is the beginning of the content, the ledger took no more than
 * the payer counts as spent, and at no moment more than the risk was paid or held for pieces that had not been read.
 */
import { hashes, randomBytes } from '@millstream/hashes'
import type { OutgoingTransfer, SendOutcome } from '@millstream/plugin'
import { createPluginPair } from '@millstream/plugin/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDrivenTime } from './internal/testing/driven-time.js'
import { createFakeShop, letters } from './internal/testing/fake-shop.js'
import { createPayer } from './payer.js'

type Carriage = 'straight' | 'late' | 'late_answer' | 'twice' | 'lost_before' | 'lost_after' | 'never_told'

const carriage = fc.oneof(
  { weight: 20, arbitrary: fc.constant<Carriage>('straight') },
  fc.constantFrom<Carriage>('late', 'late_answer', 'twice', 'lost_before', 'lost_after', 'never_told'),
)
const day = fc.record({
  length: fc.integer({ min: 1, max: 120 }),
  price: fc.constantFrom(1n, 5n),
  risk: fc.constantFrom(5n, 15n, 40n),
  budget: fc.constantFrom(30n, 100n, 10_000n),
  window: fc.constantFrom<number | 'auto'>('auto', 2, 50),
  unit: fc.constantFrom('letter', 'bytes:3', 'opaque'),
  credit: fc.constantFrom(20n, 1_000_000n),
  breakAfter: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
  stopAfter: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
  carriages: fc.array(carriage, { minLength: 1, maxLength: 60 }),
  delays: fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }),
  pauses: fc.array(fc.constantFrom(0, 0, 0, 5, 700, 20_000), { minLength: 1, maxLength: 20 }),
})
type Day = typeof day extends fc.Arbitrary<infer T> ? T : never

async function live(day: Day): Promise<void> {
  const { price, risk, budget, window, unit, credit, breakAfter, stopAfter } = day
  const time = createDrivenTime()
  const wait = (ms: number) => new Promise<void>((resolve) => void time.timers.setTimeout(resolve, ms))
  const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(5).slice(0, day.length)
  const pieces = unit === 'bytes:3' ? (text.match(/.{1,3}/g) ?? []).map((part) => letters(part)) : letters(text)
  let carried = 0
  /** Not known to the payer to be refused: paid, held, or in doubt. */
  let mayBePaid = 0
  let read = 0

  const pair = createPluginPair({
    clock: time.clock,
    hashes,
    credit,
    async carry(_: OutgoingTransfer, deliver: () => Promise<SendOutcome>) {
      const nth = carried++
      const how = day.carriages[nth % day.carriages.length]!
      const delay = day.delays[nth % day.delays.length]!
      mayBePaid++
      check()
      if (how === 'late') await wait(delay)
      if (how === 'lost_before') return { status: 'unknown', reason: 'lost' }
      const delivered = deliver()
      if (how === 'twice') void deliver()
      if (how === 'lost_after') return { status: 'unknown', reason: 'lost' }
      const outcome = await delivered
      if (how === 'late_answer') await wait(delay)
      if (how === 'never_told') return new Promise<SendOutcome>(() => {})
      if (outcome.status === 'rejected' || outcome.status === 'expired') mayBePaid--
      return outcome
    },
  })
  const shop = createFakeShop({
    plugin: pair.payee,
    pieces: pieces.map((piece) => (Array.isArray(piece) ? Uint8Array.from(piece.flatMap((one) => [...one])) : piece)),
    price,
    unit,
    ...(breakAfter === undefined ? {} : { breakAfter }),
  })
  const payer = createPayer({
    rail: { plugin: pair.payer },
    limits: { budget, risk, window },
    http: shop.http,
    clock: time.clock,
    now: time.now,
    timers: time.timers,
    hashes,
    randomBytes,
  })

  /** What the payer can lose at this moment: the shop has delivered in order, and the reader has taken so much. */
  function check(): void {
    expect(BigInt(mayBePaid) * price).toBeLessThanOrEqual(budget)
    expect(BigInt(mayBePaid - read) * price).toBeLessThanOrEqual(risk)
  }

  const response = await payer.fetch('http://shop.example/')
  let got = ''
  const reading = (async () => {
    let chunks = 0
    for await (const chunk of response.body) {
      got += new TextDecoder().decode(chunk)
      read = shop.read()
      check()
      const pause = day.pauses[chunks++ % day.pauses.length]!
      if (pause > 0) await wait(pause)
      if (stopAfter !== undefined && read >= stopAfter) response.stop()
    }
  })().catch(() => {})
  let isOver = false
  const over = Promise.all([response.summary, reading]).finally(() => {
    isOver = true
  })
  for (let i = 0; i < 1_000 && !isOver; i++) {
    await time.advance(i < 100 ? 100 : 5_000)
    pair.sweep()
  }
  expect(isOver).toBe(true)
  const [summary] = await over
  // Whatever is still on its way at the ledger ends there too.
  await time.advance(120_000)
  pair.sweep()
  await time.settle()
  const posted = -(await pair.payer.balance())
  const { paid, unknown, spent, held, stopped, ended, lost, pieces: counted } = summary
  expect(held).toBe(0n)
  expect(posted).toBeGreaterThanOrEqual(paid)
  expect(posted).toBeLessThanOrEqual(paid + unknown)
  expect(spent).toBe(paid + unknown)
  expect(spent).toBeLessThanOrEqual(budget)
  expect(text.startsWith(got)).toBe(true)
  expect(new Set(shop.seen).size).toBe(shop.seen.length)
  // A short last piece is whole only once the body has ended.
  const short = unit === 'bytes:3' && !ended && got.length % 3 > 0 ? 1 : 0
  if (unit !== 'opaque') expect(counted).toBe(shop.read() - short)
  expect(lost).toBeLessThanOrEqual(risk)
  if (stopped === 'content_ended') expect(got).toBe(text)
  expect(time.waiting).toBe(0)
}

it('pays what it counts, risks no more than it may, and reads what it paid for', async () => {
  await fc.assert(fc.asyncProperty(day, live), { numRuns: 100 })
})
