/**
 * How many requests of one connection may wait for their answers. A reader of a paid stream needs one. node:http itself
 * sets no bound, and one write of a stranger holds thousands of requests: each would look for its content and open a
 * stream, behind an answer that may never end.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection without a complete answer; one more and the connection is cut. */
export const pipelinedMax = 16

const waiting = new WeakMap<Socket, number>()

/** Counts a request in until it is answered. @returns false when its connection has been cut: there is nobody to answer. */
export function hasPlace({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const count = (waiting.get(socket) ?? 0) + 1
  if (count > pipelinedMax) {
    // What is left of the read is still handed on: it is counted as little as it is answered.
    socket.destroy()
    return false
  }
  waiting.set(socket, count)
  response.once('close', () => waiting.set(socket, waiting.get(socket)! - 1))
  return true
}
