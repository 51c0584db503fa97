/**
 * SHA-256, HMAC-SHA-256 and random bytes for browsers, where the built-in hashes answer with promises only and a
 * payment must not wait for one.
 */
import type { Hashes, RandomBytes } from '@millstream/units'
import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { createPool } from './random-pool.js'

export { systemClock } from './system-clock.js'

export const hashes: Hashes = {
  sha256: (message) => nobleSha256(message),
  hmac: (key) => {
    // Keeps the state after the padded key; each message starts from a copy of it.
    const keyed = nobleHmac.create(nobleSha256, Uint8Array.from(key))
    return (message) => keyed.clone().update(message).digest()
  },
}

export const randomBytes: RandomBytes = createPool((pool) => globalThis.crypto.getRandomValues(pool))
