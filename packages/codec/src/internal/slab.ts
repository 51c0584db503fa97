/**
 * Memory for what is encoded. V8 keeps arrays of up to 64 bytes in its own heap, which is cheap; a longer one costs a
 * call of malloc, zeroing and finalizing, together more than encoding a PREPARE. So those are cut from a slab.
 * A slab is never used twice: what was handed out belongs to the caller for ever.
 */
const heapBytesMax = 64
const slabBytes = 16_384
const slabPieceBytesMax = 1024

let slab = new Uint8Array(0)
let offset = 0

/** Zeroed bytes; above 64 of them often a view into a larger buffer. */
export function allocate(size: number): Uint8Array {
  if (size <= heapBytesMax || size > slabPieceBytesMax) return new Uint8Array(size)
  if (offset + size > slab.length) {
    slab = new Uint8Array(slabBytes)
    offset = 0
  }
  const bytes = new Uint8Array(slab.buffer, offset, size)
  offset += size
  return bytes
}
