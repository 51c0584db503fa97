/**
 * Two plugins on a sandbox whose ledgers close as soon as something waits for one, and whose clock is driven: escrows
 * without a second of waiting.
 */
import { hashes } from '@millstream/hashes'
import { createManualClock, type ManualClock, type PairedPlugins } from '@millstream/plugin/testing'
import { createSandbox, type Sandbox, type SandboxOptions, xrp } from '@millstream/xrp-sandbox'
import { connectXrpl } from '../connect-xrpl.js'
import { createXrpPlugin, type XrpPlugin, type XrpPluginOptions } from '../plugin.js'
import * as RippleTime from '../ripple-time.js'
import { signerFromSeed } from '../signer.js'
import type { XrpEvent } from '../xrp-event.js'

/** The seeds that the Letter Shop tutorial has printed. */
export const seeds = { shop: 'ssGjGT4sz4rp2xahcDj87P71rTYXo', tool: 'sndb5JDdyWiHZia9zv44zSr2itRy1' } as const

export const prefix = 'test.crypto.xrp.'

export interface TestLedger {
  readonly sandbox: Sandbox
  readonly clock: ManualClock
  /** Closes a ledger at the time of the clock, or a second after the one before. */
  closeLedger(): void
  /** Ledgers close by themselves when something waits for one. True at first. */
  closesByItself: boolean
  open(seed: keyof typeof seeds, options?: Partial<XrpPluginOptions>): Promise<TestPlugin>
  /** Resolves when all plugins have read the last ledger and have nothing under way. */
  quiet(): Promise<void>
  /** Lets everything that waits for nothing from outside be done: some turns of the event loop, sockets included. */
  quietTurn(): Promise<void>
  /** What the network has taken from an account. */
  feesOf(address: string): bigint
  close(): Promise<void>
}

export interface TestPlugin extends XrpPlugin {
  readonly events: XrpEvent[]
}

export async function openTestLedger(options: SandboxOptions = {}): Promise<TestLedger> {
  const clock = createManualClock()
  const sandbox = await createSandbox({ closeEveryMs: 'manual', clock: clock.now, ...options })
  const plugins = new Set<XrpPlugin>()
  const fees = new Map<string, bigint>()
  let isCloseDue = false
  sandbox.listen({
    proposed() {
      if (!ledger.closesByItself || isCloseDue) return
      isCloseDue = true
      // What is submitted in the same run of the event loop goes along.
      setImmediate(() => {
        isCloseDue = false
        closeLedger()
      })
    },
    closed(closed) {
      for (const { transaction } of closed.transactions) {
        const { Account, Fee } = transaction.fields as { Account: string; Fee: string }
        fees.set(Account, (fees.get(Account) ?? 0n) + BigInt(Fee))
      }
    },
  })

  function closeLedger(): void {
    const now = RippleTime.floor(clock.now())
    sandbox.closeLedger(Math.max(now, sandbox.lastLedger.closeTime + 1))
  }

  const ledger: TestLedger = {
    sandbox,
    clock,
    closeLedger,
    closesByItself: true,
    async open(seed, change = {}) {
      const events: XrpEvent[] = []
      const plugin = createXrpPlugin({
        server: connectXrpl({ url: sandbox.url, limits: { reconnectMs: 1 } }),
        signer: signerFromSeed(seeds[seed]),
        prefix,
        dropsMin: 1n,
        clock: clock.now,
        hashes,
        observer: (event) => events.push(event),
        ...change,
      })
      plugins.add(plugin)
      await plugin.connect()
      const { close } = plugin
      return Object.assign(plugin, {
        events,
        async close() {
          plugins.delete(plugin)
          await close()
        },
      })
    },
    async quiet() {
      const isQuiet = () =>
        !isCloseDue &&
        [...plugins].every((plugin) => {
          const { ledger: read, inFlight } = plugin.account()
          return read === sandbox.lastLedger.index && inFlight === 0
        })
      // A few turns more: what was read last may have brought something new.
      for (let turns = 0; turns < 20; turns = isQuiet() ? turns + 1 : 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async quietTurn() {
      for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve))
    },
    feesOf: (address) => fees.get(address) ?? 0n,
    async close() {
      await Promise.all([...plugins].map((plugin) => plugin.close()))
      await sandbox.close()
    },
  }
  return ledger
}

/** The tool pays the shop. */
export async function openSandboxPair(): Promise<PairedPlugins & { readonly ledger: TestLedger }> {
  const fund = Object.fromEntries(Object.values(seeds).map((seed) => [signerFromSeed(seed).address, 100n * xrp]))
  const ledger = await openTestLedger({ fund })
  const [tool, shop] = [await ledger.open('tool'), await ledger.open('shop')]
  return {
    ledger,
    payer: tool,
    payee: shop,
    hashes,
    clock: ledger.clock.now,
    get spendable() {
      return tool.account().spendable
    },
    async advance(ms) {
      await ledger.quiet()
      ledger.clock.advance(ms)
      // The ledger lets an escrow live through the second of its expiry.
      ledger.closeLedger()
      ledger.closeLedger()
      await ledger.quiet()
    },
    async fees() {
      return {
        payer: ledger.feesOf(tool.account().address),
        payee: ledger.feesOf(shop.account().address),
      }
    },
    cut: () => ledger.sandbox.disconnectAll(),
    close: () => ledger.close(),
  }
}
