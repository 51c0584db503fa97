/**
 * The listener: WebSocket and JSON-RPC on one port, and the faucet beside them. It reads requests within bounds, asks
 * the API, and writes answers, late or never where a fault says so.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MillstreamError, type Timers } from '@millstream/units'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Answer, answer } from './api/api.js'
import type { Control } from './api/method.js'
import { type Subscriber, Subscriptions } from './api/subscriptions.js'
import { type FaucetAnswer, giveAccount } from './faucet.js'
import type { Chain } from './ledger/chain.js'
import type { JsonObject } from './ledger/entry.js'
import * as Faults from './ledger/faults.js'

export interface ServerLimits {
  /** Octets of a request. */
  readonly requestBytes: number
  /** Octets towards a client that does not read. Beyond it the connection is cut. */
  readonly unreadBytes: number
  readonly connections: number
  /** Answers that wait because of a delay. Beyond it requests are not answered. */
  readonly delayedAnswers: number
}

export const serverLimits: ServerLimits = {
  requestBytes: 1_000_000,
  unreadBytes: 16 * 1024 * 1024,
  connections: 1_000,
  delayedAnswers: 100_000,
}

/** Of objects and lists within each other, as `rippled` reads them: what is deeper could not be sent back. */
const depthMax = 25

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly chain: Chain
  readonly control: Omit<Control, 'port'>
  readonly timers: Timers
  readonly faucet: { readonly drops: bigint; readonly dropsMax: bigint }
  readonly limits: ServerLimits
}

export interface SandboxServer {
  readonly port: number
  /** Cuts every connection; clients may come back. */
  disconnectAll(): void
  close(): Promise<void>
}

/** @throws {ListenError} The port is taken, or may not be used. */
export async function listen(options: ServerOptions): Promise<SandboxServer> {
  const server = createServer()
  const address = await bound(server, options)
  const context: ConnectionContext = {
    ...options,
    control: { ...options.control, port: address.port },
    subscriptions: new Subscriptions(options.chain),
    waiting: new Set(),
  }
  const sockets = new WebSocketServer({ server, maxPayload: options.limits.requestBytes })
  sockets.on('connection', (socket) => {
    if (sockets.clients.size > options.limits.connections) socket.close(1013, 'too many connections')
    else serveSocket(socket, context)
  })
  // What goes wrong with the listener after it is bound ends in its `close`.
  sockets.on('error', () => {})
  server.on('request', (request, response) => serveRequest(request, response, context))
  return {
    port: address.port,
    disconnectAll: () => {
      for (const socket of sockets.clients) socket.terminate()
    },
    close: () => {
      for (const timer of context.waiting) options.timers.clearTimeout(timer)
      context.waiting.clear()
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      return new Promise((resolve) => sockets.close(() => server.close(() => resolve())))
    },
  }
}

interface ConnectionContext extends Omit<ServerOptions, 'control'> {
  readonly control: Control
  readonly subscriptions: Subscriptions
  readonly waiting: Set<unknown>
}

function bound(server: Server, { host, port }: ServerOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new ListenError(host, port, cause)))
    server.listen(port, host, () => resolve(server.address() as AddressInfo))
  })
}

function serveSocket(socket: WebSocket, context: ConnectionContext): void {
  const send = (message: JsonObject) => {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > context.limits.unreadBytes) socket.terminate()
    else socket.send(JSON.stringify(message))
  }
  const subscriber: Subscriber = {
    version: 1,
    streams: new Set(),
    accounts: new Set(),
    accountsProposed: new Set(),
    send,
  }
  context.subscriptions.add(subscriber)
  socket.on('close', () => context.subscriptions.remove(subscriber))
  // A broken frame closes the connection; there is nobody to tell.
  socket.on('error', () => {})
  socket.on('message', (data, isBinary) => {
    const text = isBinary ? '' : String(data)
    const request = parseObject(text)
    if (request === undefined) {
      send({ error: 'jsonInvalid', type: 'error', value: text.slice(0, 1_000) })
      return
    }
    const command = request.command ?? request.method
    const outcome = answer(command, request, { ...context, subscriber })
    const { faults } = context.control
    if (Faults.takes(faults.silent, String(command))) return
    if (Faults.takes(faults.disconnect, String(command))) {
      socket.terminate()
      return
    }
    later(context, () => send(envelope(request, outcome)))
  })
}

