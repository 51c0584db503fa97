export {
  AccountNotFundedError,
  AccountNotReadyError,
  type AccountUser,
  createXrpAccount,
  type FoundEscrow,
  type FoundEscrows,
  OtherAccountError,
  OtherNetworkError,
  type ReadLedger,
  type XrpAccount,
  type XrpAccountOptions,
} from './account.js'
export type { AccountState } from './account-state.js'
export { type ConnectXrplOptions, connectXrpl } from './connect-xrpl.js'
export * as CryptoCondition from './crypto-condition.js'
export * as Drops from './drops.js'
export * as EngineResult from './engine-result.js'
export * as EscrowMemos from './escrow-memos.js'
export { feeFactors, feeFor, type ServerFees, spendableDrops } from './fees.js'
export type { IgnoredReason } from './incoming-escrow.js'
export * as LedgerTransaction from './ledger-transaction.js'
export { type XrpLimits, xrpLimits } from './limits.js'
export type { SendWatch } from './outgoing-escrows.js'
export {
  type AccountSummary,
  createXrpPlugin,
  NotConnectedError,
  prefixDefault,
  type XrpPlugin,
  type XrpPluginOptions,
} from './plugin.js'
export * as RippleTime from './ripple-time.js'
export {
  type XrpRequest,
  XrpRequestError,
  type XrpServer,
  type XrpServerEvents,
  XrpUnreachableError,
} from './server.js'
export { readSeed, SeedError, SignError, type Signer, signerFromSeed, signerFromWallet } from './signer.js'
export { createMemoryStore, type StoreWrite, type XrpStore } from './store.js'
export { openFolderStore, StoreCorruptedError, StoreInUseError } from './store-folder.js'
export { type Draft, type Purpose, QueueFullError, type Submission, type SubmissionOutcome } from './submitter.js'
export type { XrpEvent, XrpObserver } from './xrp-event.js'
