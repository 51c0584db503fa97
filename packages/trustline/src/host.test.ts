import { BtpFrame } from '@millstream/codec'
import type { Rejection } from '@millstream/plugin'
import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { errorOf, reasonOf } from './testing/raw-customer.js'
import { openTestHost, payment, prefix, quickPayee, slowPayee } from './testing/test-host.js'

describe('a payment', () => {
  it('is answered RESPONSE, then FULFILL, and posted', async () => {
    const payee = quickPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, fulfillment, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.received.map(({ type }) => type)).toEqual(['response', 'response', 'fulfill'])
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    expect(await test.balance()).toBe(7n)
    expect(payee.settlements).toMatchObject([{ outcome: 'fulfilled' }])
  })

  it('is decided together with all that arrived in the same run of the event loop', async () => {
    const batches: number[] = []
    const test = openTestHost({ payee: quickPayee() })
    const apply = test.store.apply.bind(test.store)
    test.store.apply = (commands) => {
      batches.push(commands.length)
      return apply(commands)
    }
    const alice = await test.connect()
    const bob = await test.connect('bob')
    batches.length = 0
    for (let n = 1; n <= 50; n++) alice.send(payment(n, 1n, test.timers.clock()).frame)
    for (let n = 1; n <= 50; n++) bob.send(payment(n, 1n, test.timers.clock()).frame)
    await test.settle()
    // Two accounts are opened, 100 transfers held, 100 fulfilled.
    expect(batches).toEqual([2, 100, 100])
    expect(await test.balance()).toBe(100n)
  })

  it('shows the payee who pays, and bytes of its own', async () => {
    const payee = quickPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { frame, destination } = payment(1, 7n, test.timers.clock())
    const bytes = BtpFrame.encode(frame)
    alice.sendBytes(bytes)
    await test.settle()
    bytes.fill(0)
    expect(payee.held[0]).toMatchObject({ amount: 7n, destination, destinationAmount: 7n, expiresAt: frame.expiresAt })
    expect(payee.held[0]!.packet).toEqual(frame.protocolData[0]!.data)
    expect(payee.held[0]!.source).toMatch(/^g\.letter-shop\.mytrustline\.[A-Za-z0-9_-]{22}$/)
  })

  it('is refused by check with RESPONSE and REJECT, leaves nothing, and is judged anew', async () => {
    let answer: Rejection | undefined = { code: 'F03', message: 'The price is 8.' }
    const payee = quickPayee(() => answer)
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.answersTo(frame.requestId)).toMatchObject([{ type: 'response' }])
    expect(reasonOf(alice.endsOf(id)[0])).toEqual({ code: 'F03', text: '{"message":"The price is 8."}' })
    expect(payee.held).toHaveLength(0)
    expect((await test.store.check()).entries).toBe(0)
    answer = undefined
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(alice.endsOf(id).map(({ type }) => type)).toEqual(['reject', 'fulfill'])
  })

  it('is rejected by its payee with RESPONSE and REJECT, and never taken again', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    payee.answer(0, { code: 'F99', message: 'content ended' })
    await test.settle()
    expect(reasonOf(alice.endsOf(id)[0]).code).toBe('F99')
    expect(payee.settlements).toMatchObject([{ outcome: 'rejected' }])
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0])).toMatchObject({ code: 'F06', name: 'AlreadyRolledBackError' })
    expect(payee.held).toHaveLength(1)
  })

  it.each([
    ['without an ILP packet', []],
    ['with an empty one', [{ name: 'ilp', contentType: 0, data: new Uint8Array() }]],
    ['with one that is cut short', [{ name: 'ilp', contentType: 0, data: Uint8Array.of(1, 9, 0) }]],
    ['with one of another type', [{ name: 'ilp', contentType: 0, data: Uint8Array.of(9, 2, 0, 0) }]],
  ])('%s is rejected with F01', async (_, protocolData) => {
    const payee = quickPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock(), { protocolData })
    alice.send(frame)
    await test.settle()
    expect(alice.answersTo(frame.requestId)).toMatchObject([{ type: 'response' }])
    expect(reasonOf(alice.endsOf(id)[0]).code).toBe('F01')
    expect(payee.checked).toHaveLength(0)
  })

  it('finds its packet wherever it stands among the protocols', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    const custom = { name: 'custom', contentType: BtpFrame.contentType.json, data: new TextEncoder().encode('{}') }
    alice.send({ ...frame, protocolData: [custom, ...frame.protocolData] })
    await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('is rejected with F06 while nobody receives', async () => {
    const test = openTestHost()
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(reasonOf(alice.endsOf(id)[0]).code).toBe('F06')
  })

  it('is rejected with T00 when the payee fails, with a code of its own only if that is one', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const first = payment(1, 1n, test.timers.clock())
    alice.send(first.frame)
    await test.settle()
    payee.answer(0, { code: 'no code', message: 'x'.repeat(20_000) })
    await test.settle()
    expect(reasonOf(alice.endsOf(first.id)[0]).code).toBe('T00')
    expect(alice.closedWith).toBeUndefined()
  })

  it('waits for a slow payee with its RESPONSE already sent, and holds up nobody', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const [first, second] = [payment(1, 1n, test.timers.clock()), payment(2, 1n, test.timers.clock())]
    alice.send(first.frame)
    await test.settle()
    expect(alice.answersTo(first.frame.requestId)).toMatchObject([{ type: 'response' }])
    alice.send(second.frame)
    await test.settle()
    payee.answer(1, second.fulfillment)
    await test.settle()
    expect(alice.endsOf(second.id)).toMatchObject([{ type: 'fulfill' }])
    expect(alice.endsOf(first.id)).toEqual([])
    expect(test.host.stats().held).toBe(1)
  })
})

