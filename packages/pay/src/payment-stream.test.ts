import { describe, expect, it } from 'vitest'
import { type BookState, createBook } from './book.js'
import { createDrivenTime } from './internal/testing/driven-time.js'
import { deliver, numbersOf, openStream } from './internal/testing/payment-streams.js'
import { refusedBy } from './internal/testing/scripted-plugin.js'
import { Purse } from './purse.js'

describe('the window', () => {
  it('sends nothing before it is started', async () => {
    const { plugin, time } = await openStream()
    await time.settle()
    expect(plugin.sent).toEqual([])
  })

  it('begins with one payment', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    expect(numbersOf(plugin.sent)).toEqual([1])
  })

  it('grows with pieces that arrived', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    payments.arrive(1)
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([2, 3])
    plugin.fulfill(2, 3)
    payments.arrive(2)
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([4, 5, 6, 7])
  })

  it('grows alike when a piece comes before its fulfillment', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    payments.arrive(1)
    await time.settle()
    plugin.fulfill(1)
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([2, 3])
  })

  it('does not grow with fulfillments, and sends nothing while what was paid has not arrived', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    await time.settle()
    expect(payments.window.size).toBe(1)
    expect(numbersOf(plugin.sent)).toEqual([1])
  })

  it('does not grow with pieces that nobody paid for', async () => {
    const { payments, plugin, time } = await openStream()
    payments.arrive(1000)
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    await time.settle()
    expect(payments.window.size).toBe(1)
    expect(numbersOf(plugin.sent)).toEqual([1])
  })

  it('stays at what the user said', async () => {
    const stream = await openStream({ window: 3 })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 50)
    expect(stream.plugin.open()).toHaveLength(3)
  })

  it('goes to thousands on a path that answers at once', async () => {
    const stream = await openStream({ risk: 100_000n })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 10_000)
    expect(stream.plugin.open()).toHaveLength(4096)
  })
})

describe('risk', () => {
  it('bounds what is held, whatever the window', async () => {
    const stream = await openStream({ window: 1000, price: 7n, risk: 34n })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 20)
    expect(stream.plugin.open()).toHaveLength(4)
  })

  it('counts what was paid for pieces that have not arrived', async () => {
    const stream = await openStream({ window: 1000, risk: 4n })
    const { payments, plugin, time } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 20)
    const [first, second] = plugin.open()
    first!.end({ status: 'fulfilled' })
    second!.end({ status: 'fulfilled' })
    await time.settle()
    expect(payments.exposedPieces()).toBe(4)
    expect(plugin.open()).toHaveLength(2)
    payments.arrive(1)
    await time.settle()
    expect(plugin.open()).toHaveLength(3)
  })

  it('saves nothing up from pieces that came for payments which were given back', async () => {
    const stream = await openStream({ window: 4, risk: 4n })
    const { payments, plugin, time } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 20)
    payments.arrive(100)
    for (const one of plugin.open()) one.end({ status: 'expired' })
    await time.advance(50)
    for (let i = 0; i < 10; i++) {
      for (const one of plugin.open()) one.end({ status: 'fulfilled' })
      await time.settle()
    }
    expect(payments.fulfilled).toBeLessThanOrEqual(24)
    expect(plugin.open()).toEqual([])
  })

  it('is shared by the streams of one payer', async () => {
    const purse = new Purse(1_000_000n)
    const time = createDrivenTime()
    const first = await openStream({ purse, time, window: 1000, risk: 10n })
    first.payments.start()
    await time.settle()
    await deliver(first, 30)
    expect(first.plugin.open()).toHaveLength(10)
    const second = await openStream({ purse, time, window: 1000, risk: 10n })
    second.payments.start()
    await time.settle()
    expect(second.plugin.open()).toHaveLength(0)
    first.plugin.fulfill(31)
    first.payments.stop('stopped')
    await time.settle()
    first.payments.arrive(1)
    await time.settle()
    expect(second.plugin.open()).toHaveLength(1)
  })
})

