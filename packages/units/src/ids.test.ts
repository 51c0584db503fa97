import { describe, expect, it } from 'vitest'
import * as Condition from './condition.js'
import * as TransferId from './transfer-id.js'

describe('a transfer id', () => {
  const text = 'b4c838f6-80b1-47f8-a82e-b1fcfbed89d5'

  it('is the bytes of a UUID in the order of its text', () => {
    const id = TransferId.parse(text)
    expect([...id.subarray(0, 4)]).toEqual([0xb4, 0xc8, 0x38, 0xf6])
    expect(TransferId.format(id)).toBe(text)
    expect(TransferId.parse(text.toUpperCase())).toEqual(id)
    expect(TransferId.from(new Uint8Array(16)).length).toBe(16)
  })

  it('has 16 bytes, and 36 characters', () => {
    for (const length of [0, 15, 17]) {
      expect(() => TransferId.from(new Uint8Array(length))).toThrow(TransferId.TransferIdError)
    }
    for (const wrong of [
      '',
      text.slice(1),
      `${text}0`,
      text.replaceAll('-', ''),
      text.replace('b4', 'g4'),
      `${text}\n`,
    ]) {
      expect(() => TransferId.parse(wrong)).toThrow(TransferId.TransferIdError)
    }
  })
})

describe('a condition or fulfillment', () => {
  it('has 32 bytes', () => {
    const bytes = new Uint8Array(32)
    expect(Condition.from(bytes)).toBe(bytes)
    expect(Condition.fulfillmentFrom(bytes)).toBe(bytes)
    for (const length of [0, 31, 33]) {
      expect(() => Condition.from(new Uint8Array(length))).toThrow(Condition.ConditionLengthError)
      expect(() => Condition.fulfillmentFrom(new Uint8Array(length))).toThrow(Condition.ConditionLengthError)
    }
  })
})
