import { describe, expect, it } from 'vitest'
import { createMemoryStreamStore, PriceError, ShopClosedError, TooManyStreamsError, UnitError } from './index.js'
import { at, createHandFed, openTestShop, quiet } from './testing/shop.fixture.js'

const fulfilled = { status: 'fulfilled' }
const rejected = (code: string, message?: string) => ({
  status: 'rejected',
  code,
  ...(message === undefined ? {} : { message }),
})

describe('a stream that nobody pays', () => {
  it('is destroyed after 30 seconds, not ended', async () => {
    const { open, pay, advance, shop, named } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    await advance(29_999)
    expect(body.state).toBe('open')
    await advance(1)
    await advance(1000)
    expect(body.state).toBe('destroyed')
    expect(fed.state).toEqual({ reads: 0, closed: true })
    expect(shop.counts()).toEqual({ open: 0, unpaid: 0, remembered: 1 })
    expect(await pay(stream, 1)).toMatchObject(
      rejected('F06', 'The shop has closed this stream: ask for the content again.'),
    )
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'unpaid', level: 'debug', totals: { paid: 0n } }])
  })

  it('is left alone while a payment is held for it', async () => {
    const { open, pay, advance } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const held = pay(stream, 1, { expiresInMs: 60_000 })
    await quiet()
    await advance(40_000)
    expect(body.state).toBe('open')
    await fed.feed('a')
    expect(await held).toMatchObject(fulfilled)
    await advance(40_000)
    expect(body.state).toBe('open')
  })

  it('costs one of the places of its address until it is paid or gone', async () => {
    const { open, pay, shop } = await openTestShop({ limits: { unpaidPerAddressMax: 2 } })
    const address = '192.0.2.7'
    const first = open({ content: 'abc', address })
    open({ content: 'abc', address: '::ffff:192.0.2.7' })
    expect(() => open({ content: 'abc', address })).toThrow(TooManyStreamsError)
    open({ content: 'abc', address: '192.0.2.8' })
    open({ content: 'abc' })
    expect(shop.counts()).toMatchObject({ open: 4, unpaid: 4 })
    await pay(first.stream, 1)
    expect(shop.counts()).toMatchObject({ open: 4, unpaid: 3 })
    const third = open({ content: 'abc', address })
    expect(() => open({ content: 'abc', address })).toThrow(TooManyStreamsError)
    third.stream.left()
    third.stream.left()
    open({ content: 'abc', address })
    expect(() => open({ content: 'abc', address })).toThrow(TooManyStreamsError)
    first.stream.left()
    expect(() => open({ content: 'abc', address })).toThrow(TooManyStreamsError)
  })

  it('shares the places of its IPv6 network', async () => {
    const { open } = await openTestShop({ limits: { unpaidPerAddressMax: 1 } })
    open({ content: 'abc', address: '2001:db8::1' })
    expect(() => open({ content: 'abc', address: '2001:db8::2' })).toThrow(TooManyStreamsError)
    open({ content: 'abc', address: '2001:db8:0:1::1' })
  })

  it('is one of a bounded number, paid ones being others', async () => {
    const { open, pay, named, advance } = await openTestShop({ limits: { unpaidMax: 2, streamsMax: 3 } })
    const first = open({ content: 'abc' })
    open({ content: 'abc' })
    expect(() => open({ content: 'abc' })).toThrow(TooManyStreamsError)
    await pay(first.stream, 1)
    const third = open({ content: 'abc' })
    await pay(third.stream, 1)
    let error: unknown
    try {
      open({ content: 'abc' })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ bound: 'streams', code: 'SHOP_TOO_MANY_STREAMS', retryAfterMs: 30_000 })
    await advance(1000)
    expect(named('shop.streams_refused')).toMatchObject([
      { reason: 'unpaid', count: 1 },
      { reason: 'streams', count: 1 },
    ])
  })
})

describe('a stream that was paid', () => {
  it('is destroyed when its reader stays and pays nothing for an hour', async () => {
    const { open, pay, advance, named } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef' })
    await pay(stream, 1)
    await advance(3_599_000)
    expect(body.state).toBe('open')
    await pay(stream, 2)
    await advance(1000)
    await advance(3_599_999)
    expect(body.state).toBe('open')
    await advance(1000)
    expect(body.state).toBe('destroyed')
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'idle', totals: { paid: 2n, delivered: 2n } }])
    expect(await pay(stream, 3)).toMatchObject(rejected('F06'))
  })
})

