/**
 * Signs claims while payments go on: one for many of them, since a signature costs more than a payment.
 *
 * Only what this process has seen fulfilled is signed for, whatever the host says is owed. What is owed from before is
 * settled by `XrpCustomer.settle`, which a person starts.
 */
import type { BtpFrame } from '@millstream/codec'
import * as Drops from '../drops.js'
import type { ClaimSigner } from './claim.js'
import * as Wire from './wire.js'

export interface ClaimerOptions {
  readonly signer: ClaimSigner
  readonly channel: string
  /** What was signed for before (`claimedBy`), and what the channel holds. */
  readonly claimed: bigint
  readonly drops: bigint
  readonly scale: number
  /** What is owed already, and how far that may go: base units. */
  readonly owed: bigint
  readonly limit: bigint
  readonly paymentsPerClaim?: number
}

export interface Claimer {
  /** For `TrustlineClient.settleWith`. */
  settle(amount: bigint): BtpFrame.ProtocolData | undefined
  /** Claims signed so far. */
  readonly signed: number
}

const paymentsPerClaimDefault = 2_000
const claimName = 'claim'

export function createClaimer(options: ClaimerOptions): Claimer {
  const { signer, channel, claimed: before, drops, scale, owed, limit } = options
  const paymentsPerClaim = options.paymentsPerClaim ?? paymentsPerClaimDefault
  /** Paid since the beginning, in base units, and what of it is signed for, in drops. */
  let paid = 0n
  let claimed = 0n
  let payments = 0
  let signed = 0
  let isFull = false
  let unclaimedMax = limit / 2n - owed

  return {
    get signed() {
      return signed
    },
    settle(amount) {
      paid += amount
      payments++
      if (isFull || (payments < paymentsPerClaim && paid < unclaimedMax)) return undefined
      const room = drops - before
      const due = Drops.floorFromUnits(paid, scale)
      const total = due < room ? due : room
      isFull = total === room
      payments = 0
      // A fraction of a drop cannot be signed for: looked at again when it may have become one.
      unclaimedMax = Drops.toUnits(total, scale) + (limit / 2n > owed ? limit / 2n - owed : 0n)
      if (unclaimedMax <= paid) unclaimedMax = paid + Drops.toUnits(1n, scale)
      if (total <= claimed) return undefined
      claimed = total
      signed++
      return [Wire.entry(claimName, signer.sign(channel, before + total))]
    },
  }
}
