/**
 * Ledger time: the database's clock, so that all hosts agree. Each answer of the database tells what time it was there;
 * the answer that came fastest says it best. Between answers a monotonic clock counts on. It never goes back, neither
 * here nor behind the last record.
 */
import type { Instant } from '@millstream/units'

/** An estimate is trusted less as it gets older: clocks drift, 1 ms in ten seconds at most. */
const driftPerMs = 1 / 10_000

export class LedgerTime {
  readonly #clock: Instant.Clock | undefined
  #last = 0
  #base = 0
  #baseAt = 0
  #roundTripMs = Number.POSITIVE_INFINITY

  /** @param clock - Decides instead of the database's, for tests. */
  constructor(clock: Instant.Clock | undefined) {
    this.#clock = clock
  }

  now(): Instant.Instant {
    const estimate = this.#clock?.() ?? Math.floor(this.#base + performance.now() - this.#baseAt)
    if (estimate > this.#last) this.#last = estimate
    return this.#last as Instant.Instant
  }

  /** Takes over that it is at least so late. */
  atLeast(instant: number): void {
    if (instant > this.#last) this.#last = instant
  }

  /**
   * @param sentAt - `performance.now()` when the question left.
   * @param databaseMs - What the database's clock said.
   */
  sample(sentAt: number, databaseMs: number): void {
    const now = performance.now()
    const roundTripMs = now - sentAt
    const worthNow = this.#roundTripMs + (now - this.#baseAt) * driftPerMs
    if (roundTripMs > worthNow) return
    this.#roundTripMs = roundTripMs
    this.#base = databaseMs + roundTripMs / 2
    this.#baseAt = now
  }
}
