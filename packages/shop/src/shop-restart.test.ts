import { MillstreamError } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createMemoryStreamStore, createShop, type StreamRecord, type StreamStore } from './index.js'
import { at, createHandFed, openTestShop, quiet } from './testing/shop.fixture.js'

const fulfilled = { status: 'fulfilled' }
const rejected = (code: string, message?: string) => ({
  status: 'rejected',
  code,
  ...(message === undefined ? {} : { message }),
})

/** A store that counts what is written, and may be held up or broken. */
function watched(streams: StreamStore = createMemoryStreamStore()) {
  const puts: StreamRecord[] = []
  const state = { hold: undefined as Promise<void> | undefined, broken: false }
  const store: StreamStore = {
    ...streams,
    async put(record) {
      puts.push(record)
      await state.hold
      if (state.broken) throw new Error('disk full')
      await streams.put(record)
    },
  }
  return { store, puts, state }
}

describe('the record of a stream', () => {
  it('is durable before the first fulfillment, and not written for the next ones', async () => {
    const { store, puts, state } = watched()
    let release = () => {}
    state.hold = new Promise((resolve) => {
      release = resolve
    })
    const { open, pay, spent } = await openTestShop({ streams: store })
    const { stream, body } = open({ content: 'abcdef' })
    const first = [1, 2].map((n) => pay(stream, n))
    await quiet()
    expect(puts).toHaveLength(1)
    expect(await spent()).toBe(0n)
    release()
    expect(await Promise.all(first)).toMatchObject([fulfilled, fulfilled])
    await Promise.all([3, 4, 5].map((n) => pay(stream, n)))
    expect(puts).toHaveLength(1)
    expect(body.text()).toBe('abcde')
  })

  it('that cannot be written keeps the stream from being paid', async () => {
    const { store, state } = watched()
    state.broken = true
    const { open, pay, spent, named } = await openTestShop({ streams: store })
    const { stream, body } = open({ content: 'abc' })
    expect(await Promise.all([pay(stream, 1), pay(stream, 2)])).toMatchObject([rejected('T00'), rejected('T00')])
    expect(body.state).toBe('destroyed')
    expect(await spent()).toBe(0n)
    expect(named('shop.record_failed')).toMatchObject([{ level: 'error', error: { message: 'disk full' } }])
  })

  it('is not written for a stream whose payments are refused, nor before there is a piece', async () => {
    const { store, puts } = watched()
    const { open, pay } = await openTestShop({ streams: store })
    const fed = createHandFed()
    const { stream } = open({ content: fed.reader })
    await pay(stream, 1, { amount: 0n })
    void pay(stream, 2)
    await quiet()
    expect(puts).toHaveLength(0)
    await fed.feed('a')
    expect(puts).toHaveLength(1)
  })

  it('goes when nothing was paid after all', async () => {
    const { open, shop, incoming, streams } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 0n })
    shop.settled(transfer, 'expired', at(0))
    stream.left()
    await shop.close()
    expect(await streams.get(stream.userId)).toBeUndefined()
  })

  it('goes by what was posted, whatever place a payment that came to nothing is said to have', async () => {
    const { open, shop, incoming, streams } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    for (const [n, outcome, cursor] of [
      [1, 'fulfilled', 5],
      [2, 'expired', 99],
    ] as const) {
      const transfer = incoming(stream, n)
      shop.check(transfer)
      await shop.fulfill(transfer)
      shop.settled(transfer, outcome, at(cursor))
    }
    await shop.close()
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 1n, cursor: 5 })
  })

  it('is written again after a minute in which something was paid', async () => {
    const { store, puts } = watched()
    const { open, pay, advance } = await openTestShop({ streams: store })
    const { stream } = open({ content: 'abcdef' })
    await pay(stream, 1)
    await pay(stream, 2)
    await advance(59_999)
    expect(puts).toHaveLength(1)
    await advance(1001)
    expect(puts).toHaveLength(2)
    expect(puts[1]).toMatchObject({ pieces: 2n, floor: 2, cursor: 2 })
    await advance(120_000)
    expect(puts).toHaveLength(2)
  })

  it('is written again when the feed has run far ahead of it, so that no start has to read all of it', async () => {
    const { store, puts } = watched()
    const { open, pay, advance, shop } = await openTestShop({ streams: store, limits: { recordLagMax: 10 } })
    const quietOne = open({ content: 'abcdef' })
    const busy = open({ content: 'x'.repeat(100) })
    await pay(quietOne.stream, 1)
    for (let n = 1; n <= 12; n++) await pay(busy.stream, n)
    expect(puts).toHaveLength(2)
    expect(shop.cursor()).toBe(0)
    await advance(1000)
    expect(puts.slice(2)).toMatchObject([
      { userId: quietOne.stream.userId, cursor: 13, pieces: 1n },
      { userId: busy.stream.userId, cursor: 13, pieces: 12n },
    ])
    expect(shop.cursor()).toBe(13)
  })

  it('that failed to be written is tried again', async () => {
    const { store, puts, state } = watched()
    const { open, pay, advance, named } = await openTestShop({ streams: store })
    const { stream } = open({ content: 'abcdef' })
    await pay(stream, 1)
    state.broken = true
    await advance(61_000)
    expect(named('shop.record_failed')).toHaveLength(1)
    state.broken = false
    await advance(61_000)
    expect(puts).toHaveLength(3)
    expect(await store.get(stream.userId)).toMatchObject({ pieces: 1n })
  })

  it('is deleted a day after the end, but for the one that is furthest in the feed', async () => {
    const { open, pay, advance, streams } = await openTestShop()
    const [first, second, third] = [open({ content: 'a' }), open({ content: 'b' }), open({ content: 'cd' })]
    for (const { stream } of [first, second, third]) await pay(stream, 1)
    third.stream.left()
    await quiet()
    await advance(86_399_999)
    expect(await streams.get(first.stream.userId)).toMatchObject({ ending: 'content_ended' })
    await advance(3_600_000)
    expect(await streams.get(first.stream.userId)).toBeUndefined()
    expect(await streams.get(second.stream.userId)).toBeUndefined()
    expect(await streams.get(third.stream.userId)).toMatchObject({ ending: 'reader_left', cursor: 3 })
  })
})

