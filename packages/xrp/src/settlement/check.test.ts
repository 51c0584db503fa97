import { suspenseAccount } from '@millstream/ledger'
import { xrp } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, openWorld, scale, type World } from '../testing/settlement-world.js'
import { checkSettlement, type SettlementReport } from './check.js'
import * as Claim from './claim.js'
import * as Wire from './wire.js'

const signer = Claim.signerFromSeed(seeds.tool)

describe('the check of settlement', () => {
  let world: World

  beforeEach(async () => {
    world = await openWorld()
    await world.start()
    const wallet = await world.wallet(seeds.tool)
    await world.customer(alice).deposit(wallet, 10n * xrp)
    await wallet.send(
      { TransactionType: 'Payment', Destination: world.shopAddress, Amount: String(2n * xrp) },
      2n * xrp,
    )
    const { channel } = await world.customer(alice).openChannel(wallet, signer, 5n * xrp)
    world.shop.claim(Wire.entry('claim', signer.sign(channel, 3n * xrp)), { name: alice })
    await world.quiet()
    await world.customer(alice).withdraw(wallet.address, 4n * xrp)
    await world.quiet()
  })

  afterEach(() => world.close())

  async function check(change: (entries: Map<string, string>) => void = () => {}): Promise<SettlementReport> {
    const entries = new Map(await world.shopStore.load())
    change(entries)
    return checkSettlement(world.ledger, entries, scale)
  }

  function edit(entries: Map<string, string>, prefix: string, change: Record<string, unknown>): void {
    for (const [key, text] of entries) {
      if (!key.startsWith(prefix)) continue
      entries.set(key, JSON.stringify({ ...(JSON.parse(text) as object), ...change }))
      return
    }
    throw new Error(`nothing under ${prefix}`)
  }

  it('finds that all sums hold, suspense included', async () => {
    expect(await check()).toEqual({
      ok: true,
      faults: [],
      deposited: 12n * xrp,
      claimed: 3n * xrp,
      unredeemed: 3n * xrp,
      withdrawn: 4n * xrp,
      suspense: 2n * xrp * 1_000n,
      underWay: 0,
      unknown: 0,
      isPruned: false,
    })
  })

  it('finds a credit that no payment on XRP stands behind', async () => {
    const { id: account } = (await world.ledger.find(alice))!
    const reference = `xrp ${'AB'.repeat(32)}`
    await world.ledger.apply([{ type: 'deposit', account, amount: 1_000n, reference }]).durable
    expect((await check()).faults).toEqual([
      'The deposits on XRP add up to 12000000 drops, and in the books to 12000001.',
    ])
  })

  it.each([
    ['deposit/', 'drops', '1', /^The payment [0-9A-F]{64} of 1 drops is in the books with 10000000/],
    ['withdrawal/', 'state', 'returned', /^The withdrawal [0-9a-f]{32} of account alice/],
    ['channel/', 'redeemed', '4000000', /^Of channel [0-9A-F]{64} 4000000 drops were redeemed, and 3000000 claimed/],
    ['channel/', 'state', 'closed', /^Channel [0-9A-F]{64} has ended, and 3000000 drops were credited/],
    ['totals', 'claimed', '1', /^The claims on XRP add up to 1 drops, and in the books to 3000000/],
  ])('finds what does not fit in %s%s', async (prefix, field, value, words) => {
    const { ok, faults } = await check((entries) => edit(entries, prefix, { [field]: value }))
    expect(ok).toBe(false)
    expect(faults[0]).toMatch(words)
  })

  it('finds what left suspense and did not arrive', async () => {
    const reference = 'moved xrp X'
    const amount = 1_000n
    await world.ledger.apply([{ type: 'withdraw', account: suspenseAccount, amount, reference }]).durable
    expect((await check()).faults).toEqual([
      'What was moved out of suspense as "moved xrp X" has not arrived: run the same command again.',
    ])
    const { id: account } = (await world.ledger.find(alice))!
    await world.ledger.apply([{ type: 'deposit', account, amount, reference }]).durable
    expect((await check()).ok).toBe(true)
  })
})
