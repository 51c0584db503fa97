/** A batch that waits for its answer. */
import type { Command, Hold, Outcome } from '@millstream/ledger'

export class Waiting {
  readonly commands: readonly Command[]
  /** False for batches of the store's own, of whose outcomes nobody hears. */
  readonly isAsked: boolean
  readonly outcomes: Promise<readonly Outcome[]>
  readonly expired: Promise<readonly Hold[]>
  readonly durable: Promise<void>
  resolve!: (decided: { readonly outcomes: readonly Outcome[]; readonly expired: readonly Hold[] }) => void
  reject!: (error: Error) => void

  constructor(commands: readonly Command[], isAsked: boolean) {
    this.commands = commands
    this.isAsked = isAsked
    const decided = new Promise<{ readonly outcomes: readonly Outcome[]; readonly expired: readonly Hold[] }>(
      (resolve, reject) => {
        this.resolve = resolve
        this.reject = reject
      },
    )
    this.outcomes = handled(decided.then(({ outcomes }) => outcomes))
    this.expired = handled(decided.then(({ expired }) => expired))
    this.durable = handled(decided.then(() => {}))
  }
}

/** Who does not wait for an answer learns of a failure by the next call: no reason to end the process. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
