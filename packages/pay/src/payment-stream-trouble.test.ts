import { describe, expect, it } from 'vitest'
import { deliver, numbersOf, openStream } from './internal/testing/payment-streams.js'
import { refusedBy } from './internal/testing/scripted-plugin.js'

describe('refusals', () => {
  it.each(['F00', 'F02', 'F03', 'F04', 'F05', 'F06', 'R01', 'R02'])('stops at %s', async (code) => {
    const stream = await openStream()
    const { payments, plugin, time, finished } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 1)
    const [first, second] = plugin.open()
    first!.end(refusedBy('payee', code, 'not so'))
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([second!.number])
    second!.end(refusedBy('payee', code, 'not so'))
    await finished
    expect(payments).toMatchObject({ reason: 'refused', refusal: { code, message: 'not so' }, refused: 2 })
  })

  it.each(['T00', 'T01', 'T02', 'T03', 'T04', 'T05', 'T99'])('tries again after a pause at %s', async (code) => {
    const stream = await openStream({ window: 8 })
    const { payments, plugin, time, events } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 20)
    for (const one of plugin.open()) one.end(refusedBy('payee', code))
    await time.settle()
    expect(plugin.open()).toEqual([])
    await time.advance(24)
    expect(plugin.open()).toEqual([])
    await time.advance(26)
    // Half of the window, in new numbers: the old ones are known to be rejected.
    expect(numbersOf(plugin.open())).toEqual([29, 30, 31, 32])
    expect(events.filter(({ name }) => name === 'pay.slowed_down')).toHaveLength(1)
  })

  it('pauses longer with each refusal, up to some seconds, and gives up when nothing gets through', async () => {
    const stream = await openStream()
    const { payments, plugin, time, finished } = stream
    payments.start()
    const sentAt: number[] = []
    for (let i = 0; i < 4_000 && !payments.isFinished; i++) {
      for (const one of plugin.open()) {
        sentAt.push(time.now())
        one.end(refusedBy('payee', 'T05', 'wait'))
      }
      await time.advance(10)
    }
    await finished
    expect(payments).toMatchObject({ reason: 'refused', refusal: { code: 'T05', message: 'wait' }, fulfilled: 0 })
    const pauses = sentAt.slice(1).map((at, i) => at - sentAt[i]!)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_010)
    expect(sentAt.length).toBeLessThan(25)
    expect(sentAt.at(-1)).toBeGreaterThanOrEqual(30_000)
  })

  it('stops when the ledger refuses a payment that was alone', async () => {
    const { payments, plugin, time, finished } = await openStream()
    payments.start()
    await time.settle()
    plugin.end(refusedBy('ledger', 'F08', 'no money'), 1)
    await finished
    expect(payments).toMatchObject({ reason: 'ledger_refused', refusal: { code: 'F08' } })
    expect(plugin.sent).toHaveLength(1)
  })

  it('tries one alone when the ledger refuses some of many', async () => {
    const stream = await openStream({ window: 4 })
    const { payments, plugin, time, finished } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 10)
    const [a, b, c, d] = plugin.open()
    c!.end(refusedBy('ledger', 'F08'))
    d!.end(refusedBy('ledger', 'F08'))
    await time.settle()
    expect(plugin.open()).toEqual([a, b])
    plugin.fulfill(a!.number, b!.number)
    payments.arrive(2)
    await time.settle()
    expect(plugin.open()).toHaveLength(1)
    plugin.fulfill(plugin.open()[0]!.number)
    payments.arrive(1)
    await time.settle()
    expect(plugin.open().length).toBeGreaterThanOrEqual(1)
    for (const one of plugin.open()) one.end(refusedBy('ledger', 'F08'))
    await time.settle()
    for (const one of plugin.open()) one.end(refusedBy('ledger', 'F08'))
    await finished
    expect(payments.reason).toBe('ledger_refused')
  })

  it('bears refusals of the ledger that pass', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    plugin.end(refusedBy('ledger', 'T00', 'not connected'), 1)
    await time.advance(50)
    expect(numbersOf(plugin.open())).toEqual([2])
    expect(payments.reason).toBeUndefined()
  })
})

