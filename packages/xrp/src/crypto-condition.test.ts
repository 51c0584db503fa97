import { hashes } from '@millstream/hashes'
import { Condition, Hex } from '@millstream/units'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCondition, decodeFulfillment, encodeCondition, encodeFulfillment } from './crypto-condition.js'

const ones = Condition.fulfillmentFrom(new Uint8Array(32).fill(0x11))

describe('a crypto-condition', () => {
  it('is written as draft-thomas-crypto-conditions-02 has it', () => {
    expect(encodeFulfillment(ones)).toBe('A02280201111111111111111111111111111111111111111111111111111111111111111')
    expect(encodeCondition(Condition.from(hashes.sha256(ones)))).toBe(
      'A025802002D449A31FBB267C8F352E9968A79E3E5FC95C1BBEAA502FD6454EBDE5A4BEDC810120',
    )
  })

  it('is read as it was written, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), (bytes, isLower) => {
        const written = [encodeCondition(Condition.from(bytes)), encodeFulfillment(Condition.fulfillmentFrom(bytes))]
        const [condition, fulfillment] = written.map((text) => (isLower ? text.toLowerCase() : text))
        expect(decodeCondition(condition)).toEqual(bytes)
        expect(decodeFulfillment(fulfillment)).toEqual(bytes)
      }),
    )
  })

  it('that states another length of its preimage could never be finished, and is none', () => {
    const right = encodeCondition(Condition.from(hashes.sha256(ones)))
    expect(decodeCondition(right.replace(/810120$/, '810121'))).toBeUndefined()
    expect(decodeCondition(right.replace(/810120$/, '81010020'))).toBeUndefined()
    // The empty preimage.
    expect(
      decodeCondition('A0258020E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855810100'),
    ).toBeUndefined()
    expect(decodeFulfillment('A0028000')).toBeUndefined()
  })

  it('is not found in anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.uint8Array({ maxLength: 60 }).map(Hex.fromBytes)), (value) => {
        expect(decodeCondition(value)).toBeUndefined()
        expect(decodeFulfillment(value)).toBeUndefined()
      }),
    )
  })
})
