export type { Cursor, LedgerInfo, Payee, Plugin, Posted, SettledOutcome } from './plugin.js'
export type { IncomingTransfer, OutgoingTransfer, Rejection, SendOutcome } from './transfer.js'
