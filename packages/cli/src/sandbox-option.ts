/** The values of the options of `millstream sandbox`. Apart from the others, as only this command needs them. */
import { count, OptionError } from './option.js'

export interface Funded {
  readonly address: string
  readonly drops: bigint
}

/** Base58 of the XRP Ledger; whether it is an address at all says the ledger. */
const fundedPattern = /^(r[1-9A-HJ-NP-Za-km-z]{24,34})=([0-9]{1,11})(?:\.([0-9]{1,6}))?$/
const closeEveryMsMax = 3_600_000

/** `ADDRESS=XRP`, with up to six decimals. */
export function funded(text: string): Funded {
  const match = fundedPattern.exec(text)
  if (match === null) throw new OptionError('Say it as ADDRESS=XRP, with at most six decimals: r…=1000.')
  const drops = BigInt(match[2]! + (match[3] ?? '').padEnd(6, '0'))
  if (drops === 0n) throw new OptionError('An account is funded with more than nothing.')
  return { address: match[1]!, drops }
}

export function closeEvery(text: string): number | 'manual' {
  if (text === 'manual') return 'manual'
  const ms = count(text)
  if (ms > closeEveryMsMax) throw new OptionError(`It must be \`manual\` or at most ${closeEveryMsMax} milliseconds.`)
  return ms
}