describe('a shop whose ledger has forgotten part of its feed', () => {
  it('starts, and takes every number of the streams that lag behind it for used', async () => {
    const { open, pay, streams, shopOptions, spent, named } = await openTestShop()
    const lagging = open({ content: 'x'.repeat(100) }).stream
    for (const n of [1, 2, 3]) await pay(lagging, n)
    const recent = open({ content: 'x'.repeat(100) }).stream
    for (const n of [1, 2]) await pay(recent, n)

    const { plugin } = shopOptions
    const kept = 2
    const posted: typeof plugin.posted = (after) => {
      if (after < kept) throw new FeedPrunedError()
      return plugin.posted!(after)
    }
    await createShop({ ...shopOptions, plugin: { ...plugin, posted } })
    expect(named('shop.feed_pruned')).toMatchObject([{ streams: 1 }])
    for (const n of [1, 3, 4, 99_999]) expect(await pay(lagging, n)).toMatchObject(rejected('F00', 'number was used'))
    expect(await pay(recent, 2)).toMatchObject(rejected('F00', 'number was used'))
    expect(await pay(recent, 3)).toMatchObject(rejected('F06'))
    expect(await streams.get(lagging.userId)).toMatchObject({ pieces: 0n, ending: 'shop_closed', cursor: 5 })
    expect(await streams.get(recent.userId)).toMatchObject({ pieces: 2n, ending: 'shop_closed', cursor: 5 })
    expect(await spent()).toBe(5n)
    // The next start has nothing to ask for any more.
    await createShop({ ...shopOptions, plugin: { ...plugin, posted } })
    expect(named('shop.feed_pruned')).toHaveLength(1)
  })

  it('does not start when the feed fails for any other reason', async () => {
    const { open, pay, shopOptions } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    await pay(stream, 1)
    const posted = () => {
      throw new Error('disk')
    }
    const { plugin } = shopOptions
    await expect(createShop({ ...shopOptions, plugin: { ...plugin, posted } })).rejects.toThrow('disk')
  })
})

