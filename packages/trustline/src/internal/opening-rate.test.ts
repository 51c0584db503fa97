import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { trustlineLimits } from '../trustline-limits.js'
import { createOpeningRate } from './opening-rate.js'

const limits = { ...trustlineLimits, openingsBurst: 2, openingsPerMinute: 60, addressesMax: 3 }
const at = (ms: number) => Instant.from(1_000_000 + ms)

describe('the rate of openings', () => {
  it('counts each network by itself', () => {
    const rate = createOpeningRate(limits)
    expect([1, 2, 3].map(() => rate.take('192.0.2.1', at(0)))).toEqual([true, true, false])
    expect(rate.take('192.0.2.2', at(0))).toBe(true)
    expect(rate.take('192.0.2.1', at(1_000))).toBe(true)
  })

  it('remembers a bounded number of networks, and lets in new ones when old ones are as good as new', () => {
    const rate = createOpeningRate(limits)
    for (const n of [1, 2, 3]) expect(rate.take(`192.0.2.${n}`, at(0))).toBe(true)
    expect(rate.take('192.0.2.4', at(0))).toBe(false)
    expect(rate.take('192.0.2.4', at(1_000))).toBe(true)
  })
})
