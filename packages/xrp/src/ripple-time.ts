/**
 * Times of the XRP Ledger: whole seconds since 2000-01-01T00:00:00Z, in 32 bits.
 *
 * Milliseconds are lost on the way, always downwards, so that a transfer is never alive on the ledger after the instant
 * that its payer has named.
 */
import { type Brand, Instant, MillstreamError } from '@millstream/units'

export type RippleTime = Brand<number, 'RippleTime'>

/** 2000-01-01T00:00:00Z in seconds since 1970. */
export const epochOffset = 946_684_800

const timeMax = 0xffff_ffff

/** @throws {RippleTimeError} Not a whole number of 32 bits. */
export function from(seconds: number): RippleTime {
  if (!isRippleTime(seconds)) throw new RippleTimeError(seconds)
  return seconds
}

export function isRippleTime(value: unknown): value is RippleTime {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= timeMax
}

/**
 * The last whole second at or before an instant.
 *
 * @throws {RippleTimeError} Before 2000 or after 2136.
 * @example
 * RippleTime.floor(Instant.from(1508932800999)) // 562248000
 */
export function floor(instant: Instant.Instant): RippleTime {
  return from(Math.floor(instant / 1000) - epochOffset)
}

export function toInstant(time: RippleTime): Instant.Instant {
  return Instant.from((time + epochOffset) * 1000)
}

export class RippleTimeError extends MillstreamError {
  override readonly name = 'RippleTime.RippleTimeError'
  readonly code = 'XRP_TIME'
  constructor(value: unknown) {
    super(`${String(value)} is not a time of the XRP Ledger: seconds since 2000, until 2136.`)
  }
}
