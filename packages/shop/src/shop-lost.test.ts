/** Payments whose fulfillment became public while the money did not come. */
import type { Cursor, Posted } from '@millstream/plugin'
import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createMemoryStreamStore, createShop } from './index.js'
import { isUsed } from './numbers.js'
import { at, openTestShop, quiet } from './testing/shop.fixture.js'

describe('a payment that was lost', () => {
  it('buys nothing: its piece goes to the next payment', async () => {
    const { open, shop, incoming, pay } = await openTestShop()
    const { stream, body } = open({ content: 'ab' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    expect(await shop.fulfill(transfer)).toBeInstanceOf(Uint8Array)
    shop.settled(transfer, 'lost', at(1))
    await quiet()
    expect(body.text()).toBe('')
    expect(await pay(stream, 2)).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('a')
  })

  it('has used its number, which an expired one has not', async () => {
    const { open, shop, incoming, pay } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    for (const [number, outcome] of [
      [1, 'lost'],
      [2, 'expired'],
    ] as const) {
      const transfer = incoming(stream, number)
      shop.check(transfer)
      await shop.fulfill(transfer)
      shop.settled(transfer, outcome, at(0))
    }
    expect(await pay(stream, 1)).toMatchObject({ status: 'rejected', code: 'F00' })
    expect(await pay(stream, 2)).toMatchObject({ status: 'fulfilled' })
  })

  it('has used its number for a shop that starts again, counts as nothing and makes nobody the owner', async () => {
    const streams = createMemoryStreamStore()
    const { open, shop, incoming, shopOptions, pair } = await openTestShop({ streams })
    const { stream } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    const lost: Posted = {
      cursor: 1 as Cursor,
      source: transfer.source,
      destination: transfer.destination,
      amount: 0n,
      postedAt: Instant.from(0),
    }
    async function* posted() {
      yield lost
    }
    const restarted = await createShop({ ...shopOptions, plugin: { ...pair.payee, posted } })
    const record = await streams.get(stream.userId)
    expect(record).toMatchObject({ pieces: 0n })
    expect(record?.owner).toBeUndefined()
    expect(isUsed(record!, 1)).toBe(true)
    await restarted.close()
  })
})
