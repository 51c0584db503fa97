/**
 * The connection of a trustline client: opens it, authenticates, asks what ledger the host keeps and that it is still
 * the same one; comes back, with growing pauses, until it is closed.
 */
import { BtpFrame, type BtpUri } from '@millstream/codec'
import type { LedgerInfo } from '@millstream/plugin'
import { MillstreamError, type RandomBytes } from '@millstream/units'
import * as BtpRefusal from '../btp-refusal.js'
import type { BtpSocket, BtpSocketListener, ConnectSocket } from '../btp-socket.js'
import { type Answer, createSession, type Session, type SessionHandler } from '../session.js'
import type { SessionLimits } from '../session-limits.js'
import type { Timers } from '../timers.js'
import type { ClientContext } from './client-context.js'
import { type Ask, askInfo, type Dialect } from './ledger-dialect.js'

export interface ClientConnection {
  /** Authenticated and of the right ledger; else undefined. */
  readonly session: Session | undefined
  /** What the host said on the first connection; never changes. */
  readonly info: LedgerInfo | undefined
  readonly dialect: Dialect
  /** Opens the first connection. Rejects when it cannot be had; nothing is tried again then. */
  open(): Promise<void>
  /** Resolves when there is a session, rejects when there is none in time. */
  whenOpen(): Promise<Session>
  /** Resolves when the socket has ended too, or does not within a second. */
  close(): Promise<void>
}

export interface ClientConnectionOptions {
  readonly uri: BtpUri.BtpUri
  readonly connect: ConnectSocket
  readonly expectedPrefix: string | undefined
  readonly randomBytes: RandomBytes
  readonly timers: Timers
  readonly sessionLimits: Partial<SessionLimits> | undefined
  /** Gets the requests of the host. `closed` of it is not called. */
  readonly handlerOf: (session: () => Session) => Omit<SessionHandler, 'closed'>
  readonly opened: () => void
  readonly lost: (reason: string) => void
}

/** How long the other side may take for the closing handshake. */
const closingMs = 1_000

const textEncoder = new TextEncoder()
const noBytes = new Uint8Array(0)

