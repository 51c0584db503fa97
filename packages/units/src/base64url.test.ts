import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Base64Url from './base64url.js'

describe('base64url', () => {
  it('agrees with Buffer in both directions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Base64Url.fromBytes(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(Base64Url.toBytes(text)).toEqual(bytes)
      }),
    )
  })

  it('has one text for each byte string', () => {
    expect(Base64Url.toBytes('')).toEqual(new Uint8Array())
    expect(Base64Url.toBytes('_-8')).toEqual(Uint8Array.of(0xff, 0xef))
    for (const text of ['A', 'AAAAA', 'AB', 'AAB', 'AA=', 'AA==', '+A', '/A', ' AA', 'AA\n', 'é_', '\u{1f600}']) {
      expect(() => Base64Url.toBytes(text)).toThrow(Base64Url.Base64UrlSyntaxError)
    }
  })
})
