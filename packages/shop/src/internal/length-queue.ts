/** A queue of lengths: a ring that doubles. One number for each piece at hand, however many pieces a chunk has. */
export interface LengthQueue {
  readonly count: number
  push(length: number): void
  /** Sum of `count` lengths beginning with the one at `from`. */
  sum(from: number, count: number): number
  /** Removes the first `count` lengths. @returns their sum. */
  shift(count: number): number
}

export function createLengthQueue(): LengthQueue {
  let ring = new Int32Array(64)
  let head = 0
  let count = 0
  return {
    get count() {
      return count
    },
    push(length) {
      if (count === ring.length) {
        const larger = new Int32Array(ring.length * 2)
        larger.set(ring.subarray(head))
        larger.set(ring.subarray(0, head), ring.length - head)
        ring = larger
        head = 0
      }
      ring[(head + count) & (ring.length - 1)] = length
      count++
    },
    sum,
    shift(some) {
      const total = sum(0, some)
      head = (head + some) & (ring.length - 1)
      count -= some
      return total
    },
  }

  function sum(from: number, some: number): number {
    let total = 0
    for (let i = from; i < from + some; i++) total += ring[(head + i) & (ring.length - 1)]!
    return total
  }
}
