import { describe, expect, it } from 'vitest'
import * as Limits from './limits.js'

const usd = { code: 'USD', scale: 2 }

describe('Limits.resolve', () => {
  it('fills in the defaults', () => {
    expect(Limits.resolve()).toEqual({
      asset: { code: 'XRP', scale: 9 },
      maxPrice: 1_000n,
      budget: 1_000_000n,
      risk: undefined,
      pieces: undefined,
      window: 'auto',
    })
  })

  it('keeps what the user set', () => {
    const set = { asset: usd, maxPrice: 1n, budget: 50n, risk: 2n, pieces: 7, window: 9 }
    expect(Limits.resolve(set)).toEqual(set)
  })

  it.each([
    { asset: usd },
    { asset: usd, maxPrice: 1n },
    { asset: usd, budget: 1n },
    { asset: { code: 'XRP', scale: 6 }, maxPrice: 1n },
  ])('asks for amounts of its own for another asset: %o', (set) => {
    expect(() => Limits.resolve(set as Partial<Limits.Limits>)).toThrow(Limits.LimitsIncompleteError)
  })

  it.each([
    { maxPrice: -1n },
    { budget: -1n },
    { risk: -1n },
    { pieces: -1 },
    { pieces: 1.5 },
    { pieces: Number.NaN },
    { window: 0 },
    { window: 16_385 },
    { window: 2.5 },
    { asset: { code: '', scale: 9 } },
    { asset: { code: 'XRP', scale: -1 } },
  ])('refuses what is out of range: %o', (set) => {
    const amounts = { maxPrice: 1n, budget: 1n }
    expect(() => Limits.resolve({ ...amounts, ...set } as Partial<Limits.Limits>)).toThrow(Limits.LimitsInvalidError)
  })

  it('takes what is just in range', () => {
    for (const window of [1, 16_384]) expect(Limits.resolve({ window }).window).toBe(window)
    expect(Limits.resolve({ maxPrice: 0n, budget: 0n, risk: 0n, pieces: 0 })).toMatchObject({ budget: 0n, pieces: 0 })
  })
})

describe('Limits.riskOf', () => {
  it('is a hundredth of the budget, or one price if that is more', () => {
    expect(Limits.riskOf(Limits.resolve({ budget: 1_000n }), 3n)).toBe(10n)
    expect(Limits.riskOf(Limits.resolve({ budget: 1_000n }), 11n)).toBe(11n)
    expect(Limits.riskOf(Limits.resolve({ budget: 199n }), 1n)).toBe(1n)
  })

  it('is what the user said', () => {
    expect(Limits.riskOf(Limits.resolve({ risk: 5n }), 11n)).toBe(5n)
  })
})
