import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Amount from './amount.js'
import { MillstreamError } from './millstream-error.js'

const drops = { code: 'XRP', scale: 6 }

describe('an amount', () => {
  it('goes from 0 to 2^64 - 1', () => {
    for (const value of [0n, 1n, 2n ** 64n - 1n]) expect(Amount.from(value)).toBe(value)
    for (const value of [-1n, 2n ** 64n, 1 as unknown as bigint]) {
      expect(() => Amount.from(value)).toThrow(Amount.AmountOutOfRangeError)
    }
  })

  it('is read from digits alone, in base units', () => {
    for (const text of ['0', '1', '18446744073709551615']) expect(Amount.fromText(text)).toBe(BigInt(text))
    for (const text of ['', '-1', '+1', '01', '00', '1.0', '1e3', ' 1', '1 ', '0x1', '1_000', 'abc', '１', '1\n']) {
      expect(() => Amount.fromText(text)).toThrow(Amount.AmountSyntaxError)
    }
    for (const text of ['18446744073709551616', '100000000000000000000', '9'.repeat(40)]) {
      expect(() => Amount.fromText(text)).toThrow(Amount.AmountOutOfRangeError)
    }
    expect(() => Amount.fromText(1 as unknown as string)).toThrow(Amount.AmountSyntaxError)
  })

  it('is read from a decimal of the asset and never rounded', () => {
    expect(Amount.parse('1.25', drops)).toBe(1_250_000n)
    expect(Amount.parse('0', drops)).toBe(0n)
    expect(Amount.parse('0.000001', drops)).toBe(1n)
    expect(Amount.parse('1.2500000000', drops)).toBe(1_250_000n)
    expect(Amount.parse('7', { code: 'YEN', scale: 0 })).toBe(7n)
    expect(Amount.parse('18446744073709.551615', drops)).toBe(Amount.amountMax)
    expect(() => Amount.parse('0.0000001', drops)).toThrow(Amount.AmountPrecisionError)
    expect(() => Amount.parse('0.5', { code: 'YEN', scale: 0 })).toThrow(Amount.AmountPrecisionError)
    expect(() => Amount.parse('18446744073709.551616', drops)).toThrow(Amount.AmountOutOfRangeError)
    for (const text of ['', '.5', '1.', '-1', '1,5', '1e3', '01', ' 1', 'XRP']) {
      expect(() => Amount.parse(text, drops)).toThrow(Amount.AmountSyntaxError)
    }
  })

  it('is written as a decimal, sums and debts too', () => {
    expect(Amount.format(1_250_000n, drops)).toBe('1.25 XRP')
    expect(Amount.format(0n, drops)).toBe('0 XRP')
    expect(Amount.format(1n, drops)).toBe('0.000001 XRP')
    expect(Amount.format(-1_500_000n, drops)).toBe('-1.5 XRP')
    expect(Amount.format(2n ** 70n, { code: 'YEN', scale: 0 })).toBe('1180591620717411303424 YEN')
  })

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: Amount.amountMax }), fc.integer({ min: 0, max: 18 }), (value, scale) => {
        const asset = { code: 'X', scale }
        expect(Amount.parse(Amount.format(value, asset).replace(' X', ''), asset)).toBe(value)
        expect(Amount.fromText(String(value))).toBe(value)
      }),
    )
  })

  it('that is none is an error of this project, with what was written cut short', () => {
    try {
      Amount.fromText('9'.repeat(41))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(MillstreamError)
      expect(error).toMatchObject({ name: 'Amount.AmountSyntaxError', code: 'AMOUNT_SYNTAX' })
      expect((error as Error).message.length).toBeLessThan(200)
    }
  })
})