describe('a shop that starts again', () => {
  it('refuses every number that was used, and counts every piece that was paid since the record was written', async () => {
    const { open, pay, streams, shopOptions, pair, spent } = await openTestShop()
    const { stream } = open({ content: 'x'.repeat(1000), price: 2n, pieces: 1000 })
    await pay(stream, 1)
    for (const n of [2, 3, 7, 500]) await pay(stream, n)
    await pay(stream, 8, { amount: 6n })
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 0n, floor: 0 })

    // The process dies here: nothing more is written. Another one starts on the same ledger and store.
    const restarted = await createShop(shopOptions)
    for (const n of [1, 2, 3, 7, 8, 500]) expect(await pay(stream, n)).toMatchObject(rejected('F00', 'number was used'))
    expect(await pay(stream, 4)).toMatchObject(
      rejected('F06', 'The shop has closed this stream: ask for the content again.'),
    )
    expect(await pay(stream, 4, { from: pair.customer('bob') })).toMatchObject(
      rejected('F06', 'Another account pays for this stream.'),
    )
    expect(await spent()).toBe(16n)
    expect(await streams.get(stream.userId)).toMatchObject({
      owner: 'g.letter-shop.mytrustline.alice',
      pieces: 8n,
      floor: 3,
      cursor: 6,
      ending: 'shop_closed',
    })
    expect(restarted.counts()).toEqual({ open: 0, unpaid: 0, remembered: 1 })
  })

  it('tells what it restored', async () => {
    const { open, pay, shopOptions, named } = await openTestShop()
    const [first, second] = [open({ content: 'abc' }), open({ content: 'a' })]
    await pay(first.stream, 1)
    await pay(second.stream, 1)
    await pay(first.stream, 2)
    await quiet()
    await createShop(shopOptions)
    expect(named('shop.restored')).toMatchObject([{ records: 2, interrupted: 1, entries: 3 }])
  })

  it('remembers for ten minutes what had ended before', async () => {
    const { open, pay, shopOptions, clock } = await openTestShop()
    const { stream } = open({ content: 'a' })
    await pay(stream, 1)
    await quiet()
    clock.advance(599_999)
    await createShop(shopOptions)
    expect(await pay(stream, 1)).toMatchObject(rejected('F00', 'number was used'))
    expect(await pay(stream, 2)).toMatchObject(rejected('F99', 'content ended'))
    clock.advance(1)
    await createShop(shopOptions)
    expect(await pay(stream, 2)).toMatchObject(rejected('F06', 'There is no such stream: ask for the content again.'))
  })

  it('goes on behind the cursor of the record, not before it', async () => {
    const { open, pay, advance, streams, shopOptions } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    await pay(stream, 1)
    await pay(stream, 2)
    await advance(61_000)
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 2n, cursor: 2 })
    await pay(stream, 3)
    await createShop(shopOptions)
    expect(await streams.get(stream.userId)).toMatchObject({ pieces: 3n, floor: 3, cursor: 3 })
  })

  it('counts nothing twice when the records of its streams stand at different places', async () => {
    const { open, pay, streams, shopOptions, advance } = await openTestShop()
    const [early, late] = [open({ content: 'abcdef' }), open({ content: 'abcdef' })]
    await pay(early.stream, 1)
    await pay(early.stream, 2)
    await pay(late.stream, 1)
    const behind = (await streams.get(early.stream.userId))!
    await advance(61_000)
    await streams.put(behind)
    await pay(late.stream, 2)
    await createShop(shopOptions)
    expect(await streams.get(early.stream.userId)).toMatchObject({ pieces: 2n, floor: 2, cursor: 4 })
    expect(await streams.get(late.stream.userId)).toMatchObject({ pieces: 2n, floor: 2, cursor: 4 })
  })

  it('starts its records where the feed is, so that a second crash replays little', async () => {
    const { open, pay, streams, shopOptions } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    for (let n = 1; n <= 5; n++) await pay(stream, n)
    const second = await createShop(shopOptions)
    const body = { write: () => true, end() {}, destroy() {} }
    const next = second.open({ resource: '/', price: 1n, piece: 'letter', content: 'abc' }, body)
    await pay(next, 1)
    expect(await streams.get(next.userId)).toMatchObject({ cursor: 5 })
    expect(second.cursor()).toBe(5)
  })

  it('rejects what is still held from before', async () => {
    const { open, pay, shopOptions, spent } = await openTestShop()
    const fed = createHandFed()
    const { stream } = open({ content: fed.reader })
    const held = pay(stream, 1)
    await quiet()
    await createShop(shopOptions)
    expect(await held).toMatchObject(rejected('F06'))
    await fed.feed('a')
    expect(await spent()).toBe(0n)
  })

  it('does without a feed where the peer keeps the book', async () => {
    const { open, pay, shopOptions, pair, streams } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    await pay(stream, 1)
    const { posted: _posted, ...plugin } = pair.payee
    await createShop({ ...shopOptions, plugin })
    expect(await streams.get(stream.userId)).toMatchObject({ ending: 'shop_closed', pieces: 0n })
    expect(await pay(stream, 2)).toMatchObject(rejected('F06'))
  })

  it('does not start on a store that fails', async () => {
    const { shopOptions, open, pay } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    await pay(stream, 1)
    const { store, state } = watched(shopOptions.streams)
    state.broken = true
    await expect(createShop({ ...shopOptions, streams: store })).rejects.toThrow('disk full')
  })
})

describe('a new key', () => {
  it('is that of new streams, and ends none of the old ones', async () => {
    const { open, pay, shop } = await openTestShop()
    const old = open({ content: 'abc' })
    shop.rotateKey({ kid: 1, key: new Uint8Array(32).fill(1) })
    const fresh = open({ content: 'ABC' })
    expect(old.stream.userId).toMatch(/^A[A-P]/)
    expect(fresh.stream.userId).toMatch(/^A[Q-Za-f]/)
    await Promise.all([pay(old.stream, 1), pay(fresh.stream, 1)])
    expect(old.body.text() + fresh.body.text()).toBe('aA')
  })
})

class FeedPrunedError extends MillstreamError {
  override readonly name = 'FeedPrunedError'
  readonly code = 'LEDGER_FEED_PRUNED'
  constructor() {
    super('Only a part of it is kept.')
  }
}
