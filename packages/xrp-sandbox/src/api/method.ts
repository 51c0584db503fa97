/** What a method of the API is given, and what it reads from a request. */
import { isAddress } from '../ledger/address.js'
import type { Chain } from '../ledger/chain.js'
import type { JsonObject } from '../ledger/entry.js'
import type { Faults } from '../ledger/faults.js'
import { ApiError } from './api-error.js'
import type { Subscriber, Subscriptions } from './subscriptions.js'

export type ApiVersion = 1 | 2

export interface MethodContext {
  readonly chain: Chain
  readonly version: ApiVersion
  readonly subscriptions: Subscriptions
  /** The connection that asks; over HTTP there is none. */
  readonly subscriber: Subscriber | undefined
  readonly control: Control
}

/** What the methods reach of the sandbox besides its chain. */
export interface Control {
  readonly faults: Faults
  readonly port: number
  readonly startedAtMs: number
  nowMs(): number
  close(closeTime?: number): void
  advance(seconds: number): void
  fund(address: string, drops: bigint): string
}

export type Method = (request: JsonObject, context: MethodContext) => JsonObject

export function accountOf(request: JsonObject, more?: JsonObject): string {
  if (request.account === undefined) throw new ApiError('invalidParams', { message: "Missing field 'account'." })
  if (typeof request.account !== 'string') {
    throw new ApiError('invalidParams', { message: "Invalid field 'account'." })
  }
  if (!isAddress(request.account)) {
    throw new ApiError('actMalformed', more === undefined ? {} : { more })
  }
  return request.account
}

export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9A-Fa-f]{64}$/.test(value)
}

/** A limit within bounds; bad ones are errors. */
export function limitOf(request: JsonObject, bounds: { min: number; standard: number; max: number }): number {
  const { limit } = request
  if (limit === undefined) return bounds.standard
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 0) {
    throw new ApiError('invalidParams', { message: "Invalid field 'limit', not unsigned integer." })
  }
  return Math.min(Math.max(limit, bounds.min), bounds.max)
}
