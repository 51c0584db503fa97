/** A host that listens for WebSockets, plain or over TLS, or on an HTTP server that is there already. */
import { type ListenOptions, listenWebSocket, type WebSocketListener } from '@millstream/btp/node'
import type { TrustlineHost } from './host.js'

/**
 * @returns The listener. Close it after the host: the host's last frames leave through it.
 * @throws {ListenError} The port is taken, or certificate and key are not a pair.
 * @example
 * const listener = await listenTrustline(host, { port: 9000 })
 * listener.url // 'ws://localhost:9000/'
 */
export function listenTrustline(trustline: TrustlineHost, options: ListenOptions): Promise<WebSocketListener> {
  return listenWebSocket(options, ({ socket, address }) => trustline.accept({ socket, remoteAddress: address }))
}
