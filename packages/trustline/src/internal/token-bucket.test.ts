import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createBucket, hasToken, isFull, takeToken } from './token-bucket.js'

const at = (ms: number) => Instant.from(ms)

describe('a token bucket', () => {
  it('gives its burst at once and then its rate', () => {
    const bucket = createBucket(2, 10, at(1_000))
    expect([1, 2, 3].map(() => takeToken(bucket, at(1_000)))).toEqual([true, true, false])
    expect(takeToken(bucket, at(1_099))).toBe(false)
    expect(takeToken(bucket, at(1_100))).toBe(true)
    expect(takeToken(bucket, at(1_100))).toBe(false)
  })

  it('never holds more than its burst', () => {
    const bucket = createBucket(2, 10, at(1_000))
    takeToken(bucket, at(1_000))
    expect(isFull(bucket, at(1_050))).toBe(false)
    expect(isFull(bucket, at(9_000))).toBe(true)
    expect([1, 2, 3].map(() => takeToken(bucket, at(9_000)))).toEqual([true, true, false])
  })

  it('neither gives nor takes when the clock is set back', () => {
    const bucket = createBucket(1, 10, at(1_000))
    takeToken(bucket, at(1_000))
    expect(hasToken(bucket, at(500))).toBe(false)
    expect(hasToken(bucket, at(600))).toBe(true)
  })
})
