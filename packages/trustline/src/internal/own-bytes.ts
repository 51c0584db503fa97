/**
 * Copies of bytes that are views into what a socket read. V8 keeps arrays of up to 64 bytes in its own heap, which is
 * cheap; longer ones are cut from slabs, small enough that a payment which is held for an hour keeps little else alive.
 */
const heapBytesMax = 64
const slabBytes = 4_096
const pieceBytesMax = 1_024

let slab = new Uint8Array(0)
let used = 0

export function ownBytes<Bytes extends Uint8Array>(view: Bytes): Bytes {
  const length = view.length
  if (length > pieceBytesMax) return view.slice() as Bytes
  if (length <= heapBytesMax) {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = view[i]!
    return bytes as Uint8Array as Bytes
  }
  if (used + length > slab.length) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const bytes = new Uint8Array(slab.buffer, used, length)
  used += length
  bytes.set(view)
  return bytes as Uint8Array as Bytes
}
