/** Values of the options that are about XRP: amounts in XRP as people say them, addresses, servers, ledgers. */
import { BtpUri } from '@millstream/codec'
import { Amount } from '@millstream/units'
import * as Option from './option.js'

const addressPattern = /^r[1-9A-HJ-NP-Za-km-z]{24,34}$/

/** @returns Drops, at least one. */
export function amount(text: string): bigint {
  let drops: bigint
  try {
    drops = Amount.parse(text, { code: 'XRP', scale: 6 })
  } catch {
    throw new Option.OptionError('Say it in XRP, with at most six digits after the point: 1000 or 0.25.')
  }
  if (drops === 0n) throw new Option.OptionError('It must be at least 0.000001 XRP, one drop.')
  return drops
}

export function server(text: string): string {
  if (/^wss?:\/\/[^\s]+$/.test(text)) return text
  throw new Option.OptionError('A server of the XRP Ledger is named wss://host:port or ws://host:port.')
}

export function address(text: string): string {
  if (addressPattern.test(text)) return text
  throw new Option.OptionError('An address of the XRP Ledger begins with r.')
}

/** The transaction of a deposit. */
export function hash(text: string): string {
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return text.toUpperCase()
  throw new Option.OptionError('A transaction of the XRP Ledger is named by 64 hexadecimal digits.')
}

/** A ledger, or a shop that names its ledger. Never repeat what cannot be read: there may be a token in it. */
export function ledger(text: string): BtpUri.BtpUri | string {
  if (/^https?:\/\//.test(text)) return Option.payUrl(text)
  try {
    return BtpUri.parse(text)
  } catch {
    throw new Option.OptionError('It must be btp+ws://user:token@host:port/ or the http URL of a shop.')
  }
}