describe('expiry', () => {
  it('refuses what is dead on arrival with ERROR F00, before anything is held', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { frame } = payment(1, 7n, test.timers.clock(), { expiresAt: test.timers.clock() })
    alice.send(frame)
    await test.settle()
    expect(errorOf(alice.answersTo(frame.requestId)[0])).toMatchObject({ code: 'F00', name: 'NotAcceptedError' })
    expect(test.host.stats()).toMatchObject({ prepared: 0, refused: 1 })
  })

  it('refuses what expires beyond the hour with ERROR F00', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const expiresAt = Instant.after(test.timers.clock(), 3_600_001)
    const { frame } = payment(1, 7n, test.timers.clock(), { expiresAt })
    alice.send(frame)
    await test.settle()
    expect(errorOf(alice.answersTo(frame.requestId)[0])).toMatchObject({ code: 'F00', name: 'NotAcceptedError' })
  })

  it('ends a hold at its instant: the payee is told, then the payer with REJECT R00 and the words of 2017', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    await test.advance(29_999)
    expect(alice.endsOf(id)).toEqual([])
    await test.advance(1)
    expect(reasonOf(alice.endsOf(id)[0])).toEqual({ code: 'R00', text: 'expired' })
    expect(payee.settlements).toMatchObject([{ outcome: 'expired' }])
    payee.answer(0, fulfillment)
    await test.settle()
    expect(alice.endsOf(id)).toHaveLength(1)
    expect(await test.balance()).toBe(0n)
  })

  it('tells both even when somebody else’s batch found the hold dead', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee, limits: { sweepMs: 100 } })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    test.timers.advance(29_950)
    await test.settle()
    // Between two sweeps of the host, an operator’s command looks at the clock first.
    test.timers.advance(50)
    test.store.apply([{ type: 'open', name: 'operator', kind: 'named', creditLimit: 0n }])
    await test.advance(3_000)
    expect(reasonOf(alice.endsOf(id)[0]).code).toBe('R00')
    expect(payee.settlements).toMatchObject([{ outcome: 'expired' }])
    expect(test.host.stats().held).toBe(0)
  })
})

