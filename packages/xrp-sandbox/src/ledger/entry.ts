/**
 * Ledger entries in the JSON of the official codec: amounts are decimal strings of drops, UInt64 are hex strings,
 * hashes and blobs are upper case hex. An entry never changes: an update puts another one in its place.
 *
 * Indexes are SHA-512Half over the space of the type and what identifies the entry.
 */
import { decodeAccountID } from 'ripple-address-codec'
import { sha512Half, toHex } from './hash.js'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }
export type JsonObject = { readonly [name: string]: Json | undefined }

interface EntryFields {
  readonly Flags: number
  readonly PreviousTxnID?: string
  readonly PreviousTxnLgrSeq?: number
}

export interface AccountRoot extends EntryFields {
  readonly LedgerEntryType: 'AccountRoot'
  readonly Account: string
  readonly Balance: string
  readonly OwnerCount: number
  readonly Sequence: number
  readonly RegularKey?: string | undefined
  readonly AccountTxnID?: string | undefined
  readonly Domain?: string | undefined
}

export interface DirectoryNode extends EntryFields {
  readonly LedgerEntryType: 'DirectoryNode'
  readonly Owner: string
  readonly RootIndex: string
  readonly Indexes: readonly string[]
  readonly IndexNext?: string
  readonly IndexPrevious?: string
}

export interface Escrow extends EntryFields {
  readonly LedgerEntryType: 'Escrow'
  readonly Account: string
  readonly Destination: string
  readonly Amount: string
  readonly Sequence: number
  readonly Condition?: string
  readonly CancelAfter?: number
  readonly FinishAfter?: number
  readonly SourceTag?: number
  readonly DestinationTag?: number
  readonly OwnerNode: string
  readonly DestinationNode?: string
}

export interface PayChannel extends EntryFields {
  readonly LedgerEntryType: 'PayChannel'
  readonly Account: string
  readonly Destination: string
  /** Everything ever put in. */
  readonly Amount: string
  /** What the destination has been paid. */
  readonly Balance: string
  readonly PublicKey: string
  readonly SettleDelay: number
  readonly Sequence: number
  readonly Expiration?: number | undefined
  readonly CancelAfter?: number
  readonly SourceTag?: number
  readonly DestinationTag?: number
  readonly OwnerNode: string
  readonly DestinationNode: string
}

export interface FeeSettings extends EntryFields {
  readonly LedgerEntryType: 'FeeSettings'
  readonly BaseFeeDrops: string
  readonly ReserveBaseDrops: string
  readonly ReserveIncrementDrops: string
}

export interface LedgerHashes extends EntryFields {
  readonly LedgerEntryType: 'LedgerHashes'
  readonly Hashes: readonly string[]
  readonly LastLedgerSequence: number
}

export interface Amendments extends EntryFields {
  readonly LedgerEntryType: 'Amendments'
  readonly Amendments: readonly string[]
}

export type Entry = AccountRoot | DirectoryNode | Escrow | PayChannel | FeeSettings | LedgerHashes | Amendments

export const accountFlags = {
  passwordSpent: 0x0001_0000,
  requireDestTag: 0x0002_0000,
  requireAuth: 0x0004_0000,
  disallowXrp: 0x0008_0000,
  disableMaster: 0x0010_0000,
  noFreeze: 0x0020_0000,
  globalFreeze: 0x0040_0000,
  defaultRipple: 0x0080_0000,
  depositAuth: 0x0100_0000,
  disallowIncomingNftOffer: 0x0400_0000,
  disallowIncomingCheck: 0x0800_0000,
  disallowIncomingPayChan: 0x1000_0000,
  disallowIncomingTrustline: 0x2000_0000,
} as const

export function hasFlag(entry: { readonly Flags: number }, flag: number): boolean {
  return (entry.Flags & flag) !== 0
}

const accountIndexes = new Map<string, string>()
const accountIndexesMax = 65_536

/** @throws {Error} `address` is not a classic address. */
export function accountIndex(address: string): string {
  const known = accountIndexes.get(address)
  if (known !== undefined) return known
  const index = toHex(sha512Half(space('a'), decodeAccountID(address)))
  if (accountIndexes.size >= accountIndexesMax) accountIndexes.clear()
  accountIndexes.set(address, index)
  return index
}

export function ownerDirectoryIndex(address: string): string {
  return toHex(sha512Half(space('O'), decodeAccountID(address)))
}

/** The root is page 0 and has the index of the directory itself. */
export function directoryPageIndex(rootIndex: string, page: bigint): string {
  if (page === 0n) return rootIndex
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(page)
  return toHex(sha512Half(space('d'), Buffer.from(rootIndex, 'hex'), number))
}

export function escrowIndex(owner: string, sequence: number): string {
  return toHex(sha512Half(space('u'), decodeAccountID(owner), uint32(sequence)))
}

export function channelIndex(source: string, destination: string, sequence: number): string {
  return toHex(sha512Half(space('x'), decodeAccountID(source), decodeAccountID(destination), uint32(sequence)))
}

export const feeSettingsIndex = '4BC50C9B0D8515D3EAAE1E74B29A95804346C491EE1A95BF25E4AAB854A6A651'
export const ledgerHashesIndex = 'B4979A36CDC7F3D3D5C31A4EAE2AC7D7209DDA877588B9AFC66799692AB0D66B'

function space(letter: string): Buffer {
  return Buffer.from([0, letter.charCodeAt(0)])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
