export { accountName, mayHoldDeposits } from './account-name.js'
export {
  type AcceptOptions,
  type Authenticate,
  type Authentication,
  acceptConnection,
  authenticationLimits,
  invalidCredentials,
} from './authentication.js'
export type { BtpEvent } from './btp-event.js'
export * as BtpRefusal from './btp-refusal.js'
export type { BtpSocket, BtpSocketListener, ConnectSocket } from './btp-socket.js'
export { type ClientLimits, clientLimits } from './client-limits.js'
export { ClosedError, NoAnswerError, NotConnectedError, OtherLedgerError } from './internal/client-connection.js'
export { BadAnswerError } from './internal/ledger-dialect.js'
export {
  type Answer,
  createSession,
  type ErrorFrame,
  type FulfillFrame,
  type MessageFrame,
  type OnAnswer,
  type PrepareFrame,
  type RejectFrame,
  type Request,
  type ResponseFrame,
  type Session,
  type SessionClosure,
  type SessionHandler,
  type SessionOptions,
} from './session.js'
export { type SessionLimits, sessionLimits } from './session-limits.js'
export { NotOpenedError, type StandardWebSocket, standardConnector } from './standard-connector.js'
export { systemTimers, type Timers } from './timers.js'
export {
  createTrustlineClient,
  type MessageHandler,
  type Settler,
  type TrustlineClient,
  type TrustlineClientOptions,
} from './trustline-client.js'