describe('the same transfer again', () => {
  it('is answered RESPONSE while it is held', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(alice.answersTo(2)).toMatchObject([{ type: 'response' }])
    expect(payee.held).toHaveLength(1)
  })

  it('is answered ERROR F07 once it was paid, and its FULFILL comes again', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0])).toMatchObject({ code: 'F07', name: 'AlreadyFulfilledError' })
    expect(alice.endsOf(id)).toMatchObject([{ fulfillment }, { fulfillment }])
    expect(await test.balance()).toBe(7n)
  })

  it('is answered from the ledger before it is judged, whatever the payee thinks of it now', async () => {
    let isOpen = true
    const test = openTestHost({
      payee: quickPayee(() => (isOpen ? undefined : { code: 'F00', message: 'This number was used.' })),
    })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    isOpen = false
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0]).name).toBe('AlreadyFulfilledError')
    expect(alice.endsOf(id).map(({ type }) => type)).not.toContain('reject')
  })

  it('is answered ERROR F05 when it is not the same', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    const custom = { name: 'custom', contentType: 2, data: Uint8Array.of(0x7b, 0x7d) }
    const others: Partial<BtpFrame.PrepareFrame>[] = [
      { amount: 8n },
      { expiresAt: Instant.after(frame.expiresAt, 1) },
      { condition: payment(2, 7n, test.timers.clock()).frame.condition },
      { protocolData: [] },
      { protocolData: [...frame.protocolData, custom] },
    ]
    for (const [i, other] of others.entries()) {
      alice.send({ ...frame, ...other, requestId: 10 + i })
      await test.settle()
      expect(errorOf(alice.answersTo(10 + i)[0])).toMatchObject({ code: 'F05', name: 'DuplicateIdError' })
    }
    expect(await test.balance()).toBe(7n)
  })

  it('is looked for in the records when it comes after its expiry', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    await test.advance(3_600_000)
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0]).name).toBe('AlreadyFulfilledError')
    expect(await test.balance()).toBe(7n)
  })

  it('is looked for in the records even when the payee would refuse it now', async () => {
    let isOpen = true
    const test = openTestHost({
      payee: quickPayee(() => (isOpen ? undefined : { code: 'F06', message: 'gone' })),
    })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    isOpen = false
    await test.advance(3_600_000)
    alice.send({ ...frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0]).name).toBe('AlreadyFulfilledError')
    expect(alice.endsOf(id).map(({ type }) => type)).not.toContain('reject')
  })

  it('is looked for in the records when it is dead to the ledger, though the clock was set back since', async () => {
    let answer: Rejection | undefined
    const test = openTestHost({ payee: quickPayee(() => answer) })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    // The clock runs ahead, the ledger forgets what has expired, and the clock is put right: ledger time stays ahead.
    await test.advance(60_000)
    alice.send(payment(2, 1n, test.timers.clock()).frame)
    await test.settle()
    await test.advance(-60_000)
    answer = { code: 'F00', message: 'number was used' }
    alice.send({ ...frame, requestId: 3 })
    await test.settle()
    expect(errorOf(alice.answersTo(3)[0])).toMatchObject({ name: 'AlreadyFulfilledError' })
    expect(alice.endsOf(id).filter(({ type }) => type === 'reject')).toEqual([])
  })

  it('belongs to its account: another customer may use the same id', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    bob.send(frame)
    await test.settle()
    expect(bob.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(await test.balance()).toBe(14n)
  })
})

