/** The port of a plugin with the option `listener`: plain, or over TLS where it names a certificate. */
import fs from 'node:fs'
import type { BtpSocket, BtpSocketListener } from '@millstream/btp'
import { listenWebSocket, type WebSocketListener } from '@millstream/btp/node'
import * as LedgerError from './errors.js'
import type { ListenerSettings } from './options.js'

export interface Listener {
  /** Resolves when it listens. @throws Why it cannot: the port is taken, a file cannot be read. */
  open(): Promise<void>
  close(): Promise<void>
}

/** Begins to listen at once. Why that fails says `open`, which tries again. */
export function createListener(settings: ListenerSettings, accept: (socket: BtpSocket) => BtpSocketListener): Listener {
  let listening: Promise<WebSocketListener> | undefined = listen()

  return {
    async open() {
      listening ??= listen()
      try {
        await listening
      } catch (error) {
        listening = undefined
        throw error
      }
    },
    async close() {
      const closing = listening
      listening = undefined
      const listener = await closing?.catch(() => undefined)
      await listener?.close()
    },
  }

  function listen(): Promise<WebSocketListener> {
    const promise = start()
    promise.catch(() => undefined)
    return promise
  }

  async function start(): Promise<WebSocketListener> {
    const { port, tls } = settings
    if (tls === undefined) return await listenWebSocket({ port }, ({ socket }) => accept(socket))
    const key = read('key', tls.keyFile)
    const cert = read('cert', tls.certFile)
    // The chain above the certificate belongs to what a client is shown.
    const chain = tls.caFile === undefined ? cert : `${cert}\n${read('ca', tls.caFile)}`
    return await listenWebSocket({ port, tls: { cert: chain, key } }, ({ socket }) => accept(socket))
  }
}

function read(option: string, file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw new LedgerError.InvalidFieldsError(
      `The file of "listener.${option}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
