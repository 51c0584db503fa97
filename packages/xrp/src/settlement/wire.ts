/**
 * What travels between a customer and the host about XRP: JSON in one entry of a MESSAGE (`xrp`), and in the RESPONSE to
 * a FULFILL (`claim`). Amounts are decimal texts. All of it comes from strangers: what is not exactly of this shape is
 * `undefined`.
 *
 * @see docs/protocol.md
 */
import { BtpFrame } from '@millstream/codec'
import { isValidClassicAddress } from 'xrpl'
import * as Drops from '../drops.js'
import { arrayOf, integerOf, type JsonObject, objectOf, textOf } from '../internal/json.js'
import { type Claim, isChannelId, isSignature } from './claim.js'

export const protocol = 'xrp'

export type Question =
  /** Where to pay to. */
  | { readonly ask: 'deposit' }
  /** Whether a payment has been credited. */
  | { readonly ask: 'deposited'; readonly hash: string }
  /** What is known of this account. */
  | { readonly ask: 'account' }
  /** Take claims on this channel. */
  | { readonly ask: 'channel'; readonly channel: string; readonly proof: string }
  /** Take a claim outside of a payment. */
  | { readonly ask: 'claim'; readonly claim: Claim }
  /** Pay out; everything if no amount is named. The customer makes the id: one id is one withdrawal. */
  | { readonly ask: 'withdraw'; readonly id: string; readonly address: string; readonly drops: bigint | undefined }
  | { readonly ask: 'withdrawal'; readonly id: string }
  /** Redeem the channel and close it. */
  | { readonly ask: 'close'; readonly channel: string }

export interface DepositAnswer {
  readonly address: string
  readonly tag: number
}

export interface DepositedAnswer {
  /** `unknown`: not seen yet, or not this account's. */
  readonly status: 'credited' | 'seen' | 'unknown'
}

export interface ChannelAnswer {
  readonly channel: string
  /** `checking`: ask again. `refused`: see `reason`. `closing`: takes no more claims. */
  readonly status: 'checking' | 'open' | 'closing' | 'closed' | 'refused'
  readonly reason?: string
  readonly source?: string
  /** What the channel holds all in all, the largest claim, and how much of that was redeemed. */
  readonly drops?: bigint
  readonly claimed?: bigint
  readonly redeemed?: bigint
  /** Of the largest claim: its signer knows it again. */
  readonly signature?: string
}

export interface WithdrawalAnswer {
  readonly id: string
  readonly status: 'waiting' | 'sent' | 'paid' | 'returned' | 'refused' | 'unknown' | 'unheard'
  readonly drops?: bigint
  readonly address?: string
  readonly hash?: string
  readonly reason?: string
}

export interface AccountAnswer {
  /** The shop's. */
  readonly address: string
  /** Base units of the ledger, as the customer sees it: below 0 it owes. */
  readonly balance: bigint
  /** How far below 0 it may go without a claim. */
  readonly limit: bigint
  readonly scale: number
  readonly withdrawDropsMin: bigint
  /** What a channel must be like. */
  readonly channelDropsMin: bigint
  readonly settleDelaySecondsMin: number
  /** Where deposits came from. */
  readonly sources: readonly string[]
  readonly channels: readonly ChannelAnswer[]
}

const idPattern = /^[0-9a-f]{32}$/
const textDecoder = new TextDecoder('utf-8', { fatal: true })
const textEncoder = new TextEncoder()

export function entry(name: string, value: object): BtpFrame.ProtocolEntry {
  const json = JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one))
  return { name, contentType: BtpFrame.contentType.json, data: textEncoder.encode(json) }
}

export function question(value: Question): BtpFrame.ProtocolEntry {
  return entry(protocol, value.ask === 'claim' ? { ask: 'claim', ...value.claim } : value)
}

export function parseQuestion(bytes: Uint8Array): Question | undefined {
  const value = parseJson(bytes)
  switch (value?.ask) {
    case 'deposit':
    case 'account':
      return { ask: value.ask }
    case 'deposited':
      return isChannelId(value.hash) ? { ask: 'deposited', hash: value.hash } : undefined
    case 'channel': {
      const { channel, proof } = value
      return isChannelId(channel) && isSignature(proof) ? { ask: 'channel', channel, proof } : undefined
    }
    case 'close':
      return isChannelId(value.channel) ? { ask: 'close', channel: value.channel } : undefined
    case 'claim': {
      const claim = claimFrom(value)
      return claim === undefined ? undefined : { ask: 'claim', claim }
    }
    case 'withdrawal':
      return isId(value.id) ? { ask: 'withdrawal', id: value.id } : undefined
    case 'withdraw': {
      const { id, address } = value
      const drops = value.drops === undefined ? undefined : Drops.fromLedger(value.drops)
      if (!isId(id) || typeof address !== 'string' || !isValidClassicAddress(address)) return undefined
      if (value.drops !== undefined && (drops === undefined || drops === 0n)) return undefined
      return { ask: 'withdraw', id, address, drops }
    }
    default:
      return undefined
  }
}

