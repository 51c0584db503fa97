/** A shop on a ledger in memory, with a clock that is driven and a body that is looked at: for the tests. */
import { Derivation } from '@millstream/codec'
import { hashes, randomBytes } from '@millstream/hashes'
import type { Cursor, IncomingTransfer, Plugin, SendOutcome } from '@millstream/plugin'
import { createManualClock, createPluginPair, encodePayment, type PluginPairOptions } from '@millstream/plugin/testing'
import { Condition, Instant, type Timers, TransferId } from '@millstream/units'
import {
  type Body,
  createMemoryStreamStore,
  createShop,
  type Offer,
  type PaidStream,
  type ShopEvent,
  type ShopLimits,
  type ShopOptions,
  type StreamStore,
} from '../index.js'

export const shopKey = new Uint8Array(32).fill(7)

export interface TestBody extends Body {
  text(): string
  /** One for each write. */
  readonly writes: string[]
  state: 'open' | 'ended' | 'destroyed'
  /** What `write` answers. */
  room: boolean
}

export function createTestBody(): TestBody {
  const body: TestBody = {
    writes: [],
    state: 'open',
    room: true,
    text: () => body.writes.join(''),
    write(bytes) {
      if (body.state !== 'open') throw new Error('The body is closed.')
      body.writes.push(Buffer.from(bytes).toString())
      return body.room
    },
    end() {
      body.state = 'ended'
    },
    destroy() {
      body.state = 'destroyed'
    },
  }
  return body
}

/** What a payer knows of a stream. */
export type Payable = Pick<PaidStream, 'address' | 'secret' | 'price'>

export interface PayOptions {
  readonly from?: Plugin
  readonly amount?: bigint
  readonly packetAmount?: bigint
  readonly expiresInMs?: number
  readonly condition?: Uint8Array
  /** What comes after the shop's account, in place of the stream and the number. */
  readonly address?: string
}

export interface ManualTimers extends Timers {
  /** Runs what is due. */
  run(): void
}

export function createManualTimers(clock: Instant.Clock): ManualTimers {
  const timers = new Map<object, { readonly at: number; readonly callback: () => void }>()
  return {
    setTimeout(callback, ms) {
      const timer = {}
      timers.set(timer, { at: clock() + ms, callback })
      return timer
    },
    clearTimeout: (timer) => void timers.delete(timer as object),
    run() {
      for (const [timer, { at, callback }] of [...timers]) {
        if (at > clock() || !timers.delete(timer)) continue
        callback()
      }
    },
  }
}

export async function openTestShop(
  options: {
    readonly limits?: Partial<ShopLimits>
    readonly streams?: StreamStore
    readonly pair?: Partial<PluginPairOptions>
    readonly plugin?: (plugin: Plugin) => Plugin
    readonly shop?: Partial<ShopOptions>
  } = {},
) {
  const clock = createManualClock()
  const timers = createManualTimers(clock.now)
  const pair = createPluginPair({ clock: clock.now, hashes, ...options.pair })
  const events: ShopEvent[] = []
  const streams = options.streams ?? createMemoryStreamStore()
  const plugin = options.plugin?.(pair.payee) ?? pair.payee
  const shopOptions: ShopOptions = {
    plugin,
    streams,
    key: shopKey,
    clock: clock.now,
    hashes,
    randomBytes,
    timers,
    observer: (event) => events.push(event),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...options.shop,
  }
  const shop = await createShop(shopOptions)
  const { payer } = pair
  const { account } = pair.payee.info()

  return {
    shop,
    shopOptions,
    pair,
    payer,
    clock,
    timers,
    streams,
    events,
    open(offer: Partial<Offer> & Pick<Offer, 'content'>) {
      const body = createTestBody()
      const stream = shop.open({ resource: '/', price: 1n, piece: 'letter', ...offer }, body)
      return { stream, body }
    },
    /** Pays a stream, with this number. */
    pay(stream: Payable, number: number | string, change: PayOptions = {}): Promise<SendOutcome> {
      const amount = change.amount ?? stream.price
      const destination = change.address === undefined ? `${stream.address}.${number}` : account + change.address
      const fulfillment = Derivation.tutorial(hashes, stream.secret)(destination)
      return (change.from ?? payer).send({
        id: TransferId.from(randomBytes(16)),
        amount,
        condition: Condition.from(change.condition ?? hashes.sha256(fulfillment)),
        expiresAt: Instant.after(clock.now(), change.expiresInMs ?? 30_000),
        packet: encodePayment(change.packetAmount ?? amount, destination),
      })
    },
    /** The same payment as the plugin hands it to the shop, for tests that are the plugin. */
    incoming(stream: Payable, number: number, change: Partial<IncomingTransfer> = {}): IncomingTransfer {
      const amount = change.amount ?? stream.price
      const destination = `${stream.address}.${number}`
      const fulfillment = Derivation.tutorial(hashes, stream.secret)(destination)
      return {
        id: TransferId.from(randomBytes(16)),
        source: payer.info().account,
        amount,
        condition: Condition.from(hashes.sha256(fulfillment)),
        expiresAt: Instant.after(clock.now(), 30_000),
        packet: encodePayment(amount, destination),
        destination,
        destinationAmount: amount,
        ...change,
      }
    },
    /** What the payer's account has posted. */
    async spent(plugin: Plugin = payer): Promise<bigint> {
      return -(await plugin.balance())
    },
    /** Moves the clock, and lets shop and ledger see what time it is. */
    async advance(ms: number): Promise<void> {
      clock.advance(ms)
      timers.run()
      pair.sweep()
      await quiet()
    },
    named: <Name extends ShopEvent['name']>(name: Name) =>
      events.filter((event): event is Extract<ShopEvent, { name: Name }> => event.name === name),
  }
}

/** A place in the feed. */
export const at = (cursor: number) => cursor as Cursor

/** Until everything in this process that waits for nothing from outside is done. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Content whose chunks are let in by hand. */
export function createHandFed() {
  const state = { reads: 0, closed: false }
  let give: ((chunk: Uint8Array | undefined) => void) | undefined
  let fail: ((error: Error) => void) | undefined
  return {
    state,
    reader: {
      read() {
        state.reads++
        return new Promise<Uint8Array | undefined>((resolve, reject) => {
          give = resolve
          fail = reject
        })
      },
      close() {
        state.closed = true
      },
    },
    async feed(text: string | undefined) {
      give?.(text === undefined ? undefined : new TextEncoder().encode(text))
      await quiet()
    },
    async fail() {
      fail?.(new Error('the source broke'))
      await quiet()
    },
  }
}
