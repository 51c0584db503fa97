/**
 * The server's side of BTP connections on Node: a listener of its own, plain or over TLS, or the upgrades of an HTTP
 * server that somebody else runs. What a stranger can take up before it has authenticated is bounded here: connections
 * in all and per address, how fast they open, how long a handshake takes, how long a silent one stays.
 */
import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerOptions,
  STATUS_CODES,
} from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { MillstreamError, type Observer } from '@millstream/units'
import { type WebSocket, WebSocketServer } from 'ws'
import type { BtpEvent } from '../btp-event.js'
import type { BtpSocket, BtpSocketListener } from '../btp-socket.js'
import { sessionLimits } from '../session-limits.js'
import { type AdmissionLimits, createAdmission } from './internal/admission.js'
import { type CorkedWebSocket, createCorkedWebSocket, type FlushAt } from './internal/corked-web-socket.js'

export interface ListenLimits extends AdmissionLimits {
  /** Longest message. A larger one closes its connection with 1009. */
  readonly frameBytesMax: number
  /** From the first byte (or the connection) to an open WebSocket, TLS included. */
  readonly handshakeTimeoutMs: number
  /** Longest head of the HTTP request that opens a WebSocket. */
  readonly headBytesMax: number
  /** A connection on which nothing was heard for this time is asked for a sign of life, and ended after twice it. */
  readonly heartbeatMs: number
  /** How long a peer has to answer a closing handshake. */
  readonly closeTimeoutMs: number
}

export const listenLimits: ListenLimits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 256,
  opensPerSecond: 50,
  opensBurst: 200,
  addressesMax: 65_536,
  frameBytesMax: sessionLimits.frameBytesMax,
  handshakeTimeoutMs: 5_000,
  headBytesMax: 8_192,
  heartbeatMs: 30_000,
  closeTimeoutMs: 2_000,
}

export interface ListenOptions {
  /** Port of a listener of its own; 0 for any that is free. */
  readonly port?: number
  /** Address to listen on; all addresses when left out. */
  readonly host?: string
  /** Certificate and key, PEM: the listener then speaks `btp+wss`. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array; readonly passphrase?: string }
  /** Takes the WebSocket upgrades of this server instead of listening. It stays its owner's, also to close. */
  readonly server?: HttpServer | HttpsServer
  /** With `server`: upgrades of other paths are left alone. Else any path is taken, as 2017 servers do. */
  readonly path?: string
  /** The address that counts, for listeners behind a proxy; the peer of the TCP connection when left out. */
  readonly addressOf?: (request: IncomingMessage) => string
  readonly limits?: Partial<ListenLimits>
  readonly observer?: Observer<BtpEvent>
  readonly flushAt?: FlushAt
}

/** Fragments of one message: `ws` keeps them until the last has come. */
const fragmentsMax = 1_024
const sweepMsMax = 1_000

export interface WebSocketConnection {
  readonly socket: BtpSocket
  /** IP address of the peer, or what `addressOf` says. */
  readonly address: string
}

export interface WebSocketListener {
  /** Port that is listened on; 0 on a server of somebody else. */
  readonly port: number
  /** `ws://127.0.0.1:9000/`: how to reach it from this machine. */
  readonly url: string
  /** Connections at this moment, those in their handshake among them. */
  readonly connections: number
  /** Takes no new connections; those that are open stay. */
  stopAccepting(): void
  /** Takes no new ones, closes those that are open with 1001, and cuts those that do not answer. */
  close(): Promise<void>
}

/**
 * @param onConnection - Called for each open WebSocket; what it returns gets its messages.
 * @throws {ListenError} The port is taken, or the certificate and key are not a pair.
 */
