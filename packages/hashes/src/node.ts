/**
 * SHA-256, HMAC-SHA-256 and random bytes for Node.
 *
 * A payment costs some five hashes, so they are the largest part of it. Hash and Hmac objects are avoided: creating
 * and collecting one costs several times the hashing. `crypto.hash` in one call is fastest with a latin1 string for its
 * answer, because a string of 32 characters is cheaper for Node to make than a Buffer.
 */
import { hash, randomFillSync } from 'node:crypto'
import type { Hashes, RandomBytes } from '@millstream/units'
import { createPool } from './random-pool.js'

const blockBytes = 64
const hashBytes = 32

/** Messages longer than this get a buffer of their own, so that one of them is not kept in memory for ever. */
const scratchMessageBytesMax = 4096

/** The types of Node list this encoding under its older name only; the older name is slower. */
const latin1 = 'latin1' as 'binary'

export const hashes: Hashes = { sha256, hmac }

/** Random bytes out of a pool: a system call for each would cost more than a payment may. */
export const randomBytes: RandomBytes = createPool((pool) => randomFillSync(pool))

function sha256(message: Uint8Array): Uint8Array {
  return fromLatin1(hash('sha256', message, latin1))
}

/** RFC 2104: H(key ^ opad, H(key ^ ipad, message)), with both padded keys laid out once. */
function hmac(key: Uint8Array): (message: Uint8Array) => Uint8Array {
  const block = key.length > blockBytes ? sha256(key) : key
  let inner = new Uint8Array(blockBytes)
  const outer = new Uint8Array(blockBytes + hashBytes)
  for (let i = 0; i < blockBytes; i++) {
    const byte = i < block.length ? block[i]! : 0
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  return (message) => {
    let input = inner
    if (input.length !== blockBytes + message.length) {
      input = new Uint8Array(blockBytes + message.length)
      input.set(inner.subarray(0, blockBytes))
      // Messages of one stream are of one length almost always, so the buffer of the last one fits the next.
      if (message.length <= scratchMessageBytesMax) inner = input
    }
    input.set(message, blockBytes)
    const digest = hash('sha256', input, latin1)
    for (let i = 0; i < hashBytes; i++) outer[blockBytes + i] = digest.charCodeAt(i)
    return fromLatin1(hash('sha256', outer, latin1))
  }
}

function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(hashBytes)
  for (let i = 0; i < hashBytes; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
