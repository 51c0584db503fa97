/** Timers that only wake; what time it is says the clock. Handed in, so that tests and simulations drive them. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** The timers of the platform: browsers and Node have the same two functions. */
export const systemTimers: Timers = {
  setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as never),
}
