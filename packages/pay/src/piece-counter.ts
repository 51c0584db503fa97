/**
 * Counts the pieces that arrived, by the unit of `Pay-Terms`, exactly as the shop's meter cuts them.
 *
 * | unit      | a piece is                                                                                           |
 * | --------- | ---------------------------------------------------------------------------------------------------- |
 * | `letter`  | one well-formed code point of UTF-8 (RFC 3629); each byte that belongs to none is a piece of its own    |
 * | `bytes:N` | N bytes                                                                                              |
 * | `line`    | up to and with the next LF; a line longer than 65,536 bytes is cut after each 65,536                    |
 * | `event`   | of a `text/event-stream`: up to and with the blank line that follows at least one line which is neither |
 * |           | blank nor a comment. Lines end with LF, CR or CR LF, which is not cut apart. Cut after 65,536 bytes too |
 * | `opaque`  | not known to the payer: each byte counts as one (whoever pays sees to it that no more count than paid)  |
 *
 * A piece counts when its last byte is there; what is left at the end of the body is one more piece, however short.
 */
import { PayTerms } from '@millstream/codec'

export interface PieceCounter {
  /** @returns How many pieces these bytes completed. */
  count(bytes: Uint8Array): number
  /** The body ended. @returns How many pieces were still open. */
  end(): number
  /**
   * Nothing has come for a while: bytes that may be part of a piece, but may also be whole ones, are taken for whole
   * ones. Else a shop that waits to be paid and a payer that waits for a piece would wait for each other.
   *
   * @returns How many pieces they are. When they turn out to be parts after all, so many fewer are counted next.
   */
  settle(): number
  /** Of all that were counted, those that `settle` took for pieces and that are none so far. */
  readonly ahead: number
}

/** Counts what is there, and says what may be. */
interface ExactCounter {
  count(bytes: Uint8Array): number
  end(): number
  /** How many pieces the bytes may be that belong to none yet. */
  pending(): number
}

/** Longest line or event. Part of what the units mean. */
const longPieceBytes = 65_536

/** @returns `undefined` for a unit that is not known. */
export function create(unit: string): PieceCounter | undefined {
  const exact = exactFor(unit)
  if (exact === undefined) return undefined
  let ahead = 0
  const told = (pieces: number) => {
    const known = Math.min(pieces, ahead)
    ahead -= known
    return pieces - known
  }
  return {
    count: (bytes) => told(exact.count(bytes)),
    end: () => told(exact.end()),
    settle() {
      const more = Math.max(0, exact.pending() - ahead)
      ahead += more
      return more
    },
    get ahead() {
      return ahead
    },
  }
}

function exactFor(unit: string): ExactCounter | undefined {
  const known = PayTerms.unitOf({ unit })
  switch (known.kind) {
    case 'letter':
      return letters()
    case 'bytes':
      return blocks(known.bytes)
    case 'line':
      return lines()
    case 'event':
      return events()
    case 'opaque':
      return unit === 'opaque' ? blocks(1) : undefined
  }
}

function blocks(size: number): ExactCounter {
  let open = 0
  return {
    count(bytes) {
      const total = open + bytes.length
      open = total % size
      return (total - open) / size
    },
    end: () => (open > 0 ? 1 : 0),
    pending: () => 0,
  }
}

function lines(): ExactCounter {
  let open = 0
  return {
    count(bytes) {
      let pieces = 0
      let start = 0
      for (let at = bytes.indexOf(lf); at !== -1; at = bytes.indexOf(lf, start)) {
        const length = open + at + 1 - start
        pieces += Math.ceil(length / longPieceBytes)
        open = 0
        start = at + 1
      }
      const rest = open + bytes.length - start
      open = rest % longPieceBytes
      return pieces + (rest - open) / longPieceBytes
    },
    end: () => (open > 0 ? 1 : 0),
    pending: () => 0,
  }
}

/** WHATWG HTML, 9.2.5 and 9.2.6: how the lines of an event stream end, and what dispatches an event. */
function events(): ExactCounter {
  let open = 0
  /** Bytes of the line under way, without its end. */
  let line = 0
  let comment = false
  /** The event has a line that is neither blank nor a comment. */
  let field = false
  /** The byte before was a CR: an LF now belongs to the same line end. */
  let afterCr = false
  /** The piece ended with that CR, unless an LF still comes. */
  let due = false

  function close(): number {
    const pieces = open > 0 ? 1 : 0
    open = 0
    due = false
    return pieces
  }

  return {
    count(bytes) {
      let pieces = 0
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i]!
        if (due && byte !== lf) {
          pieces += close()
          afterCr = false
        }
        open++
        let ends = due
        if (byte === lf && afterCr) {
          afterCr = false
        } else if (byte === lf || byte === cr) {
          afterCr = byte === cr
          ends = line === 0 && field
          field = line > 0 && (field || !comment)
          line = 0
        } else {
          if (line === 0) comment = byte === colon
          line++
          afterCr = false
        }
        if (!ends && open < longPieceBytes) continue
        if (afterCr) due = true
        else pieces += close()
      }
      return pieces
    },
    end: close,
    pending: () => (due ? 1 : 0),
  }
}

/** RFC 3629, section 4: the first byte says how many follow, and narrows which second byte may. */
function letters(): ExactCounter {
  /** Bytes of a code point that is not complete, how many are missing, and which next byte fits. */
  let open = 0
  let missing = 0
  let low = 0x80
  let high = 0xbf

  /** What was taken for the beginning of a code point was none: its bytes are pieces of their own. */
  function giveUp(): number {
    const pieces = open
    open = 0
    missing = 0
    return pieces
  }

  return {
    count(bytes) {
      let pieces = 0
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i]!
        if (missing > 0) {
          if (byte >= low && byte <= high) {
            open++
            missing--
            low = 0x80
            high = 0xbf
            if (missing === 0) {
              open = 0
              pieces++
            }
            continue
          }
          pieces += giveUp()
        }
        if (byte < 0xc2 || byte > 0xf4) {
          pieces++
          continue
        }
        open = 1
        missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
        low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80
        high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf
      }
      return pieces
    },
    end: giveUp,
    pending: () => open,
  }
}

const lf = 0x0a
const cr = 0x0d
const colon = 0x3a
