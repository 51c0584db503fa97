/** A rate with a burst: so many at once, then so many a second. */
import type { Instant } from '@millstream/units'

export interface TokenBucket {
  tokens: number
  readonly burst: number
  readonly perMs: number
  at: Instant.Instant
}

export function createBucket(burst: number, perSecond: number, now: Instant.Instant): TokenBucket {
  return { tokens: burst, burst, perMs: perSecond / 1000, at: now }
}

/** Whether one more is within the rate. Takes nothing. */
export function hasToken(bucket: TokenBucket, now: Instant.Instant): boolean {
  if (bucket.tokens < bucket.burst && now !== bucket.at) {
    // A clock that was set back gives nothing and takes nothing.
    bucket.tokens = Math.min(bucket.burst, bucket.tokens + Math.max(0, now - bucket.at) * bucket.perMs)
  }
  bucket.at = now
  return bucket.tokens >= 1
}

/** Takes one if there is one. */
export function takeToken(bucket: TokenBucket, now: Instant.Instant): boolean {
  if (!hasToken(bucket, now)) return false
  bucket.tokens--
  return true
}

export function isFull(bucket: TokenBucket, now: Instant.Instant): boolean {
  hasToken(bucket, now)
  return bucket.tokens >= bucket.burst
}
