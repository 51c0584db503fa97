/**
 * A shop's settlement and customers on a sandbox whose ledgers close when something waits for one: no second is waited.
 * The shop can be killed at any of its durable steps, and started again on what it has left.
 */
import type { BtpFrame } from '@millstream/codec'
import { hashes, randomBytes } from '@millstream/hashes'
import { createMemoryStore as createLedger, type Store } from '@millstream/ledger'
import { createManualClock, type ManualClock } from '@millstream/plugin/testing'
import { createSandbox, type Sandbox, xrp } from '@millstream/xrp-sandbox'
import { createXrpAccount } from '../account.js'
import { connectXrpl } from '../connect-xrpl.js'
import * as RippleTime from '../ripple-time.js'
import type { XrpServer } from '../server.js'
import { createXrpCustomer, type XrpCustomer } from '../settlement/customer.js'
import type { SettlementLimits } from '../settlement/limits.js'
import { createXrpSettlement, type XrpSettlement } from '../settlement/settlement.js'
import { createXrpWallet, type XrpWallet } from '../settlement/wallet.js'
import { signerFromSeed } from '../signer.js'
import { createMemoryStore, type XrpStore } from '../store.js'
import type { XrpEvent } from '../xrp-event.js'
import { seeds } from './sandbox-pair.js'

export const prefix = 'g.letter-shop.mytrustline.'
export const scale = 9
/** A name as strong tokens give it. */
export const alice = 'alice-alice-alice-alic'
export const bob = 'bob-bob-bob-bob-bob-bo'

export interface World {
  readonly sandbox: Sandbox
  readonly clock: ManualClock
  readonly ledger: Store
  readonly shopStore: XrpStore
  readonly events: XrpEvent[]
  /** The running shop. */
  readonly shop: XrpSettlement
  readonly shopAddress: string
  closesByItself: boolean
  closeLedger(): void
  /** Starts a shop; without waiting for it, if it may be killed on the way. */
  start(kill?: Kill): Promise<void>
  stop(): Promise<void>
  /** Asks the shop in the name of an account. */
  ask(name: string, data: BtpFrame.ProtocolData): Promise<BtpFrame.ProtocolData>
  customer(name: string): XrpCustomer
  wallet(seed: string): Promise<XrpWallet>
  /** Until the shop has read the last ledger and nothing is under way. */
  quiet(): Promise<void>
  balance(name: string): Promise<bigint>
  close(): Promise<void>
}

/** Ends a shop at its step number `at`: before the step takes effect, or right after. Nothing is answered any more. */
export interface Kill {
  readonly at: number
  readonly when: 'before' | 'after'
  steps: number
  isDead: boolean
}

export function killAt(at: number, when: Kill['when']): Kill {
  return { at, when, steps: 0, isDead: false }
}

