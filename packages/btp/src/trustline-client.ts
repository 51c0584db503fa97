/**
 * The customer's end of a hosted trustline: a `Plugin` over BTP 1.0, for payers in Node and in browsers.
 *
 * It keeps nothing on disk: the host's book is the book. What it promises is that a transfer is sent under one id only,
 * that a transfer without an outcome is asked for until there is one, and that `unknown` is said when nobody told:
 * see `internal/outgoing-transfers.ts`.
 */
import { type BtpFrame, BtpUri } from '@millstream/codec'
import type { LedgerInfo, OutgoingTransfer, Plugin, SendOutcome } from '@millstream/plugin'
import type { Hashes, Instant, Observer, RandomBytes } from '@millstream/units'
import { accountName } from './account-name.js'
import type { BtpEvent } from './btp-event.js'
import type * as BtpRefusal from './btp-refusal.js'
import type { ConnectSocket } from './btp-socket.js'
import { type ClientLimits, clientLimits } from './client-limits.js'
import { asking, createClientConnection, NotConnectedError } from './internal/client-connection.js'
import { type ClientContext, sweepMs } from './internal/client-context.js'
import { createIncomingTransfers } from './internal/incoming-transfers.js'
import { askBalance, askLimit } from './internal/ledger-dialect.js'
import { createOutgoingTransfers, refusedBecause } from './internal/outgoing-transfers.js'
import type { Session, SessionHandler } from './session.js'
import type { SessionLimits } from './session-limits.js'
import { systemTimers, type Timers } from './timers.js'

export interface TrustlineClientOptions {
  /** `btp+ws://user:token@host:port/`, or `btp+wss` over TLS. */
  readonly uri: string
  /** `webSocketConnector()` of `@millstream/btp/node`, or `standardConnector` in a browser. */
  readonly connect: ConnectSocket
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  /** The host must keep the ledger of this prefix. */
  readonly expectedPrefix?: string
  readonly limits?: Partial<ClientLimits>
  readonly sessionLimits?: Partial<SessionLimits>
  readonly timers?: Timers
  readonly observer?: Observer<BtpEvent>
}

/** Answers a MESSAGE of the host. What it throws is answered with an ERROR that says nothing of it. */
export type MessageHandler = (
  protocolData: BtpFrame.ProtocolData,
) => BtpFrame.ProtocolData | Promise<BtpFrame.ProtocolData>

/**
 * Told the amount of each transfer that was fulfilled, once; what it gives travels in the RESPONSE to the FULFILL. What
 * it throws is told to the observer, and the RESPONSE goes without.
 */
export type Settler = (amount: bigint) => BtpFrame.ProtocolData | undefined

export interface TrustlineClient extends Plugin {
  /**
   * Name of the account that the credentials open at a Millstream host, for a person to tell an operator. Undefined
   * for empty credentials: each connection then has an account that ends with it.
   */
  readonly accountName: string | undefined
  readonly isConnected: boolean
  /** Transfers of ours without an outcome. */
  readonly unresolved: number
  /**
   * Opens the first connection; from then on the client comes back by itself until it is closed.
   *
   * @throws {RefusedError} The host does not take the credentials.
   * @throws {OtherLedgerError} It keeps another ledger than `expectedPrefix`.
   * @throws {MillstreamError} It cannot be reached, does not answer, or its answer cannot be used.
   */
  connect(): Promise<void>
  /** How much the host lets this account owe; undefined for a host that sets no limit. */
  limit(): Promise<bigint | undefined>
  /**
   * Asks the host something of another sub-protocol.
   *
   * @throws {RefusedError} The host answered ERROR.
   */
  message(protocolData: BtpFrame.ProtocolData): Promise<BtpFrame.ProtocolData>
  /** Registers who answers MESSAGE frames of the host. Without one they are refused. */
  handleMessages(handler: MessageHandler): void
  /** Registers who settles what is paid: signs claims, as a rule. */
  settleWith(settler: Settler): void
  /** Present on every client; only an account of empty credentials ever ends. */
  onAccountEnded(listener: () => void): () => void
  /** Calls back when the connection comes or goes. Returns what ends that. */
  onConnectionChange(listener: (isConnected: boolean) => void): () => void
  /** Waits, within a bound, for what is in flight; what is then unresolved is `unknown`. */
  close(): Promise<void>
}

/**
 * @throws {BtpUriError} `uri` is not a BTP URI.
 * @example
 * const client = createTrustlineClient({ uri, connect: webSocketConnector(), clock, hashes, randomBytes })
 * await client.connect()
 * client.info().prefix // 'g.letter-shop.mytrustline.'
 */
