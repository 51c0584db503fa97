export {
  type BalanceVerdict,
  type Book,
  type BookedStream,
  type BookState,
  createBook,
  type SettledDoubt,
  type StreamPosition,
} from './book.js'
export { check as checkEndpoint, isLoopback } from './endpoint.js'
export { fetchHttp } from './fetch-http.js'
export type { Http, HttpRequest, HttpResponse } from './http.js'
export * as Limits from './limits.js'
export { type Money, PayError } from './pay-error.js'
export type { PayEvent } from './pay-event.js'
export { createPayer, type FetchInit, type PaidResponse, type Payer, type PayerOptions, type Quote } from './payer.js'
export { type PayerSettings, payerSettings } from './payer-settings.js'
export type { Endpoint, OpenLedger, OpenPlugin, Rail } from './rail.js'
export type { Progress, StopReason, Summary } from './summary.js'
export type { Terms } from './terms.js'
export * as TermsCheck from './terms-check.js'
