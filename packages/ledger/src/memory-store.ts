/**
 * The store in memory: for tests, for shops that may forget, and, with a journal, for programs that bring a medium of
 * their own. The journal is read at start and then only written.
 */
import { type Hashes, Instant, type Observer, Octets, type RandomBytes, type TransferId } from '@millstream/units'
import type { Account, AccountId } from './account.js'
import { Audit } from './audit.js'
import { Book } from './book.js'
import type { Changes, LedgerRecord } from './changes.js'
import type { Command } from './command.js'
import { GroupCommit } from './group-commit.js'
import { isPosted, RecentRecords } from './internal/recent-records.js'
import { expiredKeptMs } from './internal/transfers.js'
import * as Journal from './journal.js'
import {
  type Balance,
  type Batch,
  BooksDisagreeError,
  type CheckReport,
  type Cursor,
  type Entry,
  FeedPrunedError,
  HistoryPrunedError,
  type HistoryStart,
  type Hold,
  type LedgerLimits,
  type PruneReport,
  type PruneRequest,
  type SearchOutcome,
  type Store,
  StoreClosedError,
  StoreFailedError,
  type TransferQuery,
  type TransferRecord,
} from './store.js'

export interface MemoryStoreOptions {
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly limits?: Partial<LedgerLimits>
  readonly randomBytes?: RandomBytes
  readonly observer?: Observer<MemoryStoreEvent>
  /** How many of the newest records stay readable. 16,384 */
  readonly recordsKept?: number
}

/** The journal ended in a batch that was cut short by a crash: it had not been promised to anybody. */
export interface MemoryStoreEvent {
  readonly name: 'ledger.journal_tail_dropped'
  readonly level: 'warn'
  readonly bytes: number
}

const recordsKeptDefault = 16_384

/**
 * Opens a ledger in memory. With a journal it comes back as it was, once the journal has been read.
 *
 * @throws {JournalDamagedError} Something that was promised is missing or changed.
 * @throws {JournalVersionError} A later version wrote the journal.
 * @throws {RestoreError} The journal contradicts itself.
 * @example
 * const store = createMemoryStore({ clock: systemClock, hashes })
 * const { outcomes } = store.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 100n }])
 * outcomes // [{ status: 'opened', account: { name: 'alice', … } }]
 */
export function createMemoryStore(options: MemoryStoreOptions & { readonly journal?: undefined }): Store
export function createMemoryStore(options: MemoryStoreOptions & { readonly journal: Journal.Journal }): Promise<Store>
export function createMemoryStore(
  options: MemoryStoreOptions & { readonly journal?: Journal.Journal | undefined },
): Store | Promise<Store> {
  const book = new Book(options)
  const recent = new RecentRecords(options.recordsKept ?? recordsKeptDefault)
  if (options.journal === undefined) return new MemoryStore(book, recent)
  return openJournal(options, options.journal, book, recent)
}

async function openJournal(
  options: MemoryStoreOptions,
  journal: Journal.Journal,
  book: Book,
  recent: RecentRecords,
): Promise<Store> {
  const { number, droppedBytes } = await Journal.replay(journal, options.hashes, (changes) => {
    book.restore(changes)
    recent.append(changes.records)
  })
  if (droppedBytes > 0) {
    options.observer?.({ name: 'ledger.journal_tail_dropped', level: 'warn', bytes: droppedBytes })
  }
  let last = number
  return new MemoryStore(book, recent, (changes) => {
    last += 1
    return journal.append(Journal.encode({ number: last, changes }, options.hashes))
  })
}

class MemoryStore implements Store {
  readonly #book: Book
  readonly #recent: RecentRecords
  readonly #commit: GroupCommit | undefined
  #closed = false

