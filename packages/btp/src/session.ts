/**
 * One authenticated BTP 1.0 connection (IL-RFC-23 draft 2): correlates requests with their answers, in both
 * directions, and bounds what a peer can make this side hold. It knows frames and nothing of money: the trustline host
 * and the client are its owners and handle what arrives.
 *
 * Requests are answered through callbacks and swept by one timer, because thousands are in flight at once.
 */
import { BtpFrame } from '@millstream/codec'
import type { Instant, Observer } from '@millstream/units'
import type { BtpEvent } from './btp-event.js'
import * as BtpRefusal from './btp-refusal.js'
import type { BtpSocket, BtpSocketListener } from './btp-socket.js'
import { createRequestTable } from './internal/request-table.js'
import { type SessionLimits, sessionLimits } from './session-limits.js'
import { systemTimers, type Timers } from './timers.js'

export type ResponseFrame = BtpFrame.ResponseFrame
export type ErrorFrame = BtpFrame.ErrorFrame
export type PrepareFrame = BtpFrame.PrepareFrame
export type FulfillFrame = BtpFrame.FulfillFrame
export type RejectFrame = BtpFrame.RejectFrame
export type MessageFrame = BtpFrame.MessageFrame

/** A request before the session has given it its id. */
export type Request =
  | Omit<BtpFrame.PrepareFrame, 'requestId'>
  | Omit<BtpFrame.FulfillFrame, 'requestId'>
  | Omit<BtpFrame.RejectFrame, 'requestId'>
  | Omit<BtpFrame.MessageFrame, 'requestId'>

/** `undefined`: nothing came within the time limit, or the session closed. The peer may or may not have acted. */
export type Answer = BtpFrame.ResponseFrame | BtpFrame.ErrorFrame | undefined

/** Called exactly once for each request that was taken. `context` is what was handed in with it: no closure needed. */
export type OnAnswer<Context> = (answer: Answer, context: Context) => void

/**
 * What the owner of a session does with requests of the peer. Each must be answered once, with `respond` or `refuse`,
 * now or later. Byte strings in a frame may be views into a larger buffer: copy what is kept for long.
 */
export interface SessionHandler {
  prepare(frame: BtpFrame.PrepareFrame): void
  fulfill(frame: BtpFrame.FulfillFrame): void
  reject(frame: BtpFrame.RejectFrame): void
  message(frame: BtpFrame.MessageFrame): void
  /** Once, after every request in flight was answered with `undefined`. Nothing of this session follows. */
  closed(closure: SessionClosure): void
}

export interface SessionClosure {
  readonly by: 'peer' | 'us'
  /** RFC 6455 section 7.4.1; 1006 for a connection that was cut. */
  readonly code: number
  readonly reason: string
}

export interface Session extends BtpSocketListener {
  readonly isOpen: boolean
  /** Requests of this side that have no answer yet. */
  readonly requestsInFlight: number
  /**
   * Sends a request under an id of the session's choice.
   *
   * @param onAnswer - Called once, never before this returns, if this returns true.
   * @returns False when nothing was sent: the session is closed or too many requests are in flight.
   */
  request<Context = undefined>(request: Request, onAnswer: OnAnswer<Context>, context?: Context): boolean
  /** The same for a frame that is already encoded; writes the request id into its bytes 1 to 4. */
  requestEncoded<Context = undefined>(frame: Uint8Array, onAnswer: OnAnswer<Context>, context?: Context): boolean
  respond(requestId: number, protocolData?: BtpFrame.ProtocolData): void
  /** Answers ERROR. The message is for a person at the peer and must not tell what is not theirs to know. */
  refuse(requestId: number, refusal: BtpRefusal.Refusal): void
  close(code: number, reason: string): void
}

export interface SessionOptions {
  readonly socket: BtpSocket
  readonly clock: Instant.Clock
  readonly handler: SessionHandler
  readonly limits?: Partial<SessionLimits>
  readonly timers?: Timers
  readonly observer?: Observer<BtpEvent>
  /** Writes the error codes of ilp-plugin-payment-channel-framework 1.3.5 instead of those of IL-RFC-23. */
  readonly compatibleErrorCodes?: boolean
}

/** The sweep divides the request timeout into this many ticks, which is how exact it is. */
const sweepsPerTimeout = 10
/** How many bytes are sent between two looks at what the socket has buffered. */
const bufferedCheckBytes = 65_536

const noProtocolData: BtpFrame.ProtocolData = []
const noAnswer: OnAnswer<never> = () => undefined

/**
 * Starts a session on a socket that is open and authenticated. Its owner hands it to the socket as listener and
 * decides alone what to answer.
 */
