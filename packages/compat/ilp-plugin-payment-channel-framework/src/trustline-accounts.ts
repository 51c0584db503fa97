/** The two accounts of a trustline, by the ids that the ledger gives the first two it opens, and how long it holds. */
import { type AccountId, customerAccountMin } from '@millstream/ledger'
import { Instant } from '@millstream/units'
import type { Direction } from './ended-transfers.js'

export interface TrustlineAccount {
  readonly id: AccountId
  readonly name: string
}

export const own: TrustlineAccount = { id: customerAccountMin, name: 'self' }
export const peer: TrustlineAccount = { id: (customerAccountMin + 1) as AccountId, name: 'peer' }

/**
 * How long after its expiry the payer keeps a hold, so that a FULFILL which the payee sent in time is accepted although
 * clocks differ.
 */
export const graceMs = 2_000

export function sourceOf(direction: Direction): AccountId {
  return direction === 'outgoing' ? own.id : peer.id
}

export function targetOf(direction: Direction): AccountId {
  return direction === 'outgoing' ? peer.id : own.id
}

export function directionFrom(source: AccountId): Direction {
  return source === own.id ? 'outgoing' : 'incoming'
}

/** When the ledger ends a hold. */
export function heldUntil(direction: Direction, expiresAt: Instant.Instant): Instant.Instant {
  return direction === 'outgoing' ? Instant.after(expiresAt, graceMs) : expiresAt
}
