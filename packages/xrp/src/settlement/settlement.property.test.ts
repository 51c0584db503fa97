/** Random days of a shop: whatever order things come in, and wherever it dies, no XRP is made and none is lost. */

import { hashes, randomBytes } from '@millstream/hashes'
import { serverAccount, suspenseAccount } from '@millstream/ledger'
import { Condition, Instant, TransferId } from '@millstream/units'
import { xrp } from '@millstream/xrp-sandbox'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import * as Drops from '../drops.js'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, killAt, openWorld, prefix, scale, type World } from '../testing/settlement-world.js'
import { checkSettlement } from './check.js'
import * as Claim from './claim.js'
import type { XrpWallet } from './wallet.js'
import * as Wire from './wire.js'

const signer = Claim.signerFromSeed(seeds.tool)
const scales = fc.integer({ min: 6, max: 15 })
const manyDrops = fc.bigInt({ min: 0n, max: Drops.dropsMax })
const manyUnits = fc.bigInt({ min: 0n, max: 2n ** 63n })

test('drops become units and come back as they were', () => {
  fc.assert(
    fc.property(manyDrops, scales, (drops, scale) => {
      expect(Drops.floorFromUnits(Drops.toUnits(drops, scale), scale)).toBe(drops)
    }),
  )
})

test('units never become more drops than they are worth, and lose less than one', () => {
  fc.assert(
    fc.property(manyUnits, scales, (units, scale) => {
      const back = Drops.toUnits(Drops.floorFromUnits(units, scale), scale)
      expect(back).toBeLessThanOrEqual(units)
      expect(units - back).toBeLessThan(Drops.toUnits(1n, scale))
    }),
  )
})

test('parts that are converted one by one never come to more than the whole', () => {
  fc.assert(
    fc.property(fc.array(manyUnits, { maxLength: 20 }), scales, (parts, scale) => {
      const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n)
      const apart = sum(parts.map((units) => Drops.floorFromUnits(units, scale)))
      expect(apart).toBeLessThanOrEqual(Drops.floorFromUnits(sum(parts), scale))
    }),
  )
})

type Step =
  | { readonly type: 'deposit' | 'untagged' | 'withdraw' | 'claim'; readonly drops: bigint }
  | { readonly type: 'pay'; readonly units: bigint }
  | { readonly type: 'ledger' | 'restart' }
  | { readonly type: 'crash'; readonly at: number; readonly when: 'before' | 'after' }

