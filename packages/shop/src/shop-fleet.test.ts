/** Several shops on one ledger and one stream store: what each says of the streams of the others. */
import type { Cursor, Plugin } from '@millstream/plugin'
import { describe, expect, it } from 'vitest'
import {
  createMemoryStreamStore,
  createShop,
  type Shop,
  type ShopLimits,
  type StreamRecord,
  type StreamStore,
} from './index.js'
import { openTestShop, type Payable, quiet } from './testing/shop.fixture.js'

/** A store that several share; the test says who has died. */
function shared() {
  const streams = createMemoryStreamStore()
  const state = { gets: 0, broken: false, dead: (_: StreamRecord) => false }
  const store: StreamStore = {
    ...streams,
    async get(userId) {
      state.gets++
      if (state.broken) throw new Error('the database is away')
      return streams.get(userId)
    },
    async *abandoned() {
      for await (const record of streams.all()) if (record.endedAt === undefined && state.dead(record)) yield record
    },
  }
  return { store, state }
}

/** A shop, and another one beside it that hears of payments only what the test tells it. */
async function openFleet(limits: Partial<ShopLimits> = {}) {
  const { store, state } = shared()
  const reads: (string | undefined)[] = []
  const first = await openTestShop({
    streams: store,
    limits,
    plugin: (plugin) => ({
      ...plugin,
      posted(after, source) {
        reads.push(source)
        return plugin.posted!(after, source)
      },
      async newest() {
        let newest = 0 as Cursor
        for await (const { cursor } of plugin.posted!(newest)) newest = cursor
        return newest
      },
    }),
  })
  const beside = (): Promise<Shop> => {
    const plugin: Plugin = { ...first.shopOptions.plugin, receive() {} }
    return createShop({ ...first.shopOptions, plugin })
  }
  return { ...first, state, reads, beside }
}

type Fleet = Awaited<ReturnType<typeof openFleet>>

/** What a shop says to a payment as a host asks it. */
async function judge(shop: Shop, fleet: Fleet, stream: Payable, number: number, source?: string) {
  const transfer = fleet.incoming(stream, number, source === undefined ? {} : { source })
  await shop.lookFor?.(transfer)
  return shop.check(transfer)
}

describe('a shop of a fleet', () => {
  it('leaves the streams of others open when it starts, and knows their used numbers all the same', async () => {
    const fleet = await openFleet()
    const { open, pay, streams } = fleet
    const { stream } = open({ content: 'abcdef' })
    for (const number of [1, 2, 5]) expect(await pay(stream, number)).toMatchObject({ status: 'fulfilled' })
    const second = await fleet.beside()
    expect(second.counts().remembered).toBe(0)
    expect((await streams.get(stream.userId))?.endedAt).toBeUndefined()
    for (const number of [1, 2, 5]) {
      expect(await judge(second, fleet, stream, number)).toMatchObject({ code: 'F00', message: 'number was used' })
    }
    expect(await judge(second, fleet, stream, 3)).toMatchObject({ reason: 'served_elsewhere', code: 'F06' })
    expect(await pay(stream, 3)).toMatchObject({ status: 'fulfilled' })
  })

  it('reads of the feed only what the owner of the stream has paid', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abc' })
    await fleet.pay(stream, 1)
    const second = await fleet.beside()
    await judge(second, fleet, stream, 2)
    expect(fleet.reads.at(-1)).toBe('g.letter-shop.mytrustline.alice')
  })

  it('names in the record who may own the stream before anything of it is paid', async () => {
    const { open, pay, streams, pair, advance } = await openFleet()
    const { stream } = open({ content: 'abc' })
    const first = pay(stream, 1, { from: pair.customer('bob') })
    await quiet()
    expect(await first).toMatchObject({ status: 'fulfilled' })
    expect(await streams.get(stream.userId)).toMatchObject({ owner: 'g.letter-shop.mytrustline.bob', pieces: 0n })
    await advance(61_000)
    expect(await streams.get(stream.userId)).toMatchObject({ owner: 'g.letter-shop.mytrustline.bob', pieces: 1n })
  })

  it('tells others than the owner no more than that', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abc' })
    await fleet.pay(stream, 1)
    const second = await fleet.beside()
    const bob = 'g.letter-shop.mytrustline.bob'
    expect(await judge(second, fleet, stream, 1, bob)).toMatchObject({ reason: 'foreign_stream' })
  })

  it('says how a stream of another shop ended', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'a' })
    await fleet.pay(stream, 1)
    await quiet()
    const second = await fleet.beside()
    expect(await judge(second, fleet, stream, 1)).toMatchObject({ reason: 'number_used' })
    expect(await judge(second, fleet, stream, 2)).toMatchObject({ code: 'F99', message: 'content ended' })
    fleet.clock.advance(600_000)
    expect(await judge(second, fleet, stream, 2)).toMatchObject({ reason: 'unknown_stream' })
  })

  it('answers a payment that another host held and nobody has checked here', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abc' })
    await fleet.pay(stream, 1)
    const second = await fleet.beside()
    expect(await second.fulfill(fleet.incoming(stream, 1))).toMatchObject({ reason: 'number_used' })
    expect(await second.fulfill(fleet.incoming(stream, 2))).toMatchObject({ reason: 'served_elsewhere' })
  })

  it('ends the streams of a shop that has died, with everything that was paid counted', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abcdef', price: 2n })
    for (const number of [1, 2, 4]) await fleet.pay(stream, number)
    fleet.state.dead = () => true
    const second = await fleet.beside()
    expect(await fleet.streams.get(stream.userId)).toMatchObject({
      ending: 'shop_closed',
      pieces: 3n,
      floor: 2,
      owner: 'g.letter-shop.mytrustline.alice',
    })
    expect(await judge(second, fleet, stream, 4)).toMatchObject({ reason: 'number_used' })
    expect(await judge(second, fleet, stream, 3)).toMatchObject({ reason: 'stream_closed' })
  })

  it('ends them also while it runs', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abcdef' })
    await fleet.pay(stream, 1)
    await fleet.beside()
    fleet.state.dead = () => true
    await fleet.advance(30_000)
    expect(await fleet.streams.get(stream.userId)).toMatchObject({ ending: 'shop_closed', pieces: 1n })
  })

  it('starts its records where the feed is', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'abcdef' })
    for (const number of [1, 2, 3]) await fleet.pay(stream, number)
    const second = await fleet.beside()
    expect(second.cursor()).toBe(3)
  })
})