describe('ended streams', () => {
  it('are remembered up to a bound', async () => {
    const { open, pay, shop } = await openTestShop({ limits: { rememberedMax: 2 } })
    const streams = []
    for (let i = 0; i < 3; i++) {
      const { stream } = open({ content: 'a' })
      stream.left()
      streams.push(stream)
    }
    expect(shop.counts().remembered).toBe(2)
    const messages = await Promise.all(streams.map(async (stream) => (await pay(stream, 1)) as { message?: string }))
    expect(messages.map(({ message }) => message)).toEqual([
      'There is no such stream: ask for the content again.',
      'The reader of this stream has left.',
      'The reader of this stream has left.',
    ])
  })

  it('are forgotten by the sweep', async () => {
    const { open, shop, advance } = await openTestShop()
    open({ content: 'a' }).stream.left()
    await advance(1000)
    open({ content: 'a' }).stream.left()
    await advance(599_000)
    expect(shop.counts().remembered).toBe(1)
    await advance(1000)
    expect(shop.counts().remembered).toBe(0)
  })
})

describe('an offer', () => {
  it.each([0n, -1n, 2n ** 64n])('may not have the price %s', async (price) => {
    const { open } = await openTestShop()
    expect(() => open({ content: 'a', price })).toThrow(PriceError)
  })

  it('may have the highest price', async () => {
    const { open } = await openTestShop()
    expect(open({ content: 'a', price: 2n ** 64n - 1n }).stream.price).toBe(2n ** 64n - 1n)
  })

  it('may not be cut into unknown pieces', async () => {
    const { open, shop } = await openTestShop()
    expect(() => open({ content: 'a', piece: 'word' as 'line' })).toThrow(UnitError)
    expect(shop.counts().open).toBe(0)
  })
})

describe('a shop that closes', () => {
  it('rejects what waits, breaks off every body and opens no more', async () => {
    const { open, pay, shop, named, advance } = await openTestShop()
    const fed = createHandFed()
    const waiting = open({ content: fed.reader })
    const paid = open({ content: 'abc' })
    await pay(paid.stream, 1)
    const held = pay(waiting.stream, 1)
    await quiet()
    await Promise.all([shop.close(), shop.close()])
    expect(await held).toMatchObject(rejected('F06'))
    expect([waiting.body.state, paid.body.state]).toEqual(['destroyed', 'destroyed'])
    expect(await pay(paid.stream, 2)).toMatchObject(rejected('F06'))
    expect(() => open({ content: 'abc' })).toThrow(ShopClosedError)
    await advance(60_000)
    expect(named('shop.stream_ended').map(({ end }) => end)).toEqual(['shop_closed', 'shop_closed'])
  })

  it('delivers what is fulfilled before that', async () => {
    const { open, shop, incoming, streams } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    const closed = shop.close()
    await quiet()
    expect(body.state).toBe('open')
    shop.settled(transfer, 'fulfilled', at(1))
    await closed
    expect(body.text()).toBe('a')
    expect(body.state).toBe('destroyed')
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 1n, floor: 1, ending: 'shop_closed', cursor: 1 })
  })

  it('does not wait for ever for a ledger that says nothing', async () => {
    const { open, shop, incoming, streams, clock, timers } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    const closed = shop.close()
    clock.advance(5000)
    timers.run()
    await closed
    expect(body.state).toBe('destroyed')
    expect(await streams.get(stream.userId)).not.toHaveProperty('endedAt')
  })

  it.each(['at once', 'while it waits'])('waits for nothing when its ledger has failed, said %s', async (when) => {
    const { open, shop, incoming, streams } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    if (when === 'while it waits') void shop.close()
    await shop.close({ now: true })
    expect(body.state).toBe('destroyed')
    expect(await streams.get(stream.userId)).not.toHaveProperty('endedAt')
  })

  it('writes the records of all streams that were paid, and none of others', async () => {
    const streams = createMemoryStreamStore()
    const { open, pay, shop } = await openTestShop({ streams })
    const paid = open({ content: 'abc', resource: '/paid', etag: '"1"', price: 5n })
    const unpaid = open({ content: 'abc' })
    await pay(paid.stream, 1)
    await shop.close()
    expect(await streams.get(paid.stream.userId)).toMatchObject({
      kid: 0,
      price: 5n,
      unit: 'letter',
      resource: '/paid',
      etag: '"1"',
      owner: 'g.letter-shop.mytrustline.alice',
      pieces: 1n,
      floor: 1,
      ending: 'shop_closed',
    })
    expect(await streams.get(unpaid.stream.userId)).toBeUndefined()
  })
})
