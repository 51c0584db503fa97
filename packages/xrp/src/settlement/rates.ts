/** A rate with a burst for each of many names: so many at once, then so many a second. */
import type { Instant } from '@millstream/units'

export interface Rates {
  /** Whether one more is within the rate; counts it. */
  take(name: string): boolean
  /** Counts so many more. */
  charge(name: string, count: number): void
}

/** Names beyond it are forgotten, the longest untouched first: their rate begins anew. */
const namesMax = 65_536

export function createRates(burst: number, perSecond: number, clock: Instant.Clock): Rates {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(name) {
      const now = clock()
      const bucket = buckets.get(name) ?? { tokens: burst, at: now }
      buckets.delete(name)
      buckets.set(name, bucket)
      // A clock that was set back gives nothing and takes nothing.
      bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
      bucket.at = now
      if (buckets.size > namesMax) for (const oldest of buckets.keys()) return buckets.delete(oldest) && spend(bucket)
      return spend(bucket)
    },
    charge(name, count) {
      const bucket = buckets.get(name)
      if (bucket !== undefined) bucket.tokens = Math.max(0, bucket.tokens - count)
    },
  }
}

function spend(bucket: { tokens: number }): boolean {
  if (bucket.tokens < 1) return false
  bucket.tokens--
  return true
}
