import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Drops from './drops.js'

const scales = fc.integer({ min: 6, max: 15 })

describe('drops', () => {
  it('are base units of scale 6, and a thousand units of scale 9 each', () => {
    expect(Drops.toUnits(7n, 6)).toBe(7n)
    expect(Drops.toUnits(7n, 9)).toBe(7000n)
    expect(Drops.floorFromUnits(7999n, 9)).toBe(7n)
    expect(Drops.exactFromUnits(7000n, 9)).toBe(7n)
    expect(Drops.exactFromUnits(7999n, 9)).toBeUndefined()
  })

  it('never become more on their way to another scale and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), scales, (units, scale) => {
        const drops = Drops.floorFromUnits(units, scale)
        expect(Drops.toUnits(drops, scale) <= units).toBe(true)
        expect(Drops.toUnits(drops + 1n, scale) > units).toBe(true)
        expect(Drops.exactFromUnits(Drops.toUnits(units, scale), scale)).toBe(units)
      }),
    )
  })

  it('cannot be counted at a scale below their own', () => {
    for (const scale of [5, 0, -1, 16, 6.5, Number.NaN])
      expect(() => Drops.toUnits(1n, scale)).toThrow(Drops.ScaleError)
  })

  it('are read from the ledger as digits, and nothing else is', () => {
    expect(Drops.fromLedger('0')).toBe(0n)
    expect(Drops.fromLedger('100000000000000000')).toBe(Drops.dropsMax)
    const token = { currency: 'USD', issuer: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', value: '1' }
    for (const bad of [
      '100000000000000001',
      '01',
      '-1',
      '1.5',
      '1e3',
      '',
      ' 1',
      1,
      1n,
      null,
      undefined,
      token,
      ['1'],
    ]) {
      expect(Drops.fromLedger(bad)).toBeUndefined()
    }
  })

  it('are read from the decimals of a server without a double in the result', () => {
    expect(Drops.fromXrpNumber(0.2)).toBe(200_000n)
    expect(Drops.fromXrpNumber(1e-5)).toBe(10n)
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e12, '1', undefined]) {
      expect(Drops.fromXrpNumber(bad)).toBeUndefined()
    }
  })

  it('are shown to people as XRP', () => {
    expect(Drops.format(0n)).toBe('0 XRP')
    expect(Drops.format(1n)).toBe('0.000001 XRP')
    expect(Drops.format(1_200_000n)).toBe('1.2 XRP')
    expect(Drops.format(-1_000_000n)).toBe('-1 XRP')
  })
})
