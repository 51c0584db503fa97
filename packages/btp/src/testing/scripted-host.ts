/**
 * A host that does what a test says: authenticates everybody, answers `info` and records what arrives. Everything else
 * is up to the test.
 */
import { BtpFrame } from '@millstream/codec'
import type { Instant } from '@millstream/units'
import { type Authentication, acceptConnection } from '../authentication.js'
import { createSession, type Session, type SessionClosure } from '../session.js'
import type { Timers } from '../timers.js'
import type { MemoryNetwork } from './memory-network.js'

export interface ScriptedHost {
  /** The newest session. */
  readonly session: Session
  /** Sessions so far. */
  readonly sessions: number
  /** Requests that arrived, oldest first, over all sessions. */
  readonly received: BtpFrame.Frame[]
  readonly credentials: { readonly username: string; readonly token: string }[]
  readonly closures: SessionClosure[]
  /** What it says of its ledger, as JSON; a string is sent as it is. */
  info: unknown
  dialect: 'info' | 'get_info'
  authenticate: (username: string, token: string) => Authentication<string>
  prepare: (frame: BtpFrame.PrepareFrame, session: Session) => void
  fulfill: (frame: BtpFrame.FulfillFrame, session: Session) => void
  reject: (frame: BtpFrame.RejectFrame, session: Session) => void
  /** Messages other than `info` and `get_info`. */
  message: (frame: BtpFrame.MessageFrame, session: Session) => void
  /** Called once for each new session, right after the authentication was answered. */
  opened: (session: Session) => void
  /** Takes connections again, or none. */
  listen(isListening: boolean): void
}

const textEncoder = new TextEncoder()

export function createScriptedHost(options: {
  readonly network: MemoryNetwork
  readonly clock: Instant.Clock
  readonly timers: Timers
}): ScriptedHost {
  const { network, clock, timers } = options
  let current: Session | undefined
  let sessions = 0
  const host: ScriptedHost = {
    get session() {
      if (current === undefined) throw new Error('nobody has connected')
      return current
    },
    get sessions() {
      return sessions
    },
    received: [],
    credentials: [],
    closures: [],
    info: { currencyScale: 9, currencyCode: 'XRP', prefix: 'test.host.', connectors: [] },
    dialect: 'info',
    authenticate: (username) => ({ account: username }),
    prepare: (frame, session) => session.respond(frame.requestId),
    fulfill: (frame, session) => session.respond(frame.requestId),
    reject: (frame, session) => session.respond(frame.requestId),
    message: (frame, session) => session.refuse(frame.requestId, { name: 'NotAcceptedError', message: 'unsupported' }),
    opened: () => undefined,
    listen(isListening) {
      network.listen(isListening ? accept : undefined)
    },
  }
  host.listen(true)
  return host

  function accept(socket: Parameters<Parameters<MemoryNetwork['listen']>[0] & object>[0]) {
    return acceptConnection<string>({
      socket,
      clock,
      timers,
      authenticate(username, token) {
        host.credentials.push({ username, token })
        return host.authenticate(username, token)
      },
      accepted() {
        const session: Session = createSession({
          socket,
          clock,
          timers,
          handler: {
            prepare: (frame) => take(frame, () => host.prepare(frame, session)),
            fulfill: (frame) => take(frame, () => host.fulfill(frame, session)),
            reject: (frame) => take(frame, () => host.reject(frame, session)),
            message: (frame) => take(frame, () => answerMessage(frame, session)),
            closed: (closure) => void host.closures.push(closure),
          },
        })
        current = session
        sessions++
        host.opened(session)
        return session
      },
    })
  }

  function take(frame: BtpFrame.Frame, answer: () => void): void {
    host.received.push(frame)
    answer()
  }

  function answerMessage(frame: BtpFrame.MessageFrame, session: Session): void {
    const name = frame.protocolData[0]?.name
    if (name !== host.dialect) {
      if (name === 'info' || name === 'get_info') {
        session.refuse(frame.requestId, { name: 'NotAcceptedError', message: 'unsupported' })
      } else {
        host.message(frame, session)
      }
      return
    }
    const text = typeof host.info === 'string' ? host.info : JSON.stringify(host.info)
    const data = textEncoder.encode(text)
    session.respond(frame.requestId, [{ name, contentType: BtpFrame.contentType.json, data }])
  }
}
