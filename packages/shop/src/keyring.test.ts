import { createHmac } from 'node:crypto'
import { hashes, randomBytes } from '@millstream/hashes'
import { describe, expect, it } from 'vitest'
import { CurrentKeyError, createKeyring, createUserId, keyIdOf, ShopKeyError, UnknownKeyError } from './keyring.js'

const prefix = 'g.letter-shop.mytrustline.'
const first = { kid: 1, key: new Uint8Array(32).fill(1) }
const second = { kid: 2, key: new Uint8Array(32).fill(2) }

describe('user ids', () => {
  it('are 22 characters of base64url that name their key', () => {
    for (const kid of [0, 1, 127, 255]) {
      const userId = createUserId(randomBytes, kid)
      expect(userId).toMatch(/^[A-Za-z0-9_-]{22}$/)
      expect(keyIdOf(userId)).toBe(kid)
    }
  })

  it('are all different', () => {
    expect(new Set(Array.from({ length: 1000 }, () => createUserId(randomBytes, 0))).size).toBe(1000)
  })

  it('are recognised only in their one spelling', () => {
    for (const text of ['', 'short', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}B`, `${'A'.repeat(20)}+A`]) {
      expect(keyIdOf(text)).toBeUndefined()
    }
  })
})

describe('the keyring', () => {
  it('derives as the formula says', () => {
    const ring = createKeyring(hashes, [first])
    const expected = createHmac('sha256', first.key)
      .update(`millstream stream secret\0${prefix}\0AAAAAAAAAAAAAAAAAAAAAA`)
      .digest()
    expect(Buffer.from(ring.derive(1, 'stream secret', prefix, 'AAAAAAAAAAAAAAAAAAAAAA'))).toEqual(expected)
  })

  it('derives something else for another use, prefix, user or key', () => {
    const ring = createKeyring(hashes, [first, second])
    const derived = [
      ring.derive(1, 'stream secret', prefix, 'a'),
      ring.derive(1, 'content seed', prefix, 'a'),
      ring.derive(1, 'stream secret', 'g.other.', 'a'),
      ring.derive(1, 'stream secret', prefix, 'b'),
      ring.derive(2, 'stream secret', prefix, 'a'),
    ]
    expect(new Set(derived.map(String)).size).toBe(derived.length)
  })

  it('gives new streams the new key, and keeps the old one for the old streams', () => {
    const ring = createKeyring(hashes, [first])
    const before = ring.derive(1, 'stream secret', prefix, 'a')
    ring.rotate(second)
    expect(ring.current).toBe(2)
    expect(ring.derive(1, 'stream secret', prefix, 'a')).toEqual(before)
  })

  it('forgets a key that is removed, but never the current one', () => {
    const ring = createKeyring(hashes, [second, first])
    expect(ring.has(1)).toBe(true)
    ring.remove(1)
    expect(ring.has(1)).toBe(false)
    expect(() => ring.derive(1, 'stream secret', prefix, 'a')).toThrow(UnknownKeyError)
    expect(() => ring.remove(2)).toThrow(CurrentKeyError)
  })

  it('refuses short keys, key ids out of range, and the same key id twice', () => {
    expect(() => createKeyring(hashes, [{ kid: 0, key: new Uint8Array(31) }])).toThrow(ShopKeyError)
    for (const kid of [-1, 256, 1.5, Number.NaN]) {
      expect(() => createKeyring(hashes, [{ ...first, kid }])).toThrow(ShopKeyError)
    }
    expect(() => createKeyring(hashes, [first, { ...second, kid: 1 }])).toThrow(ShopKeyError)
    expect(() => createKeyring(hashes, [first]).rotate({ ...second, kid: 1 })).toThrow(ShopKeyError)
  })
})