export async function openWorld(
  options: {
    readonly limits?: Partial<SettlementLimits>
    readonly creditLimit?: bigint
    /** How many ledgers the server remembers. */
    readonly historyLedgers?: number
  } = {},
): Promise<World> {
  const clock = createManualClock()
  const fund = Object.fromEntries(Object.values(seeds).map((seed) => [signerFromSeed(seed).address, 10_000n * xrp]))
  const { historyLedgers } = options
  const sandbox = await createSandbox({
    ...{ closeEveryMs: 'manual', clock: clock.now, fund },
    ...(historyLedgers === undefined ? undefined : { history: { ledgers: historyLedgers } }),
  })
  const strangersCreditMax = (options.creditLimit ?? 0n) * 100n
  const ledger = createLedger({ clock: clock.now, hashes, limits: { strangersCreditMax } })
  const shopStore = createMemoryStore()
  const wallets: XrpWallet[] = []
  /** Those of the dead too: nobody closes them else. */
  const servers: XrpServer[] = []
  const events: XrpEvent[] = []
  let shop: XrpSettlement | undefined
  let isCloseDue = false
  sandbox.listen({
    proposed() {
      if (!world.closesByItself || isCloseDue) return
      isCloseDue = true
      setImmediate(() => {
        isCloseDue = false
        world.closeLedger()
      })
    },
  })

  const world: World = {
    sandbox,
    clock,
    ledger,
    shopStore,
    events,
    shopAddress: signerFromSeed(seeds.shop).address,
    get shop() {
      return shop!
    },
    closesByItself: true,
    closeLedger() {
      sandbox.closeLedger(Math.max(RippleTime.floor(clock.now()), sandbox.lastLedger.closeTime + 1))
    },
    async start(kill = killAt(Number.POSITIVE_INFINITY, 'before')) {
      const server = mortalServer(connectXrpl({ url: sandbox.url, limits: { reconnectMs: 1 } }), kill)
      const store = mortalStore(shopStore, kill)
      servers.push(server)
      shop = createXrpSettlement({
        ledger: mortalLedger(ledger, kill),
        ...{ prefix, scale, server, clock: clock.now, creditLimit: options.creditLimit ?? 0n },
        ...(options.limits === undefined ? undefined : { limits: options.limits }),
        account: (user) =>
          createXrpAccount({ server, signer: signerFromSeed(seeds.shop), store, clock: clock.now, timers }, user),
        observer: (event) => events.push(event),
      })
      await Promise.race([shop.open(), untilDead(kill)])
    },
    async stop() {
      await shop?.close()
    },
    async ask(name, [question]) {
      return [await shop!.answer(question!, { name })]
    },
    customer: (name) =>
      createXrpCustomer({
        ask: (data) => world.ask(name, data),
        account: prefix + name,
        randomBytes,
        pause: () => world.quiet(),
      }),
    async wallet(seed) {
      const wallet = createXrpWallet({
        server: connectXrpl({ url: sandbox.url, limits: { reconnectMs: 1 } }),
        signer: signerFromSeed(seed),
        store: createMemoryStore(),
        clock: clock.now,
        timers,
        randomBytes,
      })
      await wallet.open()
      wallets.push(wallet)
      return wallet
    },
    async quiet() {
      for (let turns = 0; turns < 10; turns++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (isCloseDue) turns = 0
        await shop!.settled()
        const read = JSON.parse((await shopStore.load()).get('read') ?? '{}') as { index?: number }
        if (read.index !== sandbox.lastLedger.index) turns = 0
      }
    },
    async balance(name) {
      return (await ledger.find(name))?.posted ?? 0n
    },
    async close() {
      await Promise.all(wallets.map((wallet) => wallet.close()))
      await shop?.close()
      await Promise.all(servers.map((server) => server.close()))
      await sandbox.close()
    },
  }
  return world
}

const timers = {
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
}

function untilDead(kill: Kill): Promise<void> {
  return new Promise((resolve) => {
    const look = () => (kill.isDead ? resolve() : setImmediate(look).unref())
    look()
  })
}

const never = new Promise<never>(() => {})

/** Counts a step; whoever is dead gets no further. */
function step<Result>(kill: Kill, act: () => Result): Result | Promise<never> {
  if (kill.isDead) return never
  kill.steps++
  if (kill.steps !== kill.at) return act()
  kill.isDead = true
  if (kill.when === 'after') act()
  return never
}

function mortalStore(store: XrpStore, kill: Kill): XrpStore {
  return {
    ...store,
    load: () => store.load(),
    posted: (after) => store.posted(after),
    get lastCursor() {
      return store.lastCursor
    },
    write: (write) => Promise.resolve(step(kill, () => store.write(write))),
    close: async () => undefined,
  }
}

function mortalLedger(ledger: Store, kill: Kill): Store {
  return new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'apply') return typeof value === 'function' ? value.bind(target) : value
      return (commands: Parameters<Store['apply']>[0]) => {
        if (!kill.isDead && kill.steps + 1 !== kill.at) {
          kill.steps++
          return target.apply(commands)
        }
        const batch = step(kill, () => target.apply(commands))
        return batch instanceof Promise ? { outcomes: never, expired: never, durable: never } : batch
      }
    },
  })
}

function mortalServer(server: XrpServer, kill: Kill): XrpServer {
  return {
    name: server.name,
    get isConnected() {
      return server.isConnected
    },
    open: (events) =>
      server.open({
        connected: () => kill.isDead || events.connected(),
        disconnected: () => kill.isDead || events.disconnected(),
        ledgerClosed: (message) => kill.isDead || events.ledgerClosed(message),
        transaction: (message) => kill.isDead || events.transaction(message),
      }),
    request(request) {
      if (kill.isDead) return never
      if (request.command !== 'submit') return server.request(request)
      return Promise.resolve(step(kill, () => server.request(request)))
    },
    close: () => server.close(),
  }
}
