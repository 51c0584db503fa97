/**
 * How payer and payee derive the same fulfillment from what they share, for each form of the `Pay` header.
 *
 * `payAddress` is `<address of the header>.<payment id>`; a payment id is never used twice, since its fulfillment is
 * public after the first use. A condition is always the SHA-256 hash of its fulfillment.
 *
 * | form    | fulfillment                                                     | covers           |
 * | ------- | --------------------------------------------------------------- | ---------------- |
 * | A       | HMAC(secret, payAddress)                                        | the address only |
 * | C, D    | HMAC(HMAC(secret, "ilp_psk_condition"), packet)                 | the whole packet |
 * | E       | HMAC(secret, packet)                                            | the whole packet |
 * | X       | HMAC(secret, destination account ‖ destination amount)          | both             |
 *
 * Form B has no derivation; those of F and G are not defined here. With a shared secret the payer can compute every fulfillment: it proves nothing to anybody else.
 *
 * @see The streaming tutorial of 2017; Interledger RFC 16, drafts 3 and 4; RFC 14, drafts 1 and 2
 */
import type { Condition, Hashes } from '@millstream/units'
import * as Oer from './oer.js'

type Derive<Input> = (input: Input) => Condition.Fulfillment

const pskConditionLabel = bytesOf('ilp_psk_condition')

/**
 * Form A. The amount is not covered, so the payee checks it itself.
 *
 * @throws {CharacterError} The address has a character that is not ASCII.
 */
export function tutorial(hashes: Hashes, secret: Uint8Array): Derive<string> {
  const hmac = hashes.hmac(secret)
  return (payAddress) => hmac(bytesOf(payAddress)) as Condition.Fulfillment
}

/** Forms C and D: pre-shared key, over the exact bytes of the ILP packet. */
export function psk(hashes: Hashes, secret: Uint8Array): Derive<Uint8Array> {
  // Draft 3 of RFC 16 used the secret itself in its prose; its pseudocode, draft 4 and the software derive a key first.
  const hmac = hashes.hmac(hashes.hmac(secret)(pskConditionLabel))
  return (packet) => hmac(packet) as Condition.Fulfillment
}

/** Form E: over the exact bytes of the ILP packet. */
export function hkdf(hashes: Hashes, secret: Uint8Array): Derive<Uint8Array> {
  const hmac = hashes.hmac(secret)
  return (packet) => hmac(packet) as Condition.Fulfillment
}

/** Form X. */
export function xPay(
  hashes: Hashes,
  secret: Uint8Array,
): (destinationAccount: string, destinationAmount: bigint) => Condition.Fulfillment {
  const hmac = hashes.hmac(secret)
  return (destinationAccount, destinationAmount) =>
    hmac(bytesOf(`${destinationAccount}${destinationAmount}`)) as Condition.Fulfillment
}

export function condition(hashes: Hashes, fulfillment: Uint8Array): Condition.Condition {
  return hashes.sha256(fulfillment) as Condition.Condition
}

/** `Pay-Token` of RFC 14: one for each server, from a secret of the client. 32 bytes. */
export function payToken(hashes: Hashes, clientSecret: Uint8Array, hostname: string): Uint8Array {
  return hashes.hmac(clientSecret)(bytesOf(hostname))
}

/** Shared secret of form D from the bytes of a `Pay-Token`, so that the payee stores nothing. 32 bytes. */
export function tokenSecret(hashes: Hashes, receiverSecret: Uint8Array, token: Uint8Array): Uint8Array {
  return hashes.hmac(receiverSecret)(token)
}

function bytesOf(text: string): Uint8Array {
  Oer.assertAscii('The text that a fulfillment is derived from', text)
  const bytes = new Uint8Array(text.length)
  Oer.writeAscii(bytes, 0, text)
  return bytes
}
