/**
 * The Store: a ledger that keeps what it promises. Three homes (memory, SQLite, PostgreSQL), one set of rules, one
 * contract suite (`@millstream/ledger/testing`).
 */
import { type Brand, type Condition, Instant, MillstreamError, type TransferId } from '@millstream/units'
import type { Account, AccountId } from './account.js'
import type { Command, Expired, OutcomeOf } from './command.js'

/** A place in the feed: opaque, comparable with `<`, growing. 0 is before everything. */
export type Cursor = Brand<number, 'Cursor'>

export type MaybePromise<T> = T | Promise<T>

/** The answer to one batch. */
export interface Batch<Commands extends readonly Command[] = readonly Command[]> {
  /**
   * One outcome for each command, in order. Memory and SQLite decide in the same tick and give the array itself;
   * PostgreSQL gives a promise. They may be acted upon inside the process; nobody outside is told before `durable`.
   */
  readonly outcomes: MaybePromise<{ readonly [I in keyof Commands]: OutcomeOf<Commands[I]> }>
  /** Holds that were found dead while the batch was decided; each is reported once. */
  readonly expired: MaybePromise<readonly Expired[]>
  /**
   * Resolves when everything decided so far would survive a crash. Shared by all batches of one flush.
   * If it rejects, the ledger in memory is ahead of the disk: the host stops and loads again.
   */
  readonly durable: Promise<void>
}

/** A held transfer. */
export interface Hold {
  readonly id: TransferId.TransferId
  readonly source: AccountId
  readonly target: AccountId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly destination: string
  readonly contentHash: number
  readonly preparedAt: Instant.Instant
}

export type EntryKind = 'transfer' | 'deposit' | 'withdrawal' | 'merge' | 'write_off'

/** One posted movement of value, in the order of posting. */
export interface Entry {
  readonly cursor: Cursor
  readonly kind: EntryKind
  readonly postedAt: Instant.Instant
  readonly source: AccountId
  readonly target: AccountId
  readonly amount: bigint
  /** Transfers only. */
  readonly id?: TransferId.TransferId
  readonly destination?: string
  readonly fulfillment?: Condition.Fulfillment
  readonly expiresAt?: Instant.Instant
  /** Deposits and withdrawals only. */
  readonly reference?: string
}

/** Bounds, each with its default in `ledgerLimits`. */
export interface LedgerLimits {
  /** Open holds of which one account is the source. 4,096 */
  readonly holdsPerAccountMax: number
  /** Ids of one account that are remembered until they expire. 2^20 */
  readonly idsPerAccountMax: number
  /** Furthest `expiresAt`, from now. 3,600,000 */
  readonly expiresInMsMax: number
  /** What all strangers together may owe or hold on credit, in base units. 0 */
  readonly strangersCreditMax: bigint
  /** Largest balance of an account, in base units. 2^63 - 1 */
  readonly balanceMax: bigint
}

export const ledgerLimits: LedgerLimits = {
  holdsPerAccountMax: 4096,
  idsPerAccountMax: 2 ** 20,
  expiresInMsMax: 3_600_000,
  strangersCreditMax: 0n,
  balanceMax: 2n ** 63n - 1n,
}

export interface CheckReport {
  /** True only if every sum holds. */
  readonly ok: boolean
  /** One sentence for each thing that does not hold; at most 100. */
  readonly faults: readonly string[]
  /** Open accounts, the system's among them. */
  readonly accounts: number
  /** Posted entries. */
  readonly entries: number
  readonly holds: number
  /** Sum of the balances of all accounts, the system's among them: 0. */
  readonly total: bigint
  /** Sum of the amounts of all posted entries. */
  readonly posted: bigint
  /** Sum of the amounts of all open holds. */
  readonly held: bigint
}

