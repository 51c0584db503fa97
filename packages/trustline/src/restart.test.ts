import { describe, expect, it } from 'vitest'
import { errorOf, reasonOf } from './testing/raw-customer.js'
import { openTestHost, payment, prefix, quickPayee, slowPayee } from './testing/test-host.js'

describe('a host that starts again', () => {
  it('hands what was held to its payee, and the payer that comes back gets its FULFILL', async () => {
    const first = openTestHost({ payee: slowPayee() })
    const before = await first.connect()
    const { id, frame, fulfillment } = payment(1, 7n, first.timers.clock())
    before.send(frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    const payee = quickPayee()
    const test = openTestHost({ store, timers })
    await test.settle()
    expect(test.events).toContainEqual(expect.objectContaining({ name: 'trustline.holds_restored', count: 1 }))
    test.host.receive(payee)
    await test.settle()
    expect(payee.checked).toHaveLength(0)
    expect(payee.held).toMatchObject([{ amount: 7n, destination: `${prefix}server.user.1`, destinationAmount: 7n }])
    expect(payee.settlements).toMatchObject([{ outcome: 'fulfilled' }])
    const after = await test.connect()
    expect(after.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    after.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(after.answersTo(2)[0]).name).toBe('AlreadyFulfilledError')
    expect(await test.balance()).toBe(7n)
  })

  it('hands it to a payee that registered before the ledger was read', async () => {
    const first = openTestHost({ payee: slowPayee() })
    const before = await first.connect()
    before.send(payment(1, 7n, first.timers.clock()).frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    const payee = quickPayee()
    const test = openTestHost({ store, timers, payee })
    await test.settle()
    expect(payee.held).toHaveLength(1)
    expect(test.host.stats()).toMatchObject({ fulfilled: 1, held: 0 })
  })

  it('rejects what was held with F06 when customers come and nobody receives', async () => {
    const first = openTestHost({ payee: slowPayee() })
    const before = await first.connect()
    const { id, frame } = payment(1, 7n, first.timers.clock())
    before.send(frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    const test = openTestHost({ store, timers })
    const after = await test.connect()
    await test.settle()
    expect(reasonOf(after.endsOf(id)[0]).code).toBe('F06')
    expect((await store.check()).holds).toBe(0)
  })

  it('tells the payer that comes back what has expired meanwhile', async () => {
    const first = openTestHost({ payee: slowPayee() })
    const before = await first.connect()
    const { id, frame } = payment(1, 7n, first.timers.clock())
    before.send(frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    timers.advance(29_999)
    const payee = slowPayee()
    const test = openTestHost({ store, timers, payee })
    const after = await test.connect()
    await test.advance(1)
    expect(reasonOf(after.endsOf(id)[0]).code).toBe('R00')
    expect(payee.settlements).toMatchObject([{ outcome: 'expired' }])
  })

  it('sends recent FULFILLs again to a payer that comes back, once', async () => {
    const first = openTestHost({ payee: quickPayee() })
    const before = await first.connect()
    before.acknowledges = false
    const { id, frame, fulfillment } = payment(1, 7n, first.timers.clock())
    before.send(frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    timers.advance(5)
    const test = openTestHost({ store, timers })
    const after = await test.connect()
    expect(after.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    after.cut()
    expect((await test.connect()).endsOf(id)).toHaveLength(0)
  })

  it('finds the FULFILL of a payment that its payer asks about in the records', async () => {
    const first = openTestHost({ payee: quickPayee() })
    const before = await first.connect()
    const some = [1, 2, 3].map((n) => payment(n, 7n, first.timers.clock()))
    for (const { frame } of some) before.send(frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    // No time has passed, so that nothing counts as left over from before the start.
    const test = openTestHost({ store, timers })
    const after = await test.connect()
    expect(after.endsOf(some[0]!.id)).toHaveLength(0)
    for (const { frame } of some) after.send(frame)
    await test.settle()
    for (const { id, frame, fulfillment } of some) {
      expect(errorOf(after.answersTo(frame.requestId)[0]).name).toBe('AlreadyFulfilledError')
      expect(after.endsOf(id)).toMatchObject([{ fulfillment }])
    }
  })

  it('makes connections wait until the ledger is read', async () => {
    const first = openTestHost({ payee: slowPayee() })
    first.kill()
    const { store, timers } = first
    let read = (_: readonly never[]): void => {}
    store.holds = () =>
      new Promise((resolve) => {
        read = resolve
      })
    const test = openTestHost({ store, timers })
    const alice = test.connectSilently()
    const connecting = test.connect()
    await test.settle()
    expect(alice.received).toEqual([])
    expect(test.host.stats().connections).toBe(0)
    read([])
    expect((await connecting).received).toMatchObject([{ type: 'response' }])
  })
})

describe('a payee that takes the place of another', () => {
  it('is handed what is held, and the answer of the old one is not heard', async () => {
    const [old, young] = [slowPayee(), slowPayee()]
    const test = openTestHost({ payee: old })
    const alice = await test.connect()
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    test.host.receive(young)
    await test.settle()
    expect(young.held).toHaveLength(1)
    old.answer(0, { code: 'F99', message: 'I am leaving' })
    await test.settle()
    expect(alice.endsOf(id)).toEqual([])
    young.answer(0, fulfillment)
    await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(old.settlements).toHaveLength(0)
    expect(young.settlements).toHaveLength(1)
  })
})

describe('draining', () => {
  it('rejects new payments with T02, lets what is held end, then closes with 1001', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const [held, late] = [payment(1, 7n, test.timers.clock()), payment(2, 7n, test.timers.clock())]
    alice.send(held.frame)
    await test.settle()
    let isDrained = false
    const draining = test.host.drain().then(() => {
      isDrained = true
    })
    alice.send(late.frame)
    alice.send({ ...held.frame, requestId: 2 })
    await test.settle()
    expect(reasonOf(alice.endsOf(late.id)[0])).toMatchObject({ code: 'T02' })
    expect(alice.answersTo(2)).toMatchObject([{ type: 'response' }])
    expect(isDrained).toBe(false)
    payee.answer(0, held.fulfillment)
    await test.settle()
    await test.advance(100)
    await draining
    expect(alice.endsOf(held.id)).toMatchObject([{ type: 'fulfill' }])
    expect(alice.closedWith).toBe(1001)
    expect(await test.store.check()).toMatchObject({ ok: true, holds: 0 })
  })

  it('does not wait longer than it may, and what is held stays held for the next start', async () => {
    const test = openTestHost({ payee: slowPayee(), limits: { drainMs: 1_000 } })
    const alice = await test.connect()
    alice.send(payment(1, 7n, test.timers.clock()).frame)
    await test.settle()
    const draining = test.host.drain()
    for (let i = 0; i < 25; i++) await test.advance(50)
    await draining
    expect(alice.closedWith).toBe(1001)
    expect((await test.store.check()).holds).toBe(1)
  })

  it('takes no new connections', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    alice.send(payment(1, 7n, test.timers.clock()).frame)
    await test.settle()
    const draining = test.host.drain()
    const late = await test.connect('bob')
    expect(errorOf(late.received[0])).toMatchObject({ code: 'T00', name: 'UnreachableError' })
    payee.answer(0, { code: 'F99', message: 'content ended' })
    await test.settle()
    await test.advance(100)
    await draining
  })
})

describe('closing', () => {
  it('answers what has arrived, closes every connection and says what is unknown', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.host.close()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(alice.closedWith).toBe(1001)
    await test.host.close()
    expect(await test.host.send({} as never)).toMatchObject({ status: 'rejected', by: 'ledger' })
  })

  it('ends although a customer goes on sending', async () => {
    const payee = quickPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const closing = test.host.close()
    let n = 0
    const flood = setInterval(() => alice.send(payment(++n, 1n, test.timers.clock()).frame), 0)
    await closing
    clearInterval(flood)
    expect(alice.closedWith).toBe(1001)
    expect(payee.held).toEqual([])
  })

  it('leaves a connection that was not authenticated yet nothing', async () => {
    const test = openTestHost()
    const silent = test.connectSilently()
    await test.host.close()
    test.timers.advance(2_000)
    expect(silent.closedWith).toBe(1000)
    expect(silent.received).toEqual([])
  })
})
