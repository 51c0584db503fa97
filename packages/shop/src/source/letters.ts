/**
 * The content of the tutorial: letters from A to Z, each as likely as any other, without end or of a given length.
 *
 * They are a pseudo-random function of the stream's seed and their index, so the same stream has the same letters
 * whenever it is read, and nobody can compute one without the shop's key.
 */
import type { Hashes } from '@millstream/units'
import type { ContentReader } from '../content.js'
import type { OpenedStream } from '../offer.js'
import { countPieces } from '../piece.js'
import type { Found, Source } from './source.js'

/** Letters of one block: the block `i` has the letters from `24 i`. 24 of its 32 bytes are nearly always usable. */
export const blockLetters = 24

/** A reader in a hurry gets this many blocks at once. */
const chunkBlocksMax = 128

/** @param options.length - How many there are; without end when left out. */
export function letters(hashes: Hashes, options: { readonly length?: number } = {}): Source {
  const { length = Number.POSITIVE_INFINITY } = options
  const endless = !Number.isFinite(length)
  const found: Found = {
    headers: { 'content-type': 'text/plain; charset=us-ascii' },
    content: ({ seed }: OpenedStream) => lettersOf(hashes, seed, length),
    pieces: (piece) => (endless || piece === 'letter' ? length : countPieces(piece, length)),
    ...(endless ? {} : { bytes: length }),
  }
  return () => found
}

/** Reads the letters of a seed: few at first, more with each read. */
export function lettersOf(hashes: Hashes, seed: Uint8Array, length: number): ContentReader {
  const prf = hashes.hmac(seed)
  let block = 0
  let blocks = 1
  let left = length
  return {
    read() {
      if (left <= 0) return undefined
      const chunk = new Uint8Array(Math.min(blocks * blockLetters, left))
      for (let offset = 0; offset < chunk.length; offset += blockLetters) writeBlock(prf, block++, chunk, offset)
      left -= chunk.length
      blocks = Math.min(blocks * 2, chunkBlocksMax)
      return chunk
    },
    close() {},
  }
}

/** Writes the letters of a block, or as many as there is room for. */
function writeBlock(prf: (message: Uint8Array) => Uint8Array, block: number, into: Uint8Array, offset: number): void {
  const message = new Uint8Array(12)
  const view = new DataView(message.buffer)
  view.setBigUint64(0, BigInt(block))
  const end = Math.min(offset + blockLetters, into.length)
  // Bytes from 234 would make some letters likelier than others: they are left out, and another hash follows if too few
  // are left.
  for (let again = 0; offset < end; again++) {
    view.setUint32(8, again)
    for (const byte of prf(message)) {
      if (byte < 234 && offset < end) into[offset++] = 65 + (byte % 26)
    }
  }
}
