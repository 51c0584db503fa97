import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as CryptoCondition from './crypto-condition.js'

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const emptyCondition = 'A0258020E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855810100'

function pair(preimage: Uint8Array): { condition: Buffer; fulfillment: Buffer } {
  const length = (count: number) => (count < 128 ? [count] : [0x81, count])
  const inner = Buffer.from([0x80, ...length(preimage.length), ...preimage])
  const cost = preimage.length < 128 ? [0x81, 1, preimage.length] : [0x81, 2, 0, preimage.length]
  const body = Buffer.from([0x80, 0x20, ...createHash('sha256').update(preimage).digest(), ...cost])
  return {
    fulfillment: Buffer.concat([Buffer.from([0xa0, ...length(inner.length)]), inner]),
    condition: Buffer.concat([Buffer.from([0xa0, body.length]), body]),
  }
}

describe('a condition', () => {
  it('is fulfilled by its preimage, of no octet to 128', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 128 }), (preimage) => {
        const { condition, fulfillment } = pair(preimage)
        expect(CryptoCondition.isFulfilledBy(condition, fulfillment)).toBe(true)
        expect(CryptoCondition.parseCondition(condition)?.cost).toBe(preimage.length)
      }),
    )
    expect(CryptoCondition.isFulfilledBy(bytes(emptyCondition), bytes('A0028000'))).toBe(true)
  })

  it('asks for no longer preimage', () => {
    const { condition, fulfillment } = pair(new Uint8Array(129))
    expect(CryptoCondition.parseCondition(condition)).toBeUndefined()
    expect(CryptoCondition.parseFulfillment(fulfillment)).toBeUndefined()
  })

  it('that states another length is never fulfilled', () => {
    const { condition, fulfillment } = pair(new Uint8Array(32))
    condition[condition.length - 1] = 31
    expect(CryptoCondition.parseCondition(condition)).toBeDefined()
    expect(CryptoCondition.isFulfilledBy(condition, fulfillment)).toBe(false)
  })

  it('is malformed with an octet more, an octet less, or another type', () => {
    for (const hex of [
      `${emptyCondition}00`,
      emptyCondition.slice(0, -2),
      emptyCondition.replace('A0', 'A1'),
      '',
      'A0',
    ]) {
      expect(CryptoCondition.parseCondition(bytes(hex))).toBeUndefined()
    }
  })

  it('of whatever octets is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        CryptoCondition.parseCondition(octets)
        expect(CryptoCondition.isFulfilledBy(octets, octets)).toBe(false)
      }),
    )
  })
})
