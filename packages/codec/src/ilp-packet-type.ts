/**
 * What each type of ILP packet holds. Byte strings of a decoded packet are views into the bytes it was decoded from.
 *
 * @see Interledger RFC 3, drafts 4 to 10; RFC 8 (quoting); RFC 27 (ILPv4)
 */
import type { Instant } from '@millstream/units'

/** Type 1: what the account at the end of the chain shall receive. Used by both tutorial rails. */
export interface Payment {
  readonly type: 'payment'
  /** Base units of the ledger of `account`. */
  readonly amount: bigint
  readonly account: string
  readonly data: Uint8Array
}

/** Type 2. Durations are milliseconds, here and below. */
export interface LiquidityRequest {
  readonly type: 'liquidity_request'
  readonly destinationAccount: string
  readonly destinationHoldDuration: number
}

/** Type 3. Between points amounts are interpolated; x grows strictly, y never falls. */
export interface LiquidityResponse {
  readonly type: 'liquidity_response'
  readonly liquidityCurve: readonly CurvePoint[]
  readonly appliesToPrefix: string
  readonly sourceHoldDuration: number
  readonly expiresAt: Instant.Instant
}

export interface CurvePoint {
  readonly x: bigint
  readonly y: bigint
}

/** Type 4. */
export interface BySourceRequest {
  readonly type: 'by_source_request'
  readonly destinationAccount: string
  readonly sourceAmount: bigint
  readonly destinationHoldDuration: number
}

/** Type 5. */
export interface BySourceResponse {
  readonly type: 'by_source_response'
  readonly destinationAmount: bigint
  readonly sourceHoldDuration: number
}

/** Type 6. */
export interface ByDestinationRequest {
  readonly type: 'by_destination_request'
  readonly destinationAccount: string
  readonly destinationAmount: bigint
  readonly destinationHoldDuration: number
}

/** Type 7. */
export interface ByDestinationResponse {
  readonly type: 'by_destination_response'
  readonly sourceAmount: bigint
  readonly sourceHoldDuration: number
}

/** Type 8: why a transfer was rejected, in REJECT. */
export interface ErrorPacket {
  readonly type: 'error'
  /** Three ASCII characters. It decides; a name that does not fit it means nothing. */
  readonly code: string
  readonly name: string
  /** An address, or a prefix when a ledger raised it. */
  readonly triggeredBy: string
  readonly forwardedBy: readonly string[]
  readonly triggeredAt: Instant.Instant
  /** UTF-8 text for most codes, but not by rule. */
  readonly data: Uint8Array
}

/** Type 9: data beside a fulfillment, in FULFILL. */
export interface FulfillmentData {
  readonly type: 'fulfillment'
  readonly data: Uint8Array
}

/** Type 10: a payment without amount, each hop forwards what its rate gives. */
export interface ForwardedPayment {
  readonly type: 'forwarded_payment'
  readonly account: string
  readonly data: Uint8Array
}

/** Type 11: replaced type 8 at the end of 2017. */
export interface Rejection {
  readonly type: 'rejection'
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Uint8Array
}

/** Type 12, ILPv4. */
export interface Prepare {
  readonly type: 'prepare'
  readonly amount: bigint
  readonly expiresAt: Instant.Instant
  readonly executionCondition: Uint8Array
  readonly destination: string
  readonly data: Uint8Array
}

/** Type 13, ILPv4. */
export interface Fulfill {
  readonly type: 'fulfill'
  readonly fulfillment: Uint8Array
  readonly data: Uint8Array
}

/** Type 14, ILPv4. `triggeredBy` may be empty. */
export interface Reject {
  readonly type: 'reject'
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Uint8Array
}

export type Packet =
  | Payment
  | LiquidityRequest
  | LiquidityResponse
  | BySourceRequest
  | BySourceResponse
  | ByDestinationRequest
  | ByDestinationResponse
  | ErrorPacket
  | FulfillmentData
  | ForwardedPayment
  | Rejection
  | Prepare
  | Fulfill
  | Reject

/** The number on the wire of each type. */
export const typeNumbers = Object.freeze({
  payment: 1,
  liquidity_request: 2,
  liquidity_response: 3,
  by_source_request: 4,
  by_source_response: 5,
  by_destination_request: 6,
  by_destination_response: 7,
  error: 8,
  fulfillment: 9,
  forwarded_payment: 10,
  rejection: 11,
  prepare: 12,
  fulfill: 13,
  reject: 14,
} as const satisfies Record<Packet['type'], number>)
