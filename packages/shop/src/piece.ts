/**
 * What a piece is: where any stream of bytes is cut, whatever its chunks.
 *
 * Shop and payer must count alike, so each unit is defined by bytes alone. All of the content belongs to a piece; what is
 * left at its end is one more piece, however short.
 *
 * | unit      | a piece is                                                                                              |
 * | --------- | ------------------------------------------------------------------------------------------------------- |
 * | `letter`  | one well-formed code point of UTF-8 (RFC 3629: no surrogates, no longer forms than needed, at most      |
 * |           | U+10FFFF); each byte that belongs to none is a piece of its own                                         |
 * | `bytes:N` | N bytes, N from 1 to 16,777,216                                                                         |
 * | `line`    | up to and with the next LF; a CR is a byte like others. A line longer than 65,536 bytes is cut after    |
 * |           | each 65,536                                                                                             |
 * | `event`   | of a `text/event-stream`: up to and with the blank line that follows at least one line which is neither |
 * |           | blank nor a comment (so keep-alive comments cost nothing of their own). Lines end with LF, CR or CR LF, |
 * |           | and CR LF is not cut apart. An event longer than 65,536 bytes is cut after each 65,536, or 65,537 where |
 * |           | that keeps CR LF together                                                                               |
 * | `opaque`  | what a function of the shop says: the payer cannot count these                                          |
 *
 * The bound on lines and events keeps a stream without ends from filling anybody's memory; a cut that both sides can
 * foresee serves the reader better than an error in mid-stream.
 */
import { MillstreamError } from '@millstream/units'
import type { LengthQueue } from './internal/length-queue.js'

export type CountedUnit = 'letter' | `bytes:${number}` | 'line' | 'event'

/**
 * Says where the first piece of `bytes` ends.
 *
 * @param bytes - Everything from the beginning of the piece that has been read: at least one byte. A view that is valid
 *   during the call only.
 * @param ended - Nothing follows.
 * @returns the length of the piece, or 0 when more bytes are needed to tell; at the end 0 means all of it.
 */
export type CutFunction = (bytes: Uint8Array, ended: boolean) => number

export type Piece = CountedUnit | CutFunction

/** Goes through a stream of bytes once and finds the lengths of its pieces. */
export interface Cutter {
  /**
   * Goes through `chunk` from `from` to `to` and pushes the length of each piece whose end it finds, until `lengths` has
   * `wanted` of them or some more.
   *
   * @returns where it stopped: `to`, or less when there were enough.
   */
  scan(chunk: Uint8Array, from: number, to: number, lengths: LengthQueue, wanted: number): number
  /** The stream has ended: pushes what is left. */
  end(lengths: LengthQueue): void
}

/** Longest line or event, in bytes. Part of what the units mean, so no setting. */
export const longPieceBytes = 65_536

/** Longest `bytes:N`, and longest piece of a function. */
export const pieceBytesMax = 16_777_216

/** Reads a unit as the command line and `Pay-Terms` say it. @returns `undefined` when it is none that can be counted. */
export function parseUnit(text: string): CountedUnit | undefined {
  if (text === 'letter' || text === 'line' || text === 'event') return text
  return unitBytes(text) === undefined ? undefined : (text as CountedUnit)
}

/** The N of `bytes:N`. */
export function unitBytes(unit: string): number | undefined {
  const match = /^bytes:([1-9][0-9]{0,7})$/.exec(unit)
  const bytes = match === null ? undefined : Number(match[1])
  return bytes !== undefined && bytes <= pieceBytesMax ? bytes : undefined
}

/** How many pieces content of a known length has, where the length tells. */
export function countPieces(piece: Piece, contentBytes: number): number | undefined {
  if (contentBytes === 0) return 0
  const bytes = typeof piece === 'function' ? undefined : unitBytes(piece)
  return bytes === undefined ? undefined : Math.ceil(contentBytes / bytes)
}

/** @throws {UnitError} `piece` is neither a unit nor a function. */
export function createCutter(piece: Piece): Cutter {
  if (typeof piece === 'function') return createFunctionCutter(piece)
  if (piece === 'letter') return createLetterCutter()
  if (piece === 'line') return createLineCutter()
  if (piece === 'event') return createEventCutter()
  const bytes = unitBytes(piece)
  if (bytes === undefined) throw new UnitError(piece)
  return createBytesCutter(bytes)
}

function createBytesCutter(pieceBytes: number): Cutter {
  let open = 0
  return {
    scan(_chunk, from, to, lengths, wanted) {
      while (from < to && lengths.count < wanted) {
        const step = Math.min(pieceBytes - open, to - from)
        from += step
        open += step
        if (open === pieceBytes) {
          lengths.push(open)
          open = 0
        }
      }
      return from
    },
    end(lengths) {
      if (open > 0) lengths.push(open)
      open = 0
    },
  }
}