export function parseClaim(bytes: Uint8Array): Claim | undefined {
  return claimFrom(parseJson(bytes))
}

export function parseDeposit(value: JsonObject | undefined): DepositAnswer | undefined {
  const address = textOf(value?.address)
  const tag = integerOf(value?.tag)
  if (address === undefined || !isValidClassicAddress(address) || tag === undefined || tag > 0xffff_ffff) {
    return undefined
  }
  return { address, tag }
}

export function parseDeposited(value: JsonObject | undefined): DepositedAnswer | undefined {
  const status = value?.status
  return status === 'credited' || status === 'seen' || status === 'unknown' ? { status } : undefined
}

const channelStatuses = ['checking', 'open', 'closing', 'closed', 'refused'] as const
const withdrawalStatuses = ['waiting', 'sent', 'paid', 'returned', 'refused', 'unknown', 'unheard'] as const

export function parseChannel(value: JsonObject | undefined): ChannelAnswer | undefined {
  const status = channelStatuses.find((one) => one === value?.status)
  if (status === undefined || !isChannelId(value?.channel)) return undefined
  const { channel, signature } = value
  return {
    channel,
    status,
    ...defined({
      reason: wordsOf(value.reason),
      source: wordsOf(value.source),
      drops: Drops.fromLedger(value.drops),
      claimed: Drops.fromLedger(value.claimed),
      redeemed: Drops.fromLedger(value.redeemed),
      signature: isSignature(signature) ? signature : undefined,
    }),
  }
}

export function parseWithdrawal(value: JsonObject | undefined): WithdrawalAnswer | undefined {
  const status = withdrawalStatuses.find((one) => one === value?.status)
  if (status === undefined || !isId(value?.id)) return undefined
  return {
    id: value.id,
    status,
    ...defined({
      drops: Drops.fromLedger(value.drops),
      address: wordsOf(value.address),
      hash: isChannelId(value.hash) ? value.hash : undefined,
      reason: wordsOf(value.reason),
    }),
  }
}

export function parseAccount(value: JsonObject | undefined): AccountAnswer | undefined {
  const address = textOf(value?.address)
  const balance = signedOf(value?.balance)
  const limit = signedOf(value?.limit)
  const scale = integerOf(value?.scale)
  const withdrawDropsMin = Drops.fromLedger(value?.withdrawDropsMin)
  const channelDropsMin = Drops.fromLedger(value?.channelDropsMin)
  const settleDelaySecondsMin = integerOf(value?.settleDelaySecondsMin)
  if (
    address === undefined ||
    !isValidClassicAddress(address) ||
    balance === undefined ||
    limit === undefined ||
    scale === undefined ||
    withdrawDropsMin === undefined ||
    channelDropsMin === undefined ||
    settleDelaySecondsMin === undefined
  ) {
    return undefined
  }
  const texts = (arrayOf(value?.sources) ?? []).filter((one) => typeof one === 'string')
  return {
    ...{ address, balance, limit, scale, withdrawDropsMin, channelDropsMin, settleDelaySecondsMin },
    sources: texts.filter((one) => isValidClassicAddress(one)),
    channels: (arrayOf(value?.channels) ?? [])
      .map((one) => parseChannel(objectOf(one)))
      .filter((one) => one !== undefined),
  }
}

export function parseJson(bytes: Uint8Array): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(textDecoder.decode(bytes)))
  } catch {
    return undefined
  }
}

function claimFrom(value: JsonObject | undefined): Claim | undefined {
  const drops = Drops.fromLedger(value?.drops)
  if (!isChannelId(value?.channel) || drops === undefined || drops === 0n || !isSignature(value.signature)) {
    return undefined
  }
  return { channel: value.channel, drops, signature: value.signature }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value)
}

function signedOf(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^-?(?:0|[1-9][0-9]{0,39})$/.test(value) ? BigInt(value) : undefined
}

/** A peer's words, bounded. */
function wordsOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]{1,200}$/.test(value) ? value : undefined
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}