describe('time', () => {
  it('lets payments expire on a slow source and sends others, fewer at a time', async () => {
    const stream = await openStream({ window: 4 })
    const { payments, plugin, time } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 10)
    await time.advance(30_000)
    for (const one of plugin.open()) one.end({ status: 'expired' })
    await time.settle()
    expect(numbersOf(plugin.open())).toEqual([15, 16])
    expect(payments).toMatchObject({ reason: undefined, refused: 4, fulfilled: 10 })
  })

  it('asks for 30 seconds', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    expect(plugin.sent[0]!.transfer.expiresAt - time.clock()).toBe(30_000)
  })

  it('slows down when payments are dead on arrival, and gives up', async () => {
    const { payments, plugin, time, finished } = await openStream()
    payments.start()
    for (let i = 0; i < 400 && !payments.isFinished; i++) {
      for (const one of plugin.open()) one.end({ status: 'expired' })
      await time.advance(100)
    }
    await finished
    expect(payments).toMatchObject({ reason: 'refused', refusal: { code: 'R00' } })
    expect(plugin.sent.length).toBeLessThan(25)
  })

  it('counts a payment as spent when its outcome is unknown, and sends none in its place', async () => {
    const { payments, plugin, time, events } = await openStream()
    payments.start()
    await time.settle()
    plugin.end({ status: 'unknown', reason: 'cut' }, 1)
    await time.settle()
    expect(plugin.open()).toEqual([])
    expect(payments.money()).toMatchObject({ paid: 0n, unknown: 1n, held: 0n, lost: 1n })
    expect(events).toContainEqual(expect.objectContaining({ name: 'pay.outcome_unknown', count: 1, amount: 1n }))
  })

  it('goes on beside pieces that are lost when others arrive', async () => {
    const stream = await openStream({ window: 2 })
    const { payments, plugin, time } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 10)
    const [first, second] = plugin.open()
    first!.end({ status: 'unknown', reason: 'cut' })
    second!.end({ status: 'unknown', reason: 'cut' })
    await time.settle()
    expect(plugin.open()).toHaveLength(1)
    expect(payments.money().lost).toBe(2n)
  })

  it('gives a payment up that nobody tells the outcome of, after its expiry and some grace', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    await time.advance(44_999)
    expect(payments).toMatchObject({ held: 1, unknown: 0 })
    await time.advance(1)
    expect(payments).toMatchObject({ held: 0, unknown: 1 })
    plugin.fulfill(1)
    await time.settle()
    expect(payments).toMatchObject({ held: 0, unknown: 1, fulfilled: 0 })
  })

  it('gives up a shop that takes and does not deliver, and says what was lost', async () => {
    const { payments, plugin, time, finished, bodyClosed } = await openStream({ price: 3n })
    payments.start()
    payments.reading(true)
    await time.settle()
    plugin.fulfill(1)
    await time.advance(9_999)
    expect(payments.isFinished).toBe(false)
    await time.advance(1)
    await finished
    expect(payments.reason).toBe('not_delivered')
    expect(payments.money()).toMatchObject({ paid: 3n, lost: 3n })
    expect(bodyClosed()).toBe(true)
    expect(plugin.sent).toHaveLength(1)
  })

  it('says so when the last pieces that were asked for do not come', async () => {
    const { payments, plugin, time, finished } = await openStream({ pieces: 1 })
    payments.start()
    payments.reading(true)
    await time.settle()
    plugin.fulfill(1)
    await time.advance(10_000)
    await finished
    expect(payments.reason).toBe('not_delivered')
  })

  it('has all patience with a reader that does not read', async () => {
    const { payments, plugin, time } = await openStream()
    payments.start()
    await time.settle()
    plugin.fulfill(1)
    await time.advance(3_600_000)
    expect(payments).toMatchObject({ reason: undefined, isFinished: false })
    payments.arrive(1)
    await time.settle()
    expect(plugin.open()).toHaveLength(2)
  })

  it('takes for whole pieces what may be, when nothing else comes', async () => {
    let pieces = 1
    const { payments, plugin, time } = await openStream({ settlePieces: () => pieces-- })
    payments.start()
    payments.reading(true)
    await time.settle()
    plugin.fulfill(1)
    await time.advance(999)
    expect(numbersOf(plugin.sent)).toEqual([1])
    await time.advance(1)
    expect(numbersOf(plugin.sent)).toEqual([1, 2, 3])
  })

  it('leaves no timer behind', async () => {
    const stream = await openStream({ pieces: 5 })
    stream.payments.start()
    await stream.time.settle()
    await deliver(stream, 5)
    await stream.finished
    expect(stream.time.waiting).toBe(0)
  })
})

