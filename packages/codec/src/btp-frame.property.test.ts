import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { damaged, frame } from '../vectors/arbitrary.js'
import * as BtpFrame from './btp-frame.js'
import { CodecError } from './codec-error.js'

const judge = (bytes: Uint8Array): void => {
  let decoded: BtpFrame.Frame
  try {
    decoded = BtpFrame.decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError)
    return
  }
  if (decoded.type === 'unknown') expect([0, 1, 2, 3, 4, 5, 6, 7].indexOf(decoded.typeNumber)).toBeLessThan(1)
  else expect(BtpFrame.encode(decoded)).toEqual(Uint8Array.from(bytes))
}

describe('any frame', () => {
  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(frame, (value) => {
        const bytes = BtpFrame.encode(value)
        expect(BtpFrame.decode(bytes)).toEqual(value)
        expect(BtpFrame.decode(Buffer.from(bytes))).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it('of bytes that are hostile is refused by name, or is written again as it was', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), judge))
    const typed = fc
      .tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 100 }))
      .map(([type, body]) => Uint8Array.of(type, 0, 0, 0, 1, body.length, ...body))
    fc.assert(fc.property(typed, judge), { numRuns: 1000 })
    fc.assert(fc.property(damaged(frame.map((value) => BtpFrame.encode(value))), judge), { numRuns: 3000 })
  })
})