describe('a shop of a fleet that is asked for streams that nobody has', () => {
  const strange = (fleet: Fleet, first: number): Payable => {
    const { stream } = fleet.open({ content: 'a' })
    const id = Buffer.alloc(16, first).fill(0, 0, 1).toString('base64url')
    return { ...stream, address: stream.address.replace(stream.userId, id) }
  }

  it('asks the store once in a while', async () => {
    const fleet = await openFleet()
    const nobody = strange(fleet, 9)
    for (let i = 1; i < 20; i++) {
      expect(await judge(fleet.shop, fleet, nobody, i)).toMatchObject({ reason: 'unknown_stream' })
    }
    expect(fleet.state.gets).toBe(1)
    fleet.clock.advance(2_000)
    await judge(fleet.shop, fleet, nobody, 1)
    expect(fleet.state.gets).toBe(2)
  })

  it('asks nobody for an id that is of no key of the shop', async () => {
    const fleet = await openFleet()
    const { stream } = fleet.open({ content: 'a' })
    const foreign = { ...stream, address: stream.address.replace(stream.userId, `_${stream.userId.slice(1)}`) }
    expect(await judge(fleet.shop, fleet, foreign, 1)).toMatchObject({ reason: 'unknown_stream' })
    expect(fleet.state.gets).toBe(0)
  })

  it('says that it does not know, beyond its bounds and while the store is away', async () => {
    const fleet = await openFleet({ looksPerSecond: 2, elsewhereMax: 1 })
    expect(await judge(fleet.shop, fleet, strange(fleet, 1), 1)).toMatchObject({ reason: 'unknown_stream' })
    expect(await judge(fleet.shop, fleet, strange(fleet, 2), 1)).toMatchObject({ reason: 'unknown_stream' })
    expect(await judge(fleet.shop, fleet, strange(fleet, 1), 1)).toMatchObject({
      code: 'T05',
      reason: 'not_looked_for',
    })
    fleet.clock.advance(1_000)
    fleet.state.broken = true
    expect(await judge(fleet.shop, fleet, strange(fleet, 3), 1)).toMatchObject({ code: 'T05' })
    expect(fleet.named('shop.lookup_failed')).toHaveLength(1)
  })
})
