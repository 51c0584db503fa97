/**
 * Drops, the base unit of XRP (scale 6), and base units of other scales.
 *
 * A ledger that counts in scale 9 sees 1,000 units in a drop. What comes from the XRP Ledger converts exactly; what goes
 * to it may not fit, so each use says which way it rounds: what is owed to us is floored, so that no conversion makes
 * money.
 *
 * | from            | to           | function         |
 * | --------------- | ------------ | ---------------- |
 * | drops           | units        | `toUnits`, exact |
 * | units owed to us | drops       | `floorFromUnits` |
 * | units to be sent | drops       | `exactFromUnits` |
 */
import { MillstreamError } from '@millstream/units'

export const dropScale = 6

/** All XRP there ever was: 10^17 drops. */
export const dropsMax = 100_000_000_000_000_000n

const dropsPattern = /^(?:0|[1-9][0-9]{0,17})$/

/**
 * Reads an amount of native XRP as the ledger writes it: digits. Amounts of tokens are objects there.
 *
 * @returns `undefined` for anything else, and above 10^17.
 */
export function fromLedger(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !dropsPattern.test(value)) return undefined
  const drops = BigInt(value)
  return drops <= dropsMax ? drops : undefined
}

/** @throws {ScaleError} A scale below that of drops, or above 15. */
export function toUnits(drops: bigint, scale: number): bigint {
  return drops * unitsPerDrop(scale)
}

/** What `units` that are owed to us are in drops; a fraction of a drop stays owed. */
export function floorFromUnits(units: bigint, scale: number): bigint {
  const each = unitsPerDrop(scale)
  const drops = units / each
  return units < 0n && drops * each !== units ? drops - 1n : drops
}

/** @returns `undefined` when `units` are no whole number of drops. */
export function exactFromUnits(units: bigint, scale: number): bigint | undefined {
  const each = unitsPerDrop(scale)
  return units % each === 0n ? units / each : undefined
}

/** What a person reads: XRP, exactly. */
export function format(drops: bigint): string {
  const digits = (drops < 0n ? -drops : drops).toString().padStart(dropScale + 1, '0')
  const fraction = digits.slice(-dropScale).replace(/0+$/, '')
  const whole = digits.slice(0, -dropScale)
  return `${drops < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`} XRP`
}

/**
 * Reads XRP as `server_info` gives it, a JSON number.
 *
 * @returns Drops; `undefined` when it is no number of them.
 */
export function fromXrpNumber(value: unknown): bigint | undefined {
  if (typeof value !== 'number' || !(value >= 0) || value > 1e11) return undefined
  return BigInt(Math.round(value * 1e6))
}

function unitsPerDrop(scale: number): bigint {
  if (!Number.isInteger(scale) || scale < dropScale || scale > 15) throw new ScaleError(scale)
  return 10n ** BigInt(scale - dropScale)
}

export class ScaleError extends MillstreamError {
  override readonly name = 'Drops.ScaleError'
  readonly code = 'XRP_SCALE'
  constructor(scale: number) {
    super(`XRP cannot be counted at scale ${scale}: a drop is 10^-6, and scales go from 6 to 15.`)
  }
}
