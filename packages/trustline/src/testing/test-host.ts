/** A host on a ledger in memory, with a clock of its own and raw customers. */
import { BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { createMemoryStore, type LedgerLimits, type Store } from '@millstream/ledger'
import type { IncomingTransfer, Payee, Rejection, SettledOutcome } from '@millstream/plugin'
import { Condition, Instant, TransferId } from '@millstream/units'
import { createTrustlineHost, type TrustlineHost, type TrustlineHostOptions } from '../host.js'
import { type Strangers, strangersTotal } from '../strangers.js'
import type { TrustlineEvent } from '../trustline-event.js'
import { createManualTimers, type ManualTimers } from './manual-timers.js'
import { authFrame, createRawCustomer, type RawCustomer } from './raw-customer.js'

export interface TestHost {
  readonly host: TrustlineHost
  readonly store: Store
  readonly timers: ManualTimers
  readonly events: { readonly name: string }[]
  /** Connects and sends the credentials. */
  connect(username?: string, token?: string, remoteAddress?: string): Promise<RawCustomer>
  /** Connects and says nothing. */
  connectSilently(remoteAddress?: string): RawCustomer
  /** Lets everything that was sent be decided and answered. */
  settle(): Promise<void>
  /** Moves the clock, runs timers, then settles. */
  advance(ms: number): Promise<void>
  /** The process ends without a word: none of its timers runs any more, and it decides nothing. */
  kill(): void
  /** The balance of the server. */
  balance(): Promise<bigint>
}

export interface TestHostOptions extends Partial<Omit<TrustlineHostOptions, 'timers' | 'clock'>> {
  readonly timers?: ManualTimers
  readonly ledgerLimits?: Partial<LedgerLimits>
  readonly payee?: Payee
}

export const prefix = 'g.letter-shop.mytrustline.'
export const credit: Strangers = { policy: 'credit', each: 1_000n, total: 10_000n }

export function openTestHost(options: TestHostOptions = {}): TestHost {
  const timers = options.timers ?? createManualTimers()
  const strangers = options.strangers ?? credit
  const limits = { strangersCreditMax: strangersTotal(strangers), ...options.ledgerLimits }
  const store = options.store ?? createMemoryStore({ clock: timers.clock, hashes, limits })
  const events: TrustlineEvent[] = []
  let made = 0
  let isAlive = true
  const host = createTrustlineHost({
    prefix,
    asset: { code: 'XRP', scale: 9 },
    hashes,
    randomBytes: (length) => hashes.sha256(Uint8Array.of(++made & 0xff, made >> 8)).slice(0, length),
    observer: (event) => events.push(event as TrustlineEvent),
    ...options,
    strangers,
    store: untilDeath(store, () => isAlive),
    clock: timers.clock,
    timers: {
      setTimeout: (callback, ms) => timers.setTimeout(() => isAlive && callback(), ms),
      clearTimeout: timers.clearTimeout,
    },
  })
  if (options.payee !== undefined) host.receive(options.payee)

  const testHost: TestHost = {
    host,
    store,
    timers,
    events,
    connectSilently(remoteAddress = '192.0.2.1') {
      return createRawCustomer((socket) => host.accept({ socket, remoteAddress }))
    },
    async connect(username = 'alice', token = 'a token of sixteen bytes', remoteAddress = '192.0.2.1') {
      const customer = testHost.connectSilently(remoteAddress)
      customer.send(authFrame(1, username, token))
      await host.ready
      await testHost.settle()
      return customer
    },
    async settle() {
      // An answer may bring forth another request, of the host or of a customer.
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        await host.settled()
      }
    },
    async advance(ms) {
      timers.advance(ms)
      host.sweep()
      await testHost.settle()
    },
    kill() {
      isAlive = false
    },
    balance: () => host.balance(),
  }
  return testHost
}

/** The store as a process sees it that may be killed. */
function untilDeath(store: Store, isAlive: () => boolean): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...parameters: unknown[]) => {
        if (!isAlive()) throw new Error('This process was killed.')
        return Reflect.apply(Reflect.get(target, name) as () => unknown, target, parameters)
      }
    },
  })
}

/** Payment number `n` and what fulfills it. */
export interface TestPayment {
  readonly id: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment
  readonly frame: BtpFrame.PrepareFrame
  readonly destination: string
}

export function payment(
  n: number,
  amount: bigint,
  now: Instant.Instant,
  change: Partial<BtpFrame.PrepareFrame> = {},
): TestPayment {
  const seed = Uint8Array.of(n & 0xff, n >> 8)
  const fulfillment = Condition.fulfillmentFrom(hashes.sha256(seed))
  const id = TransferId.from(hashes.sha256(Uint8Array.of(1, ...seed)).slice(0, 16))
  const destination = `${prefix}server.user.${n}`
  const packet = IlpPacket.encodePayment(amount, destination)
  const frame: BtpFrame.PrepareFrame = {
    type: 'prepare',
    requestId: 1_000 + n,
    transferId: id,
    amount,
    condition: Condition.from(hashes.sha256(fulfillment)),
    expiresAt: Instant.after(now, 30_000),
    protocolData: [{ name: 'ilp', contentType: BtpFrame.contentType.octets, data: packet }],
    ...change,
  }
  return { id, fulfillment, frame, destination }
}

export interface TestPayee extends Payee {
  readonly checked: IncomingTransfer[]
  readonly held: IncomingTransfer[]
  readonly settlements: { readonly transfer: IncomingTransfer; readonly outcome: SettledOutcome }[]
  /** Answers the payment that was asked for as number `index`, where the payee is slow. */
  answer(index: number, value: Condition.Fulfillment | Rejection): void
}

/** Fulfills at once what `payment` makes. */
export function quickPayee(check: (transfer: IncomingTransfer) => Rejection | undefined = () => undefined): TestPayee {
  return recordingPayee(check, (transfer) => {
    const n = Number(transfer.destination.split('.').at(-1))
    return Condition.fulfillmentFrom(hashes.sha256(Uint8Array.of(n & 0xff, n >> 8)))
  })
}

/** Waits until the test answers. */
export function slowPayee(): TestPayee {
  return recordingPayee(
    () => undefined,
    () => undefined,
  )
}

function recordingPayee(
  check: (transfer: IncomingTransfer) => Rejection | undefined,
  fulfill: (transfer: IncomingTransfer) => Condition.Fulfillment | undefined,
): TestPayee {
  const waiting: ((answer: Condition.Fulfillment | Rejection) => void)[] = []
  const payee: TestPayee = {
    checked: [],
    held: [],
    settlements: [],
    check(transfer) {
      payee.checked.push(transfer)
      return check(transfer)
    },
    fulfill(transfer) {
      payee.held.push(transfer)
      const answer = fulfill(transfer)
      return answer ?? new Promise((resolve) => waiting.push(resolve))
    },
    settled(transfer, outcome) {
      payee.settlements.push({ transfer, outcome })
    },
    answer(index, value) {
      waiting[index]!(value)
    },
  }
  return payee
}
