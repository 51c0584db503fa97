import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as RippleTime from './ripple-time.js'

describe('a time of the XRP Ledger', () => {
  it('counts seconds since 2000', () => {
    expect(RippleTime.floor(Instant.from(Date.parse('2000-01-01T00:00:00Z')))).toBe(0)
    expect(RippleTime.floor(Instant.from(Date.parse('2017-10-25T12:00:00.999Z')))).toBe(562_248_000)
    expect(Instant.toIso(RippleTime.toInstant(RippleTime.from(562_248_000)))).toBe('2017-10-25T12:00:00.000Z')
  })

  it('fits into 32 bits', () => {
    for (const good of [0, 0xffff_ffff]) expect(RippleTime.from(good)).toBe(good)
    for (const bad of [-1, 0.5, 2 ** 32, Number.NaN])
      expect(() => RippleTime.from(bad)).toThrow(RippleTime.RippleTimeError)
    expect(() => RippleTime.floor(Instant.from(0))).toThrow(RippleTime.RippleTimeError)
    expect(RippleTime.isRippleTime('5')).toBe(false)
  })
})
