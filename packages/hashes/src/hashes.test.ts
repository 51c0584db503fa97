import { createHash, createHmac } from 'node:crypto'
import { Hex, Octets } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as Node from './index.js'
import * as Web from './web.js'

const utf8 = new TextEncoder()
const bytesOf = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff)

for (const [name, { hashes, randomBytes, systemClock }] of [
  ['node', Node],
  ['web', Web],
] as const) {
  describe(`hashes for ${name}`, () => {
    it('gives the SHA-256 examples of FIPS 180', () => {
      expect(Hex.fromBytes(hashes.sha256(utf8.encode('abc')))).toBe(
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      )
      expect(Hex.fromBytes(hashes.sha256(new Uint8Array()))).toBe(
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      )
    })

    it('gives the HMAC-SHA-256 examples of RFC 4231', () => {
      expect(Hex.fromBytes(hashes.hmac(new Uint8Array(20).fill(0x0b))(utf8.encode('Hi There')))).toBe(
        'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
      )
      expect(Hex.fromBytes(hashes.hmac(utf8.encode('Jefe'))(utf8.encode('what do ya want for nothing?')))).toBe(
        '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      )
      const longKey = new Uint8Array(131).fill(0xaa)
      expect(
        Hex.fromBytes(hashes.hmac(longKey)(utf8.encode('Test Using Larger Than Block-Size Key - Hash Key First'))),
      ).toBe('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54')
    })

    it('agrees with the platform for every length around the block size', () => {
      for (const length of [0, 1, 31, 32, 55, 56, 63, 64, 65, 72, 119, 120, 128, 1000, 4096, 4097]) {
        const message = bytesOf(length, 7)
        expect(Buffer.from(hashes.sha256(message))).toEqual(createHash('sha256').update(message).digest())
        for (const keyLength of [0, 1, 32, 63, 64, 65, 200]) {
          const key = bytesOf(keyLength, 3)
          expect(Buffer.from(hashes.hmac(key)(message))).toEqual(createHmac('sha256', key).update(message).digest())
        }
      }
    })

    it('keeps one key for many messages of changing length', () => {
      const key = bytesOf(32, 9)
      const keyed = hashes.hmac(key)
      for (const length of [72, 72, 73, 5000, 72, 0, 1]) {
        const message = bytesOf(length, length)
        expect(Buffer.from(keyed(message))).toEqual(createHmac('sha256', key).update(message).digest())
      }
    })

    it('is not affected when the caller reuses the bytes of the key or of an answer', () => {
      const key = bytesOf(32, 1)
      const keyed = hashes.hmac(key)
      const first = keyed(bytesOf(10, 1))
      const copy = first.slice()
      key.fill(0)
      keyed(bytesOf(10, 2))
      expect(Octets.equal(first, copy)).toBe(true)
      expect(Octets.equal(keyed(bytesOf(10, 1)), copy)).toBe(true)
    })

    it('hashes a view, not the whole buffer under it', () => {
      const whole = bytesOf(100, 5)
      expect(hashes.sha256(whole.subarray(10, 20))).toEqual(hashes.sha256(whole.slice(10, 20)))
    })

    it('gives random bytes that are of the asked length, differ and belong to the caller', () => {
      const seen = new Set<string>()
      for (let i = 0; i < 2000; i++) seen.add(Hex.fromBytes(randomBytes(16)))
      expect(seen.size).toBe(2000)
      for (const length of [0, 1, 16, 32, 256, 257, 70_000]) expect(randomBytes(length).length).toBe(length)
      expect(
        randomBytes(70_000)
          .subarray(65_536 + 1000)
          .some((byte) => byte !== 0),
      ).toBe(true)
      expect(randomBytes(16).buffer.byteLength).toBe(16)
    })

    it('tells whole milliseconds', () => {
      const before = Date.now()
      const now = systemClock()
      expect(Number.isInteger(now) && now >= before && now <= Date.now()).toBe(true)
    })
  })
}
