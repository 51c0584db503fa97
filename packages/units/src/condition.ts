/** Conditions and fulfillments: a condition is the SHA-256 hash of its fulfillment; both are 32 bytes. */
import type { Brand } from './brand.js'
import { MillstreamError } from './millstream-error.js'

export type Condition = Brand<Uint8Array, 'Condition'>
export type Fulfillment = Brand<Uint8Array, 'Fulfillment'>

/** @throws {ConditionLengthError} Not 32 bytes. */
export function from(bytes: Uint8Array): Condition {
  if (bytes.length !== 32) throw new ConditionLengthError('condition', bytes.length)
  return bytes as Condition
}

/** @throws {ConditionLengthError} Not 32 bytes. */
export function fulfillmentFrom(bytes: Uint8Array): Fulfillment {
  if (bytes.length !== 32) throw new ConditionLengthError('fulfillment', bytes.length)
  return bytes as Fulfillment
}

export class ConditionLengthError extends MillstreamError {
  override readonly name = 'Condition.ConditionLengthError'
  readonly code = 'CONDITION_LENGTH'
  constructor(what: 'condition' | 'fulfillment', length: number) {
    super(`A ${what} has 32 bytes, not ${length}.`)
  }
}
