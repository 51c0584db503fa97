import { describe, expect, it } from 'vitest'
import * as Octets from './octets.js'

describe.each([
  ['equal', Octets.equal],
  ['equalConstantTime', Octets.equalConstantTime],
])('%s', (_, equal) => {
  it('compares length and every byte', () => {
    expect(equal(Uint8Array.of(), Uint8Array.of())).toBe(true)
    expect(equal(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3))).toBe(true)
    expect(equal(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 4))).toBe(false)
    expect(equal(Uint8Array.of(9, 2, 3), Uint8Array.of(1, 2, 3))).toBe(false)
    expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false)
  })
})

describe('concat', () => {
  it('joins copies', () => {
    const part = Uint8Array.of(1, 2)
    const whole = Octets.concat(part, Uint8Array.of(), Uint8Array.of(3))
    part[0] = 9
    expect(whole).toEqual(Uint8Array.of(1, 2, 3))
    expect(Octets.concat()).toEqual(new Uint8Array())
  })
})
