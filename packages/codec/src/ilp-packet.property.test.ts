import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { address, damaged, packet, uint64 } from '../vectors/arbitrary.js'
import { CodecError } from './codec-error.js'
import * as IlpPacket from './ilp-packet.js'

/** Whatever is accepted is written again byte for byte; everything else is a named error. */
const judge = (bytes: Uint8Array): void => {
  let decoded: IlpPacket.Packet
  try {
    decoded = IlpPacket.decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError)
    return
  }
  expect(IlpPacket.encode(decoded)).toEqual(Uint8Array.from(bytes))
}

describe('any packet', () => {
  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(packet, (value) => {
        expect(IlpPacket.decode(IlpPacket.encode(value))).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it('of bytes that are hostile is refused by name, or is written again as it was', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), judge))
    const typed = fc
      .tuple(fc.integer({ min: 1, max: 14 }), fc.uint8Array({ maxLength: 100 }))
      .map(([type, content]) => Uint8Array.of(type, content.length, ...content))
    fc.assert(fc.property(typed, judge), { numRuns: 1000 })
    fc.assert(fc.property(damaged(packet.map(IlpPacket.encode)), judge), { numRuns: 3000 })
  })
})

describe('any payment', () => {
  it('is the same through both functions', () => {
    fc.assert(
      fc.property(uint64, address, fc.uint8Array({ maxLength: 300 }), (amount, account, data) => {
        const bytes = IlpPacket.encodePayment(amount, account, data)
        expect(IlpPacket.decodePayment(bytes)).toEqual({ type: 'payment', amount, account, data })
        expect(IlpPacket.decode(bytes)).toEqual({ type: 'payment', amount, account, data })
      }),
    )
  })

  it('that is damaged is judged alike by both functions', () => {
    const payment = fc.tuple(uint64, address).map(([amount, account]) => IlpPacket.encodePayment(amount, account))
    const codeOf = (read: () => unknown): unknown => {
      try {
        return read()
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
        return (error as CodecError).code
      }
    }
    fc.assert(
      fc.property(damaged(payment), (bytes) => {
        expect(codeOf(() => IlpPacket.decodePayment(bytes))).toEqual(codeOf(() => IlpPacket.decodeAs('payment', bytes)))
      }),
      { numRuns: 2000 },
    )
  })
})
