/**
 * WebSockets without a network: pairs of `BtpSocket`s whose messages a test can lose, hold back and cut off. Messages
 * arrive in order, each in a microtask of its own, copied as a wire would.
 */
import type { BtpSocket, BtpSocketListener, ConnectSocket } from '../btp-socket.js'

export interface MemoryNetwork {
  /** For the client: connects to whoever listens. */
  readonly connect: ConnectSocket
  /** Takes the connections from now on; `undefined` refuses them. */
  listen(onConnection: ((socket: BtpSocket) => BtpSocketListener) | undefined): void
  /** How often somebody has tried to connect. */
  readonly attempts: number
  /** Cuts every connection: both ends see 1006, and what is on its way is lost. */
  cut(): void
  /** Whether a message arrives; everything does at first. */
  deliver: (bytes: Uint8Array, to: 'client' | 'server') => boolean
  /** Neither end hears anything more, not even that the connection is gone. */
  freeze(): void
  /** Bytes that seem to wait at the server's end of each connection. */
  serverBufferedBytes: number
}

interface End {
  readonly socket: BtpSocket
  listener: BtpSocketListener | undefined
  readonly side: 'client' | 'server'
}

interface Connection {
  isOpen: boolean
  isFrozen: boolean
  readonly client: End
  readonly server: End
}

export function createMemoryNetwork(): MemoryNetwork {
  let onConnection: ((socket: BtpSocket) => BtpSocketListener) | undefined
  let attempts = 0
  const connections = new Set<Connection>()

  const network: MemoryNetwork = {
    async connect(_url, listener) {
      attempts++
      if (onConnection === undefined) throw new Error('connection refused')
      const connection = createConnection()
      connections.add(connection)
      connection.client.listener = listener
      connection.server.listener = onConnection(connection.server.socket)
      return connection.client.socket
    },
    listen(handler) {
      onConnection = handler
    },
    get attempts() {
      return attempts
    },
    cut() {
      for (const connection of connections) end(connection, 1006, '')
    },
    deliver: () => true,
    freeze() {
      for (const connection of connections) connection.isFrozen = true
    },
    serverBufferedBytes: 0,
  }
  return network

  function createConnection(): Connection {
    const connection: Connection = { isOpen: true, isFrozen: false, client: endOf('client'), server: endOf('server') }
    return connection

    function endOf(side: 'client' | 'server'): End {
      const socket: BtpSocket = {
        send(frame) {
          if (!connection.isOpen) return
          const copy = frame.slice()
          queueMicrotask(() => {
            const other = side === 'client' ? connection.server : connection.client
            if (!connection.isOpen || connection.isFrozen || !network.deliver(copy, other.side)) return
            other.listener?.receive(copy)
          })
        },
        close(code, reason) {
          // A frozen peer never answers the closing handshake; a real socket gives up some seconds later.
          if (!connection.isFrozen) queueMicrotask(() => end(connection, code, reason))
        },
        get bufferedBytes() {
          return side === 'server' ? network.serverBufferedBytes : 0
        },
      }
      return { socket, listener: undefined, side }
    }
  }

  function end(connection: Connection, code: number, reason: string): void {
    if (!connection.isOpen) return
    connection.isOpen = false
    connections.delete(connection)
    connection.client.listener?.socketClosed(code, reason)
    connection.server.listener?.socketClosed(code, reason)
  }
}
