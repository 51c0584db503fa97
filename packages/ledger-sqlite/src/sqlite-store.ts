/** The Store over one SQLite file: decisions by the book, history by the tables. */
import {
  type Account,
  type AccountId,
  type Balance,
  type Batch,
  type Book,
  BooksDisagreeError,
  type CheckReport,
  type Command,
  type Cursor,
  type Entry,
  type GroupCommit,
  HistoryPrunedError,
  type HistoryStart,
  type Hold,
  openRecord,
  type PruneReport,
  type PruneRequest,
  type SearchOutcome,
  type Store,
  StoreClosedError,
  type TransferQuery,
  type TransferRecord,
} from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import { balancesAt } from './internal/balances.js'
import type { SqlDatabase } from './internal/database.js'
import { createHistory, type History, turn } from './internal/history.js'
import { Kept } from './internal/kept.js'
import { longestExpiry } from './internal/loader.js'
import { prove } from './internal/prove.js'
import { boundOf, type PruneContext, removeThrough, reportOf } from './internal/prune.js'
import { portionRows } from './internal/schema.js'
import { createSeqAt, type SeqAt } from './internal/seq-at.js'

export class SqliteStore implements Store {
  closed = false
  readonly #database: SqlDatabase
  readonly #book: Book
  readonly #commit: GroupCommit
  readonly #close: () => Promise<void>
  readonly #history: History
  readonly #kept: Kept
  readonly #seqAt: SeqAt
  readonly #lowestStream: () => Cursor | undefined
  #closing = false
  #searching = false
  #pruning: Promise<unknown> = Promise.resolve()

  /** @param lowestStream - The lowest place from which a stream would read the feed at the next start. */
  constructor(
    database: SqlDatabase,
    book: Book,
    commit: GroupCommit,
    lowestStream: () => Cursor | undefined,
    close: () => Promise<void>,
  ) {
    this.#database = database
    this.#book = book
    this.#commit = commit
    this.#close = close
    this.#lowestStream = lowestStream
    this.#kept = new Kept(database)
    this.#seqAt = createSeqAt(database, this.#kept)
    this.#history = createHistory(database, this.#kept, longestExpiry(database), () => this.#assertOpen())
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
    yield* this.#inTurns(this.#book.accounts())
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
    const { account, after, from, to, newestFirst = false } = query
    let left = query.limit ?? Number.POSITIVE_INFINITY
    const endedOnly = (newestFirst && after !== undefined) || from !== undefined || to !== undefined
    const { open, end, ...range } = await this.#settled(() => ({
      open: endedOnly ? [] : this.#open(account),
      end: this.#kept.read(),
      head: account === undefined ? undefined : this.#book.lastRecord(account),
      ...this.#rangeOf(query),
    }))
    try {
      if (newestFirst) {
        for (const hold of open.toReversed()) if (left-- > 0) yield openRecord(hold)
      }
      for await (const record of this.#history.transfers({ account, newestFirst, ...range })) {
        if (left-- <= 0) return
        yield record
      }
      if (!newestFirst) {
        for (const hold of open) if (left-- > 0) yield openRecord(hold)
      }
    } finally {
      end()
    }
  }

  #rangeOf({ after, from, to, newestFirst }: TransferQuery): { readonly low: number; readonly high: number } {
    const last = this.#book.cursor
    const lows: number[] = [this.#kept.start.after]
    const highs: number[] = [last]
    if (after !== undefined) newestFirst === true ? highs.push(after - 1) : lows.push(after)
    if (from !== undefined) lows.push(this.#seqAt(from, last))
    if (to !== undefined) highs.push(this.#seqAt(to, last))
    return { low: Math.max(...lows), high: Math.min(...highs) }
  }

  #open(account: AccountId | undefined): readonly Hold[] {
    const holds = this.#book.holds()
    return account === undefined ? holds : holds.filter((hold) => hold.source === account || hold.target === account)
  }

  async check(): Promise<CheckReport> {
    return this.#check(() => turn(() => this.#assertOpen()))
  }

  async #check(rest: (workedMs: number) => Promise<void>): Promise<CheckReport> {
    const settled = <Result>(then: () => Result) => this.#settled(then)
    const parts = { database: this.#database, book: this.#book, kept: this.#kept }
    return this.#settled(() => prove({ ...parts, settled, rest }))
  }

  history(): HistoryStart {
    return this.#kept.start
  }

  async *balancesAt(at: Instant.Instant): AsyncIterable<Balance> {
    const balances = await this.#settled(() => {
      const kept = this.#kept.start.at
      if (kept !== undefined && at < kept) throw new HistoryPrunedError({ at, kept })
      return balancesAt(this.#database, this.#book, this.#kept, this.#seqAt, at, () => this.#assertOpen())
    })
    yield* this.#inTurns(balances)
  }

  prune(request: PruneRequest): Promise<PruneReport> {
    const pruned = this.#pruning.then(() => this.#prune(request))
    this.#pruning = pruned.catch(() => {})
    return pruned
  }

  async #prune(request: PruneRequest): Promise<PruneReport> {
    const context: PruneContext = {
      database: this.#database,
      book: this.#book,
      kept: this.#kept,
      seqAt: this.#seqAt,
      lowestStream: this.#lowestStream,
      assertOpen: () => this.#assertOpen(),
    }
    const bound = await this.#settled(() => boundOf(context, request))
    const began = this.#kept.start.after
    if (request.dryRun === true || bound.through === began) return reportOf(context, began, bound)
    const { pause = () => turn(context.assertOpen) } = request
    const { ok, faults } = await this.#check(async (workedMs) => {
      await pause(workedMs)
      context.assertOpen()
    })
    if (!ok) throw new BooksDisagreeError({ faults })
    const reached = await removeThrough(context, request, bound)
    return reportOf(context, began, reached)
  }

  /** Whoever takes a long list may do so without a pause of its own. */
  async *#inTurns<Item>(items: readonly Item[]): AsyncGenerator<Item> {
    for (let at = 0; at < items.length; at += portionRows) {
      yield* items.slice(at, at + portionRows)
      await turn(() => this.#assertOpen())
    }
  }

  /** Calls `then` in a moment in which the tables say what the book says. */
  async #settled<Result>(then: () => Result | Promise<Result>): Promise<Result> {
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