export function createSession(options: SessionOptions): Session {
  const { socket, clock, handler, observer, timers = systemTimers } = options
  const limits = { ...sessionLimits, ...options.limits }
  const codes = options.compatibleErrorCodes === true ? BtpFrame.errorCodesOf2017 : BtpFrame.errorCodes
  const requests = createRequestTable<OnAnswer<never>>(noAnswer)
  let isOpen = true
  let peerRequests = 0
  let sentSinceCheck = 0
  let sweepTimer: unknown
  /** Sweeps since the peer last sent anything that could be read. */
  let silentSweeps = 0

  return {
    get isOpen() {
      return isOpen
    },
    get requestsInFlight() {
      return requests.size
    },
    receive(data) {
      if (!isOpen) return
      if (typeof data === 'string') close(1002, 'text message')
      else if (data.length > limits.frameBytesMax) close(1009, 'message too large')
      else receiveBytes(data)
    },
    socketClosed(code = 1006, reason = '') {
      if (isOpen) end({ by: 'peer', code, reason: BtpRefusal.peerText(reason) })
    },
    request(request, onAnswer, context) {
      // Encoded first: a request that cannot be encoded throws here and leaves nothing in the table.
      return isOpen && requestEncoded(BtpFrame.encode({ ...request, requestId: 0 }), onAnswer, context)
    },
    requestEncoded,
    respond(requestId, protocolData = noProtocolData) {
      if (!isOpen) return
      if (peerRequests > 0) peerRequests--
      send(BtpFrame.encode({ type: 'response', requestId, protocolData }))
    },
    refuse(requestId, refusal) {
      if (!isOpen) return
      if (peerRequests > 0) peerRequests--
      send(BtpRefusal.encode(requestId, refusal, clock(), codes))
    },
    close,
  }

  function receiveBytes(bytes: Uint8Array): void {
    let frame: BtpFrame.Frame
    try {
      frame = BtpFrame.decode(bytes)
    } catch {
      close(1002, 'unreadable frame')
      return
    }
    silentSweeps = 0
    try {
      handle(frame)
    } catch (error) {
      fail(error)
    }
  }

  function handle(frame: BtpFrame.Frame): void {
    switch (frame.type) {
      case 'response':
      case 'error':
        // RFC 23: a response that matches no request in flight, and a second one, are ignored.
        if (requests.take(frame.requestId)) requests.takenCallback(frame, requests.takenContext as never)
        return
      case 'prepare':
        if (countPeerRequest()) handler.prepare(frame)
        return
      case 'fulfill':
        if (countPeerRequest()) handler.fulfill(frame)
        return
      case 'reject':
        if (countPeerRequest()) handler.reject(frame)
        return
      case 'message':
        if (countPeerRequest()) handler.message(frame)
        return
      default:
        // TRANSFER of BTP 2.0 and types that do not exist: ignored, never answered.
        return
    }
  }

  function countPeerRequest(): boolean {
    if (++peerRequests <= limits.peerRequestsMax) return true
    close(1008, 'too many requests in flight')
    return false
  }

  function requestEncoded<Context>(bytes: Uint8Array, onAnswer: OnAnswer<Context>, context?: Context): boolean {
    if (!isOpen || requests.size >= limits.requestsMax) return false
    if (sweepTimer === undefined) startSweep()
    const id = requests.add(onAnswer as OnAnswer<never>, context)
    bytes[1] = id >>> 24
    bytes[2] = id >>> 16
    bytes[3] = id >>> 8
    bytes[4] = id
    send(bytes)
    return true
  }

  function send(bytes: Uint8Array): void {
    socket.send(bytes)
    sentSinceCheck += bytes.length
    if (sentSinceCheck < bufferedCheckBytes) return
    sentSinceCheck = 0
    if (socket.bufferedBytes > limits.bufferedBytesMax) close(1008, 'peer does not read')
  }

  function startSweep(): void {
    silentSweeps = 0
    sweepTimer = timers.setTimeout(sweep, limits.requestTimeoutMs / sweepsPerTimeout)
  }

  function sweep(): void {
    sweepTimer = undefined
    silentSweeps++
    // One more than the division, because a request may have come right before the first tick that it sees.
    const late = requests.sweep(sweepsPerTimeout + 1)
    // Nothing at all for the whole time: the connection is half open, and only a new one will tell what happened.
    if (late.length > 0 && silentSweeps > sweepsPerTimeout) close(1008, 'no answer')
    else answerNothing(late)
    if (isOpen && requests.size > 0 && sweepTimer === undefined) {
      sweepTimer = timers.setTimeout(sweep, limits.requestTimeoutMs / sweepsPerTimeout)
    }
  }

  function answerNothing(ids: readonly number[]): void {
    for (const id of ids) {
      if (!requests.take(id)) continue
      try {
        requests.takenCallback(undefined, requests.takenContext as never)
      } catch (error) {
        fail(error)
      }
    }
  }

  function close(code: number, reason: string): void {
    if (!isOpen) return
    socket.close(code, reason)
    end({ by: 'us', code, reason })
  }

  function fail(error: unknown): void {
    observer?.({ name: 'btp.handler_failed', level: 'error', error })
    close(1011, 'internal error')
  }

  function end(closure: SessionClosure): void {
    isOpen = false
    if (sweepTimer !== undefined) timers.clearTimeout(sweepTimer)
    sweepTimer = undefined
    answerNothing(requests.ids())
    observer?.({ name: 'btp.session_closed', level: 'debug', ...closure })
    try {
      handler.closed(closure)
    } catch (error) {
      observer?.({ name: 'btp.handler_failed', level: 'error', error })
    }
  }
}
