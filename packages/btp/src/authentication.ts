/**
 * The server's side of BTP authentication: the first frame of a connection (IL-RFC-23 draft 2). Until it has been
 * accepted, a connection costs its socket and one timer, whatever it sends.
 *
 * The answers are those of ilp-plugin-payment-channel-framework 1.3.5, word for word, because programs of 2017 show
 * them to people. Comparing tokens in constant time is the business of `authenticate`.
 */
import { BtpFrame } from '@millstream/codec'
import type { Instant, Observer } from '@millstream/units'
import type { BtpEvent } from './btp-event.js'
import * as BtpRefusal from './btp-refusal.js'
import type { BtpSocket, BtpSocketListener } from './btp-socket.js'
import { systemTimers, type Timers } from './timers.js'

export interface AuthenticationLimits {
  /** A connection that is not authenticated by then is closed without a word. */
  readonly authenticationTimeoutMs: number
  /** Longest first frame. A larger one closes the connection with 1009. */
  readonly firstFrameBytesMax: number
  /** Longest user name and longest token, in bytes of UTF-8. Longer ones are refused. */
  readonly credentialBytesMax: number
}

export const authenticationLimits: AuthenticationLimits = {
  authenticationTimeoutMs: 2_000,
  firstFrameBytesMax: 4_096,
  credentialBytesMax: 1_024,
}

/** Who it is, or why not: `invalidCredentials` where there is no more to say. */
export type Authentication<Account> =
  | { readonly account: Account; readonly refused?: undefined }
  | { readonly refused: BtpRefusal.Refusal }

export type Authenticate<Account> = (
  username: string,
  token: string,
) => Authentication<Account> | Promise<Authentication<Account>>

export const invalidCredentials: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'invalid auth token and/or username',
}

export interface AcceptOptions<Account> {
  readonly socket: BtpSocket
  readonly clock: Instant.Clock
  /** Decides; makes nothing that would have to be undone, since the connection may be gone when it has decided. */
  readonly authenticate: Authenticate<Account>
  /**
   * Called once, right after the RESPONSE to the authentication was sent, so that the new owner may send at once. What
   * it returns (a session, as a rule) gets everything that follows on the socket, `socketClosed` included.
   */
  readonly accepted: (account: Account) => BtpSocketListener
  /** Called once instead when the connection ended before it was accepted. */
  readonly ended?: () => void
  readonly limits?: Partial<AuthenticationLimits>
  readonly timers?: Timers
  readonly observer?: Observer<BtpEvent>
  /** Takes `auth` without `auth_username`, as peers newer than draft 3 send it. */
  readonly usernameOptional?: boolean
  readonly compatibleErrorCodes?: boolean
}

/**
 * Authenticates one incoming connection.
 *
 * @returns The listener of the socket for its whole life: it hands over to what `accepted` returns.
 */
