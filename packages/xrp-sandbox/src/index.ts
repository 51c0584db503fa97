export type { ChainEvents, Submitted } from './ledger/chain.js'
export type { ClosedLedger, ValidatedTransaction } from './ledger/closed-ledger.js'
export type { EngineResult } from './ledger/engine-result.js'
export type { Faults, Order } from './ledger/faults.js'
export { type HistoryLimits, historyLimits } from './ledger/history.js'
export { InvalidTransactionError } from './ledger/transaction.js'
export {
  AddressError,
  createSandbox,
  FundError,
  type Sandbox,
  type SandboxOptions,
  tutorialFund,
  xrp,
} from './sandbox.js'
export { ListenError, type ServerLimits, serverLimits } from './server.js'
