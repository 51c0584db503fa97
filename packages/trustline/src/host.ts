/**
 * The host of a hosted trustline: many customers on one ledger that this side keeps. It authenticates connections, holds
 * and posts transfers in both directions, and is the `Plugin` of whoever is paid here.
 */
import {
  type Authenticate,
  type Authentication,
  acceptConnection,
  authenticationLimits,
  type BtpEvent,
  type BtpSocket,
  type BtpSocketListener,
  createSession,
  type SessionClosure,
  type SessionLimits,
  sessionLimits,
  systemTimers,
} from '@millstream/btp'
import { type AccountId, FeedPrunedError, type Hold, type Store, serverAccount } from '@millstream/ledger'
import type { Cursor, LedgerInfo, OutgoingTransfer, Payee, Plugin, Posted, SendOutcome } from '@millstream/plugin'
import { type Asset, type Hashes, Instant, type Observer, type RandomBytes, type Timers } from '@millstream/units'
import { type Admission, createAccountTable } from './internal/account-table.js'
import { createDeliveries } from './internal/deliveries.js'
import type { Connection } from './internal/host-account.js'
import type { HostContext, TrustlineCounters } from './internal/host-context.js'
import { createIncoming } from './internal/incoming.js'
import { createOutgoing } from './internal/outgoing.js'
import { fromHold } from './internal/payment.js'
import * as Refusals from './internal/refusals.js'
import { createRequests, type PacketHandler } from './internal/requests.js'
import { createTicker } from './internal/tick.js'
import type { Settlement } from './settlement.js'
import type { Strangers } from './strangers.js'
import type { TrustlineEvent } from './trustline-event.js'
import { type TrustlineLimits, trustlineLimits } from './trustline-limits.js'

/** Bounds of the host, of each session, and of the first frame of a connection. */
export type TrustlineHostLimits = TrustlineLimits & SessionLimits & typeof authenticationLimits

export interface TrustlineHostOptions {
  /**
   * The ledger. Its `strangersCreditMax` must be `strangersTotal(strangers)`: what all strangers together may owe is the
   * ledger's to keep. The host does not close it.
   */
  readonly store: Store
  /** Ledger prefix, ends with `.` */
  readonly prefix: string
  readonly asset: Asset
  readonly strangers: Strangers
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  readonly limits?: Partial<TrustlineHostLimits>
  readonly timers?: Timers
  readonly observer?: Observer<TrustlineEvent | BtpEvent>
  /** Answers ILP packets in MESSAGE frames: requests for quotes. Without it each is answered with an ILP error. */
  readonly handlePacket?: PacketHandler
  /** Answers what customers ask about deposits and withdrawals, and takes their claims. */
  readonly settlement?: Settlement
  /** Writes the error codes of ilp-plugin-payment-channel-framework 1.3.5 instead of those of IL-RFC-23. */
  readonly compatibleErrorCodes?: boolean
  /** Called once if the store fails: nothing is answered from then on, and every connection is closed. */
  readonly onFailure?: (error: unknown) => void
}

/** One connection that a listener has accepted. */
export interface TrustlineConnection {
  readonly socket: BtpSocket
  /** As `socket.remoteAddress` gives it: accounts that one network opens are counted. */
  readonly remoteAddress: string
}

export interface TrustlineStats extends Readonly<TrustlineCounters> {
  readonly connections: number
  /** Customers in memory: connected, or with something open. */
  readonly accounts: number
  /** Payments that wait for the payee, and payments that wait for customers. */
  readonly held: number
  readonly heldOut: number
}

export interface TrustlineHost extends Plugin {
  /** Resolves when what was held at the last stop is taken over. Connections may come before; they wait. */
  readonly ready: Promise<void>
  /** Takes a connection; what arrives on its socket goes to the listener that this returns. */
  accept(connection: TrustlineConnection): BtpSocketListener
  posted(after: Cursor, source?: string): AsyncIterable<Posted>
  newest(): Promise<Cursor>
  stats(): TrustlineStats
  /** Looks at the clock: what is dead ends. The host's timer calls it, and so do tests that drive the clock. */
  sweep(): void
  /** Resolves when everything that has arrived is decided, stored and answered. */
  settled(): Promise<void>
  /** Holds nothing new, waits for what is held, at most `drainMs`, and closes. */
  drain(): Promise<void>
  /** Closes every connection. What is held stays held in the ledger. */
  close(): Promise<void>
}

const postedPerPage = 1_000
/** A passing account that was merged away keeps no name. */
const mergedName = '~passing'
/** Every so many sweeps, also what should have been reported dead. */
const sweepsPerOverdue = 20

