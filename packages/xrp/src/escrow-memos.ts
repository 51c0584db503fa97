/**
 * The two memos of an EscrowCreate that carries an Interledger transfer, as ilp-plugin-xrp-escrow wrote them in 2017.
 *
 * | MemoType (text, then hex)               | MemoData (text, then hex)           |
 * | --------------------------------------- | ----------------------------------- |
 * | `https://interledger.org/rel/xrpIlp`    | the ILP packet as base64url         |
 * | `https://interledger.org/rel/xrpId`     | the transfer id as a UUID           |
 *
 * The sender writes them, so they prove nothing: an escrow is known by its own id. What cannot be read is refused by
 * name and never thrown, since anybody may send it.
 */
import { Base64Url, Hex, TransferId } from '@millstream/units'
import { type JsonObject, objectOf, textOf } from './internal/json.js'

export const memoTypes = {
  ilp: 'https://interledger.org/rel/xrpIlp',
  id: 'https://interledger.org/rel/xrpId',
} as const

/** The ledger takes no more than this, serialized. */
export const memosBytesMax = 1024

/** Longest packet: with both memos its base64url text fills the 1,024 bytes. */
export const packetBytesMax = 681

export type MemoFault =
  /** One of the two is not there. */
  | 'memos_missing'
  /** Not hexadecimal, not UTF-8, not base64url, not a UUID, or more than memos can be. */
  | 'memos_malformed'

export interface EscrowMemos {
  readonly id: TransferId.TransferId
  readonly packet: Uint8Array
}

/** @throws Nothing: the packet is checked against `packetBytesMax` by whoever made it. */
export function encode({ id, packet }: EscrowMemos): JsonObject[] {
  return [memo(memoTypes.ilp, Base64Url.fromBytes(packet)), memo(memoTypes.id, TransferId.format(id))]
}

export function decode(memos: unknown): EscrowMemos | MemoFault {
  if (memos === undefined) return 'memos_missing'
  if (!Array.isArray(memos)) return 'memos_malformed'
  const ilp = find(memos, ilpTypeHex)
  const uuid = find(memos, idTypeHex)
  if (ilp === undefined || uuid === undefined) return 'memos_missing'
  try {
    const packet = Base64Url.toBytes(textFromHex(ilp).replace(/=+$/, ''))
    return { id: TransferId.parse(textFromHex(uuid)), packet }
  } catch {
    return 'memos_malformed'
  }
}

/** Hexadecimal data of the first memo of a type. */
function find(memos: readonly unknown[], typeHex: string): string | undefined {
  for (const entry of memos) {
    const memo = objectOf(objectOf(entry)?.Memo)
    if (memo !== undefined && textOf(memo.MemoType)?.toUpperCase() === typeHex) return textOf(memo.MemoData)
  }
  return undefined
}

function memo(type: string, data: string): JsonObject {
  return { Memo: { MemoType: hexOfText(type), MemoData: hexOfText(data) } }
}

function hexOfText(text: string): string {
  return Hex.fromBytes(new TextEncoder().encode(text)).toUpperCase()
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

function textFromHex(hex: string): string {
  if (hex.length > memosBytesMax * 2) throw new RangeError('longer than memos can be')
  return strictUtf8.decode(Hex.toBytes(hex))
}

const ilpTypeHex = hexOfText(memoTypes.ilp)
const idTypeHex = hexOfText(memoTypes.id)
