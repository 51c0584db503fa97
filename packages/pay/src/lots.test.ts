import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openStream, type StreamOptions } from './internal/testing/payment-streams.js'
import * as Lots from './lots.js'

const lots = { min: 4, max: 100 }

async function open(options: StreamOptions = {}) {
  const stream = await openStream({ price: 10n, lots, risk: 1000n, ...options })
  stream.payments.start()
  await stream.time.settle()
  return stream
}

const amounts = (sent: readonly { readonly transfer: { readonly amount: bigint } }[]) =>
  sent.map(({ transfer }) => transfer.amount)

describe('a payment for several pieces', () => {
  it('begins with the smallest that the shop takes', async () => {
    const { plugin } = await open()
    expect(amounts(plugin.sent)).toEqual([40n])
  })

  it('grows with pieces that arrived, in one payment', async () => {
    const { plugin, payments, time } = await open()
    for (const pieces of [4, 5, 10]) {
      plugin.fulfill(plugin.open()[0]!.number)
      await time.settle()
      expect(plugin.open()).toEqual([])
      payments.arrive(pieces)
      await time.settle()
    }
    expect(amounts(plugin.sent)).toEqual([40n, 50n, 100n, 200n])
  })

  it('counts its pieces as held, then as paid, and as lost when they do not come', async () => {
    const { plugin, payments, time } = await open()
    expect(payments.money()).toMatchObject({ held: 40n, paid: 0n })
    plugin.fulfill(1)
    await time.settle()
    expect(payments.money()).toMatchObject({ held: 0n, paid: 40n, piecesPaid: 4, lost: 40n })
    expect(payments.exposedPieces()).toBe(4)
  })

  it('is never more than the risk', async () => {
    const { plugin, payments, time } = await open({ risk: 70n })
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    plugin.fulfill(2)
    payments.arrive(5)
    await time.settle()
    expect(amounts(plugin.sent)).toEqual([40n, 50n, 70n])
  })

  it('takes the end of the content along when it is too small for a payment of its own', async () => {
    const { plugin, payments, time } = await open({ contentPieces: 10 })
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    expect(amounts(plugin.sent)).toEqual([40n, 60n])
  })

  it('pays nothing beyond the end of the content', async () => {
    const { plugin, payments, time } = await open({ contentPieces: 4 })
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    expect(amounts(plugin.sent)).toEqual([40n])
    payments.bodyEnded()
    await time.settle()
    expect([payments.isFinished, payments.reason]).toEqual([true, 'content_ended'])
  })

  it('stops when what is left of the content is too small to be paid for', async () => {
    const { plugin, payments, time } = await open({ contentPieces: 6, risk: 50n })
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    expect(payments.reason).toBe('minimum')
    expect(amounts(plugin.sent)).toEqual([40n])
  })

  it('stops when the budget is too small for another one', async () => {
    const { plugin, payments, time } = await open({ budget: 75n })
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    expect(payments.reason).toBe('budget')
    expect(amounts(plugin.sent)).toEqual([40n])
  })

  it('costs nothing when it expires, and the next is smaller', async () => {
    const { plugin, payments, time } = await open()
    plugin.fulfill(1)
    payments.arrive(4)
    await time.settle()
    await time.advance(30_000)
    plugin.end({ status: 'expired' }, 2)
    await time.settle()
    expect(payments.money()).toMatchObject({ held: 40n, paid: 40n, lost: 0n })
    expect(amounts(plugin.sent)).toEqual([40n, 50n, 40n])
  })

  it('of unknown outcome counts with all its pieces', async () => {
    const { plugin, payments, time, events } = await open()
    plugin.end({ status: 'unknown', reason: 'cut' }, 1)
    await time.settle()
    expect(payments.money()).toMatchObject({ unknown: 40n, lost: 40n, piecesPaid: 0 })
    expect(events).toMatchObject([{ name: 'pay.outcome_unknown', count: 1, amount: 40n }])
  })

  it('is never above what is allowed, never below the minimum, and leaves no rest that cannot be paid if that can be', () => {
    const count = fc.integer({ min: 0, max: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), count, count, count, count, (min, more, window, allowed, rest) => {
        const max = min + more
        const pieces = Lots.choose({ min, max }, { window, allowed, rest })
        expect(pieces).toBeLessThanOrEqual(Math.min(allowed, max, rest))
        if (pieces > 0) expect(pieces).toBeGreaterThanOrEqual(min)
        const behind = rest - pieces
        const couldTakeAll = rest <= Math.min(allowed, max)
        if (pieces > 0 && couldTakeAll) expect(behind === 0 || behind >= min).toBe(true)
      }),
    )
  })
})