export function createTrustlineHost(options: TrustlineHostOptions): TrustlineHost {
  const { store, prefix, asset, clock, hashes, randomBytes, timers = systemTimers } = options
  const observe: Observer<TrustlineEvent | BtpEvent> = options.observer ?? (() => undefined)
  const limits: TrustlineHostLimits = {
    ...trustlineLimits,
    ...sessionLimits,
    ...authenticationLimits,
    ...options.limits,
  }
  const address = `${prefix}server`
  const counters: TrustlineCounters = { prepared: 0, fulfilled: 0, rejected: 0, expired: 0, refused: 0, paidOut: 0 }
  const info: LedgerInfo = { prefix, asset, account: address, direct: true }

  let state: 'open' | 'draining' | 'closed' = 'open'
  let isReady = false
  let connections = 0
  let sweeps = 0
  let sweepTimer: unknown
  let housekeepingTimer: unknown
  let failure: unknown
  let isStopped = false
  let wroteOffAt = Number.NEGATIVE_INFINITY

  const ticker = createTicker(store, () => ({ accounts, incoming, outgoing, requests }), fail)
  const context: HostContext = {
    store,
    clock,
    timers,
    asset,
    prefix,
    address,
    limits,
    strangers: options.strangers,
    observe,
    counters,
    apply: ticker.apply,
    wake: ticker.wake,
    fail,
  }
  const accounts = createAccountTable(context, hashes, randomBytes)
  const deliveries = createDeliveries(context, options.settlement)
  const incoming = createIncoming(context, accounts, deliveries)
  const outgoing = createOutgoing(context, accounts)
  const requests = createRequests(context, options.handlePacket, options.settlement)
  const ready = restore()
  scheduleSweep()
  scheduleHousekeeping()

  return {
    ready,
    info: () => info,
    async balance() {
      await ready
      const account = await store.account(serverAccount)
      return account?.posted ?? 0n
    },
    async send(transfer: OutgoingTransfer): Promise<SendOutcome> {
      await ready
      if (state !== 'open') return { status: 'rejected', by: 'ledger', code: 'T02', message: 'The host is closing.' }
      return outgoing.send(transfer)
    },
    receive(payee: Payee) {
      incoming.receive(payee)
    },
    posted: (after, source) => (source === undefined ? posted(after) : postedBy(after, source)),
    newest,
    accept,
    stats: () => ({
      ...counters,
      connections,
      accounts: accounts.size,
      held: incoming.held,
      heldOut: outgoing.held,
    }),
    sweep,
    settled: ticker.settled,
    drain,
    close,
  }

  async function restore(): Promise<void> {
    try {
      await takeCharge(await store.holds())
      isReady = true
      store.onAdopted?.((holds) => takeCharge(holds).catch(fail))
      ticker.wake()
    } catch (error) {
      fail(error)
    }
  }

  /** Of holds that a process before this one, or a host that has died, has prepared. */
  async function takeCharge(holds: readonly Hold[]): Promise<void> {
    for (const hold of holds) {
      const isOurs = hold.source === serverAccount
      const found = await store.account(isOurs ? hold.target : hold.source)
      if (found === undefined || state === 'closed') continue
      const standing = found.kind === 'passing' ? 'passing' : 'lasting'
      const account = accounts.enter({ name: found.name, standing, found })
      if (isOurs) outgoing.restore(hold, account)
      else if (hold.target === serverAccount) incoming.restore(fromHold(hold, account))
    }
    if (holds.length > 0) observe({ name: 'trustline.holds_restored', level: 'info', count: holds.length })
    ticker.wake()
  }

  function accept({ socket, remoteAddress }: TrustlineConnection): BtpSocketListener {
    return acceptConnection<Admission>({
      socket,
      clock,
      timers,
      limits,
      observer: observe,
      compatibleErrorCodes: options.compatibleErrorCodes === true,
      authenticate: (username, token) => (isReady ? admit(username, token) : ready.then(() => admit(username, token))),
      accepted: (admission) => connected(admission, socket, remoteAddress),
    })

    function admit(username: string, token: string): ReturnType<Authenticate<Admission>> {
      if (state !== 'open') return { refused: Refusals.closing }
      const admission = accounts.admit(username, token)
      return admission instanceof Promise ? admission.then(observed) : observed(admission)
    }

    function observed(admission: Authentication<Admission>): Authentication<Admission> {
      if (admission.refused !== undefined) {
        const { message: reason } = admission.refused
        observe({ name: 'trustline.connection_refused', level: 'info', address: remoteAddress, reason })
      }
      return admission
    }
  }

  function connected(admission: Admission, socket: BtpSocket, remoteAddress: string): BtpSocketListener {
    const account = accounts.enter(admission)
    const session = createSession({
      socket,
      clock,
      timers,
      limits,
      observer: observe,
      compatibleErrorCodes: options.compatibleErrorCodes === true,
      // While the host closes, what still arrives is left unanswered: a flood must not keep it from ending.
      handler: {
        prepare(frame) {
          if (state !== 'closed') incoming.arrive(frame, connection)
        },
        fulfill(frame) {
          if (state !== 'closed') outgoing.fulfill(frame, connection)
        },
        reject(frame) {
          if (state !== 'closed') outgoing.reject(frame, connection)
        },
        message(frame) {
          if (state !== 'closed') requests.arrive(frame, connection)
        },
        closed: (closure) => disconnected(connection, closure),
      },
    })
    const connection: Connection = { account, session, remoteAddress }
    account.connections.push(connection)
    connections++
    observe({ name: 'trustline.connected', level: 'debug', account: account.name, address: remoteAddress })
    if (state === 'closed') {
      session.close(1001, 'the host closes')
      return session
    }
    deliveries.sendRecent(account)
    deliveries.sendAgain(account, connection)
    outgoing.connected(connection)
    incoming.giveUpRestored()
    return session
  }

  function disconnected(connection: Connection, { by, code, reason }: SessionClosure): void {
    const { account } = connection
    connections--
    account.connections.splice(account.connections.indexOf(connection), 1)
    observe({ name: 'trustline.disconnected', level: 'debug', account: account.name, by, code, reason })
    accounts.released(account)
  }

  async function* posted(after: Cursor): AsyncGenerator<Posted> {
    const names = new Map<AccountId, string>()
    let cursor = after
    for (;;) {
      const entries = await store.posted(cursor, postedPerPage)
      for (const entry of entries) {
        cursor = entry.cursor
        const { kind, source, target, destination = '', amount, postedAt } = entry
        if (kind !== 'transfer' || target !== serverAccount) continue
        let name = names.get(source)
        if (name === undefined) {
          name = (await store.account(source))?.name ?? mergedName
          names.set(source, name)
        }
        yield { cursor, source: prefix + name, destination, amount, postedAt }
      }
      if (entries.length < postedPerPage) return
    }
  }

  /** What one account has paid, found by its own records. */
  async function* postedBy(after: Cursor, source: string): AsyncGenerator<Posted> {
    const account = await store.find(source.slice(prefix.length))
    if (account === undefined) return
    for await (const record of store.transfers({ account: account.id, after })) {
      const { state, target, cursor, destination = '', amount, at: postedAt } = record
      if (state !== 'fulfilled' || target !== serverAccount || cursor === undefined) continue
      yield { cursor, source, destination, amount, postedAt }
    }
    const { after: kept } = await store.history()
    if (kept > after) throw new FeedPrunedError({ after, kept })
  }

  async function newest(): Promise<Cursor> {
    const ended = { newestFirst: true, from: Instant.from(0), limit: 1 }
    for await (const { cursor } of store.transfers(ended)) if (cursor !== undefined) return cursor
    return (await store.history()).after
  }

  function sweep(): void {
    sweeps++
    const isOverdue = sweeps % sweepsPerOverdue === 0
    if (incoming.held + outgoing.held === 0) return
    if (isOverdue) {
      const now = clock()
      incoming.sweep(now)
      outgoing.sweep(now)
    }
    ticker.wake()
  }

  function scheduleSweep(): void {
    sweepTimer = timers.setTimeout(() => {
      sweep()
      scheduleSweep()
    }, limits.sweepMs)
  }

  function scheduleHousekeeping(): void {
    housekeepingTimer = timers.setTimeout(() => {
      void housekeep().then(() => {
        if (state !== 'closed') scheduleHousekeeping()
      })
    }, limits.housekeepingMs)
  }

  async function housekeep(): Promise<void> {
    for (const account of accounts.all()) deliveries.sweep(account)
    accounts.sweep()
    const now = clock()
    if (now - wroteOffAt < limits.writeOffMs) return
    wroteOffAt = now
    try {
      await accounts.writeOff()
    } catch (error) {
      fail(error)
    }
  }

  async function drain(): Promise<void> {
    if (state !== 'open') return close()
    state = 'draining'
    incoming.drain()
    observe({ name: 'trustline.draining', level: 'info', held: incoming.held + outgoing.held })
    let isLate = false
    const timer = timers.setTimeout(() => {
      isLate = true
    }, limits.drainMs)
    await ticker.settled()
    while (incoming.held + outgoing.held > 0 && !isLate && failure === undefined) {
      await new Promise<void>((resolve) => timers.setTimeout(resolve, limits.sweepMs))
      await ticker.settled()
    }
    timers.clearTimeout(timer)
    await close()
  }

  async function close(): Promise<void> {
    if (state === 'closed') return
    state = 'closed'
    await ticker.settled()
    stop(1001, 'the host closes')
    outgoing.close('the host has closed')
    observe({ name: 'trustline.closed', level: 'info', held: incoming.held + outgoing.held })
  }

  function fail(error: unknown): void {
    // What fails once everything is closed concerns nobody: the ledger may be closed too.
    if (failure !== undefined || isStopped) return
    failure = error ?? new Error('unknown')
    state = 'closed'
    observe({ name: 'trustline.store_failed', level: 'error', error })
    stop(1011, 'the ledger failed')
    outgoing.close('the ledger of the host failed')
    options.onFailure?.(error)
  }

  function stop(code: number, reason: string): void {
    isStopped = true
    ticker.stop()
    timers.clearTimeout(sweepTimer)
    timers.clearTimeout(housekeepingTimer)
    for (const account of [...accounts.all()]) {
      for (const { session } of [...account.connections]) session.close(code, reason)
    }
  }
}
