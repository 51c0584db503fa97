import { describe, expect, it } from 'vitest'
import * as Instant from './instant.js'

describe('an instant', () => {
  it('is whole milliseconds from 1970 to 9999', () => {
    for (const ms of [0, 1, Instant.instantMax]) expect(Instant.from(ms)).toBe(ms)
    for (const ms of [
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Instant.instantMax + 1,
      '1' as unknown as number,
    ]) {
      expect(() => Instant.from(ms)).toThrow(Instant.InstantOutOfRangeError)
    }
    expect(Instant.toIso(Instant.instantMax)).toBe('9999-12-31T23:59:59.999Z')
    expect(Instant.toIso(Instant.from(0))).toBe('1970-01-01T00:00:00.000Z')
  })

  it('later or earlier stays inside', () => {
    const noon = Instant.from(1_508_932_800_123)
    expect(Instant.after(noon, 1000)).toBe(1_508_932_801_123)
    expect(Instant.after(noon, 0.9)).toBe(noon)
    expect(Instant.after(noon, -2_000_000_000_000)).toBe(0)
    expect(Instant.after(noon, Number.POSITIVE_INFINITY)).toBe(Instant.instantMax)
  })
})
