/**
 * The connection of a plugin with the option `server`: opens it, authenticates on it, and comes back by itself, with
 * growing pauses, when it is lost.
 */
import type { BtpSocket, ConnectSocket, Session } from '@millstream/btp'
import { BtpFrame, type BtpUri } from '@millstream/codec'
import * as BtpError from './btp-error.js'
import * as LedgerError from './errors.js'
import { request } from './questions.js'

export interface ConnectorOptions {
  readonly uri: BtpUri.BtpUri
  readonly connect: ConnectSocket
  readonly createSession: (socket: BtpSocket) => Session
  /**
   * Called for each authenticated session, before anything is told about it: asks what has to be asked. When it rejects
   * the connection is given up, and tried again later unless the error is a `FinalError`.
   */
  readonly opened: (session: Session) => Promise<void>
  /** Called when a session that `opened` has taken is gone. */
  readonly lost: () => void
  /** Called when coming back has failed for good. */
  readonly failed: (error: Error) => void
}

export interface Connector {
  /** Makes the first connection. Rejects when it cannot be made; nothing is tried again then. */
  open(): Promise<void>
  /** Tries again, some time later, until there is a connection. */
  comeBack(): void
  close(): void
}

export const reconnectLimits = { firstPauseMs: 100, pauseMaxMs: 15_000 } as const

export function createConnector(options: ConnectorOptions): Connector {
  const { uri, connect } = options
  let isClosed = false
  let current: Session | undefined
  let pause: ReturnType<typeof setTimeout> | undefined
  let pauseMs: number = reconnectLimits.firstPauseMs

  return {
    open() {
      isClosed = false
      return attempt()
    },
    comeBack,
    close() {
      isClosed = true
      clearTimeout(pause)
      current?.close(1000, 'closed')
    },
  }

  async function attempt(): Promise<void> {
    let session: Session | undefined
    let isTaken = false
    const socket = await connect(uri.url, {
      receive: (data) => session?.receive(data),
      socketClosed(code, reason) {
        session?.socketClosed(code, reason)
        gone()
      },
    }).catch((error: Error) => {
      throw new LedgerError.UnreachableError(error.message)
    })
    if (isClosed) {
      socket.close(1000, 'closed')
      throw new LedgerError.UnreachableError('The plugin was disconnected.')
    }
    session = options.createSession(socket)
    current = session
    try {
      await authenticate(session, uri.username, uri.token)
      await options.opened(session)
    } catch (error) {
      session.close(1000, 'not opened')
      throw error
    }
    isTaken = true
    pauseMs = reconnectLimits.firstPauseMs
    if (!session.isOpen) gone()

    function gone(): void {
      if (current === session) current = undefined
      if (!isTaken) return
      isTaken = false
      options.lost()
      comeBack()
    }
  }

  function comeBack(): void {
    if (isClosed) return
    pause = setTimeout(() => {
      attempt().catch((error: Error) => {
        if (error instanceof FinalError) options.failed(error)
        else comeBack()
      })
    }, pauseMs)
    pauseMs = Math.min(pauseMs * 2, reconnectLimits.pauseMaxMs)
  }
}

/**
 * The client's side of authentication.
 *
 * @throws {NotAcceptedError} The peer refuses the user name and token.
 * @throws {UnreachableError} No answer, or the connection was closed.
 */
export async function authenticate(session: Session, username: string, token: string): Promise<void> {
  const text = (name: string, value: string): BtpFrame.ProtocolEntry => {
    return { name, contentType: BtpFrame.contentType.text, data: new TextEncoder().encode(value) }
  }
  const answer = await request(session, [
    { name: 'auth', contentType: BtpFrame.contentType.octets, data: new Uint8Array(0) },
    text('auth_username', username),
    text('auth_token', token),
  ])
  if (answer.type === 'error') throw BtpError.fromFrame(answer)
}

/** An error after which trying again is no use: the peer is not the ledger that it was. */
export class FinalError extends LedgerError.NotAcceptedError {}
