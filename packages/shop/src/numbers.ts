/**
 * Which payment numbers of one stream are used: n in `<account>.<userId>.<n>`.
 *
 * The fulfillment of a number is public once it was used, so a number is taken once and never again. Remembering each
 * would grow for ever; as IPsec does against replays (RFC 4303, 3.4.3) there is a floor, at or below which every number
 * counts as used, and a window of bits above it. A number further above than the window moves the floor up: it passes
 * numbers that were never used, but never one whose payment is still held, and never so far that the window would lose
 * sight of the highest number that was used.
 *
 * Numbers begin at 1. What is used is a fold of the ledger's feed: `use` for each posted payment in order gives the same
 * state as the payments themselves did.
 */

/** How far the highest number in flight may be ahead of the lowest. A payer has to know it, so it is no setting. */
export const numbersWindow = 16_384

export type NumberVerdict =
  | 'free'
  /** A payment with this number is held. */
  | 'in_use'
  /** A payment with this number was posted, or the floor has passed it. */
  | 'used'
  /** Worth another try when lower numbers have ended. */
  | 'beyond_window'

/** As it stands in a `StreamRecord`. */
export interface NumbersSnapshot {
  readonly floor: number
  /** Bit `i & 7` of byte `i >> 3` stands for `floor + 1 + i`; no zero bytes at the end. */
  readonly numbers: Uint8Array
}

export interface Numbers {
  /** Says what `hold` would say, and changes nothing. */
  judge(number: number): NumberVerdict
  /** Takes a number for a held payment if it is `free`. */
  hold(number: number): NumberVerdict
  /** The payment that held the number came to nothing: the number is free again. */
  release(number: number): void
  /** A payment with this number was posted; it may have been held before. */
  use(number: number): void
  snapshot(): NumbersSnapshot
}

/**
 * Reads a payment number: decimal digits, from 1 to 2^53 - 1, without leading zeros, since `1` and `01` would have
 * different fulfillments.
 *
 * @param start - Where in `text` it begins; it goes to the end.
 * @returns 0 when there is no such number.
 */
export function parseNumber(text: string, start: number): number {
  const length = text.length - start
  if (length < 1 || length > 16 || text.charCodeAt(start) === zero) return 0
  let number = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - zero
    if (digit < 0 || digit > 9) return 0
    number = number * 10 + digit
  }
  return number <= Number.MAX_SAFE_INTEGER ? number : 0
}

/** Whether a snapshot says that a number is used. */
export function isUsed(snapshot: NumbersSnapshot, number: number): boolean {
  const i = number - snapshot.floor - 1
  return i < 0 || ((snapshot.numbers[Math.floor(i / 8)] ?? 0) & (1 << (i & 7))) !== 0
}

export function createNumbers(from: NumbersSnapshot = nothingUsed): Numbers {
  // Rings of bits: the number n has bit n mod the window. Both are zero outside (floor, floor + window].
  let used: Uint32Array | undefined
  const held = new Uint32Array(words)
  let heldCount = 0
  let floor = from.floor
  let top = from.floor
  for (let i = 0; i < Math.min(from.numbers.length * 8, numbersWindow); i++) {
    if ((from.numbers[i >> 3]! & (1 << (i & 7))) !== 0) mark(floor + 1 + i)
  }

  return { judge, hold, release, use, snapshot }

  function judge(number: number): NumberVerdict {
    if (number <= floor) return 'used'
    if (number <= floor + numbersWindow) return stateOf(number)
    // Beyond what was ever posted the floor does not go: somebody who holds far ahead moves nothing.
    const slide = number - numbersWindow
    if (slide > top) return 'beyond_window'
    if (heldCount > 0) for (let n = floor + 1; n <= slide; n++) if (has(held, n)) return 'beyond_window'
    return 'free'
  }

  function hold(number: number): NumberVerdict {
    const verdict = judge(number)
    if (verdict !== 'free') return verdict
    if (number > floor + numbersWindow) raiseFloor(number - numbersWindow)
    held[word(number)]! |= bit(number)
    heldCount++
    return verdict
  }

  function release(number: number): void {
    if (number <= floor || number > floor + numbersWindow || !has(held, number)) return
    held[word(number)]! &= ~bit(number)
    heldCount--
  }

  function use(number: number): void {
    if (number <= floor) return
    release(number)
    if (number > floor + numbersWindow) raiseFloor(number - numbersWindow)
    if (number > top) top = number
    if (number === floor + 1) {
      floor = number
      passUsed()
    } else {
      mark(number)
    }
  }

  function snapshot(): NumbersSnapshot {
    const numbers = new Uint8Array(Math.ceil((top - floor) / 8))
    for (let i = 0; i < top - floor; i++) {
      if (used !== undefined && has(used, floor + 1 + i)) numbers[i >> 3]! |= 1 << (i & 7)
    }
    return { floor, numbers }
  }

  function stateOf(number: number): NumberVerdict {
    if (has(held, number)) return 'in_use'
    return used !== undefined && has(used, number) ? 'used' : 'free'
  }

  function raiseFloor(to: number): void {
    if (used !== undefined) {
      if (to - floor >= numbersWindow) used.fill(0)
      else for (let n = floor + 1; n <= to; n++) used[word(n)]! &= ~bit(n)
    }
    floor = to
    if (top < floor) top = floor
    passUsed()
  }

  /** Used numbers right above the floor need no bit. */
  function passUsed(): void {
    if (used === undefined) return
    while (floor < top && has(used, floor + 1)) {
      floor++
      used[word(floor)]! &= ~bit(floor)
    }
  }

  function mark(number: number): void {
    used ??= new Uint32Array(words)
    used[word(number)]! |= bit(number)
    if (number > top) top = number
  }
}

const words = numbersWindow / 32
const zero = 48
const nothingUsed: NumbersSnapshot = { floor: 0, numbers: new Uint8Array(0) }

// `&` works on the low 32 bits of any safe integer, and the window is a power of two.
function word(number: number): number {
  return (number & (numbersWindow - 1)) >>> 5
}

function bit(number: number): number {
  return 1 << (number & 31)
}

function has(ring: Uint32Array, number: number): boolean {
  return (ring[word(number)]! & bit(number)) !== 0
}
