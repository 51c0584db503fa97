import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Hex from './hex.js'

describe('hexadecimal text', () => {
  it('agrees with Buffer in both directions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Hex.fromBytes(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('hex'))
        expect(Hex.toBytes(text)).toEqual(bytes)
        expect(Hex.toBytes(text.toUpperCase())).toEqual(bytes)
      }),
    )
  })

  it('is pairs of digits', () => {
    for (const text of ['0', '0g', ' 00', '00\n', '0x00']) expect(() => Hex.toBytes(text)).toThrow(Hex.HexSyntaxError)
  })
})
