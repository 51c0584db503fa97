/** What the ledger knows of an account: `account_info`, `account_objects`, `account_channels`, `account_lines`. */
import { encodeAccountPublic } from 'ripple-address-codec'
import {
  type AccountRoot,
  accountFlags,
  accountIndex,
  type Entry,
  hasFlag,
  type JsonObject,
  type PayChannel,
} from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import { ApiError } from './api-error.js'
import { type ChosenLedger, choose } from './ledger-choice.js'
import { accountOf, limitOf, type Method } from './method.js'

const limits = { min: 10, standard: 200, max: 400 }

/** Names of `account_objects` and `ledger_data` for the types that there are. */
export const typeNames: { readonly [name: string]: Entry['LedgerEntryType'] } = {
  account: 'AccountRoot',
  directory: 'DirectoryNode',
  escrow: 'Escrow',
  payment_channel: 'PayChannel',
  fee: 'FeeSettings',
  hashes: 'LedgerHashes',
}

/** Types that `rippled` knows and the sandbox has none of. */
const emptyTypes = new Set([
  'amendments',
  'amm',
  'bridge',
  'check',
  'credential',
  'delegate',
  'deposit_preauth',
  'did',
  'mpt_issuance',
  'mptoken',
  'nft_offer',
  'nft_page',
  'offer',
  'oracle',
  'permissioned_domain',
  'signer_list',
  'state',
  'ticket',
  'vault',
])

export const accountInfo: Method = (request, { chain }) => {
  if (request.account === undefined) throw new ApiError('invalidParams', { message: "Missing field 'account'." })
  const chosen = choose(request, chain)
  const address = accountOf(request, chosen.fields)
  const account = chosen.view.read(accountIndex(address)) as AccountRoot | undefined
  if (account === undefined) throw new ApiError('actNotFound', { more: { ...chosen.fields, account: address } })
  return {
    account_data: withIndex(accountIndex(address), account),
    account_flags: flagsOf(account),
    ...(request.queue === true && chosen.closed === undefined ? { queue_data: { txn_count: 0 } } : {}),
    ...(request.signer_lists === true ? { signer_lists: [] } : {}),
    ...chosen.fields,
  }
}

export const accountObjects: Method = (request, { chain }) => {
  const { chosen, address } = existing(request, chain)
  const { type } = request
  if (type !== undefined && (typeof type !== 'string' || !(Object.hasOwn(typeNames, type) || emptyTypes.has(type)))) {
    throw new ApiError('invalidParams', { message: "Invalid field 'type'." })
  }
  const wanted = type === undefined ? undefined : (typeNames[type as string] ?? 'none')
  const matches = (entry: Entry) => wanted === undefined || entry.LedgerEntryType === wanted
  const { entries, marker } = page(request, chosen, address, matches)
  return {
    account: address,
    account_objects: entries.map(([index, entry]) => withIndex(index, entry)),
    ...chosen.fields,
    ...(request.limit === undefined ? {} : { limit: limitOf(request, limits) }),
    ...(marker === undefined ? {} : { marker, limit: limitOf(request, limits) }),
  }
}

export const accountChannels: Method = (request, { chain }) => {
  const { chosen, address } = existing(request, chain)
  const destination = request.destination_account
  if (destination !== undefined) accountOf({ account: destination })
  const matches = (entry: Entry) =>
    entry.LedgerEntryType === 'PayChannel' &&
    entry.Account === address &&
    (destination === undefined || entry.Destination === destination)
  const { entries, marker } = page(request, chosen, address, matches)
  return {
    account: address,
    channels: entries.map(([index, entry]) => channelJson(index, entry as PayChannel)),
    ...chosen.fields,
    ...(request.limit === undefined ? {} : { limit: limitOf(request, limits) }),
    ...(marker === undefined ? {} : { marker, limit: limitOf(request, limits) }),
  }
}

/** There are no tokens, so there are no lines. */
export const accountLines: Method = (request, { chain }) => {
  const { chosen, address } = existing(request, chain)
  return { account: address, lines: [], ...chosen.fields }
}

export function withIndex(index: string, entry: Entry): JsonObject {
  return { ...(entry as unknown as JsonObject), index }
}

function existing(request: JsonObject, chain: Parameters<typeof choose>[1]): { chosen: ChosenLedger; address: string } {
  if (request.account === undefined) throw new ApiError('invalidParams', { message: "Missing field 'account'." })
  const chosen = choose(request, chain)
  const address = accountOf(request)
  if (chosen.view.read(accountIndex(address)) === undefined) {
    throw new ApiError('actNotFound', { more: { ...chosen.fields } })
  }
  return { chosen, address }
}

/** The marker is the index of the last entry that was given. */
function page(
  request: JsonObject,
  { view }: ChosenLedger,
  address: string,
  matches: (entry: Entry) => boolean,
): { entries: [string, Entry][]; marker: string | undefined } {
  const limit = limitOf(request, limits)
  const { marker } = request
  if (marker !== undefined && typeof marker !== 'string') {
    throw new ApiError('invalidParams', { message: "Invalid field 'marker'." })
  }
  const entries: [string, Entry][] = []
  let skipping = marker !== undefined
  for (const index of OwnerDirectory.entries(view, address)) {
    if (skipping) {
      if (index === marker) skipping = false
      continue
    }
    const entry = view.read(index)
    if (entry === undefined || !matches(entry)) continue
    if (entries.length === limit) return { entries, marker: entries.at(-1)![0] }
    entries.push([index, entry])
  }
  if (skipping) throw new ApiError('invalidParams', { message: "Invalid field 'marker'." })
  return { entries, marker: undefined }
}

function channelJson(index: string, channel: PayChannel): JsonObject {
  return {
    account: channel.Account,
    amount: channel.Amount,
    balance: channel.Balance,
    channel_id: index,
    destination_account: channel.Destination,
    public_key: encodeAccountPublic(Buffer.from(channel.PublicKey, 'hex')),
    public_key_hex: channel.PublicKey,
    settle_delay: channel.SettleDelay,
    ...(channel.Expiration === undefined ? {} : { expiration: channel.Expiration }),
    ...(channel.CancelAfter === undefined ? {} : { cancel_after: channel.CancelAfter }),
    ...(channel.SourceTag === undefined ? {} : { source_tag: channel.SourceTag }),
    ...(channel.DestinationTag === undefined ? {} : { destination_tag: channel.DestinationTag }),
  }
}

function flagsOf(account: AccountRoot): JsonObject {
  return {
    allowTrustLineClawback: false,
    allowTrustLineLocking: false,
    defaultRipple: hasFlag(account, accountFlags.defaultRipple),
    depositAuth: hasFlag(account, accountFlags.depositAuth),
    disableMasterKey: hasFlag(account, accountFlags.disableMaster),
    disallowIncomingCheck: hasFlag(account, accountFlags.disallowIncomingCheck),
    disallowIncomingNFTokenOffer: hasFlag(account, accountFlags.disallowIncomingNftOffer),
    disallowIncomingPayChan: hasFlag(account, accountFlags.disallowIncomingPayChan),
    disallowIncomingTrustline: hasFlag(account, accountFlags.disallowIncomingTrustline),
    disallowIncomingXRP: hasFlag(account, accountFlags.disallowXrp),
    globalFreeze: hasFlag(account, accountFlags.globalFreeze),
    noFreeze: hasFlag(account, accountFlags.noFreeze),
    passwordSpent: hasFlag(account, accountFlags.passwordSpent),
    requireAuthorization: hasFlag(account, accountFlags.requireAuth),
    requireDestinationTag: hasFlag(account, accountFlags.requireDestTag),
  }
}