export function createTrustlineClient(options: TrustlineClientOptions): TrustlineClient {
  const { clock, hashes, observer, timers = systemTimers } = options
  const uri = BtpUri.parse(options.uri)
  const limits = { ...clientLimits, ...options.limits }
  const isPassing = uri.username === '' && uri.token === ''
  const listeners = new Set<(isConnected: boolean) => void>()
  const endedListeners = new Set<() => void>()
  let handleMessage: MessageHandler | undefined
  let settler: Settler | undefined
  let sweepTimer: unknown
  let closing: Promise<void> | undefined

  const context: ClientContext = {
    clock,
    hashes,
    limits,
    observer,
    isPassing,
    session: () => connection.session,
    settle,
    wake,
  }
  const incoming = createIncomingTransfers(context, () => {
    const { info } = connection
    return info === undefined ? undefined : { account: info.account, server: serverOf(info) }
  })
  const outgoing = createOutgoingTransfers(context, incoming.has)
  const connection = createClientConnection(context, {
    uri,
    connect: options.connect,
    expectedPrefix: options.expectedPrefix,
    randomBytes: options.randomBytes,
    timers,
    sessionLimits: options.sessionLimits,
    handlerOf,
    opened() {
      outgoing.opened()
      incoming.opened()
      tell(true)
    },
    lost(reason) {
      const unresolved = outgoing.size
      outgoing.lost()
      incoming.lost()
      observer?.({ name: 'btp.client_disconnected', level: 'warn', reason, unresolved })
      if (isPassing) call(endedListeners, (listener) => listener())
      tell(false)
    },
  })

  return {
    accountName: isPassing ? undefined : accountName(hashes, uri.username, uri.token),
    get isConnected() {
      return connection.session !== undefined
    },
    get unresolved() {
      return outgoing.size
    },
    connect: () => connection.open(),
    info() {
      if (connection.info === undefined) throw new NotConnectedError()
      return connection.info
    },
    send: (transfer) => new Promise((resolve) => send(transfer, resolve)),
    receive: incoming.receive,
    async balance() {
      // Ours is the other side of the host's. Subtracted from zero, so that there is no negative zero to print.
      return 0n - (await askBalance(asking(await connection.whenOpen()), connection.dialect))
    },
    async limit() {
      return askLimit(asking(await connection.whenOpen()), connection.dialect)
    },
    async message(protocolData) {
      return asking(await connection.whenOpen())('a message', protocolData)
    },
    handleMessages(handler) {
      handleMessage = handler
    },
    settleWith(newSettler) {
      settler = newSettler
    },
    onConnectionChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onAccountEnded(listener) {
      endedListeners.add(listener)
      return () => endedListeners.delete(listener)
    },
    close() {
      closing ??= close()
      return closing
    },
  }

  function send(transfer: OutgoingTransfer, resolve: (outcome: SendOutcome) => void): void {
    const { info } = connection
    const { target } = transfer
    if (closing !== undefined) {
      resolve(refusedBecause('UnreachableError', 'This client was closed. Nothing was sent.'))
    } else if (info === undefined || (isPassing && connection.session === undefined)) {
      resolve(refusedBecause('UnreachableError', 'There is no connection to the host. Nothing was sent.'))
    } else if (target !== undefined && target !== serverOf(info)) {
      resolve(refusedBecause('NotAcceptedError', 'A hosted trustline pays its host only. Nothing was sent.'))
    } else {
      outgoing.send(transfer, resolve)
    }
  }

  function settle(amount: bigint): BtpFrame.ProtocolData | undefined {
    try {
      return settler?.(amount)
    } catch (error) {
      observer?.({ name: 'btp.handler_failed', level: 'error', error })
      return undefined
    }
  }

  function handlerOf(session: () => Session): Omit<SessionHandler, 'closed'> {
    return {
      prepare: (frame) => incoming.prepare(frame, session()),
      fulfill: (frame) => outgoing.fulfill(frame, session()),
      reject: (frame) => outgoing.reject(frame, session()),
      message: (frame) => answerMessage(frame, session()),
    }
  }

  function answerMessage({ requestId, protocolData }: BtpFrame.MessageFrame, session: Session): void {
    if (handleMessage === undefined) {
      session.refuse(requestId, unsupported)
      return
    }
    const fail = (error: unknown) => {
      observer?.({ name: 'btp.handler_failed', level: 'error', error })
      session.refuse(requestId, failed)
    }
    try {
      const answer = handleMessage(protocolData)
      if (answer instanceof Promise) answer.then((data) => session.respond(requestId, data)).catch(fail)
      else session.respond(requestId, answer)
    } catch (error) {
      fail(error)
    }
  }

  function wake(): void {
    if (sweepTimer === undefined) sweepTimer = timers.setTimeout(sweep, sweepMs)
  }

  function sweep(): void {
    sweepTimer = undefined
    const now = clock()
    outgoing.sweep(now)
    incoming.sweep(now)
    if (outgoing.size > 0 || incoming.size > 0) wake()
  }

  function tell(isConnected: boolean): void {
    call(listeners, (listener) => listener(isConnected))
  }

  function call<T>(all: Iterable<T>, one: (listener: T) => void): void {
    for (const listener of all) {
      try {
        one(listener)
      } catch (error) {
        observer?.({ name: 'btp.handler_failed', level: 'error', error })
      }
    }
  }

  async function close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = timers.setTimeout(resolve, limits.closeTimeoutMs)
      outgoing.whenEmpty(() => {
        timers.clearTimeout(timer)
        resolve()
      })
    })
    const wasConnected = connection.session !== undefined
    outgoing.giveUp('the client was closed')
    incoming.giveUp()
    const ended = connection.close()
    timers.clearTimeout(sweepTimer)
    if (wasConnected) tell(false)
    await ended
  }
}

const unsupported: BtpRefusal.Refusal = { name: 'NotAcceptedError', message: 'unsupported sub-protocol' }
const failed: BtpRefusal.Refusal = { name: 'NotAcceptedError', message: 'the request could not be handled' }

/** The host's own address on a hosted trustline. */
function serverOf({ prefix }: LedgerInfo): string {
  return `${prefix}server`
}