  constructor(book: Book, recent: RecentRecords, append?: (changes: Changes) => void | Promise<void>) {
    this.#book = book
    this.#recent = recent
    if (append === undefined) return
    this.#commit = new GroupCommit({
      hasWork: () => book.hasChanges,
      write: () => {
        const changes = book.take()
        if (changes === undefined) return
        const written = append(changes)
        if (written === undefined) recent.append(changes.records)
        else return written.then(() => recent.append(changes.records))
      },
      describe: (cause) =>
        new StoreFailedError({
          what: `its journal could not be written (${cause instanceof Error ? cause.message : String(cause)})`,
          next: 'See to the medium of the journal, then open the ledger again.',
          cause,
        }),
    })
  }

  apply<const Commands extends readonly Command[]>(commands: Commands): Batch<Commands> {
    this.#assertOpen()
    const { outcomes, expired } = this.#book.apply(commands)
    if (this.#commit === undefined) {
      const changes = this.#book.take()
      if (changes !== undefined) this.#recent.append(changes.records)
      return { outcomes, expired, durable: alreadyDurable }
    }
    return { outcomes, expired, durable: this.#commit.durable() }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreClosedError()
    if (this.#commit?.failure !== undefined) throw this.#commit.failure
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
    if (after < this.#recent.folded) throw new FeedPrunedError({ after, kept: this.#recent.folded })
    const entries: Entry[] = []
    const { all } = this.#recent
    for (let i = this.#recent.indexAfter(after); i < all.length && entries.length < limit; i++) {
      if (isPosted(all[i]!)) entries.push(entryOf(all[i]!))
    }
    return entries
  }

  async recentlyFulfilled(source: AccountId, limit = this.#book.limits.holdsPerAccountMax): Promise<readonly Entry[]> {
    const { all } = this.#recent
    const now = this.#book.now
    const entries: Entry[] = []
    for (let i = all.length - 1; i >= 0 && entries.length < limit; i--) {
      const record = all[i]!
      // Nothing that ended so long ago can still be alive.
      if (record.at + this.#book.limits.expiresInMsMax < now) break
      if (record.state === 'fulfilled' && record.source === source && record.expiresAt! > now) {
        entries.push(entryOf(record))
      }
    }
    return entries.reverse()
  }

  async search(source: AccountId, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome> {
    // With a journal that is slower than the transfer lived, its record may still be on its way.
    await this.#commit?.durable()
    const { all, start } = this.#recent
    const earliest = Instant.after(expiresAt, -this.#book.limits.expiresInMsMax)
    for (let i = all.length - 1; i >= 0; i--) {
      const record = all[i]!
      if (record.at < earliest) return 'not_found'
      if (record.kind === 'transfer' && record.source === source && Octets.equal(record.id!, id)) {
        return record.state as SearchOutcome
      }
    }
    return start.at === undefined || start.at < earliest ? 'not_found' : 'pruned'
  }

  async *transfers(query: TransferQuery = {}): AsyncIterable<TransferRecord> {
    const { account, after, from, to, limit = Number.POSITIVE_INFINITY, newestFirst = false } = query
    const wanted = (record: { readonly source: AccountId; readonly target: AccountId }) =>
      account === undefined || record.source === account || record.target === account
    const ended = this.#recent.all.filter(
      (record) =>
        wanted(record) &&
        (after === undefined || (newestFirst ? record.cursor < after : record.cursor > after)) &&
        (from === undefined || record.at >= from) &&
        (to === undefined || record.at < to),
    )
    const endedOnly = (newestFirst && after !== undefined) || from !== undefined || to !== undefined
    const open = endedOnly ? [] : this.#book.holds().filter(wanted).map(openRecord)
    const all: readonly TransferRecord[] = [...ended, ...open]
    let count = 0
    for (const record of newestFirst ? all.toReversed() : all) {
      if (count >= limit) return
      count += 1
      yield record
    }
  }

  async check(): Promise<CheckReport> {
    const prove = () => {
      const audit = new Audit()
      this.#recent.audit(audit)
      return audit.report(this.#book.accounts(), this.#book.holds())
    }
    return this.#commit === undefined ? prove() : this.#commit.idle(prove)
  }

  history(): HistoryStart {
    return this.#recent.start
  }

  async *balancesAt(at: Instant.Instant): AsyncIterable<Balance> {
    const kept = this.#recent.start.at
    if (kept !== undefined && at < kept) throw new HistoryPrunedError({ at, kept })
    const sums = this.#recent.sumsAt(at)
    for (const { id, name, openedAt } of this.#book.accounts()) {
      if (openedAt <= at) yield { account: id, name, posted: sums.get(id) ?? 0n }
      sums.delete(id)
    }
    for (const [account, posted] of sums) if (posted !== 0n) yield { account, name: undefined, posted }
  }

  /** Only what can be read becomes less: a journal keeps everything. */
  async prune({ before, readers = [], dryRun = false }: PruneRequest): Promise<PruneReport> {
    this.#assertOpen()
    const { ok, faults } = await this.check()
    if (!ok) throw new BooksDisagreeError({ faults })
    const { all, start } = this.#recent
    const now = this.#book.now
    const bounds = [
      ['newest', all.length - 1],
      ['time', all.findIndex((record) => record.at >= before)],
      ['repeatable', all.findIndex((record) => isRepeatable(record, now))],
      ...readers.map((reader) => ['reader', Math.max(0, reader - start.after)] as const),
    ] as const
    const [boundBy, records] = bounds
      .filter(([, count]) => count >= 0)
      .reduce((least, bound) => (bound[1] < least[1] ? bound : least), ['newest', all.length] as const)
    const last = all[records - 1]
    const history = last === undefined ? start : { after: last.cursor, at: last.at }
    if (!dryRun) this.#recent.fold(records)
    return { history, records, boundBy }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#commit?.failure === undefined) await this.#commit?.idle(() => {})
  }
}

const alreadyDurable = Promise.resolve()

/** Its payer may still send it again, or its FULFILL may still have to be. */
function isRepeatable(record: LedgerRecord, now: Instant.Instant): boolean {
  if (record.expiresAt === undefined) return false
  return record.expiresAt > now || (record.state === 'expired' && record.at + expiredKeptMs > now)
}

function entryOf(record: LedgerRecord): Entry {
  const { cursor, kind, at, source, target, amount, id, destination, fulfillment, expiresAt, reference } = record
  const movement = { cursor, kind, postedAt: at, source, target, amount }
  if (id === undefined) return reference === undefined ? movement : { ...movement, reference }
  return { ...movement, id, destination: destination!, fulfillment: fulfillment!, expiresAt: expiresAt! }
}

export function openRecord(hold: Hold): TransferRecord {
  const { source, target, amount, id, destination, expiresAt, preparedAt } = hold
  const state = 'held' as const
  return {
    kind: 'transfer',
    state,
    cursor: undefined,
    at: preparedAt,
    source,
    target,
    amount,
    id,
    destination,
    expiresAt,
  }
}