describe('the book', () => {
  /** A book whose writes end when the test says so. */
  function slowBook() {
    const time = createDrivenTime()
    const writes: { readonly state: BookState; end(error?: Error): void }[] = []
    const book = createBook({
      clock: time.clock,
      save: (state) =>
        new Promise((resolve, reject) => {
          writes.push({ state, end: (error) => (error === undefined ? resolve() : reject(error)) })
        }),
    })
    return { time, writes, book }
  }

  it('is written before the first payment', async () => {
    const { time, writes, book } = slowBook()
    const { payments, plugin } = await openStream({ book, time })
    payments.start()
    await time.advance(5_000)
    expect(plugin.sent).toEqual([])
    writes[0]!.end()
    await time.settle()
    expect(numbersOf(plugin.sent)).toEqual([1])
  })

  it('is written ahead by no more than the risk, and not once for each payment', async () => {
    const { time, writes, book } = slowBook()
    const stream = await openStream({ book, time, price: 7n, risk: 720n, window: 1000 })
    stream.payments.start()
    await time.settle()
    for (let paid = 0; paid < 1000; ) {
      for (const write of writes) write.end()
      await time.settle()
      const open = stream.plugin.open()
      for (const one of open) one.end({ status: 'fulfilled' })
      stream.payments.arrive(open.length)
      paid += open.length
      await time.settle()
    }
    for (const { state } of writes) {
      const [written] = state.streams
      const sentThen = Number(state.posted / 7n)
      expect(written!.next - 1 - sentThen).toBeLessThanOrEqual(102 + 102)
    }
    expect(writes.length).toBeLessThan(30)
  })

  it('is written for the next payment while one is on its way, at a risk of one price too', async () => {
    const { time, writes, book } = slowBook()
    const { payments, plugin } = await openStream({ book, time, price: 7n, risk: 7n })
    payments.start()
    await time.settle()
    for (let number = 1; number <= 5; number++) {
      // All that may be spent: the one that is sent next, and the one that was sent and may not be told.
      expect(writes).toHaveLength(number)
      expect(writes.at(-1)!.state.streams[0]).toMatchObject({ next: number + 1, reserved: number === 1 ? 7n : 14n })
      writes.at(-1)!.end()
      await time.settle()
      expect(numbersOf(plugin.open())).toEqual(number === 1 ? [1] : [number - 1])
      if (number === 1) continue
      plugin.fulfill(number - 1)
      payments.arrive(1)
      await time.settle()
      expect(numbersOf(plugin.open())).toEqual([number])
    }
  })

  it('is not written for more than can be paid', async () => {
    const { time, writes, book } = slowBook()
    const { payments } = await openStream({ book, time, budget: 10n, pieces: 7 })
    payments.start()
    await time.settle()
    expect(writes[0]!.state.streams[0]).toMatchObject({ next: 8, reserved: 7n })
  })

  it('that cannot be written stops the stream', async () => {
    const { time, writes, book } = slowBook()
    const { payments, plugin, finished } = await openStream({ book, time })
    payments.start()
    await time.settle()
    writes[0]!.end(new Error('disk full'))
    await finished
    expect(payments).toMatchObject({ reason: 'state_failed', failure: new Error('disk full') })
    expect(plugin.sent).toEqual([])
  })
})

