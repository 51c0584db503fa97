/**
 * What all streams of one payer may spend and risk together. Sums only: streams report how theirs changed, and are
 * woken when another stream gave something back.
 */
export class Purse {
  readonly budget: bigint
  /** Spent or held, by all streams there ever were. */
  committed = 0n
  /** Of that, spent: paid or of unknown outcome. */
  spent = 0n
  /** Held, or spent for pieces that have not arrived, by the streams that are open. */
  exposed = 0n
  private readonly waiting = new Set<() => void>()

  constructor(budget: bigint) {
    this.budget = budget
  }

  change(committed: bigint, spent: bigint, exposed: bigint): void {
    this.committed += committed
    this.spent += spent
    this.exposed += exposed
    if ((committed < 0n || exposed < 0n) && this.waiting.size > 0) {
      const woken = [...this.waiting]
      this.waiting.clear()
      for (const wake of woken) wake()
    }
  }

  /** Calls `wake` once, when something was given back. */
  wait(wake: () => void): void {
    this.waiting.add(wake)
  }

  forget(wake: () => void): void {
    this.waiting.delete(wake)
  }
}
