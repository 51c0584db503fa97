export {
  AccountNotReadyError,
  type AccountUser,
  createXrpAccount,
  OtherAccountError,
  OtherNetworkError,
  type ReadLedger,
  type XrpAccount,
  type XrpAccountOptions,
} from './account.js'
export { AccountNotFundedError, type FoundEscrow, type FoundEscrows } from './account-queries.js'
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
export {
  type AccountSummary,
  createXrpPlugin,
  NotConnectedError,
  prefixDefault,
  type XrpPlugin,
  type XrpPluginOptions,
} from './plugin.js'
export * as RippleTime from './ripple-time.js'
export type { SendWatch } from './send-watch.js'
export {
  type XrpRequest,
  XrpRequestError,
  type XrpServer,
  type XrpServerEvents,
  XrpUnreachableError,
} from './server.js'
export { checkSettlement, type SettlementReport } from './settlement/check.js'
export * as Claim from './settlement/claim.js'
export { type Claimer, type ClaimerOptions, createClaimer } from './settlement/claimer.js'
export {
  BadSettlementAnswerError,
  ChannelRefusedError,
  claimedBy,
  createXrpCustomer,
  ForeignClaimError,
  type XrpCustomer,
  type XrpCustomerOptions,
} from './settlement/customer.js'
export { type SettlementLimits, settlementLimits } from './settlement/limits.js'
export { createXrpSettlement, type XrpSettlement, type XrpSettlementOptions } from './settlement/settlement.js'
export {
  createXrpWallet,
  NotFundedError,
  NotSentError,
  OutcomeUnknownError,
  type XrpWallet,
  type XrpWalletOptions,
} from './settlement/wallet.js'
export type { AccountAnswer, ChannelAnswer, WithdrawalAnswer } from './settlement/wire.js'
export { shareAccount } from './share-account.js'
export { readSeed, SeedError, SignError, type Signer, signerFromSeed, signerFromWallet } from './signer.js'
export { createMemoryStore, type StoreWrite, type XrpStore } from './store.js'
export { openFolderStore, StoreCorruptedError, StoreInUseError } from './store-folder.js'
export type { Purpose, Submission } from './submission.js'
export { type Draft, QueueFullError, type SubmissionOutcome } from './submitter.js'
export type { XrpEvent, XrpObserver } from './xrp-event.js'