export function acceptConnection<Account>(options: AcceptOptions<Account>): BtpSocketListener {
  const { socket, clock, authenticate, accepted, observer, timers = systemTimers } = options
  const limits = { ...authenticationLimits, ...options.limits }
  const codes = options.compatibleErrorCodes === true ? BtpFrame.errorCodesOf2017 : BtpFrame.errorCodes
  let state: 'waiting' | 'deciding' | 'accepted' | 'ended' = 'waiting'
  let owner: BtpSocketListener | undefined
  const timer = timers.setTimeout(() => closeWith(1000, 'authentication timed out'), limits.authenticationTimeoutMs)

  return {
    receive(data) {
      if (owner !== undefined) owner.receive(data)
      else if (state !== 'ended') receiveFirst(data)
    },
    socketClosed(code, reason) {
      if (owner !== undefined) owner.socketClosed(code, reason)
      else end()
    },
  }

  function receiveFirst(data: Uint8Array | string): void {
    const frame = readFirst(data, limits.firstFrameBytesMax)
    if (!('type' in frame)) {
      closeWith(frame.code, frame.reason)
      return
    }
    const credentials = credentialsFrom(frame, state === 'deciding', options.usernameOptional === true, limits)
    if ('name' in credentials) refuse(frame.requestId, credentials)
    else decide(frame.requestId, credentials.username, credentials.token)
  }

  function decide(requestId: number, username: string, token: string): void {
    state = 'deciding'
    try {
      const answer = authenticate(username, token)
      if (answer instanceof Promise) answer.then((decided) => answerWith(requestId, decided)).catch(fail)
      else answerWith(requestId, answer)
    } catch (error) {
      fail(error)
    }
  }

  function answerWith(requestId: number, authentication: Authentication<Account>): void {
    if (state !== 'deciding') return
    if (authentication.refused !== undefined) {
      refuse(requestId, authentication.refused)
      return
    }
    timers.clearTimeout(timer)
    state = 'accepted'
    socket.send(BtpFrame.encode({ type: 'response', requestId, protocolData: [] }))
    owner = accepted(authentication.account)
  }

  function refuse(requestId: number, refusal: BtpRefusal.Refusal): void {
    socket.send(BtpRefusal.encode(requestId, refusal, clock(), codes))
    closeWith(1000, 'not authenticated')
  }

  function fail(error: unknown): void {
    observer?.({ name: 'btp.handler_failed', level: 'error', error })
    closeWith(1011, 'internal error')
  }

  function closeWith(code: number, reason: string): void {
    socket.close(code, reason)
    end()
  }

  function end(): void {
    if (state === 'ended') return
    state = 'ended'
    timers.clearTimeout(timer)
    options.ended?.()
  }
}

/** The first frame, or how to close: answers and types that do not exist are never answered. */
function readFirst(
  data: Uint8Array | string,
  bytesMax: number,
): Exclude<BtpFrame.Frame, { type: 'response' | 'error' | 'unknown' }> | { code: number; reason: string } {
  if (typeof data === 'string') return { code: 1002, reason: 'text message' }
  if (data.length > bytesMax) return { code: 1009, reason: 'message too large' }
  try {
    const frame = BtpFrame.decode(data)
    if (frame.type !== 'response' && frame.type !== 'error' && frame.type !== 'unknown') return frame
    return { code: 1002, reason: 'not a request' }
  } catch {
    return { code: 1002, reason: 'unreadable frame' }
  }
}

function credentialsFrom(
  frame: BtpFrame.Frame,
  isDeciding: boolean,
  usernameOptional: boolean,
  limits: AuthenticationLimits,
): { username: string; token: string } | BtpRefusal.Refusal {
  if (frame.type !== 'message') return invalid('invalid method on unauthenticated socket')
  if (frame.protocolData[0]?.name !== 'auth') {
    return invalid('auth must be primary protocol on unauthenticated message')
  }
  // A frame that overtakes our answer is judged as unauthenticated, as 2017 servers do.
  if (isDeciding) return invalid('authentication is already under way')
  const token = BtpFrame.entry(frame.protocolData, 'auth_token')
  if (token === undefined) return invalid('missing "auth_token" secondary protocol')
  const username = BtpFrame.entry(frame.protocolData, 'auth_username')
  if (username === undefined && !usernameOptional) return invalid('missing "auth_username" secondary protocol')
  const usernameText = username === undefined ? '' : credentialText(username, limits.credentialBytesMax)
  const tokenText = credentialText(token, limits.credentialBytesMax)
  if (usernameText === undefined || tokenText === undefined) return invalidCredentials
  return { username: usernameText, token: tokenText }
}

function invalid(message: string): BtpRefusal.Refusal {
  return { name: 'InvalidFieldsError', message }
}

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a credential, or `undefined` for one that nobody can have. */
function credentialText(entry: BtpFrame.ProtocolEntry, bytesMax: number): string | undefined {
  if (entry.contentType !== BtpFrame.contentType.text || entry.data.length > bytesMax) return undefined
  try {
    const text = textDecoder.decode(entry.data)
    // NUL separates user and token where account names are made: see accountName.
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}
