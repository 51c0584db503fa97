/**
 * Crypto-conditions of type PREIMAGE-SHA-256 in their DER encoding, as the XRP Ledger reads them.
 *
 * | part        | octets                                                             |
 * | ----------- | ------------------------------------------------------------------ |
 * | fulfillment | `A0` length (`80` length preimage), preimage at most 128           |
 * | condition   | `A0` length (`80 20` SHA-256 of the preimage) (`81` length cost)   |
 *
 * @see draft-thomas-crypto-conditions-02
 */
import { createHash } from 'node:crypto'

export const preimageBytesMax = 128

export interface Condition {
  readonly fingerprint: Uint8Array
  /** Length of the preimage. */
  readonly cost: number
}

/** @returns `undefined` where the ledger calls it malformed, or of a type that it does not support. */
export function parseCondition(bytes: Uint8Array): Condition | undefined {
  const body = unwrap(bytes, 0xa0)
  if (body === undefined || body.rest.length > 0) return undefined
  const fingerprint = unwrap(body.content, 0x80)
  if (fingerprint === undefined || fingerprint.content.length !== 32) return undefined
  const cost = unwrap(fingerprint.rest, 0x81)
  if (cost === undefined || cost.rest.length > 0) return undefined
  const value = parseUint32(cost.content)
  if (value === undefined || value > preimageBytesMax) return undefined
  return { fingerprint: fingerprint.content, cost: value }
}

/** @returns The preimage, or `undefined` where the fulfillment is malformed. */
export function parseFulfillment(bytes: Uint8Array): Uint8Array | undefined {
  const body = unwrap(bytes, 0xa0)
  if (body === undefined || body.rest.length > 0) return undefined
  const preimage = unwrap(body.content, 0x80)
  if (preimage === undefined || preimage.rest.length > 0 || preimage.content.length > preimageBytesMax) return undefined
  return preimage.content
}

export function isFulfilledBy(conditionBytes: Uint8Array, fulfillmentBytes: Uint8Array): boolean {
  const condition = parseCondition(conditionBytes)
  const preimage = parseFulfillment(fulfillmentBytes)
  if (condition === undefined || preimage === undefined || condition.cost !== preimage.length) return false
  return createHash('sha256').update(preimage).digest().equals(condition.fingerprint)
}

function unwrap(bytes: Uint8Array, tag: number): { content: Uint8Array; rest: Uint8Array } | undefined {
  const first = bytes[1]
  if (bytes[0] !== tag || first === undefined) return undefined
  let length = first
  let start = 2
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4 || bytes.length < 2 + count) return undefined
    length = 0
    for (let at = 2; at < 2 + count; at++) length = length * 256 + bytes[at]!
    start += count
  }
  if (bytes.length - start < length) return undefined
  return { content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

function parseUint32(bytes: Uint8Array): number | undefined {
  const first = bytes[0]
  if (first === undefined || first >= 0x80) return undefined
  if (bytes.length > 5 || (bytes.length === 5 && first !== 0)) return undefined
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value
}
