/** Who may connect to the shop over HTTP: no address takes all the places, and no silent connection keeps one. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionLimits {
  /** Connections of all addresses. */
  readonly connectionsMax: number
  /** Of one address, which may be that of a proxy with many readers behind it that nobody trusts. */
  readonly perAddressMax: number
}

export const connectionLimits: ConnectionLimits = { connectionsMax: 10_000, perAddressMax: 2_000 }

/**
 * What `createServer` of node:http and node:https takes. A request may take as long as this to arrive, its head and all
 * of it, and before it as long as a head for TLS; looked at every second, not every 30 as Node does by itself.
 */
export const serverTimes = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  handshakeTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
} as const

/**
 * Cuts connections that are too many, before anything is read.
 *
 * @param isProxy - Whose connections are many readers', and are bounded with all others only.
 */
export function bound(
  server: Server,
  limits: ConnectionLimits = connectionLimits,
  isProxy: (address: string) => boolean = () => false,
): void {
  const counts = new Map<string, number>()
  server.maxConnections = limits.connectionsMax
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress
    if (address !== undefined && isProxy(address)) return
    const count = (address === undefined ? 0 : (counts.get(address) ?? 0)) + 1
    if (address === undefined || count > limits.perAddressMax) {
      socket.destroy()
      return
    }
    counts.set(address, count)
    socket.once('close', () => {
      const left = counts.get(address)! - 1
      if (left === 0) counts.delete(address)
      else counts.set(address, left)
    })
  })
}
