/**
 * Instants: whole milliseconds since 1970, UTC. They come from a clock that was handed in, never from `Date.now` in
 * the middle of the code, so that tests and simulations can drive time.
 */
import type { Brand } from './brand.js'
import { MillstreamError } from './millstream-error.js'

export type Instant = Brand<number, 'Instant'>

/** 9999-12-31T23:59:59.999Z: the last instant that Interledger timestamps can say. */
export const instantMax = 253_402_300_799_999 as Instant

/** Tells what time it is. The ledger's clock decides expiry. */
export type Clock = () => Instant

/**
 * @throws {InstantOutOfRangeError} `ms` is not a whole number between 1970 and 9999.
 */
export function from(ms: number): Instant {
  if (!Number.isInteger(ms) || ms < 0 || ms > instantMax) throw new InstantOutOfRangeError(ms)
  return ms as Instant
}

/** The instant `ms` milliseconds after `instant`, not beyond `instantMax`. */
export function after(instant: Instant, ms: number): Instant {
  return Math.min(Math.max(0, Math.trunc(instant + ms)), instantMax) as Instant
}

export function toIso(instant: Instant): string {
  return new Date(instant).toISOString()
}

export class InstantOutOfRangeError extends MillstreamError {
  override readonly name = 'Instant.InstantOutOfRangeError'
  readonly code = 'INSTANT_OUT_OF_RANGE'
  constructor(ms: unknown) {
    super(`${String(ms)} is not an instant: whole milliseconds between 1970 and 9999 are.`)
  }
}
