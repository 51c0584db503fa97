/** The client's side of a BTP connection on Node: `ws`, TLS where the URL says `wss`. */
import type { Socket } from 'node:net'
import { MillstreamError } from '@millstream/units'
import { WebSocket } from 'ws'
import type { BtpSocket, BtpSocketListener, ConnectSocket } from '../btp-socket.js'
import { sessionLimits } from '../session-limits.js'
import { createCorkedWebSocket, type FlushAt } from './internal/corked-web-socket.js'

export interface ConnectOptions {
  /** Certificates that are trusted instead of those of the system, PEM: for a host that made its own. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Until then the connection is open, or it has failed. */
  readonly handshakeTimeoutMs?: number
  readonly frameBytesMax?: number
  /** A connection on which nothing was heard for this time is asked for a sign of life, and ended after twice it. */
  readonly heartbeatMs?: number
  readonly flushAt?: FlushAt
}

export const connectLimits = { handshakeTimeoutMs: 10_000, heartbeatMs: 30_000, closeTimeoutMs: 5_000 } as const

/**
 * Opens a WebSocket.
 *
 * @param url - `ws:` or `wss:`, without credentials: `BtpUri.parse(uri).url`.
 * @throws {ConnectError} Nobody answers, not in time, not as a WebSocket, or with a certificate that is not trusted.
 */
export async function connectWebSocket(
  url: string,
  listener: BtpSocketListener,
  options: ConnectOptions = {},
): Promise<BtpSocket> {
  const {
    frameBytesMax = sessionLimits.frameBytesMax,
    handshakeTimeoutMs = connectLimits.handshakeTimeoutMs,
    heartbeatMs = connectLimits.heartbeatMs,
    flushAt = 'turn',
    ca,
  } = options
  return new Promise((resolve, reject) => {
    let webSocket: WebSocket
    try {
      webSocket = new WebSocket(url, {
        perMessageDeflate: false,
        maxPayload: frameBytesMax,
        handshakeTimeout: handshakeTimeoutMs,
        followRedirects: false,
        ...{ closeTimeout: connectLimits.closeTimeoutMs },
        ...(ca === undefined ? {} : { ca: ca as string }),
      })
    } catch (error) {
      // The URL of an error would come from our caller, who knows it.
      reject(new ConnectError(url, messageOf(error)))
      return
    }
    let connection: Socket | undefined
    const fail = (error: unknown) => reject(new ConnectError(url, messageOf(error)))
    webSocket.once('upgrade', (response) => {
      connection = response.socket
    })
    webSocket.on('error', fail)
    webSocket.once('open', () => {
      webSocket.off('error', fail)
      resolve(watch(webSocket, connection!))
    })
  })

  function watch(webSocket: WebSocket, connection: Socket): BtpSocket {
    let silentBeats = 0
    const heartbeat = setInterval(() => {
      if (silentBeats >= 2) socket.terminate()
      else if (silentBeats === 1) socket.ping()
      silentBeats++
    }, heartbeatMs)
    heartbeat.unref()
    const heard = () => {
      silentBeats = 0
    }
    const socket = createCorkedWebSocket(webSocket, connection, { flushAt, heard })
    socket.listener = {
      receive: (data) => listener.receive(data),
      socketClosed(code, reason) {
        clearInterval(heartbeat)
        listener.socketClosed(code, reason)
      },
    }
    // Whoever waits for the promise shall have the socket before its first message.
    webSocket.pause()
    setImmediate(() => webSocket.resume())
    return socket
  }
}

/** `connectWebSocket` with its options set, as the trustline client takes it. */
export function webSocketConnector(options: ConnectOptions = {}): ConnectSocket {
  return (url, listener) => connectWebSocket(url, listener, options)
}

const notTls = 'what answers there does not speak TLS (btp+ws may be meant)'
const perhapsTls = ' (where only TLS is spoken, btp+wss is meant)'

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const { code = '' } = error as NodeJS.ErrnoException
  // What a TLS library says of bytes that are none of its own helps nobody.
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return notTls
  if (code === 'ECONNRESET') return error.message.includes('TLS') ? notTls : `${error.message}${perhapsTls}`
  // An AggregateError of several addresses has no message of its own.
  return error.message !== '' ? error.message : ((error as NodeJS.ErrnoException).code ?? error.name)
}

export class ConnectError extends MillstreamError {
  override readonly name = 'Btp.ConnectError'
  readonly code = 'BTP_CONNECT'
  constructor(url: string, reason: string) {
    super(`No WebSocket could be opened to ${withoutCredentials(url)}: ${reason}. Nothing was sent.`)
  }
}

/** Should somebody hand in a URL with credentials, they must not end in a log. */
function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}
