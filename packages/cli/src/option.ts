/**
 * The values of command-line options: text in, checked value out. Amounts are whole base units, so that nobody has to
 * know a scale to say what they mean and nothing is ever rounded.
 */
import { BtpUri, IlpAddress, PayEndpoint } from '@millstream/codec'
import { parseStrangers, type Strangers } from '@millstream/trustline'
import { Amount, type Asset, Instant, MillstreamError } from '@millstream/units'
import { Database, type StoreChoice } from './store-choice.js'

export type Content =
  | { readonly kind: 'letters' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'upstream'; readonly url: string }

const piecePattern = /^(?:letter|line|event|bytes:([1-9][0-9]{0,9}))$/
const pieceBytesMax = 0x7fff_ffff
const accountPattern = /^[A-Za-z0-9_~-]{1,64}$/
/** As many payment numbers as a shop keeps apart. */
const windowMax = 16_384

export function amount(text: string): bigint {
  try {
    return Amount.fromText(text)
  } catch {
    throw new OptionError('Say it in base units: digits without sign, point or leading zeros, up to 2^64 - 1.')
  }
}

/** An amount above zero. */
export function price(text: string): bigint {
  const value = amount(text)
  if (value === 0n) throw new OptionError('It must be at least 1 base unit.')
  return value
}

export function count(text: string): number {
  if (!/^[1-9][0-9]{0,15}$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new OptionError('It must be a whole number, at least 1.')
  }
  return Number(text)
}

/** A TCP port; 0 lets the system choose a free one. */
export function port(text: string): number {
  const value = Number(text)
  if (!/^[0-9]{1,5}$/.test(text) || value > 65_535) throw new OptionError('A port is a number from 0 to 65535.')
  return value
}

export function window(text: string): number | 'auto' {
  if (text === 'auto') return 'auto'
  const value = count(text)
  if (value > windowMax) throw new OptionError(`It must be \`auto\` or a number from 1 to ${windowMax}.`)
  return value
}

/** The unit as `Pay-Terms` carries it. */
export function piece(text: string): string {
  const match = piecePattern.exec(text)
  if (match === null) throw new OptionError('It must be letter, bytes:N, line or event.')
  if (Number(match[1] ?? 1) > pieceBytesMax) throw new OptionError(`A piece has at most ${pieceBytesMax} bytes.`)
  return text
}

/** Never repeat what cannot be read: there may be a password in it. */
export function store(text: string): StoreChoice {
  if (text === 'memory' || text === 'sqlite') return text
  if (/^postgres(ql)?:\/\//.test(text)) return new Database(text)
  throw new OptionError('It must be memory, sqlite or postgres://USER:PASSWORD@HOST:PORT/DATABASE.')
}

/** The name of a shop among those of a fleet. */
export function node(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text
  throw new OptionError('A node is named by 1 to 63 letters, digits, `.`, `_` or `-`.')
}

/** `refuse`, `prefunded`, `credit:N` or `credit:N,total:M`. */
export function strangers(text: string): Strangers {
  try {
    return parseStrangers(text)
  } catch {
    throw new OptionError('It must be refuse, prefunded, credit:N or credit:N,total:M, in base units, M not below N.')
  }
}

/** `letters`, an http or https URL, or a path (a file that is called `letters` is `./letters`). */
export function content(text: string): Content {
  if (text === 'letters') return { kind: 'letters' }
  if (/^https?:\/\//i.test(text)) return { kind: 'upstream', url: httpUrl(text) }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw new OptionError('A URL must begin with http:// or https://.')
  if (text === '') throw new OptionError('It must be letters, a file, a folder or a URL.')
  return { kind: 'path', path: text }
}

/** What `pay` is given; `localhost:8000` is taken as `http://localhost:8000/`. */
export function payUrl(text: string): string {
  return httpUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
}

/** The prefix of a ledger: an ILP address that ends with a dot. */
export function prefix(text: string): string {
  if (!IlpAddress.isPrefix(text))
    throw new OptionError('It must be an ILP address prefix that ends with a dot: g.my-shop.')
  return text
}

/** Where customers are told to open an account. */
export function endpoint(text: string): string {
  try {
    return PayEndpoint.parse(JSON.stringify(text)).uri
  } catch {
    throw new OptionError('It must be btp+ws://host:port/ or btp+wss://host:port/, without user and token.')
  }
}

/** The ledger account of a payer. What is wrong with it is said without repeating it, since it holds a token. */
export function ledgerUri(text: string): BtpUri.BtpUri {
  try {
    return BtpUri.parse(text)
  } catch {
    throw new OptionError('It must be btp+ws://user:token@host:port/ or btp+wss://user:token@host:port/.')
  }
}

/** `XRP:9`: what amounts count, and how many digits follow the point. */
export function asset(text: string): Asset {
  const match = /^([A-Za-z0-9]{1,32}):([0-9]{1,3})$/.exec(text)
  if (match === null || Number(match[2]) > 255) throw new OptionError('It must be a code and a scale: XRP:9.')
  return { code: match[1]!, scale: Number(match[2]) }
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new OptionError('It must be an http or https URL.')
  }
  return url.href
}

/** The last segment of an account's address, as `pay --dry-run` and `ledger accounts` print it. */
export function account(text: string): string {
  if (!accountPattern.test(text)) {
    throw new OptionError('An account id is 1 to 64 letters, digits, `-`, `_` or `~`, as `millstream pay` prints it.')
  }
  return text
}

export function reference(text: string): string {
  if (text.length < 1 || text.length > 128) throw new OptionError('A reference has 1 to 128 characters.')
  return text
}

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/
const durationPattern = /^([1-9][0-9]{0,8})(s|m|h|d|w)$/
const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** A day, which begins at 00:00 UTC, or an instant with its offset: nothing depends on where the machine stands. */
export function time(text: string): Instant.Instant {
  const [, year, month, day, hour = '0', minute = '0', second = '0'] = timePattern.exec(text) ?? []
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
  const ms = Date.parse(text)
  if (!isDay || !isTime || !(Number(month) >= 1 && Number(month) <= 12) || !(ms >= 0 && ms <= Instant.instantMax)) {
    throw new OptionError(
      'A time is a day, 2026-11-22 (from 00:00 UTC), or 2026-11-22T14:30:00Z, or with +01:00 for Z.',
    )
  }
  return Instant.from(ms)
}

/** Milliseconds: `90d`. */
export function duration(text: string): number {
  const [, number, unit] = durationPattern.exec(text) ?? []
  const ms = Number(number) * unitMs[(unit ?? 's') as keyof typeof unitMs]
  if (!(ms <= Instant.instantMax)) {
    throw new OptionError('A duration is a whole number of seconds, minutes, hours, days or weeks: 90d, 12h.')
  }
  return ms
}

export function exportFormat(text: string): 'csv' | 'jsonl' {
  if (text === 'csv' || text === 'jsonl') return text
  throw new OptionError('It must be csv or jsonl.')
}

export class OptionError extends MillstreamError {
  override readonly name = 'Option.OptionError'
  readonly code = 'USAGE'
}
