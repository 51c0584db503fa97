/** Hands out random bytes from a pool that is filled in one go. */
import type { RandomBytes } from '@millstream/units'

const poolBytes = 8192

/** Above this a request is filled on its own: it would only empty the pool. */
const pooledBytesMax = 256

/**
 * @param fill - Fills a byte string with bytes that nobody can predict; at most 65,536 at a time.
 * @returns Each call gives a copy that belongs to the caller. Bytes that were handed out are wiped from the pool, so
 *   that a later leak of memory does not tell keys of the past.
 */
export function createPool(fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): RandomBytes {
  const pool = new Uint8Array(poolBytes)
  let offset = poolBytes
  return (length) => {
    const bytes = new Uint8Array(length)
    if (length > pooledBytesMax) {
      for (let start = 0; start < length; start += 65_536) fill(bytes.subarray(start, start + 65_536))
      return bytes
    }
    if (offset + length > poolBytes) {
      fill(pool)
      offset = 0
    }
    for (let i = 0; i < length; i++) {
      bytes[i] = pool[offset]!
      pool[offset++] = 0
    }
    return bytes
  }
}
