import { hashes } from '@millstream/hashes'
import { describe, expect, it } from 'vitest'
import type { Piece } from '../piece.js'
import { blockLetters, letters, lettersOf } from './letters.js'
import type { Found } from './source.js'

const seed = new Uint8Array(32).fill(3)

function read(of: Uint8Array, length: number, reads = Number.POSITIVE_INFINITY): string {
  const reader = lettersOf(hashes, of, length)
  let text = ''
  for (let i = 0; i < reads; i++) {
    const chunk = reader.read()
    if (chunk === undefined) break
    text += Buffer.from(chunk as Uint8Array).toString()
  }
  return text
}

describe('letters', () => {
  it('are from A to Z, as many as were asked for', () => {
    for (const length of [0, 1, blockLetters - 1, blockLetters, blockLetters + 1, 1000]) {
      expect(read(seed, length)).toMatch(new RegExp(`^[A-Z]{${length}}$`))
    }
  })

  it('are the same whenever they are read, and their number changes none of them', () => {
    const all = read(seed, 5000)
    expect(read(seed, 5000)).toBe(all)
    expect(read(seed, 777)).toBe(all.slice(0, 777))
    expect(read(seed, Number.POSITIVE_INFINITY, 8).slice(0, 5000)).toBe(all)
  })

  it('are others for another stream', () => {
    expect(read(seed, 100)).not.toBe(read(new Uint8Array(32).fill(4), 100))
  })

  it('are all equally likely', () => {
    const counts = new Map<string, number>()
    const total = 260_000
    for (const letter of read(seed, total)) counts.set(letter, (counts.get(letter) ?? 0) + 1)
    expect(counts.size).toBe(26)
    // The standard deviation of each count is 98; the seed does not change.
    for (const count of counts.values()) expect(Math.abs(count - total / 26)).toBeLessThan(400)
  })

  it('begin with few, so that a reader of one costs little', () => {
    const reader = lettersOf(hashes, seed, Number.POSITIVE_INFINITY)
    const lengths = Array.from({ length: 10 }, () => (reader.read() as Uint8Array).length)
    expect(lengths).toEqual([24, 48, 96, 192, 384, 768, 1536, 3072, 3072, 3072])
  })

  it('say how many pieces they are, by the piece', async () => {
    const request = {} as never
    const pieces = async (length: number | undefined, piece: Piece) => {
      const found = (await letters(hashes, length === undefined ? {} : { length })(request)) as Found
      return typeof found.pieces === 'function' ? found.pieces(piece) : found.pieces
    }
    expect(await pieces(undefined, 'letter')).toBe(Number.POSITIVE_INFINITY)
    expect(await pieces(undefined, 'bytes:4')).toBe(Number.POSITIVE_INFINITY)
    expect(await pieces(5, 'letter')).toBe(5)
    expect(await pieces(5, 'bytes:4')).toBe(2)
    expect(await pieces(5, 'line')).toBeUndefined()
    expect(await letters(hashes)(request)).not.toHaveProperty('bytes')
    expect(await letters(hashes, { length: 5 })(request)).toMatchObject({ bytes: 5 })
  })
})