export async function listenWebSocket(
  options: ListenOptions,
  onConnection: (connection: WebSocketConnection) => BtpSocketListener,
): Promise<WebSocketListener> {
  const { observer, addressOf, flushAt = 'tick' } = options
  const limits = { ...listenLimits, ...options.limits }
  const admission = createAdmission(limits, () => performance.now())
  /** Open connections, each with the heartbeats it has been silent for. */
  const sockets = new Map<CorkedWebSocket, { silentBeats: number }>()
  /** Connections of a listener of our own that are not open yet. */
  const opening = new Map<string, { readonly connection: Socket; beats: number }>()
  let refused: { reason: string; address: string; count: number } | undefined
  let whenLastClosed: (() => void) | undefined

  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    // Later than the types of `ws` that are published.
    ...{ closeTimeout: limits.closeTimeoutMs, maxFragments: fragmentsMax },
  })
  const own = options.server === undefined ? createOwnServer(options, limits) : undefined
  const server = own ?? options.server!
  own?.on('connection', admitConnection)
  server.on('upgrade', upgrade)
  if (own !== undefined) await listen(own, options)
  own?.on('error', (error) => observer?.({ name: 'btp.listener_failed', level: 'error', error }))
  const ownClosed = own === undefined ? Promise.resolve() : once(own, 'close')
  const port = (own?.address() as AddressInfo | null | undefined)?.port ?? 0

  const sweepMs = Math.min(sweepMsMax, limits.handshakeTimeoutMs)
  const sweeps = setInterval(sweep, sweepMs).unref()
  const heartbeats = setInterval(beat, limits.heartbeatMs).unref()

  return {
    port,
    url: `${options.tls === undefined ? 'ws' : 'wss'}://${hostText(options.host)}:${port}/`,
    get connections() {
      return admission.connections
    },
    stopAccepting,
    async close() {
      stopAccepting()
      for (const { connection } of opening.values()) connection.destroy()
      const socketsClosed = new Promise<void>((resolve) => {
        if (sockets.size === 0) resolve()
        else whenLastClosed = resolve
      })
      for (const socket of sockets.keys()) socket.close(1001, 'going away')
      await Promise.all([ownClosed, socketsClosed])
      clearInterval(sweeps)
      clearInterval(heartbeats)
    },
  }

  function stopAccepting(): void {
    server.off('upgrade', upgrade)
    if (own?.listening) own.close()
  }

  /** A TCP connection to a listener of our own: counted before it has said anything. */
  function admitConnection(connection: Socket): void {
    connection.on('error', ignore)
    const { remoteAddress, remotePort } = connection
    if (remoteAddress === undefined || remotePort === undefined) {
      connection.destroy()
      return
    }
    if (addressOf === undefined && !admit(connection, remoteAddress)) {
      connection.resetAndDestroy()
      return
    }
    const key = `${remoteAddress} ${remotePort}`
    opening.set(key, { connection, beats: 0 })
    connection.once('close', () => opening.delete(key))
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const connection = stream as Socket
    connection.on('error', ignore)
    if (options.server !== undefined && options.path !== undefined && pathOf(request) !== options.path) return
    const address = addressOf === undefined ? (connection.remoteAddress ?? '') : addressOf(request)
    const isAdmitted = own !== undefined && addressOf === undefined
    if (!isAdmitted && !admit(connection, address)) {
      connection.end(`HTTP/1.1 503 ${STATUS_CODES[503]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    webSockets.handleUpgrade(request, connection, head, (webSocket) => {
      opening.delete(`${connection.remoteAddress} ${connection.remotePort}`)
      open(webSocket, connection, address)
    })
  }

  function open(webSocket: WebSocket, connection: Socket, address: string): void {
    const health = { silentBeats: 0 }
    const heard = () => {
      health.silentBeats = 0
    }
    const socket = createCorkedWebSocket(webSocket, connection, { flushAt, heard })
    sockets.set(socket, health)
    webSocket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) whenLastClosed?.()
    })
    try {
      socket.listener = onConnection({ socket, address })
    } catch (error) {
      observer?.({ name: 'btp.listener_failed', level: 'error', error })
      socket.close(1011, 'internal error')
    }
  }

  function admit(connection: Socket, address: string): boolean {
    const reason = admission.enter(address)
    if (reason === undefined) {
      connection.once('close', () => admission.leave(address))
      return true
    }
    refused = { reason, address, count: (refused?.count ?? 0) + 1 }
    return false
  }

  function sweep(): void {
    admission.sweep()
    for (const entry of opening.values()) {
      entry.beats++
      if (entry.beats * sweepMs > limits.handshakeTimeoutMs) entry.connection.destroy()
    }
    // Once for all refusals of a sweep: who floods us shall not flood the log.
    if (refused !== undefined) observer?.({ name: 'btp.listener_refused', level: 'warn', ...refused })
    refused = undefined
  }

  function beat(): void {
    for (const [socket, health] of sockets) {
      if (health.silentBeats >= 2) socket.terminate()
      else if (health.silentBeats === 1) socket.ping()
      health.silentBeats++
    }
  }
}

function createOwnServer(options: ListenOptions, limits: ListenLimits): HttpServer | HttpsServer {
  const settings = {
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: limits.handshakeTimeoutMs,
    requestTimeout: limits.handshakeTimeoutMs,
  }
  const server = createServer(options, settings)
  server.maxConnections = limits.connectionsMax
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' })
    response.end('This port speaks BTP over WebSocket.\n')
  })
  server.on('clientError', (_error, connection) => connection.destroy())
  return server
}

function createServer(options: ListenOptions, settings: ServerOptions): HttpServer | HttpsServer {
  const { tls } = options
  if (tls === undefined) return createHttpServer(settings)
  try {
    const { cert, key, passphrase } = tls
    const secure = { cert: cert as Buffer, key: key as Buffer, ...(passphrase === undefined ? {} : { passphrase }) }
    return createHttpsServer({ ...settings, ...secure, handshakeTimeout: settings.headersTimeout ?? 0 })
  } catch (error) {
    throw new ListenError('the TLS certificate and key cannot be used', error)
  }
}

async function listen(server: HttpServer | HttpsServer, options: ListenOptions): Promise<void> {
  const { port = 0, host } = options
  try {
    const listening = once(server, 'listening')
    server.listen({ port, ...(host === undefined ? {} : { host }) })
    await listening
  } catch (error) {
    throw new ListenError(`port ${port} cannot be listened on`, error)
  }
}

function hostText(host: string | undefined): string {
  if (host === undefined || host === '::' || host === '0.0.0.0') return 'localhost'
  return isIPv6(host) ? `[${host}]` : host
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/\?.*$/s, '')
}

function ignore(): void {}

export class ListenError extends MillstreamError {
  override readonly name = 'Btp.ListenError'
  readonly code = 'BTP_LISTEN'
  constructor(what: string, cause: unknown) {
    super(`No BTP listener: ${what} (${cause instanceof Error ? cause.message : 'unknown error'}).`, { cause })
  }
}
