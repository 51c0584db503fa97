/** What the source of a payment channel signs: `CLM\0`, the channel, and all that it has ever allowed, in drops. */
import { encodeForSigningClaim } from 'ripple-binary-codec'
import { verify } from 'ripple-keypairs'

export interface Claim {
  readonly channel: string
  readonly drops: bigint
}

/** The form of a key of 33 bytes: secp256k1, compressed, or Ed25519 with its prefix. */
export function isPublicKey(hex: string): boolean {
  return /^(0[23]|ED)[0-9A-F]{64}$/i.test(hex)
}

export function isSigned(claim: Claim, signature: string, publicKey: string): boolean {
  try {
    return verify(encodeForSigningClaim({ channel: claim.channel, amount: String(claim.drops) }), signature, publicKey)
  } catch {
    // The packages throw where key or signature have no such form at all.
    return false
  }
}
