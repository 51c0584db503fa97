/** What both directions of a trustline share. */
import type { BtpRefusal } from '@millstream/btp'
import type { Instant } from '@millstream/units'
import type { Direction, EndedTransfers } from './ended-transfers.js'
import type { Links } from './link.js'
import type * as Transfer from './transfer.js'
import type { TrustlineLedger } from './trustline-ledger.js'

export interface TrustlineContext {
  readonly ledger: TrustlineLedger
  readonly links: Links
  readonly ended: EndedTransfers
  readonly clock: Instant.Clock
  /** This side keeps the book and its record wins: there is a listener. */
  readonly isAuthority: boolean
  /** How long before its expiry an incoming transfer cannot be fulfilled any more. */
  readonly expiryMarginMs: number
  readonly acceptsZeroAmounts: boolean
  readonly announce: (event: string, ...args: unknown[]) => void
  addresses(): Transfer.Addresses
  /** Why the ledger did not take a PREPARE. */
  refusal(status: string, direction: Direction): Error
  /** Why a transfer cannot be ended: unknown, ended already, or the other side's to end. */
  notOpen(status: string, direction: Direction, id: string): BtpRefusal.Refusal
  error(refusal: BtpRefusal.Refusal): Error
}

/** What is kept of an open transfer beside what the ledger keeps. */
export interface Note {
  readonly program: Transfer.ProgramTransfer
  /** Whose connection it came or went by. */
  readonly user: string | undefined
}

/** A transfer that was held when the ledger was loaded. */
export interface HeldTransfer extends Note {
  readonly transfer: Transfer.WireTransfer
  readonly contentHash: number
}