describe('budget and pieces', () => {
  it('spends the budget to the last whole price and stops', async () => {
    const stream = await openStream({ budget: 100n, price: 7n, window: 50 })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 14)
    await stream.finished
    expect(stream.payments).toMatchObject({ reason: 'budget', fulfilled: 14, held: 0 })
    expect(stream.plugin.sent).toHaveLength(14)
    expect(stream.bodyClosed()).toBe(true)
  })

  it('spends what was given back', async () => {
    const { payments, plugin, time } = await openStream({ budget: 2n, window: 50 })
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    payments.arrive(1)
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([2])
    plugin.end({ status: 'expired' }, 2)
    await time.advance(50)
    expect(numbersOf(plugin.open())).toEqual([3])
  })

  it('never exceeds the budget of the payer with several streams, and spends all of it', async () => {
    const purse = new Purse(10n)
    const time = createDrivenTime()
    const streams = [await openStream({ purse, time }), await openStream({ purse, time })]
    for (const { payments } of streams) payments.start()
    await time.settle()
    for (let i = 0; i < 10; i++) {
      for (const { payments, plugin } of streams) {
        const open = plugin.open()
        for (const one of open) one.end({ status: 'fulfilled' })
        payments.arrive(open.length)
        await time.settle()
        expect(purse.committed).toBeLessThanOrEqual(10n)
      }
    }
    await Promise.all(streams.map(({ finished }) => finished))
    expect(streams.map(({ payments }) => payments.reason)).toEqual(['budget', 'budget'])
    expect(purse).toMatchObject({ committed: 10n, spent: 10n, exposed: 0n })
  })

  it('pays for exactly as many pieces as asked', async () => {
    const stream = await openStream({ pieces: 10, window: 50 })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 10)
    await stream.finished
    expect(stream.payments).toMatchObject({ reason: 'pieces', fulfilled: 10 })
    expect(numbersOf(stream.plugin.sent)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('pays at once for no more pieces than the content has, and one at a time beyond', async () => {
    const stream = await openStream({ contentPieces: 3, window: 50 })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 1)
    await stream.time.settle()
    expect(numbersOf(stream.plugin.sent)).toEqual([1, 2, 3])
    await deliver(stream, 2)
    await stream.time.settle()
    expect(numbersOf(stream.plugin.sent)).toEqual([1, 2, 3, 4])
  })

  it('pays nothing for no pieces', async () => {
    const { payments, plugin, finished } = await openStream({ pieces: 0 })
    payments.start()
    await finished
    expect(payments.reason).toBe('pieces')
    expect(plugin.sent).toEqual([])
  })

  it('waits for the last pieces before it closes the body', async () => {
    const { payments, plugin, time, bodyClosed, finished } = await openStream({ pieces: 1 })
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    await time.settle()
    expect(bodyClosed()).toBe(false)
    payments.arrive(1)
    await finished
    expect(bodyClosed()).toBe(true)
  })
})

describe('the end of the content', () => {
  it('is the end of the body, with nothing lost', async () => {
    const stream = await openStream()
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 3)
    stream.payments.bodyEnded()
    await stream.time.settle()
    expect(stream.payments.isFinished).toBe(false)
    for (const one of stream.plugin.open()) one.end(refusedBy('payee', 'F99', 'content ended'))
    await stream.finished
    expect(stream.payments).toMatchObject({ reason: 'content_ended', fulfilled: 3, arrived: 3 })
    expect(stream.payments.money()).toMatchObject({ paid: 3n, held: 0n, unknown: 0n, lost: 0n })
  })

  it('may be said by F99 first', async () => {
    const stream = await openStream()
    const { payments, plugin, time, finished } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 1)
    payments.reading(true)
    for (const one of plugin.open()) one.end(refusedBy('payee', 'F99'))
    await time.advance(1000)
    expect(plugin.open()).toEqual([])
    expect(payments.isFinished).toBe(false)
    payments.bodyEnded()
    await finished
    expect(payments.reason).toBe('content_ended')
  })

  it('is a refusal when the body does not end after F99', async () => {
    const stream = await openStream()
    const { payments, plugin, time, finished } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 1)
    payments.reading(true)
    for (const one of plugin.open()) one.end(refusedBy('payee', 'F99', 'done'))
    await time.advance(10_000)
    await finished
    expect(payments).toMatchObject({ reason: 'refused', refusal: { code: 'F99', message: 'done' } })
  })

  it('counts as not delivered when paid pieces are missing at the end', async () => {
    const { payments, plugin, time, finished } = await openStream()
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    await time.settle()
    payments.bodyEnded()
    await finished
    expect(payments.reason).toBe('not_delivered')
    expect(payments.money()).toMatchObject({ paid: 1n, lost: 1n })
  })

  it('is told apart from a body that breaks off', async () => {
    const stream = await openStream()
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 3)
    stream.payments.bodyBroke(new Error('reset'))
    for (const one of stream.plugin.open()) one.end(refusedBy('payee', 'F06'))
    await stream.finished
    expect(stream.payments).toMatchObject({ reason: 'broken', bodyState: 'broken' })
  })
})