function createLetterCutter(): Cutter {
  // A code point that is not complete: how many bytes of it there are, how many are missing, and which next byte fits.
  let open = 0
  let missing = 0
  let low = 0x80
  let high = 0xbf
  return {
    scan(chunk, from, to, lengths, wanted) {
      while (from < to && lengths.count < wanted) {
        const byte = chunk[from]!
        if (missing > 0) {
          if (byte >= low && byte <= high) {
            from++
            open++
            missing--
            low = 0x80
            high = 0xbf
            if (missing === 0) {
              lengths.push(open)
              open = 0
            }
            continue
          }
          giveUp(lengths)
        }
        from++
        if (byte < 0xc2 || byte > 0xf4) {
          lengths.push(1)
          continue
        }
        open = 1
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
        // RFC 3629, section 4: which second bytes are well-formed after these first ones.
        low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
        high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
      }
      return from
    },
    end: giveUp,
  }

  function giveUp(lengths: LengthQueue): void {
    for (; open > 0; open--) lengths.push(1)
    missing = 0
  }
}

function createLineCutter(): Cutter {
  let open = 0
  return {
    scan(chunk, from, to, lengths, wanted) {
      while (from < to && lengths.count < wanted) {
        open++
        if (chunk[from++] === lf || open === longPieceBytes) {
          lengths.push(open)
          open = 0
        }
      }
      return from
    },
    end(lengths) {
      if (open > 0) lengths.push(open)
      open = 0
    },
  }
}

function createEventCutter(): Cutter {
  let open = 0
  /** Bytes of the line under way, without its end. */
  let line = 0
  let comment = false
  /** The event has a line that is neither blank nor a comment. */
  let field = false
  /** The byte before was a CR: an LF now belongs to the same line end. */
  let afterCr = false
  /** The piece ended with that CR, unless an LF still comes, which must not be left over for the next piece. */
  let due = false
  return {
    scan(chunk, from, to, lengths, wanted) {
      while (from < to && lengths.count < wanted) {
        const byte = chunk[from]!
        if (due && byte !== lf) {
          afterCr = false
          close(lengths)
          continue
        }
        from++
        open++
        let ends = due
        if (byte === lf && afterCr) {
          afterCr = false
        } else if (byte === lf || byte === cr) {
          afterCr = byte === cr
          ends = line === 0 && field
          field = line > 0 ? field || !comment : false
          line = 0
        } else {
          if (line === 0) comment = byte === colon
          line++
          afterCr = false
        }
        if (ends || open >= longPieceBytes) {
          if (afterCr) due = true
          else close(lengths)
        }
      }
      return from
    },
    end: close,
  }

  function close(lengths: LengthQueue): void {
    if (open > 0) lengths.push(open)
    open = 0
    due = false
  }
}

function createFunctionCutter(cut: CutFunction): Cutter {
  /** What was read of the piece under way and of what follows it. */
  let buffer = new Uint8Array(1024)
  let start = 0
  let end = 0
  return {
    scan(chunk, from, to, lengths) {
      append(chunk, from, to)
      let length = 0
      do {
        length = start < end ? lengthOf(false) : 0
        if (length > 0) lengths.push(length)
        start += length
      } while (length > 0)
      if (end - start > pieceBytesMax) throw new PieceTooLongError()
      return to
    },
    end(lengths) {
      while (start < end) {
        const length = lengthOf(true) || end - start
        lengths.push(length)
        start += length
      }
    },
  }

  function lengthOf(ended: boolean): number {
    const length = cut(buffer.subarray(start, end), ended)
    if (!Number.isInteger(length) || length < 0 || length > end - start) throw new PieceLengthError(length, end - start)
    return length
  }

  function append(chunk: Uint8Array, from: number, to: number): void {
    if (end + to - from > buffer.length) {
      const open = buffer.subarray(start, end)
      const room = open.length + to - from
      // Twice the room, so that chunks of one byte do not copy all of the piece each.
      if (room * 2 > buffer.length) buffer = new Uint8Array(room * 2)
      buffer.set(open)
      end -= start
      start = 0
    }
    buffer.set(chunk.subarray(from, to), end)
    end += to - from
  }
}

const lf = 0x0a
const cr = 0x0d
const colon = 0x3a

export class UnitError extends MillstreamError {
  override readonly name = 'Piece.UnitError'
  readonly code = 'PIECE_UNIT'
  constructor(unit: unknown) {
    super(
      `${JSON.stringify(String(unit).slice(0, 40))} is not a piece: letter, bytes:N (1 to ${pieceBytesMax}), line and event are.`,
    )
  }
}

export class PieceLengthError extends MillstreamError {
  override readonly name = 'Piece.PieceLengthError'
  readonly code = 'PIECE_LENGTH'
  constructor(length: unknown, bytes: number) {
    super(`The function that cuts pieces answered ${String(length).slice(0, 40)} for ${bytes} bytes.`)
  }
}

export class PieceTooLongError extends MillstreamError {
  override readonly name = 'Piece.PieceTooLongError'
  readonly code = 'PIECE_TOO_LONG'
  constructor() {
    super(`The function that cuts pieces found no end in more than ${pieceBytesMax} bytes.`)
  }
}
