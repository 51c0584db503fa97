/** Keys of what is finished, oldest first; beyond a bound the oldest is forgotten. */
export interface Finished {
  /** @returns The one to forget. */
  add(key: string): string | undefined
}

export function createFinished(max: number): Finished {
  const keys = new Set<string>()
  return {
    add(key) {
      keys.add(key)
      if (keys.size <= max) return undefined
      for (const oldest of keys) {
        keys.delete(oldest)
        return oldest
      }
      return undefined
    },
  }
}
