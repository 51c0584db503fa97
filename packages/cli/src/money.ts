/** Amounts as a person reads them: the base units that the command line takes, then what they are worth. */
import { Amount, type Asset } from '@millstream/units'

/**
 * @example
 * Money.format(340n, { code: 'XRP', scale: 9 }) // '340 (0.00000034 XRP)'
 */
export function format(value: bigint, asset: Asset): string {
  return `${value} (${Amount.format(value, asset)})`
}
