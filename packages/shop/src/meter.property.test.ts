import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMeter } from './meter.js'
import type { CutFunction, Piece } from './piece.js'

const untilByteFive: CutFunction = (bytes) => bytes.findIndex((byte) => byte % 5 === 0) + 1

const pieces: readonly (readonly [string, Piece])[] = [
  ['letter', 'letter'],
  ['bytes:1', 'bytes:1'],
  ['bytes:7', 'bytes:7'],
  ['bytes:5000', 'bytes:5000'],
  ['line', 'line'],
  ['event', 'event'],
  ['a function', untilByteFive],
]

/** Bytes that hit what the units care about: line ends, colons, and every kind of UTF-8. */
const content = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 3 },
  {
    arbitrary: fc
      .array(fc.constantFrom(0x0a, 0x0d, 0x3a, 0x61), { maxLength: 60 })
      .map((bytes) => Uint8Array.from(bytes)),
    weight: 6,
  },
  // Around the length at which lines and events are cut.
  fc
    .tuple(fc.constantFrom(0x61, 0x0d), fc.integer({ min: 65_530, max: 65_545 }), fc.uint8Array({ maxLength: 20 }))
    .map(([byte, length, rest]) => Uint8Array.of(...new Uint8Array(length).fill(byte), ...rest)),
  fc
    .array(fc.constantFrom(0x61, 0x80, 0xbf, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0x9f, 0x98), { maxLength: 60 })
    .map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: 'grapheme', maxLength: 100 }).map((text) => new TextEncoder().encode(text)),
)

function chunksOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((place, i) => bytes.slice(places[i], place))
}

/** @param greed - How many pieces are asked for at once, and taken at once. */
function run(piece: Piece, chunks: readonly Uint8Array[], greed: number): { lengths: number[]; whole: Uint8Array } {
  const meter = createMeter(piece)
  const lengths: number[] = []
  const parts: Uint8Array[] = []
  const takeAll = () => {
    for (;;) {
      meter.cut(greed)
      if (meter.pieces === 0) return
      let taken = 0
      for (let i = Math.min(greed, meter.pieces); i > 0; i--) {
        const length = meter.take(1)
        lengths.push(length)
        taken += length
      }
      parts.push(meter.draw(taken))
    }
  }
  for (const chunk of chunks) {
    meter.push(chunk)
    takeAll()
  }
  meter.end()
  takeAll()
  expect(meter.bytes).toBe(0)
  return { lengths, whole: Buffer.concat(parts) }
}

describe.each(pieces)('any chunking of any content, by %s,', (_name, piece) => {
  it('gives the same pieces, which together are the content', () => {
    fc.assert(
      fc.property(
        content,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        (bytes, cuts, greed) => {
          const inOne = run(piece, [bytes], 1)
          const inChunks = run(piece, chunksOf(bytes, cuts), greed)
          expect(inChunks.lengths.join()).toBe(inOne.lengths.join())
          expect(Buffer.compare(inChunks.whole, bytes)).toBe(0)
          expect(inOne.lengths.every((length) => length > 0)).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
  })
})

it('cuts letters exactly where a decoder of UTF-8 sees code points', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const { lengths } = run('letter', [new TextEncoder().encode(text)], 5)
      expect(lengths).toEqual(Array.from(text, (letter) => new TextEncoder().encode(letter).length))
    }),
  )
})
