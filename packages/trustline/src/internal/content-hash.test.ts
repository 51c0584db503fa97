import { Hex, Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { contentHash } from './content-hash.js'

const condition = new Uint8Array(32).fill(7)
const expiresAt = Instant.from(1_508_932_800_123)
const entry = { name: 'ilp', contentType: 0, data: Hex.toBytes('0102') }

describe('contentHash', () => {
  it('is the same for ever: it is stored with holds', () => {
    expect(contentHash(1n, condition, expiresAt, [entry])).toBe(0x7b4cf7ce)
  })

  it('differs when anything that the payer said does', () => {
    const hashes = [
      contentHash(1n, condition, expiresAt, [entry]),
      contentHash(2n, condition, expiresAt, [entry]),
      contentHash(1n + (1n << 32n), condition, expiresAt, [entry]),
      contentHash(1n, condition.with(31, 8), expiresAt, [entry]),
      contentHash(1n, condition, Instant.after(expiresAt, 1), [entry]),
      contentHash(1n, condition, Instant.after(expiresAt, 2 ** 32), [entry]),
      contentHash(1n, condition, expiresAt, []),
      contentHash(1n, condition, expiresAt, [entry, { ...entry, name: 'custom' }]),
      contentHash(1n, condition, expiresAt, [{ ...entry, name: 'ilq' }]),
      contentHash(1n, condition, expiresAt, [{ ...entry, contentType: 1 }]),
      contentHash(1n, condition, expiresAt, [{ ...entry, data: Hex.toBytes('0103') }]),
      contentHash(1n, condition, expiresAt, [{ ...entry, data: Hex.toBytes('010200') }]),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})
