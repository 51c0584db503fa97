/** A ledger with several addresses, as the nodes of a fleet have: one origin, a path for each. */
import { describe, expect, it } from 'vitest'
import { createWorld, failureOf, story, textOf, url } from './internal/testing/payer-world.js'
import { addressesPerLedgerMax } from './open-rails.js'
import type { Rail } from './rail.js'

const node = (name: string, host = 'shop.example:9000') => `btp+ws://${host}/btp/${name}`

/** A world whose shop names another address for each stream, the last one from then on. */
function fleet(names: readonly string[], options: Parameters<typeof createWorld>[0] = {}) {
  let asked = 0
  const headers = {
    get 'pay-endpoint'() {
      return JSON.stringify(names[Math.min(asked++, names.length - 1)])
    },
  }
  return createWorld({ ...options, headers })
}

async function openAndStop({ payer }: Pick<ReturnType<typeof createWorld>, 'payer'>): Promise<void> {
  const response = await payer.fetch(url)
  response.stop()
  await response.summary
}

describe('a ledger with several addresses', () => {
  it('is opened once at each, with one book for all', async () => {
    const world = fleet([node('one'), node('two'), node('one')])
    const first = await world.payer.fetch(url)
    expect(await textOf(first)).toBe(story)
    expect(await first.summary).toMatchObject({ paid: BigInt(story.length), error: undefined })
    for (let i = 0; i < 2; i++) await openAndStop(world)
    expect(world.opened.map(({ uri, origin }) => [uri, origin])).toEqual([
      [node('one'), 'btp+ws://shop.example:9000'],
      [node('two'), 'btp+ws://shop.example:9000'],
    ])
    await world.payer.reconcile()
    expect(world.events.filter(({ name }) => name.startsWith('pay.balance_'))).toEqual([])
    await world.payer.close()
  })

  it('that was named by the user is opened at the address of the stream too', async () => {
    const uri = 'btp+ws://shop.example:9000/'
    let closed = 0
    const rail: Rail = {
      plugin: createWorld().pair.payer,
      account: 'alice',
      endpoint: { uri, origin: 'btp+ws://shop.example:9000', secure: false },
      close: () => void closed++,
    }
    const world = fleet([node('one'), uri, node('one', 'other.example:9000')], { payer: { rail } })
    for (let i = 0; i < 3; i++) await openAndStop(world)
    // Another ledger than the one that was named is not looked at.
    expect(world.opened).toEqual([{ uri: node('one'), origin: 'btp+ws://shop.example:9000', secure: false }])
    await world.payer.close()
    expect(closed).toBe(0)
  })

  it('is opened at no more than so many', async () => {
    const names = Array.from({ length: addressesPerLedgerMax + 1 }, (_, i) => node(`${i}`))
    const world = fleet(names)
    for (let i = 0; i < addressesPerLedgerMax; i++) {
      await openAndStop(world)
    }
    expect(await failureOf(world.payer.fetch(url))).toMatchObject({ code: 'PAY_ENDPOINT_REFUSED' })
    expect(world.opened).toHaveLength(addressesPerLedgerMax)
    await world.payer.close()
  })
})
