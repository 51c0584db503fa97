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
    stopReading(socket)
    socket.destroy()
    return false
  }
  waiting.set(socket, count)
  response.once('close', () => waiting.set(socket, waiting.get(socket)! - 1))
  return true
}

/** What a parser of node:http takes for "nothing of this connection is HTTP any more". */
const noMoreHttp = 2

/**
 * Node parses what is left of a read even after its socket has gone: thousands of requests, each with objects of its own,
 * a gigabyte of them from 300 connections. Its parser has a function for each request, which no document promises: where
 * it is not there, nothing but that memory is lost.
 */
function stopReading(socket: Socket): void {
  const { parser } = socket as { readonly parser?: { onIncoming?: () => number } | null }
  if (parser?.onIncoming != null) parser.onIncoming = () => noMoreHttp
}
