import { describe, expect, it } from 'vitest'
import { type AdmissionLimits, addressKey, createAdmission } from './admission.js'

const limits: AdmissionLimits = {
  connectionsMax: 5,
  connectionsPerAddressMax: 3,
  opensPerSecond: 2,
  opensBurst: 4,
  addressesMax: 10,
}

describe('address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::', '2001:db8:1:2'],
    ['2001:db8::5:6:7:8', '2001:db8:0:0'],
    ['2001:db8:1::5:6:7:8', '2001:db8:1:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['', ''],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})

describe('admission', () => {
  it('bounds the connections of one address, all that stand in one IPv6 /64 together', () => {
    const admission = createAdmission(limits, () => 0)
    const enter = (n: number) => admission.enter(`2001:db8::${n}`)
    expect([1, 2, 3].map(enter)).toEqual([undefined, undefined, undefined])
    expect(enter(4)).toBe('too many connections of one address')
    expect(admission.enter('2001:db8:0:1::1')).toBeUndefined()
    admission.leave('2001:db8::9')
    expect(admission.connections).toBe(3)
  })

  it('bounds all connections', () => {
    const admission = createAdmission(limits, () => 0)
    const enter = (n: number) => admission.enter(`192.0.2.${n}`)
    expect([1, 2, 3, 4, 5].map(enter)).toEqual(Array(5).fill(undefined))
    expect(enter(6)).toBe('too many connections')
    admission.leave('192.0.2.1')
    expect(enter(6)).toBeUndefined()
  })

  it('bounds how fast one address opens, after a burst, whether they stay or not', () => {
    let now = 0
    const admission = createAdmission(limits, () => now)
    const open = () => {
      const refusal = admission.enter('192.0.2.1')
      if (refusal === undefined) admission.leave('192.0.2.1')
      return refusal
    }
    expect([open(), open(), open(), open(), open()]).toEqual([...Array(4).fill(undefined), 'opened too fast'])
    now = 500
    expect([open(), open()]).toEqual([undefined, 'opened too fast'])
    now = 100_000
    expect([open(), open(), open(), open(), open()]).toEqual([...Array(4).fill(undefined), 'opened too fast'])
    expect(admission.enter('192.0.2.2')).toBeUndefined()
  })

  it('remembers a bounded number of addresses, and forgets those that may open a burst again', () => {
    let now = 0
    const admission = createAdmission({ ...limits, connectionsMax: 100 }, () => now)
    for (let n = 0; n < 10; n++) {
      expect(admission.enter(`192.0.2.${n}`)).toBeUndefined()
      if (n > 0) admission.leave(`192.0.2.${n}`)
    }
    expect(admission.enter('192.0.2.10')).toBe('too many addresses')
    admission.sweep()
    expect(admission.enter('192.0.2.10')).toBe('too many addresses')
    now = 500
    admission.sweep()
    expect(admission.enter('192.0.2.10')).toBeUndefined()
    expect(admission.connections).toBe(2)
  })

  it('counts nobody out who was not counted in', () => {
    const admission = createAdmission(limits, () => 0)
    admission.leave('192.0.2.1')
    admission.enter('192.0.2.1')
    admission.leave('192.0.2.1')
    admission.leave('192.0.2.1')
    expect(admission.connections).toBe(0)
  })
})
