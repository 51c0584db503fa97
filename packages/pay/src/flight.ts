/**
 * The payments of a stream that are in flight, by number, in rings of plain numbers: nothing is allocated per payment.
 * Numbers go up by one and are never used again.
 */

/**
 * How far numbers may run ahead of the lowest one that is unresolved: shops tell so many apart, as IPsec does with
 * sequence numbers (RFC 4303, 3.4.3).
 */
export const numbersWindow = 16_384

/** Stands in the ring for a number that is not in flight. */
const landed = Number.NEGATIVE_INFINITY

export class Flight {
  /** The next number. */
  next: number
  count = 0
  /** What those in flight buy together. */
  pieces = 0
  /** The lowest number in flight; `next` when there is none. */
  private lowest: number
  private highestPaid: number
  private sentAt = new Float64Array(64).fill(landed)
  private bought = new Uint16Array(64)

  constructor(first: number) {
    this.next = first
    this.lowest = first
    this.highestPaid = first - 1
  }

  /** How many numbers may follow: a shop counts from the lowest it holds, and from the highest it was paid. */
  room(): number {
    return Math.min(this.lowest, this.highestPaid + 1) + numbersWindow - this.next
  }

  /** Takes the next number, sent at `now` for so many pieces, fewer than 65,536. */
  add(now: number, pieces = 1): number {
    if (this.next - this.lowest === this.sentAt.length) this.grow()
    const number = this.next++
    const at = number & (this.sentAt.length - 1)
    this.sentAt[at] = now
    this.bought[at] = pieces
    this.count++
    this.pieces += pieces
    return number
  }

  /** @returns When it was sent; `undefined` when it is not in flight (any more). */
  end(number: number): number | undefined {
    if (number < this.lowest) return undefined
    const mask = this.sentAt.length - 1
    const sentAt = this.sentAt[number & mask]!
    if (sentAt === landed) return undefined
    this.sentAt[number & mask] = landed
    this.count--
    this.pieces -= this.bought[number & mask]!
    if (number === this.lowest) {
      do this.lowest++
      while (this.lowest < this.next && this.sentAt[this.lowest & mask] === landed)
    }
    return sentAt
  }

  /** How many pieces a payment buys, or bought that has just ended. */
  piecesOf(number: number): number {
    return this.bought[number & (this.bought.length - 1)]!
  }

  paid(number: number): void {
    if (number > this.highestPaid) this.highestPaid = number
  }

  /** The payment in flight that was sent first; `next` when there is none. */
  oldest(): number {
    return this.lowest
  }

  oldestSentAt(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.sentAt[this.lowest & (this.sentAt.length - 1)]!
  }

  private grow(): void {
    const mask = this.sentAt.length - 1
    const larger = new Float64Array(this.sentAt.length * 2).fill(landed)
    const bought = new Uint16Array(larger.length)
    for (let number = this.lowest; number < this.next; number++) {
      larger[number & (larger.length - 1)] = this.sentAt[number & mask]!
      bought[number & (larger.length - 1)] = this.bought[number & mask]!
    }
    this.sentAt = larger
    this.bought = bought
  }
}
