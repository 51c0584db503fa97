/**
 * What a client asks its host in MESSAGE frames, in both dialects of 2017: `info`, `balance` and `limit` as
 * ilp-plugin-payment-channel-framework 1.3.5 asks, `get_info`, `get_balance` and `get_limit` as its branch `mj-fix`
 * (the one that the tutorial installs) does. The first is tried first; an ERROR says that the host speaks the other.
 */
import { BtpFrame, IlpAddress } from '@millstream/codec'
import type { LedgerInfo } from '@millstream/plugin'
import { MillstreamError } from '@millstream/units'
import * as BtpRefusal from '../btp-refusal.js'

export type Dialect = 'info' | 'get_info'

/** Sends a MESSAGE and gives the protocol data of its RESPONSE; throws `RefusedError` for an ERROR. */
export type Ask = (what: string, protocolData: BtpFrame.ProtocolData) => Promise<BtpFrame.ProtocolData>

/** Largest scale of an asset: more decimals than any ledger has. */
export const scaleMax = 30

const currencyCodePattern = /^[\x21-\x7e]{1,20}$/
const integerPattern = /^-?(?:0|[1-9][0-9]{0,39})$/
const textDecoder = new TextDecoder('utf-8', { fatal: true })
const fullInfo = Uint8Array.of(2)
const nothingMore = Uint8Array.of(0)
/** `[]`: how `mj-fix` says that there are no arguments. */
const noArguments = Uint8Array.of(0x5b, 0x5d)

/** Asks for the ledger's info and so finds the dialect of the host. */
export async function askInfo(ask: Ask): Promise<{ readonly dialect: Dialect; readonly info: LedgerInfo }> {
  try {
    return { dialect: 'info', info: infoFrom(await askOctets(ask, 'info', fullInfo)) }
  } catch (error) {
    if (!(error instanceof BtpRefusal.RefusedError)) throw error
    return { dialect: 'get_info', info: infoFrom(await askJson(ask, 'get_info')) }
  }
}

/** The host's balance with this account: above 0 the account owes it. */
export async function askBalance(ask: Ask, dialect: Dialect): Promise<bigint> {
  if (dialect === 'get_info') return integerFrom('balance', parseJson(await askJson(ask, 'get_balance')))
  const { data } = await askOctets(ask, 'balance', nothingMore)
  if (data.length !== 8) throw new BadAnswerError('balance', 'has not 8 bytes')
  return new DataView(data.buffer, data.byteOffset, data.length).getBigInt64(0)
}

/** How much the host lets this account owe. Undefined for a host without a limit. */
export async function askLimit(ask: Ask, dialect: Dialect): Promise<bigint | undefined> {
  const entry = dialect === 'get_info' ? await askJson(ask, 'get_limit') : await askOctets(ask, 'limit', nothingMore)
  const value = parseJson(entry)
  return value === 'Infinity' ? undefined : integerFrom('limit', value)
}

function askOctets(ask: Ask, name: string, data: Uint8Array): Promise<BtpFrame.ProtocolEntry> {
  return askFor(ask, { name, contentType: BtpFrame.contentType.octets, data })
}

function askJson(ask: Ask, name: string): Promise<BtpFrame.ProtocolEntry> {
  return askFor(ask, { name, contentType: BtpFrame.contentType.json, data: noArguments })
}

async function askFor(ask: Ask, entry: BtpFrame.ProtocolEntry): Promise<BtpFrame.ProtocolEntry> {
  const answer = BtpFrame.entry(await ask(entry.name, [entry]), entry.name)
  if (answer === undefined) throw new BadAnswerError(entry.name, 'is missing')
  return answer
}

/**
 * Reads LedgerInfo of IL-RFC-4. Everything in it comes from a stranger and is checked. A Millstream host says beside it
 * which account the asker has: `account`; hosts of 2017 have one customer, `<prefix>client`.
 */
function infoFrom(entry: BtpFrame.ProtocolEntry): LedgerInfo {
  const value = parseJson(entry)
  if (typeof value !== 'object' || value === null) throw new BadAnswerError('info', 'is not an object')
  const { prefix, currencyCode, currencyScale, account } = value as Record<string, unknown>
  if (typeof prefix !== 'string' || !IlpAddress.isPrefix(prefix)) {
    throw new BadAnswerError('info', 'has a prefix that is not an ILP prefix')
  }
  if (typeof currencyCode !== 'string' || !currencyCodePattern.test(currencyCode)) {
    throw new BadAnswerError('info', 'has a currency code that is not 1 to 20 characters of ASCII')
  }
  const isScale = Number.isInteger(currencyScale) && Number(currencyScale) >= 0 && Number(currencyScale) <= scaleMax
  if (!isScale) throw new BadAnswerError('info', `has a currency scale that is not 0 to ${scaleMax}`)
  return {
    prefix,
    asset: { code: currencyCode, scale: Number(currencyScale) },
    account: isAccountOf(prefix, account) ? account : `${prefix}client`,
    direct: true,
  }
}

function isAccountOf(prefix: string, account: unknown): account is string {
  if (typeof account !== 'string' || !account.startsWith(prefix)) return false
  return IlpAddress.isSegment(account.slice(prefix.length)) && IlpAddress.isDestination(account)
}

function parseJson({ name, data }: BtpFrame.ProtocolEntry): unknown {
  try {
    return JSON.parse(textDecoder.decode(data))
  } catch {
    throw new BadAnswerError(name, 'is not JSON')
  }
}

function integerFrom(what: string, value: unknown): bigint {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || !integerPattern.test(text)) throw new BadAnswerError(what, 'is not an integer')
  return BigInt(text)
}

export class BadAnswerError extends MillstreamError {
  override readonly name = 'Btp.BadAnswerError'
  readonly code = 'BTP_BAD_ANSWER'
  constructor(what: string, problem: string) {
    super(`The answer of the host cannot be used: its ${what} ${problem}.`)
  }
}
