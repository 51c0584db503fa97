/**
 * What all streams of one payer may spend and risk together. Sums only: each stream has a share that it keeps up to
 * date, and is woken when another one gave something back.
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

  share(): PurseShare {
    return new PurseShare(this)
  }

  /** Calls `wake` once, when something was given back. */
  wait(wake: () => void): void {
    this.waiting.add(wake)
  }

  forget(wake: () => void): void {
    this.waiting.delete(wake)
  }

  givenBack(): void {
    if (this.waiting.size === 0) return
    const woken = [...this.waiting]
    this.waiting.clear()
    for (const wake of woken) wake()
  }
}

/** What one stream has in the sums of its purse. */
export class PurseShare {
  private readonly purse: Purse
  private committed = 0n
  private spent = 0n
  private exposed = 0n

  constructor(purse: Purse) {
    this.purse = purse
  }

  set(committed: bigint, spent: bigint, exposed: bigint): void {
    const { purse } = this
    const less = committed < this.committed || exposed < this.exposed
    purse.committed += committed - this.committed
    purse.spent += spent - this.spent
    purse.exposed += exposed - this.exposed
    this.committed = committed
    this.spent = spent
    this.exposed = exposed
    if (less) purse.givenBack()
  }
}