describe('FULFILL frames', () => {
  it('go to the connection that prepared', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const [one, two] = [await test.connect(), await test.connect()]
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    one.send(frame)
    await test.settle()
    payee.answer(0, fulfillment)
    await test.settle()
    expect(one.endsOf(id)).toHaveLength(1)
    expect(two.endsOf(id)).toHaveLength(0)
  })

  it('go to another connection of the account when that one has gone', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const [one, two] = [await test.connect(), await test.connect()]
    const bob = await test.connect('bob')
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    one.send(frame)
    await test.settle()
    one.cut()
    payee.answer(0, fulfillment)
    await test.settle()
    expect(two.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(bob.endsOf(id)).toHaveLength(0)
  })

  it('are sent again when the account comes back, until they are acknowledged', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const first = await test.connect()
    first.acknowledges = false
    const { id, frame } = payment(1, 7n, test.timers.clock())
    first.send(frame)
    await test.settle()
    expect(first.endsOf(id)).toHaveLength(1)
    first.cut()
    const second = await test.connect()
    expect(second.endsOf(id)).toHaveLength(1)
    second.cut()
    const third = await test.connect()
    expect(third.endsOf(id)).toHaveLength(0)
  })

  it('wait for an account that was not connected when they were given', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const first = await test.connect()
    const { id, frame, fulfillment } = payment(1, 7n, test.timers.clock())
    first.send(frame)
    await test.settle()
    first.cut()
    payee.answer(0, fulfillment)
    await test.settle()
    expect((await test.connect()).endsOf(id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('are not sent again once the transfer has expired', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const first = await test.connect()
    first.acknowledges = false
    const { id, frame } = payment(1, 7n, test.timers.clock())
    first.send(frame)
    await test.settle()
    first.cut()
    await test.advance(30_000)
    expect((await test.connect()).endsOf(id)).toHaveLength(0)
  })

  it('that the customer disputes are reported, and our record stays', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    alice.acknowledges = false
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    const [fulfill] = alice.endsOf(id)
    alice.send({
      type: 'error',
      requestId: fulfill!.requestId,
      code: 'F06',
      name: 'AlreadyRolledBackError',
      triggeredAt: test.timers.clock(),
      data: new Uint8Array(),
      protocolData: [],
    })
    await test.settle()
    expect(test.events.map(({ name }) => name)).toContain('trustline.fulfillment_disputed')
    expect(await test.balance()).toBe(7n)
  })
})

describe('limits of money', () => {
  it('are refused with F08, again and again, with words that name the account and what to do', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const { frame } = payment(1, 1_001n, test.timers.clock())
    for (const requestId of [5, 6, 7]) {
      alice.send({ ...frame, requestId })
      await test.settle()
      const { code, name, text } = errorOf(alice.answersTo(requestId)[0])
      expect({ code, name }).toEqual({ code: 'F08', name: 'InsufficientBalanceError' })
      expect(text).toMatch(/Account [A-Za-z0-9_-]{22} has 0 XRP and may owe 0.000001 XRP.*millstream ledger fund/)
    }
    expect(await test.balance()).toBe(0n)
  })

  it('take exactly what is left', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const [most, one] = [payment(1, 1_000n, test.timers.clock()), payment(2, 1n, test.timers.clock())]
    alice.send(most.frame)
    alice.send(one.frame)
    await test.settle()
    expect(alice.endsOf(most.id)).toMatchObject([{ type: 'fulfill' }])
    expect(errorOf(alice.answersTo(one.frame.requestId)[0]).code).toBe('F08')
  })

  it('writes the codes of 2017 where they are asked for', async () => {
    const test = openTestHost({ payee: quickPayee(), compatibleErrorCodes: true })
    const alice = await test.connect()
    const { frame } = payment(1, 1_001n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(errorOf(alice.answersTo(frame.requestId)[0])).toMatchObject({
      code: 'F07',
      name: 'InsufficientBalanceError',
    })
  })
})

