/**
 * Segments of the journal: ids of transfers that have ended and may still be repeated, 60 bytes each.
 *
 * | part         | bytes | content                                                       |
 * | ------------ | ----- | ------------------------------------------------------------- |
 * | id           | 16    |                                                               |
 * | content hash | 4     | big-endian                                                    |
 * | until        | 7     | milliseconds since 1970, big-endian: when the id is forgotten |
 * | kind         | 1     | state (0 fulfilled, 1 rejected, 2 expired), 4 for outgoing    |
 * | fulfillment  | 32    | zeros where there is none                                     |
 */
import { Condition, Instant, TransferId } from '@millstream/units'
import { directionFrom, type EndedTransfer, EntryError } from './journal-entry.js'
import { sourceOf } from './trustline-accounts.js'

const recordBytes = 60
const states = ['fulfilled', 'rejected', 'expired'] as const
const outgoingFlag = 4
/** How long the ledger remembers the id of a transfer that has expired. */
const expiredKeptMs = 10_000

/** When the ledger forgets the id. */
export function untilOf(record: EndedTransfer): number {
  return record.state === 'expired' ? record.at + expiredKeptMs : record.expiresAt
}

export function format(records: readonly EndedTransfer[]): { readonly text: string; readonly until: number } {
  const bytes = Buffer.alloc(records.length * recordBytes)
  let untilMax = 0
  records.forEach((record, i) => {
    const offset = i * recordBytes
    const until = untilOf(record)
    untilMax = Math.max(untilMax, until)
    bytes.set(record.id, offset)
    bytes.writeUInt32BE(record.contentHash >>> 0, offset + 16)
    bytes.writeUIntBE(until, offset + 21, 6)
    const direction = directionFrom(record.source)
    bytes[offset + 27] = states.indexOf(record.state) | (direction === 'outgoing' ? outgoingFlag : 0)
    if (record.fulfillment !== undefined) bytes.set(record.fulfillment, offset + 28)
  })
  return { text: JSON.stringify({ until: untilMax, ids: bytes.toString('base64') }), until: untilMax }
}

/** @throws {EntryError} `text` is not a segment. */
export function parse(
  key: string,
  text: string,
): { readonly until: number; readonly records: readonly EndedTransfer[] } {
  try {
    const { until, ids } = JSON.parse(text) as { until: number; ids: string }
    const bytes = Buffer.from(ids, 'base64')
    if (!Number.isSafeInteger(until) || bytes.length % recordBytes !== 0) throw new Error('it is cut off')
    const records: EndedTransfer[] = []
    for (let offset = 0; offset < bytes.length; offset += recordBytes) records.push(readRecord(bytes, offset))
    return { until, records }
  } catch (error) {
    throw new EntryError(key, error)
  }
}

function readRecord(bytes: Buffer, offset: number): EndedTransfer {
  const kind = bytes[offset + 27]!
  const state = states[kind & (outgoingFlag - 1)]
  if (state === undefined) throw new Error('a state does not exist')
  const until = bytes.readUIntBE(offset + 21, 6)
  const fulfillment = Uint8Array.from(bytes.subarray(offset + 28, offset + recordBytes))
  return {
    source: sourceOf((kind & outgoingFlag) === 0 ? 'incoming' : 'outgoing'),
    id: TransferId.from(Uint8Array.from(bytes.subarray(offset, offset + 16))),
    contentHash: bytes.readUInt32BE(offset + 16),
    state,
    expiresAt: Instant.from(until),
    at: Instant.from(Math.max(0, until - expiredKeptMs)),
    ...(state === 'fulfilled' ? { fulfillment: Condition.fulfillmentFrom(fulfillment) } : {}),
  }
}
