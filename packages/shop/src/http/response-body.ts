/** An HTTP response of node:http as the body of a stream. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Body } from '../offer.js'

/** What was written gets this many ms to go out before a body that is broken off is cut. */
const flushMs = 5_000

/** @param delimited - The reader can tell where the body ends: by its length, or by its chunks. */
export function responseBody(response: ServerResponse, delimited: boolean): Body {
  return {
    write: (bytes) => response.write(bytes),
    end: () => void response.end(),
    destroy: () => breakOff(response, delimited),
  }
}

/** Ends the connection without ending the body, once everything before that has gone out. */
function breakOff(response: ServerResponse, delimited: boolean): void {
  const { socket } = response
  if (socket === null || socket.destroyed) {
    response.destroy()
    return
  }
  const timer = setTimeout(() => response.destroy(), flushMs)
  timer.unref()
  response.once('close', () => clearTimeout(timer))
  if (delimited) socket.destroySoon()
  else socket.write('', () => reset(socket))
}

/**
 * A body that only the end of the connection delimits must not see a proper end of it. `resetAndDestroy` says that end
 * first and resets then; this is what it sets, and where it is not known the connection is closed as usual.
 */
function reset(socket: Socket): void {
  Object.assign(socket, { resetAndClosing: true }).destroy()
}
