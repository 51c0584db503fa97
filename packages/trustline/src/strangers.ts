/** What those may do whom the operator does not know: one setting of the host. */
import { Amount, MillstreamError } from '@millstream/units'

export type Strangers =
  /** Only accounts that the operator opened, limited or funded may connect. */
  | { readonly policy: 'refuse' }
  /** Everybody may connect; nobody may owe. */
  | { readonly policy: 'prefunded' }
  /** Each stranger may owe `each`, all of them together `total`; both in base units. */
  | { readonly policy: 'credit'; readonly each: bigint; readonly total?: bigint }

/** How many strangers may use up their credit, where `total` is not said. */
const strangersDefault = 100n
const creditPattern = /^credit:([0-9]+)(?:,total:([0-9]+))?$/

/**
 * Reads the setting as it stands on a command line.
 *
 * @throws {StrangersSyntaxError} Not one of the three policies, or a total below the credit of one.
 * @example
 * parseStrangers('credit:1000000,total:5000000') // { policy: 'credit', each: 1000000n, total: 5000000n }
 */
export function parseStrangers(text: string): Strangers {
  if (text === 'refuse' || text === 'prefunded') return { policy: text }
  const match = creditPattern.exec(text)
  if (match === null) throw new StrangersSyntaxError(text)
  const each = Amount.fromText(match[1]!)
  if (match[2] === undefined) return { policy: 'credit', each }
  const total = Amount.fromText(match[2])
  if (total < each) throw new StrangersSyntaxError(text)
  return { policy: 'credit', each, total }
}

/** What one stranger may owe. */
export function strangersCredit(strangers: Strangers): bigint {
  return strangers.policy === 'credit' ? strangers.each : 0n
}

/** What all strangers together may owe: the ledger's `strangersCreditMax`. */
export function strangersTotal(strangers: Strangers): bigint {
  return strangers.policy === 'credit' ? (strangers.total ?? strangers.each * strangersDefault) : 0n
}

export class StrangersSyntaxError extends MillstreamError {
  override readonly name = 'Trustline.StrangersSyntaxError'
  readonly code = 'TRUSTLINE_STRANGERS_SYNTAX'
  constructor(text: string) {
    super(
      `${JSON.stringify(text.slice(0, 60))} does not say what strangers may do: write refuse, prefunded, credit:N or ` +
        'credit:N,total:M, in base units, with M not below N.',
    )
  }
}
