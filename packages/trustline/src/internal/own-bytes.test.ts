import { describe, expect, it } from 'vitest'
import { ownBytes } from './own-bytes.js'

describe('ownBytes', () => {
  it.each([0, 16, 64, 65, 1_000, 1_024, 1_025, 40_000])('copies %i bytes', (length) => {
    const source = Uint8Array.from({ length }, (_, i) => i * 7)
    const own = ownBytes(source)
    const expected = source.slice()
    source.fill(0xff)
    expect(own).toEqual(expected)
  })

  it('keeps little alive beyond what was asked for', () => {
    for (let i = 0; i < 200; i++) expect(ownBytes(new Uint8Array(100)).buffer.byteLength).toBeLessThanOrEqual(4_096)
  })

  it('gives no byte twice', () => {
    const all = Array.from({ length: 100 }, (_, i) => ownBytes(new Uint8Array(70 + i).fill(i)))
    all.forEach((bytes, i) => {
      expect(bytes.every((byte) => byte === i)).toBe(true)
    })
  })
})
