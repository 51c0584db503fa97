/** Random numbers that come again with their seed (mulberry32): a failure is told with its seed and can be repeated. */
export interface Random {
  readonly seed: number
  /** From 0 up to and without `below`. */
  below(limit: number): number
  pick<T>(from: readonly T[]): T
}

export function create(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { seed, below, pick: (from) => from[below(from.length)]! }
}
