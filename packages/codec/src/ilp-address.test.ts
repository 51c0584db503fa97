import { describe, expect, it } from 'vitest'
import * as IlpAddress from './ilp-address.js'

describe('a destination', () => {
  it.each([
    'g.a',
    'g.us.nexus.bob',
    'private.a',
    'example.alice',
    'peer.config',
    'self.x',
    'local.y',
    'test.crypto.xrp.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW.UUxOFrawp0A.1',
    'test1.a_b~c-d.e',
    'test2.x',
    'test3.x',
    `g.${'a'.repeat(1021)}`,
  ])('is %s', (address) => {
    expect(IlpAddress.isDestination(address)).toBe(true)
    expect(IlpAddress.isPrefix(address)).toBe(false)
    expect(() => IlpAddress.assertDestination('account', address)).not.toThrow()
  })

  it.each([
    '',
    'g',
    'g.',
    '.g.a',
    'g..a',
    'g.a.',
    'G.a',
    'h.a',
    'test4.a',
    'test0.a',
    'testing.a',
    'g.a b',
    'g.café',
    'g.a\n',
    '\ng.a',
    'g.a{}',
    'g.a\u0000',
    `g.${'a'.repeat(1022)}`,
  ])('is not %j', (text) => {
    expect(IlpAddress.isDestination(text)).toBe(false)
    expect(() => IlpAddress.assertDestination('account', text)).toThrow(IlpAddress.InvalidAddressError)
  })

  it('has as many segments after the scheme as are asked for', () => {
    expect(IlpAddress.isDestination('g.a', 1)).toBe(true)
    expect(IlpAddress.isDestination('g.a', 2)).toBe(false)
    expect(IlpAddress.isDestination('g.a.b', 2)).toBe(true)
    expect(IlpAddress.isDestination('g', 0)).toBe(false)
  })

  it('is text', () => {
    for (const value of [undefined, null, 1, {}, ['g.a']]) {
      expect(IlpAddress.isDestination(value as unknown as string)).toBe(false)
      expect(IlpAddress.isPrefix(value as unknown as string)).toBe(false)
      expect(IlpAddress.isSegment(value as unknown as string)).toBe(false)
    }
  })

  it('is judged quickly, however it is made', () => {
    const hostile = `g${'.a'.repeat(500)}!`
    expect(IlpAddress.isDestination(hostile)).toBe(false)
    expect(IlpAddress.isPrefix(hostile)).toBe(false)
  })
})

describe('a prefix', () => {
  it.each(['g.', 'g.letter-shop.mytrustline.', 'local.', 'test3.a.', `g.${'a'.repeat(1020)}.`])('is %s', (prefix) => {
    expect(IlpAddress.isPrefix(prefix)).toBe(true)
    expect(IlpAddress.isDestination(prefix)).toBe(false)
    expect(() => IlpAddress.assertPrefix('ledger', prefix)).not.toThrow()
    expect(() => IlpAddress.assertAddressOrPrefix('triggeredBy', prefix)).not.toThrow()
  })

  it.each(['', '.', 'g', 'g..', 'h.', 'g.a', 'g.a..', 'g. .', `g.${'a'.repeat(1021)}.`])('is not %j', (text) => {
    expect(IlpAddress.isPrefix(text)).toBe(false)
    expect(() => IlpAddress.assertPrefix('ledger', text)).toThrow(IlpAddress.InvalidAddressError)
  })

  it('or an address is what raises an error', () => {
    expect(() => IlpAddress.assertAddressOrPrefix('triggeredBy', 'g.a')).not.toThrow()
    expect(() => IlpAddress.assertAddressOrPrefix('triggeredBy', '')).toThrow(IlpAddress.InvalidAddressError)
  })
})

describe('a segment', () => {
  it.each(['a', 'A-Z_0~9', 'x'.repeat(1023)])('is %s', (text) => expect(IlpAddress.isSegment(text)).toBe(true))
  it.each(['', 'a.b', 'a b', 'é', 'a\n', 'x'.repeat(1024)])('is not %j', (text) =>
    expect(IlpAddress.isSegment(text)).toBe(false),
  )
})
