/**
 * What a start finds out about the streams of the process before it.
 *
 * Records of open streams lag behind the ledger's feed; what was posted since is folded into them, so that every number
 * that was used is refused and every paid piece is counted. Their readers went with the process, so they are ended.
 *
 * A ledger may keep less of its feed than a record lags behind. Then nobody can say which numbers of that stream were
 * used: all of them count as used, and the paid pieces of its record are what is known for certain.
 */
import type { Cursor, Plugin } from '@millstream/plugin'
import { type Instant, MillstreamError } from '@millstream/units'
import { userIdLength } from './keyring.js'
import type { ShopLimits } from './limits.js'
import { createNumbers, type Numbers, type NumbersSnapshot, parseNumber } from './numbers.js'
import type { StreamRecord, StreamStore } from './stream-store.js'

export interface Restored {
  /** Records of streams that were open, as they are now; not written yet. */
  readonly interrupted: readonly StreamRecord[]
  /** Records that ended a short time ago. */
  readonly remembered: readonly StreamRecord[]
  /** Up to here the feed was seen. */
  readonly cursor: Cursor
  readonly records: number
  /** Entries of the feed that were folded. */
  readonly entries: number
  /** Streams of whose payments the feed does not know any more. */
  readonly unknown: number
}

interface Unfinished {
  readonly record: StreamRecord
  owner: string | undefined
  pieces: bigint
  numbers: Numbers | undefined
  /** The feed does not go back to its record. */
  isUnknown: boolean
}

export async function restore(
  streams: StreamStore,
  plugin: Plugin,
  account: string,
  now: Instant.Instant,
  limits: ShopLimits,
): Promise<Restored> {
  const unfinished = new Map<string, Unfinished>()
  const remembered: StreamRecord[] = []
  let records = 0
  let cursor = 0 as Cursor
  for await (const record of streams.all()) {
    records++
    if (record.cursor > cursor) cursor = record.cursor
    if (record.endedAt === undefined) {
      unfinished.set(record.userId, {
        record,
        owner: record.owner,
        pieces: record.pieces,
        numbers: undefined,
        isUnknown: false,
      })
    } else if (now - record.endedAt < limits.rememberedMs && remembered.length < limits.rememberedMax) {
      remembered.push(record)
    }
  }

  let entries = 0
  let unknown = 0
  const cursors = [...new Set(Array.from(unfinished.values(), ({ record }) => record.cursor))].sort((a, b) => a - b)
  for (const from of cursors) {
    try {
      await fold(from)
      break
    } catch (error) {
      if (!(error instanceof MillstreamError) || error.code !== 'LEDGER_FEED_PRUNED') throw error
      for (const stream of unfinished.values()) {
        if (stream.record.cursor !== from) continue
        stream.isUnknown = true
        unknown++
      }
    }
  }

  const interrupted = Array.from(unfinished.values(), ({ record, owner, pieces, numbers, isUnknown }): StreamRecord => {
    const { floor, numbers: bits } = isUnknown ? allUsed : (numbers?.snapshot() ?? record)
    return {
      ...record,
      ...(owner === undefined ? {} : { owner }),
      cursor,
      pieces,
      floor,
      numbers: bits,
      endedAt: now,
      ending: 'shop_closed',
    }
  })
  return { interrupted, remembered, cursor, records, entries, unknown }

  async function fold(from: Cursor): Promise<void> {
    if (plugin.posted === undefined) return
    const base = `${account}.`
    for await (const posted of plugin.posted(from)) {
      entries++
      if (posted.cursor > cursor) cursor = posted.cursor
      const { destination } = posted
      const userEnd = base.length + userIdLength
      if (!destination.startsWith(base) || destination[userEnd] !== '.') continue
      const stream = unfinished.get(destination.slice(base.length, userEnd))
      const number = parseNumber(destination, userEnd + 1)
      if (stream === undefined || stream.isUnknown) continue
      if (number === 0 || posted.cursor <= stream.record.cursor) continue
      stream.numbers ??= createNumbers(stream.record)
      stream.numbers.use(number)
      stream.pieces += posted.amount / stream.record.price
      if (posted.amount > 0n) stream.owner ??= posted.source
    }
  }
}

const allUsed: NumbersSnapshot = { floor: Number.MAX_SAFE_INTEGER, numbers: new Uint8Array() }

/** Deletes records that ended long ago; the one furthest in the feed stays, so that a start knows where it is. */
export async function prune(streams: StreamStore, now: Instant.Instant, limits: ShopLimits): Promise<void> {
  let furthest: StreamRecord | undefined
  const old: StreamRecord[] = []
  for await (const record of streams.all()) {
    if (furthest === undefined || record.cursor > furthest.cursor) furthest = record
    if (record.endedAt !== undefined && now - record.endedAt >= limits.recordsKeptMs) old.push(record)
  }
  for (const record of old) if (record !== furthest) await streams.delete(record.userId)
}
