import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
// The shop's own cutter: both sides must count alike, or money is paid for nothing. Only this test knows it.
import { createLengthQueue } from '../../shop/src/internal/length-queue.js'
import { createCutter, type Piece } from '../../shop/src/piece.js'
import * as PieceCounter from './piece-counter.js'

/** Bytes that lines, events and code points are made of, and some that they are not. */
const telling = [0x0a, 0x0d, 0x3a, 0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0x80, 0xf4, 0x90]

const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.array(fc.constantFrom(...telling), { maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 100 }).map((text) => new TextEncoder().encode(text)),
)
const units = fc.constantFrom('letter', 'line', 'event', 'bytes:1', 'bytes:7', 'bytes:1024')
const long = fc
  .record({ length: fc.integer({ min: 65_000, max: 140_000 }), ends: fc.array(fc.nat(140_000), { maxLength: 5 }) })
  .map(({ length, ends }) => {
    const bytes = new Uint8Array(length).fill(0x61)
    for (const end of ends) if (end < length) bytes[end] = end % 2 === 0 ? 0x0a : 0x0d
    return bytes
  })

function chunksOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

function cutByShop(unit: string, chunks: readonly Uint8Array[]): { readonly pieces: number; readonly cut: number[] } {
  const cutter = createCutter(unit as Piece)
  const lengths = createLengthQueue()
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      from = cutter.scan(chunk, from, chunk.length, lengths, lengths.count + 1)
    }
  }
  cutter.end(lengths)
  const cut = Array.from({ length: lengths.count }, (_, i) => lengths.sum(i, 1))
  return { pieces: lengths.count, cut }
}

describe('PieceCounter', () => {
  it('counts as many pieces as the shop cuts, whatever the chunks', () => {
    fc.assert(
      fc.property(
        units,
        fc.oneof(content, long),
        fc.array(fc.nat()),
        fc.array(fc.nat()),
        (unit, bytes, cuts, other) => {
          const counter = PieceCounter.create(unit)!
          let counted = 0
          for (const chunk of chunksOf(bytes, cuts)) counted += counter.count(chunk)
          counted += counter.end()
          expect(counted).toBe(cutByShop(unit, chunksOf(bytes, other)).pieces)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('has counted every piece once it is whole and the next one begins, but for bytes that it had to wait for', () => {
    fc.assert(
      fc.property(units, content, (unit, bytes) => {
        const counter = PieceCounter.create(unit)!
        const { cut } = cutByShop(unit, [bytes])
        let counted = 0
        let from = 0
        cut.forEach((length, i) => {
          counted += counter.count(bytes.subarray(from, from + length))
          from += length
          expect(counted).toBeLessThanOrEqual(i + 1)
          // A byte that may begin a code point is waited for: at most the three that are not complete.
          expect(counted).toBeGreaterThanOrEqual(i + 1 - 3)
        })
        expect(counted + counter.end()).toBe(cut.length)
      }),
      { numRuns: 500 },
    )
  })

  it('never counts fewer pieces than the shop sent, once nothing more comes', () => {
    fc.assert(
      fc.property(units, content, fc.nat(), (unit, bytes, stop) => {
        const { cut } = cutByShop(unit, [bytes])
        const sent = cut.length === 0 ? 0 : (stop % cut.length) + 1
        const counter = PieceCounter.create(unit)!
        const length = cut.slice(0, sent).reduce((sum, piece) => sum + piece, 0)
        const counted = counter.count(bytes.subarray(0, length)) + counter.settle()
        // The last piece of all may be short: only the end of the body tells that it is whole.
        expect(counted).toBeGreaterThanOrEqual(sent === cut.length ? sent - 1 : sent)
        expect(counted).toBeLessThanOrEqual(sent)
      }),
      { numRuns: 500 },
    )
  })
})
