/**
 * A `ws` WebSocket as a `BtpSocket`. `ws` does the handshake, control frames, fragments and the closing handshake;
 * whole binary messages, which is all that BTP needs, go through the fast lanes beside it.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { BtpSocket, BtpSocketListener } from '../../btp-socket.js'
import { createFrameReader } from './frame-reader.js'
import { createFrameWriter, type FlushAt } from './frame-writer.js'

export interface LaneOptions {
  readonly isServer: boolean
  readonly frameBytesMax: number
  readonly flushAt: FlushAt
  /** Called for everything that arrives, so that the owner can tell a silent connection from a busy one. */
  readonly heard?: () => void
}

export interface Lane extends BtpSocket {
  /** Messages and the end of the connection go there. Before it is set they would be lost: set it at once. */
  listener: BtpSocketListener | undefined
  /** Ends the connection without a closing handshake. */
  terminate(): void
  ping(): void
}

const reasonBytesMax = 123
const textEncoder = new TextEncoder()

/** @param webSocket - Open, and nobody has read from it yet. */
export function createLane(webSocket: WebSocket, connection: Socket, options: LaneOptions): Lane {
  const { isServer, frameBytesMax, flushAt, heard } = options
  const open = webSocket.OPEN
  const writer = createFrameWriter({
    isServer,
    flushAt,
    write(bytes) {
      // RFC 6455 section 5.5.1: nothing follows a close frame.
      if (webSocket.readyState === open && connection.writable) connection.write(bytes)
    },
  })
  const lane: Lane = {
    listener: undefined,
    send(frame) {
      if (webSocket.readyState === open) writer.send(frame)
    },
    close(code, reason) {
      if (webSocket.readyState !== open) return
      writer.flush()
      webSocket.close(code, isReason(reason) ? reason : '')
    },
    get bufferedBytes() {
      return writer.pendingBytes + connection.writableLength
    },
    terminate() {
      webSocket.terminate()
    },
    ping() {
      if (webSocket.readyState === open) webSocket.ping()
    },
  }

  const [readOfWs, ...others] = connection.listeners('data') as ((chunk: Buffer) => void)[]
  if (readOfWs !== undefined && others.length === 0) {
    const reader = createFrameReader({
      isServer,
      bytesMax: frameBytesMax,
      message: receive,
      pass: (bytes) => readOfWs.call(connection, bytes),
    })
    connection.off('data', readOfWs)
    connection.on('data', (chunk: Buffer) => {
      heard?.()
      reader.read(chunk)
    })
    webSocket.on('error', () => reader.stop())
  } else {
    // Another version of `ws` reads in another way: then it reads everything.
    if (heard !== undefined) connection.on('data', heard)
  }
  webSocket.on('message', (data, isBinary) => {
    if (isBinary) receive(data as Buffer)
    else if (webSocket.readyState === open) lane.listener?.receive(String(data))
  })
  // What went wrong shows in the close event that follows; a reset is no reason to throw.
  webSocket.on('error', ignore)
  webSocket.once('close', (code, reason) => {
    const { listener } = lane
    lane.listener = undefined
    listener?.socketClosed(code, reason.toString('utf8'))
  })
  return lane

  function receive(bytes: Uint8Array): void {
    if (webSocket.readyState === open) lane.listener?.receive(bytes)
  }
}

function ignore(): void {}

function isReason(reason: string): boolean {
  return textEncoder.encode(reason).length <= reasonBytesMax
}