describe('bounds', () => {
  it('share a tick among accounts: a flood of one delays another by a few frames, not by the flood', async () => {
    const payee = quickPayee()
    const test = openTestHost({ payee, limits: { framesPerTickMax: 10 } })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    for (let n = 1; n <= 500; n++) alice.send(payment(n, 1n, test.timers.clock()).frame)
    bob.send(payment(501, 1n, test.timers.clock()).frame)
    await test.settle()
    for (let i = 0; i < 60; i++) await test.settle()
    const place = payee.held.findIndex(({ destination }) => destination.endsWith('.501'))
    expect(place).toBeLessThanOrEqual(10)
    expect(payee.held).toHaveLength(501)
  })

  it('stop judging an account whose payments are refused too often, and spare all others', async () => {
    const payee = quickPayee((transfer) =>
      transfer.amount === 1n ? undefined : { code: 'F03', message: 'The price is 1.' },
    )
    const test = openTestHost({ payee, limits: { refusedBurst: 10, refusedPerSecond: 1 } })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    for (let n = 1; n <= 10; n++) alice.send(payment(n, 2n, test.timers.clock()).frame)
    await test.settle()
    expect(payee.checked).toHaveLength(10)
    const next = payment(11, 1n, test.timers.clock())
    alice.send(next.frame)
    bob.send(next.frame)
    await test.settle()
    expect(reasonOf(alice.endsOf(next.id)[0]).code).toBe('T05')
    expect(bob.endsOf(next.id)).toMatchObject([{ type: 'fulfill' }])
    expect(payee.checked).toHaveLength(11)
    expect(test.events.filter(({ name }) => name === 'trustline.refusals_limited')).toHaveLength(1)
    await test.advance(1_000)
    alice.send({ ...next.frame, requestId: 3 })
    await test.settle()
    expect(alice.endsOf(next.id).map(({ type }) => type)).toEqual(['reject', 'fulfill'])
  })

  it('answer a repeat from the ledger even then', async () => {
    const payee = quickPayee((transfer) => (transfer.amount === 1n ? undefined : { code: 'F03', message: 'no' }))
    const test = openTestHost({ payee, limits: { refusedBurst: 3, refusedPerSecond: 1 } })
    const alice = await test.connect()
    const paid = payment(1, 1n, test.timers.clock())
    alice.send(paid.frame)
    for (let n = 2; n <= 4; n++) alice.send(payment(n, 2n, test.timers.clock()).frame)
    await test.settle()
    alice.send({ ...paid.frame, requestId: 2 })
    await test.settle()
    expect(errorOf(alice.answersTo(2)[0]).name).toBe('AlreadyFulfilledError')
  })

  it('reject beyond the holds of an account with T05', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee, ledgerLimits: { holdsPerAccountMax: 2 } })
    const alice = await test.connect()
    const some = [1, 2, 3].map((n) => payment(n, 1n, test.timers.clock()))
    for (const { frame } of some) alice.send(frame)
    await test.settle()
    expect(payee.held).toHaveLength(2)
    expect(reasonOf(alice.endsOf(some[2]!.id)[0]).code).toBe('T05')
  })

  it('close a connection that sends more than it is answered', async () => {
    const test = openTestHost({ payee: slowPayee(), limits: { peerRequestsMax: 4 } })
    const alice = await test.connect()
    for (let n = 1; n <= 5; n++) alice.send(payment(n, 1n, test.timers.clock()).frame)
    await test.settle()
    expect(alice.closedWith).toBe(1008)
    expect(test.host.stats().prepared).toBe(0)
  })
})

describe('the feed', () => {
  it('names the customers and what they paid, after any cursor', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    alice.send(payment(1, 1n, test.timers.clock()).frame)
    bob.send(payment(2, 2n, test.timers.clock()).frame)
    alice.send(payment(3, 3n, test.timers.clock()).frame)
    await test.settle()
    const all = []
    for await (const posted of test.host.posted(0 as never)) all.push(posted)
    expect(all.map(({ destination, amount }) => [destination, amount])).toEqual(
      [1, 3, 2].map((n) => [`${prefix}server.user.${n}`, BigInt(n)]),
    )
    expect(new Set(all.map(({ source }) => source)).size).toBe(2)
    const rest = []
    for await (const posted of test.host.posted(all[0]!.cursor)) rest.push(posted)
    expect(rest).toEqual(all.slice(1))
  })
})
