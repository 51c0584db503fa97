export { mayHoldDeposits } from '@millstream/btp'
export {
  createTrustlineHost,
  type TrustlineConnection,
  type TrustlineHost,
  type TrustlineHostLimits,
  type TrustlineHostOptions,
  type TrustlineStats,
} from './host.js'
export type { PacketHandler } from './internal/requests.js'
export { listenTrustline } from './listen.js'
export { claimProtocol, type Settlement, type SettlementCustomer, SettlementRefusedError } from './settlement.js'
export {
  parseStrangers,
  type Strangers,
  StrangersSyntaxError,
  strangersCredit,
  strangersTotal,
} from './strangers.js'
export type { TrustlineEvent } from './trustline-event.js'
export { type TrustlineLimits, trustlineLimits } from './trustline-limits.js'
