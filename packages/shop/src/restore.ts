/**
 * What a start finds out about the streams of the process before it.
 *
 * Records of open streams lag behind the ledger's feed; what was posted since is folded into them, so that every number
 * that was used is refused and every paid piece is counted. Their readers went with the process, so they are ended.
 */
import type { Cursor, Plugin } from '@millstream/plugin'
import type { Instant } from '@millstream/units'
import type { ShopLimits } from './limits.js'
import { isFeedPruned, paymentOf, StreamFold } from './stream-fold.js'
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

export async function restore(
  streams: StreamStore,
  plugin: Plugin,
  account: string,
  now: Instant.Instant,
  limits: ShopLimits,
): Promise<Restored> {
  const unfinished = new Map<string, StreamFold>()
  const remembered: StreamRecord[] = []
  let records = 0
  let cursor = 0 as Cursor
  for await (const record of streams.all()) {
    records++
    if (record.cursor > cursor) cursor = record.cursor
    if (record.endedAt === undefined) {
      unfinished.set(record.userId, new StreamFold(record))
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
      if (!isFeedPruned(error)) throw error
      for (const stream of unfinished.values()) {
        if (stream.record.cursor !== from) continue
        stream.loseTrack()
        unknown++
      }
    }
  }

  const interrupted = Array.from(unfinished.values(), (stream) => ended(stream.result(cursor), now))
  return { interrupted, remembered, cursor, records, entries, unknown }

  async function fold(from: Cursor): Promise<void> {
    if (plugin.posted === undefined) return
    for await (const posted of plugin.posted(from)) {
      entries++
      if (posted.cursor > cursor) cursor = posted.cursor
      const { userId, number } = paymentOf(posted.destination, `${account}.`)
      unfinished.get(userId)?.add(posted, number)
    }
  }
}

/**
 * The record of a stream whose reader went with the process that served it. An account that was about to pay and has not
 * does not own it.
 */
export function ended({ owner, ...record }: StreamRecord, now: Instant.Instant): StreamRecord {
  const isPaid = owner !== undefined && record.pieces > 0n
  return { ...record, ...(isPaid ? { owner } : {}), endedAt: now, ending: 'shop_closed' }
}

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