const someDrops = fc.bigInt({ min: 1n, max: 20n * xrp })
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('deposit' as const), drops: someDrops }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('untagged' as const), drops: someDrops }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('withdraw' as const), drops: someDrops }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('claim' as const), drops: someDrops }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('pay' as const), units: fc.bigInt({ min: 1n, max: 5n * 10n ** 9n }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('ledger' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      at: fc.integer({ min: 1, max: 8 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
  },
)

/** What must hold whenever nothing is under way. */
async function assertSound(world: World, wallet: XrpWallet, paid: bigint): Promise<void> {
  const entries = await world.shopStore.load()
  const report = await checkSettlement(world.ledger, entries, scale)
  expect(report.faults).toEqual([])
  expect(report.underWay + report.unknown).toBe(0)
  const books = await world.ledger.check()
  expect(books).toMatchObject({ ok: true, total: 0n })
  // The books promise what came, less what went.
  const [customer, server, suspense] = await Promise.all([
    world.balance(alice),
    world.ledger.account(serverAccount),
    world.ledger.account(suspenseAccount),
  ])
  expect(server!.posted).toBe(paid)
  const promised = customer + server!.posted + suspense!.posted
  expect(promised).toBe(Drops.toUnits(report.deposited + report.claimed - report.withdrawn, scale))
  // And all of that is there, but for fees of the shop: on its address, or signed for in a channel.
  const held = world.sandbox.balanceOf(world.shopAddress) - 10_000n * xrp + report.unredeemed
  const short = Drops.toUnits(report.deposited + report.claimed - report.withdrawn - held, scale)
  expect(short).toBe(Drops.toUnits(feesOf(world), scale))
  // XRP itself: the customer has what the shop and its channels have not, less fees.
  expect(wallet.balance()).toBeLessThanOrEqual(10_000n * xrp)
}

/** Of all transactions of the shop that a ledger took. */
function feesOf(world: World): bigint {
  return worldFees.get(world) ?? 0n
}

const worldFees = new WeakMap<World, bigint>()

function countFees(world: World): void {
  world.sandbox.listen({
    closed({ transactions }) {
      for (const { transaction } of transactions) {
        const { Account, Fee } = transaction.fields as { Account: string; Fee: string }
        if (Account === world.shopAddress) worldFees.set(world, feesOf(world) + BigInt(Fee))
      }
    },
  })
}

async function pay(world: World, amount: bigint): Promise<boolean> {
  const source = (await world.ledger.find(alice))?.id
  if (source === undefined) return false
  const fulfillment = Condition.fulfillmentFrom(randomBytes(32))
  const id = TransferId.from(randomBytes(16))
  const condition = Condition.from(hashes.sha256(fulfillment))
  const expiresAt = Instant.after(world.clock.now(), 1_000)
  const { outcomes } = world.ledger.apply([
    {
      type: 'prepare',
      id,
      source,
      target: serverAccount,
      amount,
      condition,
      expiresAt,
      destination: `${prefix}server.x.1`,
      contentHash: 0,
    },
    { type: 'fulfill', source, id, fulfillment },
  ])
  return (await outcomes)[1].status === 'fulfilled'
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function live(day: readonly Step[]): Promise<void> {
  const world = await openWorld({ limits: { withdrawDropsMin: 1n } })
  countFees(world)
  try {
    await world.start()
    const wallet = await world.wallet(seeds.tool)
    const { tag } = await world.customer(alice).deposit(wallet, xrp)
    const { channel } = await world.customer(alice).openChannel(wallet, signer, 100n * xrp)
    await world.quiet()
    let claimed = 0n
    let paid = 0n
    for (const step of day) {
      switch (step.type) {
        case 'deposit':
        case 'untagged': {
          const named = step.type === 'deposit' ? { DestinationTag: tag } : {}
          const fields = { TransactionType: 'Payment', Destination: world.shopAddress, Amount: String(step.drops) }
          await wallet.send({ ...fields, ...named }, step.drops)
          break
        }
        case 'withdraw': {
          const id = Buffer.from(randomBytes(16)).toString('hex')
          // Refused for more than there is; never answered by the dead.
          world
            .ask(alice, [Wire.question({ ask: 'withdraw', id, address: wallet.address, drops: step.drops })])
            .catch(() => {})
          break
        }
        case 'claim':
          claimed = claimed + step.drops < 100n * xrp ? claimed + step.drops : claimed
          if (claimed > 0n) world.shop.claim(Wire.entry('claim', signer.sign(channel, claimed)), { name: alice })
          break
        case 'pay':
          if (await pay(world, step.units)) paid += step.units
          break
        case 'ledger':
          world.closeLedger()
          break
        case 'restart':
          await world.quiet()
          await world.stop()
          await world.start()
          break
        case 'crash': {
          await world.quiet()
          await world.stop()
          const kill = killAt(step.at, step.when)
          await world.start(kill)
          await wallet.send({ TransactionType: 'AccountSet' }, 0n)
          world.shop.claim(Wire.entry('claim', signer.sign(channel, claimed + 1n)), { name: alice })
          const id = Buffer.from(randomBytes(16)).toString('hex')
          world
            .ask(alice, [Wire.question({ ask: 'withdraw', id, address: wallet.address, drops: 1_000n })])
            .catch(() => {})
          await turns(60)
          await world.start()
          break
        }
      }
    }
    await world.quiet()
    await world.quiet()
    await assertSound(world, wallet, paid)
  } finally {
    await world.close()
  }
}

test('no XRP is made and none is lost, whatever comes in whatever order', { timeout: 120_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 3, maxLength: 14 }), live), {
    numRuns: 25,
    endOnFailure: false,
  })
})
