/**
 * A `ws` WebSocket as a `BtpSocket`. The messages of one tick leave in one write: the cost of a connection is in its
 * writes, not in its messages.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { BtpSocket, BtpSocketListener } from '../../btp-socket.js'
import { joinWrites } from './join-writes.js'

/** When a tick ends: at once after the running callback, or after everything that this turn of the loop delivered. */
export type FlushAt = 'tick' | 'turn'

export interface CorkedWebSocketOptions {
  readonly flushAt: FlushAt
  /** Called for everything that arrives, so that the owner can tell a silent connection from a busy one. */
  readonly heard: () => void
}

export interface CorkedWebSocket extends BtpSocket {
  /** Messages and the end of the connection go there. Before it is set they would be lost: set it at once. */
  listener: BtpSocketListener | undefined
  /** Ends the connection without a closing handshake. */
  terminate(): void
  ping(): void
}

// RFC 6455 section 5.5: a control frame carries at most 125 bytes, two of them the code.
const reasonBytesMax = 123
const textEncoder = new TextEncoder()
const binary = { binary: true }

/**
 * @param webSocket - Open.
 * @param connection - What it writes to.
 */
export function createCorkedWebSocket(
  webSocket: WebSocket,
  connection: Socket,
  { flushAt, heard }: CorkedWebSocketOptions,
): CorkedWebSocket {
  const open = webSocket.OPEN
  const writes = joinWrites(connection)
  let isCorked = false
  const uncork = () => {
    isCorked = false
    writes.end()
  }
  const socket: CorkedWebSocket = {
    listener: undefined,
    send(frame) {
      if (webSocket.readyState !== open) return
      if (!isCorked) {
        isCorked = true
        writes.begin()
        if (flushAt === 'tick') process.nextTick(uncork)
        else setImmediate(uncork)
      }
      webSocket.send(frame, binary)
    },
    close(code, reason) {
      if (webSocket.readyState === open) webSocket.close(code, isReason(reason) ? reason : '')
    },
    get bufferedBytes() {
      return webSocket.bufferedAmount + writes.keptBytes
    },
    terminate() {
      webSocket.terminate()
    },
    ping() {
      if (webSocket.readyState === open) webSocket.ping()
    },
  }
  webSocket.on('message', (data, isBinary) => {
    heard()
    if (webSocket.readyState === open) socket.listener?.receive(isBinary ? plain(data as Buffer) : String(data))
  })
  webSocket.on('ping', heard)
  webSocket.on('pong', heard)
  // What went wrong shows in the close event that follows; a reset is no reason to throw.
  webSocket.on('error', ignore)
  webSocket.once('close', (code, reason) => {
    const { listener } = socket
    socket.listener = undefined
    listener?.socketClosed(code, reason.toString('utf8'))
  })
  return socket
}

/** `Buffer.slice` shares memory where that of any other `Uint8Array` copies: nobody further in shall meet a Buffer. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function ignore(): void {}

function isReason(reason: string): boolean {
  return textEncoder.encode(reason).length <= reasonBytesMax
}
