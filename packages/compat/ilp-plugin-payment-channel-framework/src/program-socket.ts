/**
 * A WebSocket that a program opened itself and handed to `addSocket`: any version of `ws`, or what looks like it. It is
 * given the shape that sessions use.
 */
import type { BtpSocket, BtpSocketListener } from '@millstream/btp'

/** What the plugin of 2017 asked of a socket, and what `ws` adds to it. */
export interface ProgramSocket {
  send(data: Uint8Array, options: { binary: true }, callback: (error?: Error) => void): unknown
  on(event: string, listener: (...args: unknown[]) => void): unknown
  close(code?: number, reason?: string): unknown
  readonly bufferedAmount?: number
}

export function isProgramSocket(value: unknown): value is ProgramSocket {
  if (typeof value !== 'object' || value === null) return false
  const { send, on, close } = value as Record<string, unknown>
  return typeof send === 'function' && typeof on === 'function' && typeof close === 'function'
}

/** Messages go to the listener that `attach` gives, from then on. */
export function adapt(socket: ProgramSocket): {
  readonly socket: BtpSocket
  attach(listener: BtpSocketListener): void
} {
  let isClosed = false
  const adapted: BtpSocket = {
    send(frame) {
      if (isClosed) return
      try {
        socket.send(frame, { binary: true }, () => undefined)
      } catch {
        // A socket that is not open any more: its `close` event follows.
      }
    },
    close(code, reason) {
      if (isClosed) return
      try {
        socket.close(code, reason)
      } catch {
        // Not open: there is nothing to close.
      }
    },
    get bufferedBytes() {
      return socket.bufferedAmount ?? 0
    },
  }
  return {
    socket: adapted,
    attach(listener) {
      socket.on('message', (data, isBinary) => {
        // Version 3 of `ws` gives text as a string; later ones give bytes and say which they are.
        if (typeof data === 'string') listener.receive(data)
        else if (isBinary === false) listener.receive(String(data))
        else listener.receive(bytesOf(data))
      })
      socket.on('error', () => undefined)
      socket.on('close', (code, reason) => {
        if (isClosed) return
        isClosed = true
        listener.socketClosed(typeof code === 'number' ? code : 1006, String(reason ?? ''))
      })
    },
  }
}

function bytesOf(data: unknown): Uint8Array | string {
  if (data instanceof Uint8Array) return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (Array.isArray(data)) return Buffer.concat(data as Buffer[])
  return String(data)
}
