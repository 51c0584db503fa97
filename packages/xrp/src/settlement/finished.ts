/** Keys of what is finished, oldest first, of which a bounded number is remembered. */
export interface Finished {
  add(key: string): void
  /** Those beyond the bound, which are forgotten now. */
  takeBeyond(): readonly string[]
}

export function createFinished(max: number): Finished {
  const keys = new Set<string>()
  return {
    add: (key) => void keys.add(key),
    takeBeyond() {
      if (keys.size <= max) return []
      const beyond = [...keys].slice(0, keys.size - max)
      for (const key of beyond) keys.delete(key)
      return beyond
    },
  }
}
