/**
 * One write for many batches. Whatever is decided in one turn of the event loop is written together at its end; whatever
 * is decided while a write is under way is written together after it. Nobody waits on a timer.
 */
import { type MaybePromise, StoreFailedError } from './store.js'

export interface GroupCommitOptions {
  /** True when there is something to write. */
  hasWork(): boolean
  /** Writes everything that is there to be written. Called again only when the last call has ended. */
  write(): MaybePromise<void>
  /** What went wrong in words for a person. */
  describe(cause: unknown): StoreFailedError
}

interface Round {
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const nothingToDo = Promise.resolve()

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #waiting: Round | undefined
  #writing: Round | undefined
  #failure: StoreFailedError | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** The first failure; nothing is written after it. */
  get failure(): StoreFailedError | undefined {
    return this.#failure
  }

  /** True when nothing is left to write and nothing is being written. */
  get isIdle(): boolean {
    return this.#waiting === undefined && this.#writing === undefined && !this.#options.hasWork()
  }

  /** Resolves with what `then` gives, which is called in a moment in which everything has been written. */
  async idle<Result>(then: () => Result): Promise<Result> {
    do await this.durable()
    while (!this.isIdle)
    return then()
  }

  /** Resolves when everything that there is to write now has been written. */
  durable(): Promise<void> {
    if (this.#waiting === undefined) {
      if (!this.#options.hasWork() || this.#failure !== undefined) {
        if (this.#writing !== undefined) return this.#writing.done
        return this.#failure === undefined ? nothingToDo : handled(Promise.reject(this.#failure))
      }
      this.#waiting = createRound()
      if (this.#writing === undefined) queueMicrotask(() => this.#run())
    }
    return this.#waiting.done
  }

  #run(): void {
    const round = this.#waiting
    if (round === undefined) return
    this.#waiting = undefined
    this.#writing = round
    try {
      const written = this.#options.write()
      if (written === undefined) this.#done(round)
      else {
        written.then(
          () => this.#done(round),
          (cause) => this.#fail(round, cause),
        )
      }
    } catch (cause) {
      this.#fail(round, cause)
    }
  }

  #done(round: Round): void {
    this.#writing = undefined
    round.resolve()
    if (this.#waiting !== undefined) this.#run()
  }

  #fail(round: Round, cause: unknown): void {
    this.#writing = undefined
    this.#failure = cause instanceof StoreFailedError ? cause : this.#options.describe(cause)
    round.reject(this.#failure)
    this.#waiting?.reject(this.#failure)
    this.#waiting = undefined
  }
}

function createRound(): Round {
  let resolve = () => {}
  let reject: (error: Error) => void = () => {}
  const done = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { done: handled(done), resolve, reject }
}

/** Who does not wait for `durable` learns of a failure by the next `apply`: no reason to end the process. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}
