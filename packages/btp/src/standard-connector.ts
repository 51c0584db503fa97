/** The `WebSocket` of browsers, also that of Node 22 and later, as a `BtpSocket`. It gathers what is sent by itself. */
import { MillstreamError } from '@millstream/units'
import type { BtpSocket, ConnectSocket } from './btp-socket.js'

/** As much of the standard's `WebSocket` as is used. */
export interface StandardWebSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(type: string, listener: (event: object) => void): void
}

const stateOpen = 1
// WHATWG WebSockets: other codes than these cannot be sent by a page.
const codeNormal = 1_000
const applicationCodeMin = 3_000

/**
 * @param create - `(url) => new WebSocket(url)`.
 * @example
 * createTrustlineClient({ uri, connect: standardConnector((url) => new WebSocket(url)), … })
 */
export function standardConnector(create: (url: string) => StandardWebSocket): ConnectSocket {
  return (url, listener) =>
    new Promise((resolve, reject) => {
      const webSocket = create(url)
      webSocket.binaryType = 'arraybuffer'
      let isOpen = false
      webSocket.addEventListener('open', () => {
        isOpen = true
        resolve(socketOf(webSocket))
      })
      webSocket.addEventListener('message', (event) => {
        const { data } = event as { readonly data: unknown }
        listener.receive(data instanceof ArrayBuffer ? new Uint8Array(data) : String(data))
      })
      webSocket.addEventListener('close', (event) => {
        const { code, reason } = event as { readonly code: number; readonly reason: string }
        if (isOpen) listener.socketClosed(code, reason)
        else reject(new NotOpenedError(code))
      })
      // What an error was a page is not told; the close event follows it.
      webSocket.addEventListener('error', () => undefined)
    })
}

function socketOf(webSocket: StandardWebSocket): BtpSocket {
  return {
    send(frame) {
      if (webSocket.readyState === stateOpen) webSocket.send(frame as Uint8Array<ArrayBuffer>)
    },
    close(code, reason) {
      const isAllowed = code === codeNormal || code >= applicationCodeMin
      webSocket.close(isAllowed ? code : applicationCodeMin + (code % 1_000), reason)
    },
    get bufferedBytes() {
      return webSocket.bufferedAmount
    },
  }
}

export class NotOpenedError extends MillstreamError {
  override readonly name = 'Btp.NotOpenedError'
  readonly code = 'BTP_NOT_OPENED'
  constructor(closeCode: number) {
    super(`No WebSocket could be opened to the host of the trustline (${closeCode}). Nothing was sent.`)
  }
}
