/**
 * The meter: bytes of the content that were read and have not gone to the body yet, and where the pieces in them end.
 *
 * Nothing is copied: what goes to the body is the source's own bytes, neighbouring pieces in one view, so a thousand
 * letters leave in one write. Only small chunks are gathered, since a view of each would weigh more than its bytes.
 */
import { createLengthQueue } from './internal/length-queue.js'
import { createCutter, type Piece } from './piece.js'

export interface Meter {
  /** Complete pieces at hand. */
  readonly pieces: number
  /** Bytes in memory: at hand, of a piece that is not complete, not yet cut, taken but not drawn. */
  readonly bytes: number
  /** The content has ended and all of it is cut. */
  readonly ended: boolean
  /** The next bytes of the content. They belong to the meter from now on. */
  push(chunk: Uint8Array): void
  /** The content ends here. */
  end(): void
  /** Cuts until `wanted` pieces are at hand, or more bytes are needed. A little more may be cut. */
  cut(wanted: number): void
  /** Bytes of `count` pieces at hand, beginning with the one at `from`. */
  size(from: number, count: number): number
  /** Takes the first `count` pieces. @returns their bytes, which `draw` gives. */
  take(count: number): number
  /** The next `bytes` bytes that were taken: a view where they lie together. */
  draw(bytes: number): Uint8Array
}

/** Chunks up to this size are gathered into larger ones. */
const smallChunkBytes = 512
const gatheredChunkBytes = 4096
/** A chunk is cut in steps of this, so that a function is not shown a whole file. */
const stepBytes = 16_384

interface Chunk {
  readonly bytes: Uint8Array
  /** Bytes of it that are filled. */
  length: number
}

/** @throws {UnitError} `piece` is neither a unit nor a function. */
export function createMeter(piece: Piece): Meter {
  const cutter = createCutter(piece)
  const lengths = createLengthQueue()
  let chunks: Chunk[] = []
  /** Chunks before this one are drawn; the array is shortened now and then. */
  let first = 0
  let drawn = 0
  let cutting = 0
  let cutTo = 0
  let bytes = 0
  let closed = false
  let ended = false

  return {
    get pieces() {
      return lengths.count
    },
    get bytes() {
      return bytes
    },
    get ended() {
      return ended
    },
    push,
    end() {
      closed = true
    },
    cut,
    size: (from, count) => lengths.sum(from, count),
    take: (count) => lengths.shift(count),
    draw,
  }

  function push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    bytes += chunk.length
    if (chunk.length > smallChunkBytes) {
      chunks.push({ bytes: chunk, length: chunk.length })
      return
    }
    let last = chunks.at(-1)
    if (
      last === undefined ||
      last.bytes.length !== gatheredChunkBytes ||
      last.length + chunk.length > gatheredChunkBytes
    ) {
      last = { bytes: new Uint8Array(gatheredChunkBytes), length: 0 }
      chunks.push(last)
    }
    last.bytes.set(chunk, last.length)
    last.length += chunk.length
  }

  function cut(wanted: number): void {
    while (lengths.count < wanted && cutting < chunks.length) {
      const chunk = chunks[cutting]!
      if (cutTo < chunk.length) {
        cutTo = cutter.scan(chunk.bytes, cutTo, Math.min(chunk.length, cutTo + stepBytes), lengths, wanted)
      } else if (cutting + 1 < chunks.length) {
        cutting++
        cutTo = 0
      } else {
        break
      }
    }
    // Fewer than wanted: every byte is cut.
    if (closed && !ended && lengths.count < wanted) {
      cutter.end(lengths)
      ended = true
    }
  }

  function draw(count: number): Uint8Array {
    bytes -= count
    const chunk = chunks[first]
    if (chunk !== undefined && drawn + count <= chunk.length) {
      const view = chunk.bytes.subarray(drawn, drawn + count)
      drawn += count
      passDrawn()
      return view
    }
    const whole = new Uint8Array(count)
    for (let offset = 0; offset < count; ) {
      const { bytes: from, length } = chunks[first]!
      const step = Math.min(count - offset, length - drawn)
      whole.set(from.subarray(drawn, drawn + step), offset)
      offset += step
      drawn += step
      passDrawn()
    }
    return whole
  }

  /** Lets go of the first chunk once all of it is drawn, unless more is to be gathered in it. */
  function passDrawn(): void {
    const chunk = chunks[first]!
    if (drawn < chunk.length || (first + 1 === chunks.length && drawn < chunk.bytes.length)) return
    chunks[first] = nothing
    first++
    drawn = 0
    if (first < 64) return
    chunks = chunks.slice(first)
    cutting -= first
    first = 0
  }
}

const nothing: Chunk = { bytes: new Uint8Array(0), length: 0 }
