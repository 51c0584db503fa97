/**
 * Reads the pages that transactions have left in SQLite's write-ahead log.
 *
 * | part   | shape                                                                                        | bytes |
 * | ------ | -------------------------------------------------------------------------------------------- | ----- |
 * | header | magic, version, page size, counter, two salts (at 16 and 20), checksum (24 and 28)            | 32    |
 * | frame  | page number, size of the file after a commit or 0, the two salts (at 8 and 12), checksum (16 and 20), page | 24 + page |
 *
 * The log is begun again from its beginning, with other salts, once it has been taken into the file: frames with the
 * salts of another time are no longer there. Nor are those of a write that a power cut tore or that failed, which may have
 * its end without its middle: each frame has the checksum of all before it, and the first that differs is the end.
 * Called only between transactions of this very process.
 *
 * @see https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { pageBytes } from '../ledger-file.js'

const headerBytes = 32
const frameHeadBytes = 24
const frameBytes = frameHeadBytes + pageBytes
/** Frames that are read at once; a transaction has a few. */
const framesPerRead = 16

type Checksum = readonly [number, number]

export class WalReader {
  readonly #descriptor: number
  readonly #header = Buffer.alloc(headerBytes)
  readonly #frames = Buffer.alloc(framesPerRead * frameBytes)
  readonly #view = new DataView(this.#frames.buffer, this.#frames.byteOffset)
  #salts = 0n
  /** Of the first frame that was not given out. */
  #offset = headerBytes
  /** Of all before it. */
  #checksum: Checksum = [0, 0]

  constructor(path: string) {
    this.#descriptor = openSync(path, 'r')
  }

  /**
   * Gives out the pages of transactions since the last call, in the order of writing.
   *
   * @param take - Gets a copy of its own.
   * @returns How many frames they were.
   */
  read(take: (page: number, bytes: Uint8Array) => void): number {
    if (readSync(this.#descriptor, this.#header, 0, headerBytes, 0) < headerBytes) return 0
    const salts = this.#header.readBigUInt64BE(16)
    if (salts !== this.#salts) {
      this.#salts = salts
      this.#offset = headerBytes
      this.#checksum = [this.#header.readUInt32BE(24), this.#header.readUInt32BE(28)]
    }
    const isLittleEndian = (this.#header.readUInt32BE(0) & 1) === 0
    let checksum = this.#checksum
    let frames = 0
    let waiting: (readonly [page: number, bytes: Uint8Array])[] = []
    for (let offset = this.#offset; ; offset += this.#frames.length) {
      const bytes = readSync(this.#descriptor, this.#frames, 0, this.#frames.length, offset)
      for (let at = 0; at + frameBytes <= bytes; at += frameBytes) {
        if (this.#frames.readBigUInt64BE(at + 8) !== salts) return frames
        const start = at + frameHeadBytes
        checksum = addUp(this.#view, at, at + 8, isLittleEndian, checksum)
        checksum = addUp(this.#view, start, start + pageBytes, isLittleEndian, checksum)
        if (this.#view.getUint32(at + 16) !== checksum[0] || this.#view.getUint32(at + 20) !== checksum[1])
          return frames
        waiting.push([this.#frames.readUInt32BE(at), Uint8Array.from(this.#frames.subarray(start, start + pageBytes))])
        if (this.#frames.readUInt32BE(at + 4) === 0) continue
        for (const [page, copy] of waiting) take(page, copy)
        frames += waiting.length
        waiting = []
        this.#offset = offset + at + frameBytes
        this.#checksum = checksum
      }
      if (bytes < this.#frames.length) return frames
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** "s0 += x(i) + s1; s1 += x(i+1) + s0", over words of 32 bits whose order the magic number says. */
function addUp(view: DataView, from: number, to: number, isLittleEndian: boolean, [first, second]: Checksum): Checksum {
  let s0 = first
  let s1 = second
  for (let at = from; at < to; at += 8) {
    s0 = (s0 + view.getUint32(at, isLittleEndian) + s1) >>> 0
    s1 = (s1 + view.getUint32(at + 4, isLittleEndian) + s0) >>> 0
  }
  return [s0, s1]
}
