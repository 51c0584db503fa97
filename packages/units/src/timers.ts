/** Timers that only wake; what time it is says the clock. Handed in, so that tests and simulations drive them. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}
