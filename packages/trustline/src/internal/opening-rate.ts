/** How many accounts one network may open: kept for each network that opened one lately. */
import type { Instant } from '@millstream/units'
import type { TrustlineLimits } from '../trustline-limits.js'
import { networkOf } from './network-of.js'
import { createBucket, isFull, type TokenBucket, takeToken } from './token-bucket.js'

export interface OpeningRate {
  /** Counts one opening, if it is within the rate. */
  take(address: string, now: Instant.Instant): boolean
  /** Forgets networks that have their whole burst again. */
  sweep(now: Instant.Instant): void
}

export function createOpeningRate(limits: TrustlineLimits): OpeningRate {
  const buckets = new Map<string, TokenBucket>()
  return {
    take(address, now) {
      const network = networkOf(address)
      let bucket = buckets.get(network)
      if (bucket === undefined) {
        if (buckets.size >= limits.addressesMax) this.sweep(now)
        // A flood from more networks than are remembered: nobody new, until some of them are forgotten.
        if (buckets.size >= limits.addressesMax) return false
        bucket = createBucket(limits.openingsBurst, limits.openingsPerMinute / 60, now)
        buckets.set(network, bucket)
      }
      return takeToken(bucket, now)
    },
    sweep(now) {
      for (const [network, bucket] of buckets) if (isFull(bucket, now)) buckets.delete(network)
    },
  }
}
