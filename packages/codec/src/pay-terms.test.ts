import { describe, expect, it } from 'vitest'
import * as PayTerms from './pay-terms.js'

const ledger = 'g.letter-shop.mytrustline.'
const terms: PayTerms.PayTerms = { unit: 'letter', asset: { code: 'XRP', scale: 9 }, ledger }

describe('Pay-Terms', () => {
  it.each<[PayTerms.PayTerms, string]>([
    [terms, `unit=letter, asset="XRP", scale=9, ledger="${ledger}"`],
    [
      { ...terms, unit: 'bytes:1024', pieces: 10 },
      `unit=bytes:1024, pieces=10, asset="XRP", scale=9, ledger="${ledger}"`,
    ],
    [{ ...terms, pieces: 0 }, `unit=letter, pieces=0, asset="XRP", scale=9, ledger="${ledger}"`],
    [
      { ...terms, paymentMin: 18_446_744_073_709_551_615n },
      `unit=letter, asset="XRP", scale=9, ledger="${ledger}", payment-min="18446744073709551615"`,
    ],
    [{ ...terms, unit: 'ms:20' }, `unit=ms:20, asset="XRP", scale=9, ledger="${ledger}"`],
  ])('are written and read: %o', (value, text) => {
    expect(PayTerms.format(value)).toBe(text)
    expect(PayTerms.parse(text)).toEqual(value)
  })

  it('are read in any order, with members and parameters of later versions', () => {
    const text = `new=1, ledger="${ledger}";p=1, scale=9,asset="XRP",  unit=letter;x, other=(a b)`
    expect(PayTerms.parse(text)).toEqual(terms)
  })

  it.each([
    '',
    'unit',
    'not a dictionary!',
    `asset="XRP", scale=9, ledger="${ledger}"`,
    `unit="letter", asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=(letter), asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=bytes, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=bytes:0, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=bytes:01, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=bytes:2147483648, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=u${'x'.repeat(64)}, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=letter, scale=9, ledger="${ledger}"`,
    `unit=letter, asset=XRP, scale=9, ledger="${ledger}"`,
    `unit=letter, asset="", scale=9, ledger="${ledger}"`,
    `unit=letter, asset="X P", scale=9, ledger="${ledger}"`,
    `unit=letter, asset="${'X'.repeat(33)}", scale=9, ledger="${ledger}"`,
    `unit=letter, asset="XRP", ledger="${ledger}"`,
    `unit=letter, asset="XRP", scale=-1, ledger="${ledger}"`,
    `unit=letter, asset="XRP", scale=9.5, ledger="${ledger}"`,
    `unit=letter, asset="XRP", scale=31, ledger="${ledger}"`,
    `unit=letter, asset="XRP", scale="9", ledger="${ledger}"`,
    'unit=letter, asset="XRP", scale=9',
    'unit=letter, asset="XRP", scale=9, ledger="g.shop"',
    'unit=letter, asset="XRP", scale=9, ledger=g.shop.',
    `unit=letter, pieces=-1, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=letter, pieces=1.5, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=letter, pieces, asset="XRP", scale=9, ledger="${ledger}"`,
    `unit=letter, asset="XRP", scale=9, ledger="${ledger}", payment-min=5`,
    `unit=letter, asset="XRP", scale=9, ledger="${ledger}", payment-min="05"`,
    `unit=letter, asset="XRP", scale=9, ledger="${ledger}", payment-min="18446744073709551616"`,
    `unit=letter, asset="XRP", scale=9, ledger="${ledger}", x=${'1'.repeat(2048)}`,
  ])('are refused: %s', (text) => {
    expect(() => PayTerms.parse(text)).toThrow(PayTerms.PayTermsError)
  })

  it('are not formatted into what could not be parsed', () => {
    for (const wrong of [
      { ...terms, unit: 'two words' },
      { ...terms, unit: 'bytes:0' },
      { ...terms, unit: '' },
      { ...terms, pieces: -1 },
      { ...terms, pieces: 1e15 },
      { ...terms, asset: { code: '', scale: 9 } },
      { ...terms, asset: { code: 'XRP', scale: 31 } },
      { ...terms, ledger: 'shop' },
      { ...terms, paymentMin: -1n },
      { ...terms, paymentMin: 2n ** 64n },
    ]) {
      expect(() => PayTerms.format(wrong)).toThrow(PayTerms.PayTermsError)
    }
    expect(PayTerms.parse(PayTerms.format({ ...terms, pieces: PayTerms.piecesMax })).pieces).toBe(PayTerms.piecesMax)
    expect(PayTerms.parse(PayTerms.format({ ...terms, asset: { code: '!', scale: 0 } })).asset.scale).toBe(0)
  })
})

describe('a unit', () => {
  it.each<[string, PayTerms.Unit]>([
    ['letter', { kind: 'letter' }],
    ['line', { kind: 'line' }],
    ['event', { kind: 'event' }],
    ['opaque', { kind: 'opaque' }],
    ['bytes:1', { kind: 'bytes', bytes: 1 }],
    ['bytes:1024', { kind: 'bytes', bytes: 1024 }],
    ['bytes:2147483647', { kind: 'bytes', bytes: 2_147_483_647 }],
    ['ms:20', { kind: 'opaque' }],
    ['constructor', { kind: 'opaque' }],
  ])('%s can be counted or is opaque', (unit, expected) => {
    expect(PayTerms.unitOf({ unit })).toEqual(expected)
  })
})
