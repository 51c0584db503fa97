/**
 * The same payments on any XRP Ledger, in its own time: always on the sandbox, and on the server that
 * MILLSTREAM_TEST_XRP names, a test network (`wss://…`) or a `rippled -a` of this machine (`ws://127.0.0.1:6006`).
 */
import { hashes, systemClock } from '@millstream/hashes'
import { createSandbox, xrp } from '@millstream/xrp-sandbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, Wallet, xrpToDrops } from 'xrpl'
import { createXrpPlugin, type XrpPlugin } from './plugin.js'
import { type Signer, signerFromSeed, signerFromWallet } from './signer.js'
import { createMemoryStore } from './store.js'
import { payeeOf, payment } from './testing/payments.js'
import { prefix, seeds } from './testing/sandbox-pair.js'

interface World {
  readonly url: string
  readonly payer: Signer
  readonly payee: Signer
  /** Long enough for an escrow to be made, and not longer. */
  readonly expiresInMs: number
  close(): Promise<void>
}

async function openSandboxWorld(): Promise<World> {
  const [payer, payee] = [signerFromSeed(seeds.tool), signerFromSeed(seeds.shop)]
  const fund = { [payer.address]: 100n * xrp, [payee.address]: 100n * xrp }
  const sandbox = await createSandbox({ closeEveryMs: 500, fund })
  return { url: sandbox.url, payer, payee, expiresInMs: 8000, close: sandbox.close }
}

/** The account that has everything on a stand-alone server that began its own ledger. */
const masterSeed = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'

async function openServerWorld(url: string): Promise<World> {
  const client = new Client(url)
  await client.connect()
  const wallets = [Wallet.generate(), Wallet.generate()] as const
  const accept = () => client.request({ command: 'ledger_accept' } as never)
  const isStandAlone = await accept().then(
    () => true,
    () => false,
  )
  // A stand-alone server closes a ledger when it is told to.
  const timer = isStandAlone ? setInterval(() => void accept().catch(() => undefined), 1000) : undefined
  for (const wallet of wallets) {
    if (!isStandAlone) {
      await client.fundWallet(wallet)
      continue
    }
    const master = Wallet.fromSeed(masterSeed, { algorithm: 'ecdsa-secp256k1' as never })
    const { classicAddress: Account } = master
    const Amount = xrpToDrops(100)
    const paid = { TransactionType: 'Payment', Account, Destination: wallet.classicAddress, Amount } as const
    await client.submitAndWait(paid, { wallet: master })
  }
  return {
    url,
    payer: signerFromWallet(wallets[0]),
    payee: signerFromWallet(wallets[1]),
    expiresInMs: 25_000,
    async close() {
      clearInterval(timer)
      await client.disconnect()
    },
  }
}

const server = process.env.MILLSTREAM_TEST_XRP

describe('payments on the sandbox, in its own time', () => suite(openSandboxWorld))

if (server === undefined) {
  describe('payments on a real server', () => {
    it.skip('skipped: set MILLSTREAM_TEST_XRP to the WebSocket URL of a test network or of rippled -a', () => {})
  })
} else {
  describe(`payments on ${server}`, () => suite(() => openServerWorld(server)))
}

function suite(openWorld: () => Promise<World>): void {
  const waitMs = 120_000
  let world: World
  const plugins: XrpPlugin[] = []

  beforeAll(async () => {
    world = await openWorld()
  }, waitMs)
  afterAll(async () => {
    await Promise.all(plugins.map((plugin) => plugin.close()))
    await world.close()
  })

  async function open(signer: Signer, change: Partial<Parameters<typeof createXrpPlugin>[0]> = {}): Promise<XrpPlugin> {
    const plugin = createXrpPlugin({
      server: world.url,
      signer,
      prefix,
      dropsMin: 1n,
      clock: systemClock,
      hashes,
      ...change,
    })
    plugins.push(plugin)
    await plugin.connect()
    return plugin
  }

  it(
    'are fulfilled, many at once, and add up to the drop',
    async () => {
      const [payer, payee] = [await open(world.payer), await open(world.payee)]
      const some = Array.from({ length: 12 }, () => payment(payee.info().account, systemClock()))
      const seen = payeeOf(some)
      payee.receive(seen)
      const before = { payer: await payer.balance(), payee: await payee.balance() }
      const outcomes = await Promise.all(some.map(({ transfer }) => payer.send(transfer)))
      expect(outcomes).toEqual(some.map(({ fulfillment }) => ({ status: 'fulfilled', fulfillment })))
      while (seen.settlements.length < 12) await new Promise((resolve) => setImmediate(resolve))
      const after = { payer: await payer.balance(), payee: await payee.balance() }
      // Twelve times five drops, and fees on top.
      expect(before.payer - after.payer).toBeGreaterThanOrEqual(60n + 12n * 10n)
      expect(after.payee - before.payee).toBeLessThanOrEqual(60n - 12n * 350n)
      expect(payer.account()).toMatchObject({ held: 0n, openEscrows: 0 })
    },
    waitMs,
  )

  it(
    'come back when nobody takes them',
    async () => {
      const limits = { expiryMarginMs: 1000 }
      const payer = await open(world.payer, { limits })
      const expiresAt = (systemClock() + world.expiresInMs) as ReturnType<typeof systemClock>
      const { transfer } = payment(prefix + world.payee.address, systemClock(), { expiresAt })
      const before = payer.account().spendable
      expect(await payer.send(transfer)).toEqual({ status: 'expired' })
      while (payer.account().openEscrows > 0) await new Promise((resolve) => setImmediate(resolve))
      expect(payer.account().spendable).toBeGreaterThan(before - 100n)
    },
    waitMs,
  )

  it(
    'go on over a restart of both sides',
    async () => {
      const stores = { payer: createMemoryStore(), payee: createMemoryStore() }
      const first = await open(world.payer, { store: stores.payer })
      const one = payment(prefix + world.payee.address, systemClock())
      await new Promise<void>((held) => void first.send(one.transfer, { held }))
      await first.close()
      const payee = await open(world.payee, { store: stores.payee })
      payee.receive(payeeOf([one]))
      const second = await open(world.payer, { store: stores.payer })
      expect(await second.send(one.transfer)).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    },
    waitMs,
  )
}
