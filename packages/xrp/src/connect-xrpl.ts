/**
 * A server of the XRP Ledger through the official `xrpl` client.
 *
 * The client gives up after one failed attempt to come back, and its errors quote whole requests. So each connection is
 * a client of its own, made anew after a cut, and of an error only its name gets out: signed transactions hold
 * fulfillments.
 */
import type { Timers } from '@millstream/units'
import { Client, type Request, RippledError } from 'xrpl'
import type { JsonObject } from './internal/json.js'
import { objectOf } from './internal/json.js'
import { type XrpLimits, xrpLimits } from './limits.js'
import { XrpRequestError, type XrpServer, type XrpServerEvents, XrpUnreachableError } from './server.js'

export interface ConnectXrplOptions {
  /** `wss://…` or `ws://…`. */
  readonly url: string
  readonly timers?: Timers
  readonly limits?: Partial<XrpLimits>
}

export function connectXrpl(options: ConnectXrplOptions): XrpServer {
  const { url } = options
  const limits = { ...xrpLimits, ...options.limits }
  const timers = options.timers ?? processTimers
  const name = nameOf(url)
  let current: Client | undefined
  let events: XrpServerEvents | undefined
  let timer: unknown
  let waitMs = limits.reconnectMs
  let closed = false

  return {
    name,
    get isConnected() {
      return current?.isConnected() === true
    },
    async open(listener) {
      events = listener
      await connect()
    },
    async request(request) {
      const client = current
      if (client === undefined) throw new XrpRequestError(request.command, 'notConnected')
      try {
        const answer: unknown = await client.request(request as unknown as Request)
        return objectOf(objectOf(answer)?.result) ?? {}
      } catch (error) {
        throw new XrpRequestError(request.command, reasonOf(error))
      }
    },
    async close() {
      closed = true
      timers.clearTimeout(timer)
      const client = current
      current = undefined
      if (client !== undefined) await discard(client)
    },
  }

  async function connect(): Promise<void> {
    const client = new Client(url, { timeout: limits.requestMs, connectionTimeout: limits.requestMs })
    client.on('error', () => undefined)
    client.on('disconnected', () => lost(client))
    client.on('ledgerClosed', (message) => {
      if (current === client) events?.ledgerClosed(message as unknown as JsonObject)
    })
    client.on('transaction', (message) => {
      if (current === client) events?.transaction(message as unknown as JsonObject)
    })
    try {
      await client.connect()
    } catch (error) {
      await discard(client)
      throw new XrpUnreachableError(name, reasonOf(error))
    }
    if (closed) return discard(client)
    // A client that was given up may still come back by itself.
    client.on('connected', () => {
      if (current !== client) void discard(client)
    })
    current = client
    waitMs = limits.reconnectMs
    events?.connected()
  }

  function lost(client: Client): void {
    // The client sets its own timer to come back right after this event.
    setImmediate(() => void discard(client))
    if (current !== client) return
    current = undefined
    events?.disconnected()
    if (!closed) reconnectLater()
  }

  function reconnectLater(): void {
    timer = timers.setTimeout(() => {
      connect().catch(() => {
        if (!closed) reconnectLater()
      })
    }, waitMs)
    waitMs = Math.min(waitMs * 2, limits.reconnectMsMax)
  }
}

async function discard(client: Client): Promise<void> {
  try {
    await client.disconnect()
  } catch {
    // It is of no use any more either way.
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RippledError) {
    const said = objectOf(error.data)?.error
    return typeof said === 'string' ? said.slice(0, 100) : 'error'
  }
  return error instanceof Error ? error.name : 'error'
}

/** The address without user, password and query: it goes into events and errors. */
function nameOf(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url)
    return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
  } catch {
    throw new XrpUnreachableError('(not a URL)', 'its address is not a URL such as wss://host:port')
  }
}

const processTimers: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
