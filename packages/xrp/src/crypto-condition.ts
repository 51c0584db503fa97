/**
 * Crypto-conditions of type PREIMAGE-SHA-256 with a preimage of 32 bytes, the only ones that an Interledger transfer
 * has. Both are DER with fixed frames, so writing is joining and reading is comparing.
 *
 * | part        | bytes                                             |
 * | ----------- | ------------------------------------------------- |
 * | condition   | `A0 25 80 20`, SHA-256 of the preimage, `81 01 20` |
 * | fulfillment | `A0 22 80 20`, the preimage                       |
 *
 * The last byte of a condition states the length of the preimage. The ledger does not compare it when an escrow is
 * made, and one with another length can never be finished: a payee takes this exact frame and nothing else.
 *
 * @see draft-thomas-crypto-conditions-02
 */
import { Condition, Hex } from '@millstream/units'

const conditionStart = 'A0258020'
const conditionEnd = '810120'
const fulfillmentStart = 'A0228020'

const conditionPattern = new RegExp(`^${conditionStart}([0-9A-F]{64})${conditionEnd}$`, 'i')
const fulfillmentPattern = new RegExp(`^${fulfillmentStart}([0-9A-F]{64})$`, 'i')

/** Bytes of a fulfillment: its length is in the fee of an EscrowFinish. */
export const fulfillmentBytes = 36

/** Upper-case hexadecimal, as the ledger writes it back. */
export function encodeCondition(condition: Condition.Condition): string {
  return `${conditionStart}${Hex.fromBytes(condition).toUpperCase()}${conditionEnd}`
}

/** Upper-case hexadecimal. */
export function encodeFulfillment(fulfillment: Condition.Fulfillment): string {
  return `${fulfillmentStart}${Hex.fromBytes(fulfillment).toUpperCase()}`
}

/** @returns `undefined` when the text is no condition of this frame. */
export function decodeCondition(hex: unknown): Condition.Condition | undefined {
  const match = typeof hex === 'string' ? conditionPattern.exec(hex) : null
  return match === null ? undefined : Condition.from(Hex.toBytes(match[1]!))
}

/** @returns `undefined` when the text is no fulfillment of this frame. */
export function decodeFulfillment(hex: unknown): Condition.Fulfillment | undefined {
  const match = typeof hex === 'string' ? fulfillmentPattern.exec(hex) : null
  return match === null ? undefined : Condition.fulfillmentFrom(Hex.toBytes(match[1]!))
}