export interface Store {
  /**
   * Decides a batch, each command against the state that the ones before it left. Holds die with the batch that finds
   * them overdue: an empty one now and then does it when there is nothing else.
   *
   * @throws {CommandError} A command is malformed; nothing of the batch was decided. So do the errors of `units`.
   * @throws {StoreFailedError} Something could not be written: the ledger has to be loaded again.
   * @throws {StoreClosedError} After `close`.
   */
  apply<const Commands extends readonly Command[]>(commands: Commands): Batch<Commands>
  account(id: AccountId): MaybePromise<Account | undefined>
  find(name: string): MaybePromise<Account | undefined>
  accounts(): AsyncIterable<Account>
  /** Open holds, in the order of preparing: for a host that has just started. */
  holds(): MaybePromise<readonly Hold[]>
  /**
   * Present where several hosts share the ledger. Calls back with open holds of a host that has died: they are for this
   * host to end.
   */
  onAdopted?(listener: (holds: readonly Hold[]) => void): void
  /**
   * Only where several hosts share a ledger. Calls `listener` with open holds that another host prepared and that are this
   * one's from now on, because that one has died and their account is served here: each once, in the order of preparing
   * within an account. They are to be treated like those of `holds`. What was taken over before anybody listened is told
   * to the first listener.
   */
  onAdopted?(listener: (holds: readonly Hold[]) => void): void
  /**
   * Entries after a cursor in order, at most `limit`; only durable ones.
   *
   * @throws {FeedPrunedError} Some of them are no longer kept.
   */
  posted(after: Cursor, limit: number): Promise<readonly Entry[]>
  /**
   * Fulfilled transfers of a source that have not expired, in order, so that FULFILL can be sent again after a restart.
   * At most the newest `limit`, by default as many as an account may hold at once: no more can be unanswered.
   */
  recentlyFulfilled(source: AccountId, limit?: number): Promise<readonly Entry[]>
  /**
   * What became of a transfer whose id has left memory, looked for in the records of its account near its expiry; those
   * that are decided and not yet durable are waited for. One search at a time; a second one is refused with `busy`.
   */
  search(source: AccountId, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome>
  /** Transfers, deposits and all other movements, ended and open: for a person who reads the books. */
  transfers(query?: TransferQuery): AsyncIterable<TransferRecord>
  /** Proves from the records alone that all sums hold: from the checkpoints on, where records were pruned. */
  check(): Promise<CheckReport>
  /** Where the kept history begins. */
  history(): MaybePromise<HistoryStart>
  /**
   * Balances as of an instant: everything that was posted then or before. In the order of the accounts' ids; those that
   * were opened later are left out, those that have been merged away since are there unless their balance was 0. An
   * instant that has not come gives what is posted up to now.
   *
   * @throws {HistoryPrunedError} It is before the kept history.
   */
  balancesAt(at: Instant.Instant): AsyncIterable<Balance>
  /**
   * Forgets old records, oldest first: what they add up to goes into a checkpoint for each account, so that balances,
   * chains and `check` stay as they are. Deposits and withdrawals leave their references behind, which stay known. The
   * books are proved before anything goes, and each portion once more with the write that removes it; payments go on
   * meanwhile. What stays, whatever is asked: transfers that may be repeated, what a reader has not read, the newest
   * record.
   *
   * @throws {BooksDisagreeError} The books do not hold: nothing more was removed.
   */
  prune(request: PruneRequest): Promise<PruneReport>
  /** Writes what is decided, closes what is open. Later calls of `apply` throw. */
  close(): Promise<void>
}

export type SearchOutcome =
  | 'fulfilled'
  | 'rejected'
  | 'expired'
  | 'not_found'
  | 'busy'
  /** Records of that time are no longer kept: whether it was held, and how it ended, cannot be said. */
  | 'pruned'

export interface TransferQuery {
  /** Only those with this account as source or target. */
  readonly account?: AccountId
  /** Only those that ended after this place, or before it when the newest come first. */
  readonly after?: Cursor
  /** Only those that ended at this instant or later. With `from` or `to`, open ones are left out. */
  readonly from?: Instant.Instant
  /** Only those that ended before this instant: ranges that meet share no record and miss none. */
  readonly to?: Instant.Instant
  readonly limit?: number
  /** Open ones count as the newest. */
  readonly newestFirst?: boolean
}

/** What is kept of the history: all records after a place. */
export interface HistoryStart {
  /** Of the last record that was removed; 0 when all are kept. */
  readonly after: Cursor
  /** When that one ended: balances are known from this instant on. */
  readonly at: Instant.Instant | undefined
}

export interface Balance {
  readonly account: AccountId
  /** `undefined` where an account that was merged into another left no name. */
  readonly name: string | undefined
  readonly posted: bigint
}

export interface PruneRequest {
  /** Only what ended before this instant goes. */
  readonly before: Instant.Instant
  /**
   * Places in the feed behind which somebody outside the store still wants to read: nothing after the lowest goes. The
   * store knows its own readers.
   */
  readonly readers?: readonly Cursor[]
  /** Tells what would go; nothing does. */
  readonly dryRun?: boolean
  /**
   * Awaited after each portion that was proved or removed, which took so long: a pause that leaves room for others. If it throws, so does `prune`;
   * what was removed until then is whole.
   */
  readonly pause?: (workedMs: number) => Promise<void>
}

export interface PruneReport {
  /** Where the history begins now, or would begin. */
  readonly history: HistoryStart
  /** How many were removed, or would be. */
  readonly records: number
  /** Why no more: their time, a reader, transfers that may be repeated, or because nothing but the newest is left. */
  readonly boundBy: 'time' | 'reader' | 'repeatable' | 'newest'
}

/** One line of the books. */
export interface TransferRecord {
  readonly kind: EntryKind
  /** `posted` for a movement that has one phase only. */
  readonly state: 'held' | 'fulfilled' | 'rejected' | 'expired' | 'posted'
  /** Its place in the order of ending; an open transfer has none. */
  readonly cursor: Cursor | undefined
  /** When it came into this state. */
  readonly at: Instant.Instant
  readonly source: AccountId
  readonly target: AccountId
  readonly amount: bigint
  /** Transfers only. */
  readonly id?: TransferId.TransferId
  readonly destination?: string
  readonly expiresAt?: Instant.Instant
  /** Deposits and withdrawals only. */
  readonly reference?: string
}

/** A write failed: what was decided after the last `durable` is in memory only, and the ledger takes nothing more. */
export class StoreFailedError extends MillstreamError {
  override readonly name: string = 'Ledger.StoreFailedError'
  readonly code: string = 'LEDGER_STORE_FAILED'
  constructor(options: { readonly what: string; readonly next: string; readonly cause: unknown }) {
    super(
      `The ledger stopped: ${options.what}. Everything that was promised is safe; what was not yet promised is undone ` +
        `when it starts again. ${options.next}`,
      { cause: options.cause },
    )
  }
}

export class StoreClosedError extends MillstreamError {
  override readonly name = 'Ledger.StoreClosedError'
  readonly code = 'LEDGER_CLOSED'
  constructor() {
    super('The ledger is closed and takes no more commands.')
  }
}

export class FeedPrunedError extends MillstreamError {
  override readonly name = 'Ledger.FeedPrunedError'
  readonly code = 'LEDGER_FEED_PRUNED'
  constructor(options: { readonly after: Cursor; readonly kept: Cursor }) {
    super(
      `The entries after ${options.after} are asked for, but only those after ${options.kept} are kept. Balances are ` +
        'not affected.',
    )
  }
}

export class HistoryPrunedError extends MillstreamError {
  override readonly name = 'Ledger.HistoryPrunedError'
  readonly code = 'LEDGER_HISTORY_PRUNED'
  constructor(options: { readonly at: Instant.Instant; readonly kept: Instant.Instant }) {
    super(
      `Balances as of ${Instant.toIso(options.at)} are asked for, but records are kept only from ` +
        `${Instant.toIso(options.kept)} on. Ask for that instant or a later one; balances of today are not affected.`,
    )
  }
}

export class BooksDisagreeError extends MillstreamError {
  override readonly name = 'Ledger.BooksDisagreeError'
  readonly code = 'LEDGER_BOOKS_DISAGREE'
  constructor(options: { readonly faults: readonly string[] }) {
    super(
      `The books do not hold, so no record was removed that may be needed to find out why: ${options.faults[0]} ` +
        'Nothing was changed. Run a check and see to what it finds first.',
    )
  }
}
