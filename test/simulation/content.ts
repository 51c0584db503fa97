/**
 * What the shop sells, made by this simulation so that it knows where each piece ends without asking the code under
 * test; and a source that reads it in chunks of its own, slowly, and fails where the plan says so.
 */
import type { ContentReader, Piece } from '@millstream/shop'
import { OutsideError } from './outside-error.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

export type Unit = 'letter' | 'bytes:3' | 'bytes:1' | 'line' | 'event' | 'opaque'

export interface Truth {
  readonly unit: Unit
  readonly piece: Piece
  readonly bytes: Uint8Array
  /** Where each piece ends. */
  readonly ends: readonly number[]
}

const letters = ['a', 'B', 'é', 'ß', '€', '字', '🌾', 'z']
const encoder = new TextEncoder()

export function create(random: Random, unit: Unit, pieces: number): Truth {
  const parts: Uint8Array[] = []
  for (let i = 0; i < pieces; i++) parts.push(part(random, unit, i, i === pieces - 1))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  const ends: number[] = []
  let at = 0
  for (const one of parts) {
    bytes.set(one, at)
    at += one.length
    ends.push(at)
  }
  return { unit, piece: unit === 'opaque' ? cutOpaque : unit, bytes, ends }
}

function part(random: Random, unit: Unit, index: number, isLast: boolean): Uint8Array {
  switch (unit) {
    case 'letter':
      return encoder.encode(random.pick(letters))
    case 'bytes:1':
      return encoder.encode(String.fromCharCode(97 + (index % 26)))
    case 'bytes:3':
      return random.bytes(isLast ? random.between(1, 3) : 3)
    case 'line':
      return encoder.encode(`${index}${'.'.repeat(random.below(12))}${isLast && random.chance(0.5) ? '' : '\n'}`)
    case 'event':
      return encoder.encode(`${random.chance(0.3) ? ': still here\n\n' : ''}data: ${index}\n\n`)
    case 'opaque':
      return Uint8Array.of(1 + (index % 3), ...random.bytes(1 + (index % 3)))
  }
}

/** The first byte says how many follow. */
function cutOpaque(bytes: Uint8Array): number {
  const length = 1 + bytes[0]!
  return bytes.length < length ? 0 : length
}

/** How many pieces the first `length` bytes are, one that is not whole among them. */
export function piecesWithin({ ends }: Truth, length: number): number {
  let low = 0
  let high = ends.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ends[middle]! < length) low = middle + 1
    else high = middle
  }
  return length === 0 ? 0 : low + 1
}

/** How many whole pieces the first `length` bytes are. */
export function wholePiecesWithin(truth: Truth, length: number): number {
  const begun = piecesWithin(truth, length)
  return begun > 0 && truth.ends[begun - 1] === length ? begun : Math.max(0, begun - 1)
}

export interface SourceOptions {
  readonly truth: Truth
  readonly process: Process
  readonly random: Random
  readonly chunkBytesMax: number
  /** How long a chunk takes; 0 for one that is at hand. */
  readonly chunkMs: number
  /** Fails once it has given so many bytes. */
  readonly failsAt: number | undefined
  /** Called before each chunk, and with how much it was. */
  readonly reading: () => void
  readonly gave: (bytes: number) => void
}

export function read(options: SourceOptions): ContentReader {
  const { truth, process, random, chunkBytesMax, chunkMs, failsAt, reading, gave } = options
  let at = 0
  const next = (): Uint8Array | undefined => {
    if (failsAt !== undefined && at >= failsAt) throw new OutsideError('the source broke')
    if (at >= truth.bytes.length) return undefined
    const chunk = truth.bytes.slice(at, at + random.between(1, chunkBytesMax))
    at += chunk.length
    gave(chunk.length)
    return chunk
  }
  return {
    read() {
      reading()
      if (chunkMs === 0 || random.chance(0.3)) return next()
      return process.wait(random.skewed(1, chunkMs)).then(next)
    },
    close() {},
  }
}