export function createClientConnection(
  context: Pick<ClientContext, 'clock' | 'limits' | 'observer'>,
  options: ClientConnectionOptions,
): ClientConnection {
  const { uri, connect, expectedPrefix, timers, opened, lost } = options
  const { clock, limits, observer } = context
  let state: 'idle' | 'opening' | 'open' | 'waiting' | 'closed' = 'idle'
  let current: Session | undefined
  /** Of an attempt that is under way. */
  let opening: Session | undefined
  let info: LedgerInfo | undefined
  let dialect: Dialect = 'info'
  let failures = 0
  let openedAt = 0
  let retryTimer: unknown
  /** Resolves when the socket of the last attempt has ended. */
  let ended: Promise<void> = Promise.resolve()
  let waiters: { resolve: (session: Session) => void; reject: (error: Error) => void; timer: unknown }[] = []

  return {
    get session() {
      return state === 'open' ? current : undefined
    },
    get info() {
      return info
    },
    get dialect() {
      return dialect
    },
    async open() {
      if (state === 'closed') throw new ClosedError()
      if (state !== 'idle') return
      state = 'opening'
      try {
        await attempt()
      } catch (error) {
        if (!isClosed()) state = 'idle'
        throw error
      }
    },
    whenOpen() {
      if (state === 'open' && current !== undefined) return Promise.resolve(current)
      if (state === 'closed') return Promise.reject(new ClosedError())
      return new Promise((resolve, reject) => {
        const timer = timers.setTimeout(() => {
          waiters = waiters.filter((waiter) => waiter.timer !== timer)
          reject(new NotConnectedError())
        }, limits.connectionWaitMs)
        waiters.push({ resolve, reject, timer })
      })
    },
    async close() {
      if (state === 'closed') return
      state = 'closed'
      timers.clearTimeout(retryTimer)
      const session = current
      current = undefined
      session?.close(1000, 'closed')
      opening?.close(1000, 'closed')
      tellWaiters((waiter) => waiter.reject(new ClosedError()))
      // A process that ends now would cut the connection off, and shops of 2017 die of a reset.
      await new Promise<void>((resolve) => {
        const timer = timers.setTimeout(resolve, closingMs)
        void ended.then(() => {
          timers.clearTimeout(timer)
          resolve()
        })
      })
    },
  }

  async function attempt(): Promise<void> {
    let session: Session | undefined
    let socketGone = false
    let markEnded = () => {}
    const listener: BtpSocketListener = {
      receive: (data) => session?.receive(data),
      socketClosed(code, reason) {
        socketGone = true
        markEnded()
        session?.socketClosed(code, reason)
      },
    }
    const socket = await connect(uri.url, listener)
    if (!socketGone) {
      ended = new Promise((resolve) => {
        markEnded = resolve
      })
    }
    if (socketGone || isClosed()) {
      socket.close(1000, 'closed')
      throw isClosed() ? new ClosedError() : new NotConnectedError()
    }
    session = startSession(socket, () => session!)
    opening = session
    try {
      await authenticate(session)
      const found = await askInfo(asking(session))
      pin(found.info)
      if (!session.isOpen) throw new NotConnectedError()
      if (isClosed()) throw new ClosedError()
      dialect = found.dialect
    } catch (error) {
      session.close(1000, 'not opened')
      throw isClosed() ? new ClosedError() : error
    } finally {
      opening = undefined
    }
    state = 'open'
    current = session
    openedAt = clock()
    observer?.({ name: 'btp.client_connected', level: 'info', url: uri.url, prefix: info!.prefix })
    opened()
    tellWaiters((waiter) => waiter.resolve(session))
  }

  function startSession(socket: BtpSocket, session: () => Session): Session {
    const { sessionLimits, handlerOf } = options
    const handler: SessionHandler = {
      ...handlerOf(session),
      closed(closure) {
        if (current !== session()) return
        current = undefined
        if (clock() - openedAt >= limits.stableMs) failures = 0
        if (state !== 'open') return
        state = 'waiting'
        lost(closure.reason === '' ? `closed with ${closure.code}` : closure.reason)
        retryLater(undefined)
      },
    }
    return createSession({
      socket,
      clock,
      handler,
      timers,
      ...(sessionLimits === undefined ? {} : { limits: sessionLimits }),
      ...(observer === undefined ? {} : { observer }),
    })
  }

  function retryLater(error: unknown): void {
    if (isClosed()) return
    state = 'waiting'
    const pauseMs = Math.min(limits.reconnectMs * 2 ** failures, limits.reconnectMsMax)
    const random = options.randomBytes(1)[0]! / 256
    const retryInMs = Math.round(pauseMs * (0.5 + random / 2))
    // Enough to reach the largest pause; more would only overflow.
    failures = Math.min(failures + 1, 20)
    if (error !== undefined) {
      const reason = error instanceof Error ? error.message : 'unknown error'
      observer?.({ name: 'btp.client_connect_failed', level: 'warn', reason, retryInMs })
    }
    retryTimer = timers.setTimeout(() => {
      state = 'opening'
      attempt().catch(retryLater)
    }, retryInMs)
  }

  async function authenticate(session: Session): Promise<void> {
    const text = (name: string, value: string) => {
      return { name, contentType: BtpFrame.contentType.text, data: textEncoder.encode(value) }
    }
    await asking(session)('the user name and token', [
      { name: 'auth', contentType: BtpFrame.contentType.octets, data: noBytes },
      text('auth_username', uri.username),
      text('auth_token', uri.token),
    ])
  }

  function pin(found: LedgerInfo): void {
    const prefix = info?.prefix ?? expectedPrefix
    if (prefix !== undefined && found.prefix !== prefix) throw new OtherLedgerError('prefix', prefix, found.prefix)
    if (info === undefined) {
      info = found
    } else {
      const { code, scale } = info.asset
      if (found.asset.code !== code) throw new OtherLedgerError('currency', code, found.asset.code)
      if (found.asset.scale !== scale) throw new OtherLedgerError('scale', String(scale), String(found.asset.scale))
      // The account of a connection without credentials is another one each time.
      info = found
    }
  }

  function isClosed(): boolean {
    return state === 'closed'
  }

  function tellWaiters(tell: (waiter: (typeof waiters)[number]) => void): void {
    const told = waiters
    waiters = []
    for (const waiter of told) {
      timers.clearTimeout(waiter.timer)
      tell(waiter)
    }
  }
}

/** MESSAGE as a promise, for what is asked rarely. */
export function asking(session: Session): Ask {
  return (what, protocolData) =>
    new Promise((resolve, reject) => {
      const isSent = session.request({ type: 'message', protocolData }, (answer: Answer) => {
        if (answer === undefined) reject(new NoAnswerError(what))
        else if (answer.type === 'error') reject(new BtpRefusal.RefusedError(what, BtpRefusal.fromFrame(answer)))
        else resolve(answer.protocolData)
      })
      if (!isSent) reject(new NotConnectedError())
    })
}

export class NotConnectedError extends MillstreamError {
  override readonly name = 'Btp.NotConnectedError'
  readonly code = 'BTP_NOT_CONNECTED'
  constructor() {
    super('There is no connection to the host of the trustline. Nothing was sent.')
  }
}

export class NoAnswerError extends MillstreamError {
  override readonly name = 'Btp.NoAnswerError'
  readonly code = 'BTP_NO_ANSWER'
  constructor(what: string) {
    super(`The host of the trustline did not answer to ${what}.`)
  }
}

export class ClosedError extends MillstreamError {
  override readonly name = 'Btp.ClosedError'
  readonly code = 'BTP_CLOSED'
  constructor() {
    super('This trustline client was closed.')
  }
}

export class OtherLedgerError extends MillstreamError {
  override readonly name = 'Btp.OtherLedgerError'
  readonly code = 'BTP_OTHER_LEDGER'
  constructor(what: string, expected: string, found: string) {
    const quoted = JSON.stringify(BtpRefusal.peerText(found))
    super(`The host keeps another ledger: its ${what} is ${quoted}, not "${expected}". Nothing was paid to it.`)
  }
}
