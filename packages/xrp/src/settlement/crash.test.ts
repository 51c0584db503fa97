/** The shop is killed before and after each of its durable steps, started again, and everything must be as if not. */
import { xrp } from '@millstream/xrp-sandbox'
import { expect, test } from 'vitest'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, type Kill, killAt, openWorld, type World } from '../testing/settlement-world.js'
import * as Claim from './claim.js'
import type { XrpWallet } from './wallet.js'
import * as Wire from './wire.js'

const unitsPerXrp = 1_000_000_000n
const id = '0123456789abcdef0123456789abcdef'

interface Story {
  /** With a shop that lives. */
  readonly before: (world: World, wallet: XrpWallet) => Promise<void>
  /** What happens while the shop may be killed; nothing of it is waited for that a dead shop does not answer. */
  readonly during: (world: World, wallet: XrpWallet) => Promise<void>
  /** With a shop that was started again. */
  readonly after: (world: World, wallet: XrpWallet) => Promise<void>
}

/** Runs a story once to count its steps, then with a kill at each of them. */
async function killEverywhere(story: Story): Promise<number> {
  const steps = await tell(story, killAt(Number.POSITIVE_INFINITY, 'before'))
  for (let at = 1; at <= steps; at++) {
    for (const when of ['before', 'after'] as const) await tell(story, killAt(at, when))
  }
  return steps
}

async function tell(story: Story, kill: Kill): Promise<number> {
  const world = await openWorld()
  const told = `killed ${kill.when} step ${kill.at}`
  try {
    await world.start()
    const wallet = await world.wallet(seeds.tool)
    await story.before(world, wallet)
    await world.quiet()
    await world.stop()
    await world.start(kill)
    await story.during(world, wallet)
    if (!kill.isDead) await world.quiet()
    await world.start()
    await world.quiet()
    await story.after(world, wallet)
    await world.quiet()
    expect((await world.ledger.check()).ok, told).toBe(true)
    return kill.steps
  } catch (error) {
    throw new Error(`${told}: ${String(error)}`, { cause: error })
  } finally {
    await world.close()
  }
}

/** Lets a while of the event loop pass: whoever lives comes to an end in it. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('a deposit is credited once, wherever the shop is killed', { timeout: 120_000 }, async () => {
  let tag = 0
  const steps = await killEverywhere({
    async before(world, wallet) {
      tag = (await world.customer(alice).deposit(wallet, 1n)).tag
    },
    async during(world, wallet) {
      const fields = { TransactionType: 'Payment', Destination: world.shopAddress, DestinationTag: tag }
      await wallet.send({ ...fields, Amount: String(5n * xrp) }, 5n * xrp)
      await wallet.send({ ...fields, Amount: String(7n * xrp) }, 7n * xrp)
      await turns(50)
    },
    async after(world) {
      expect(await world.balance(alice)).toBe(12n * unitsPerXrp + 1_000n)
    },
  })
  expect(steps).toBeGreaterThan(6)
})

test('a withdrawal is paid once and debited once, wherever the shop is killed', { timeout: 120_000 }, async () => {
  const steps = await killEverywhere({
    async before(world, wallet) {
      await world.customer(alice).deposit(wallet, 10n * xrp)
    },
    async during(world, wallet) {
      void world.ask(alice, [Wire.question({ ask: 'withdraw', id, address: wallet.address, drops: 4n * xrp })])
      await turns(100)
    },
    async after(world, wallet) {
      // Asked again under its id: paid before, paid now, but once.
      const answer = await world.customer(alice).withdraw(wallet.address, 4n * xrp, id)
      expect(answer.status).toBe('paid')
      expect(await world.balance(alice)).toBe(6n * unitsPerXrp)
      expect(world.sandbox.balanceOf(wallet.address)).toBe(10_000n * xrp - 6n * xrp - 10n)
    },
  })
  expect(steps).toBeGreaterThan(5)
})

test('a withdrawal that fails on the ledger is given back once, wherever the shop is killed', {
  timeout: 120_000,
}, async () => {
  const steps = await killEverywhere({
    async before(world, wallet) {
      await world.customer(alice).deposit(wallet, 10n * xrp)
      // It asks for tags from here on, and none is known.
      await wallet.send({ TransactionType: 'AccountSet', SetFlag: 1 }, 0n)
    },
    async during(world, wallet) {
      void world.ask(alice, [Wire.question({ ask: 'withdraw', id, address: wallet.address, drops: 4n * xrp })])
      await turns(100)
    },
    async after(world, wallet) {
      const answer = await world.customer(alice).withdraw(wallet.address, 4n * xrp, id)
      expect(answer).toMatchObject({ status: 'returned', reason: 'tecDST_TAG_NEEDED' })
      expect(await world.balance(alice)).toBe(10n * unitsPerXrp)
    },
  })
  expect(steps).toBeGreaterThan(6)
})

test('claims are credited up to the largest, once, wherever the shop is killed', { timeout: 120_000 }, async () => {
  const signer = Claim.signerFromSeed(seeds.tool)
  const steps = await killEverywhere({
    async before(world, wallet) {
      await world.customer(alice).openChannel(wallet, signer, 50n * xrp)
    },
    async during(world) {
      const [channel] = await Promise.race([
        world
          .customer(alice)
          .state()
          .then(({ channels }) => channels),
        turns(20).then(() => []),
      ])
      if (channel === undefined) return
      // So close to each other that one comes while another is on its way into the ledger.
      for (let drops = 1n; drops <= 9n; drops++) {
        world.shop.claim(Wire.entry('claim', signer.sign(channel.channel, drops * xrp)), { name: alice })
        for (let n = 0n; n < drops; n++) await Promise.resolve()
      }
      await turns(30)
    },
    async after(world) {
      const [channel] = (await world.customer(alice).state()).channels
      // Whatever was kept is credited; what was not is signed again with the next.
      expect(await world.balance(alice)).toBe(channel!.claimed! * 1_000n)
      world.shop.claim(Wire.entry('claim', signer.sign(channel!.channel, 12n * xrp)), { name: alice })
      await world.quiet()
      expect(await world.balance(alice)).toBe(12n * unitsPerXrp)
      await world.customer(alice).closeChannels()
      expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_012n * xrp - 10n - (await redeemFees(world)))
    },
  })
  expect(steps).toBeGreaterThan(4)
})

/** Fees of what the shop redeemed before it closed the channel. */
async function redeemFees(world: World): Promise<bigint> {
  const redeems = new Set(world.events.flatMap((event) => (event.name === 'xrp.redeemed' ? [event.hash] : [])))
  return BigInt(redeems.size - 1) * 10n
}
