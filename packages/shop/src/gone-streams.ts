/**
 * Streams that have ended, as far as late payments must be told how: their numbers, owner and ending, for some minutes
 * and for no more than a bounded number of streams.
 */
import type { Instant } from '@millstream/units'
import { isUsed, type NumbersSnapshot } from './numbers.js'
import * as Refusal from './refusal.js'
import type { StreamEnd } from './shop-event.js'

export interface GoneStream {
  readonly userId: string
  readonly owner: string | undefined
  readonly numbers: NumbersSnapshot
  readonly end: StreamEnd
  readonly endedAt: Instant.Instant
}

export interface GoneStreams {
  readonly count: number
  add(stream: GoneStream): void
  has(userId: string): boolean
  /** Why a payment of `source` with this number is refused. `undefined` when no such stream is remembered. */
  refusal(userId: string, source: string, number: number): Refusal.Refusal | undefined
  /** Forgets what is older than the limit. */
  sweep(): void
}

export function createGoneStreams(
  clock: Instant.Clock,
  limits: { readonly rememberedMs: number; readonly rememberedMax: number },
): GoneStreams {
  // In the order in which they ended, nearly: a map keeps the order of insertion.
  const streams = new Map<string, GoneStream>()
  return {
    get count() {
      return streams.size
    },
    add(stream) {
      streams.set(stream.userId, stream)
      if (streams.size > limits.rememberedMax) streams.delete(streams.keys().next().value!)
    },
    has(userId) {
      const stream = streams.get(userId)
      return stream !== undefined && !isOld(stream)
    },
    refusal(userId, source, number) {
      const stream = streams.get(userId)
      if (stream === undefined || isOld(stream)) return undefined
      return refusalOfGone(stream, source, number)
    },
    sweep() {
      for (const stream of streams.values()) {
        if (!isOld(stream)) return
        streams.delete(stream.userId)
      }
    },
  }

  function isOld(stream: GoneStream): boolean {
    return clock() - stream.endedAt >= limits.rememberedMs
  }
}

/** @param stream - One that takes no payments here, `elsewhere` if it may take them at another shop of the fleet. */
export function refusalOfGone(
  stream: Pick<GoneStream, 'owner' | 'numbers'> & { readonly end: StreamEnd | 'elsewhere' },
  source: string,
  number: number,
): Refusal.Refusal {
  if (number === 0) return Refusal.numberMalformed
  if (stream.owner !== undefined && stream.owner !== source) return Refusal.foreignStream
  return isUsed(stream.numbers, number) ? Refusal.numberUsed : refusalOf(stream.end)
}

function refusalOf(end: StreamEnd | 'elsewhere'): Refusal.Refusal {
  if (end === 'elsewhere') return Refusal.servedElsewhere
  if (end === 'content_ended') return Refusal.contentEnded
  if (end === 'source_failed') return Refusal.sourceFailed
  return end === 'reader_left' ? Refusal.readerLeft : Refusal.streamClosed
}
