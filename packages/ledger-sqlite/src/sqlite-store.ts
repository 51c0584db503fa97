/** The Store over one SQLite file: decisions by the book, history by the tables. */
import {
  type Account,
  type AccountId,
  type Batch,
  type Book,
  type CheckReport,
  type Command,
  type Cursor,
  type Entry,
  type GroupCommit,
  type Hold,
  openRecord,
  type SearchOutcome,
  type Store,
  StoreClosedError,
  type TransferQuery,
  type TransferRecord,
} from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import type { SqlDatabase } from './internal/database.js'
import { createHistory, type History } from './internal/history.js'
import { longestExpiry } from './internal/loader.js'
import { prove } from './internal/prove.js'

export class SqliteStore implements Store {
  closed = false
  readonly #database: SqlDatabase
  readonly #book: Book
  readonly #commit: GroupCommit
  readonly #close: () => Promise<void>
  readonly #history: History
  #closing = false
  #searching = false

  constructor(database: SqlDatabase, book: Book, commit: GroupCommit, close: () => Promise<void>) {
    this.#database = database
    this.#book = book
    this.#commit = commit
    this.#close = close
    this.#history = createHistory(database, longestExpiry(database), () => this.#assertOpen())
  }

  apply<const Commands extends readonly Command[]>(commands: Commands): Batch<Commands> {
    if (this.#closing || this.closed) throw new StoreClosedError()
    if (this.#commit.failure !== undefined) throw this.#commit.failure
    const { outcomes, expired } = this.#book.apply(commands)
    return { outcomes, expired, durable: this.#commit.durable() }
  }

  #assertOpen(): void {
    if (this.closed) throw new StoreClosedError()
  }

  account(id: AccountId): Account | undefined {
    return this.#book.account(id)
  }

  find(name: string): Account | undefined {
    return this.#book.find(name)
  }

  async *accounts(): AsyncIterable<Account> {
    yield* this.#book.accounts()
  }

  holds(): readonly Hold[] {
    return this.#book.holds()
  }

  async posted(after: Cursor, limit: number): Promise<readonly Entry[]> {
    this.#assertOpen()
    return this.#history.posted(after, limit)
  }

  async recentlyFulfilled(source: AccountId, limit = this.#book.limits.holdsPerAccountMax): Promise<readonly Entry[]> {
    return this.#settled(() =>
      this.#history.recentlyFulfilled(source, this.#book.lastRecord(source), this.#book.now, limit),
    )
  }

  async search(source: AccountId, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome> {
    const known = this.#book.stateOf(source, id)
    if (known !== undefined && known !== 'held') return known
    if (this.#searching) return 'busy'
    this.#searching = true
    try {
      return await this.#settled(() => this.#history.search(source, this.#book.lastRecord(source), id, expiresAt))
    } finally {
      this.#searching = false
    }
  }

  async *transfers(query: TransferQuery = {}): AsyncIterable<TransferRecord> {
    const { account, after, newestFirst = false } = query
    let left = query.limit ?? Number.POSITIVE_INFINITY
    const { open, last, head } = await this.#settled(() => ({
      open: newestFirst && after !== undefined ? [] : this.#open(account),
      last: this.#book.cursor,
      head: account === undefined ? undefined : this.#book.lastRecord(account),
    }))
    if (newestFirst) {
      for (const hold of open.toReversed()) if (left-- > 0) yield openRecord(hold)
    }
    for await (const record of this.#history.transfers({ account, after, newestFirst, last, head })) {
      if (left-- <= 0) return
      yield record
    }
    if (!newestFirst) {
      for (const hold of open) if (left-- > 0) yield openRecord(hold)
    }
  }

  #open(account: AccountId | undefined): readonly Hold[] {
    const holds = this.#book.holds()
    return account === undefined ? holds : holds.filter((hold) => hold.source === account || hold.target === account)
  }

  async check(): Promise<CheckReport> {
    return this.#settled(() => prove(this.#database, this.#book, () => this.#assertOpen()))
  }

  /** Calls `then` in a moment in which the tables say what the book says. */
  async #settled<Result>(then: () => Result): Promise<Result> {
    this.#assertOpen()
    return this.#commit.idle(() => {
      this.#assertOpen()
      return then()
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#close()
  }
}