describe('stopping', () => {
  it('sends nothing more and waits for what is in flight', async () => {
    const stream = await openStream({ window: 4 })
    const { payments, plugin, time, finished, bodyClosed } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 10)
    payments.stop('stopped')
    await time.settle()
    expect(payments.isFinished).toBe(false)
    expect(bodyClosed()).toBe(false)
    for (const one of plugin.open()) one.end({ status: 'fulfilled' })
    await time.settle()
    expect(payments.isFinished).toBe(false)
    payments.arrive(4)
    await finished
    expect(payments).toMatchObject({ reason: 'stopped', fulfilled: 14, arrived: 14 })
  })

  it('closes the body after a second, so that the shop lets go of what it holds', async () => {
    const stream = await openStream({ window: 4 })
    const { payments, plugin, time, finished, bodyClosed } = stream
    payments.start()
    await time.settle()
    await deliver(stream, 10)
    payments.stop('stopped')
    await time.advance(999)
    expect(bodyClosed()).toBe(false)
    await time.advance(1)
    expect(bodyClosed()).toBe(true)
    expect(payments.isFinished).toBe(false)
    for (const one of plugin.open()) one.end(refusedBy('payee', 'F06'))
    await finished
    expect(payments).toMatchObject({ reason: 'stopped', fulfilled: 10, refused: 4 })
  })

  it('waits no longer than expiry and grace', async () => {
    const { payments, time, finished } = await openStream()
    payments.start()
    await time.settle()
    payments.stop('stopped')
    await time.advance(45_000)
    await finished
    expect(payments).toMatchObject({ reason: 'stopped', unknown: 1 })
  })

  it('closes the body at once when its reader leaves', async () => {
    const { payments, plugin, time, finished, bodyClosed } = await openStream()
    payments.start()
    await time.settle()
    payments.stop('reader_left')
    expect(bodyClosed()).toBe(true)
    plugin.end(refusedBy('payee', 'F06'), 1)
    await finished
    expect(payments.reason).toBe('reader_left')
  })

  it('ends before it began', async () => {
    const { payments, plugin, finished } = await openStream()
    payments.stop('stopped')
    await finished
    expect(plugin.sent).toEqual([])
  })
})

describe('numbers', () => {
  it('are never further ahead of the lowest unresolved one than the window of the shop', async () => {
    const stream = await openStream({ window: 16_384, risk: 1_000_000n })
    const { payments, plugin, time } = stream
    payments.start()
    await time.settle()
    const stuck = plugin.open()[0]!
    payments.arrive(1)
    for (;;) {
      await time.settle()
      const open = plugin.open().filter((one) => one !== stuck)
      if (open.length === 0) break
      for (const one of open) one.end({ status: 'fulfilled' })
      await time.settle()
      payments.arrive(open.length)
    }
    expect(plugin.sent.at(-1)!.number).toBe(stuck.number + 16_383)
    stuck.end({ status: 'fulfilled' })
    payments.arrive(1)
    await time.settle()
    expect(plugin.sent.at(-1)!.number).toBeGreaterThan(stuck.number + 16_384)
  })
})