/** The answer as a WebSocket client gets it: with its `id`, and what it asked where that failed. */
function envelope(request: JsonObject, outcome: Answer): JsonObject {
  const echoed = {
    ...(request.id === undefined ? {} : { id: request.id }),
    ...(request.api_version === undefined ? {} : { api_version: request.api_version }),
    ...(request.jsonrpc === undefined ? {} : { jsonrpc: request.jsonrpc }),
    ...(request.ripplerpc === undefined ? {} : { ripplerpc: request.ripplerpc }),
  }
  if (outcome.ok) return { ...echoed, result: outcome.result, status: 'success', type: 'response' }
  return { ...outcome.error, ...echoed, request: withoutSecrets(request), status: 'error', type: 'response' }
}

function serveRequest(request: IncomingMessage, response: ServerResponse, context: ConnectionContext): void {
  const refuse = (status: number, text: string) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
    response.end(`${text}\n`)
  }
  if (request.method === 'GET') {
    refuse(200, 'An XRP Ledger for one machine: WebSocket, or JSON-RPC by POST; POST /accounts is the faucet.')
    return
  }
  if (request.method !== 'POST') {
    refuse(405, 'POST a request.')
    return
  }
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= context.limits.requestBytes) {
      chunks.push(chunk)
      return
    }
    request.removeAllListeners('data')
    request.resume()
    refuse(413, 'The request is too long.')
  })
  // A client that goes away in the middle wants no answer.
  request.on('error', () => {})
  request.on('end', () => {
    if (bytes > context.limits.requestBytes) return
    const text = Buffer.concat(chunks).toString('utf8')
    const path = (request.url ?? '/').split('?')[0]
    if (path === '/accounts') respondFaucet(text, response, context)
    else respondRpc(text, response, context, refuse)
  })
}

function respondRpc(
  text: string,
  response: ServerResponse,
  context: ConnectionContext,
  refuse: (status: number, text: string) => void,
): void {
  const body = parseObject(text)
  if (body === undefined) {
    refuse(400, 'Unable to parse request: it is no JSON object.')
    return
  }
  const { method, params = [{}] } = body
  const first = Array.isArray(params) ? (params[0] ?? {}) : undefined
  if (typeof method !== 'string' || method === '' || typeof first !== 'object') {
    refuse(400, 'A request has a method, and a list of params with one object.')
    return
  }
  const outcome = answer(method, first as JsonObject, { ...context, subscriber: undefined })
  const { faults } = context.control
  if (Faults.takes(faults.silent, method)) return
  if (Faults.takes(faults.disconnect, method)) {
    response.destroy()
    return
  }
  const result = outcome.ok
    ? { ...outcome.result, status: 'success' }
    : { ...outcome.error, request: { ...withoutSecrets(first as JsonObject), command: method }, status: 'error' }
  later(context, () => writeJson(response, 200, { result }))
}

function respondFaucet(text: string, response: ServerResponse, context: ConnectionContext): void {
  const request = text.trim() === '' ? {} : parseObject(text)
  const given: FaucetAnswer =
    request === undefined
      ? { status: 400, body: { error: 'The request is no JSON object.' } }
      : giveAccount(request, { ...context.faucet, control: context.control })
  later(context, () => writeJson(response, given.status, given.body))
}

function writeJson(response: ServerResponse, status: number, body: JsonObject): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

function later(context: ConnectionContext, respond: () => void): void {
  const { delayMs } = context.control.faults
  if (delayMs === 0) {
    respond()
    return
  }
  if (context.waiting.size >= context.limits.delayedAnswers) return
  const timer = context.timers.setTimeout(() => {
    context.waiting.delete(timer)
    respond()
  }, delayMs)
  context.waiting.add(timer)
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value) || isDeeper(value, depthMax))
      return undefined
    return value as JsonObject
  } catch {
    return undefined
  }
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((part) => isDeeper(part, depth - 1))
}

/** Keys that somebody sent by mistake are not sent back. */
function withoutSecrets(request: JsonObject): JsonObject {
  const masked: Record<string, JsonObject[string]> = { ...request }
  for (const name of ['secret', 'seed', 'seed_hex', 'passphrase']) if (name in masked) masked[name] = '<masked>'
  return masked
}

export class ListenError extends MillstreamError {
  override readonly name = 'XrpSandbox.ListenError'
  readonly code = 'XRP_SANDBOX_LISTEN'
  constructor(host: string, port: number, cause: Error) {
    super(`The sandbox cannot listen on ${host}:${port}: ${cause.message}. Nothing was started. Take another port.`, {
      cause,
    })
  }
}
