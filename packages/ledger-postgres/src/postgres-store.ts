/** The Store over PostgreSQL: decisions by the committer, history by the tables. */
import {
  type Account,
  type AccountId,
  assertCommands,
  type Balance,
  type Batch,
  type CheckReport,
  type Command,
  CommandError,
  type Cursor,
  type Entry,
  type HistoryStart,
  type Hold,
  idStates,
  type PruneReport,
  type PruneRequest,
  type SearchOutcome,
  type Store,
  StoreClosedError,
  serverAccount,
  type TransferQuery,
  type TransferRecord,
} from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import { type AccountCache, snapshotOf } from './internal/account-cache.js'
import type { Committer } from './internal/committer.js'
import type { Reads, Statement } from './internal/connection.js'
import type { GroupContext } from './internal/group.js'
import { History } from './internal/history.js'
import type { LedgerTime } from './internal/ledger-time.js'
import { prove } from './internal/prove.js'
import { prune } from './internal/prune.js'
import { accountColumns, type Row, toAccount } from './internal/rows.js'

export interface PostgresStoreParts {
  readonly context: GroupContext
  readonly committer: Committer
  readonly reads: Reads
  readonly schema: string
  readonly time: LedgerTime
  /** The furthest expiry that was ever allowed. */
  readonly expiresInMsMax: number
  /** What ended longer ago than that is repeated by nobody. */
  readonly horizonMs: number
  readonly adopted: Adopted
  readonly close: () => Promise<void>
}

const accountsPerPage = 1_000

export class PostgresStore implements Store {
  closed = false
  readonly #parts: PostgresStoreParts
  readonly #cache: AccountCache
  readonly #history: History
  readonly #byId: Statement
  readonly #byName: Statement
  readonly #page: Statement
  #closing = false
  #searching = false

  constructor(parts: PostgresStoreParts) {
    this.#parts = parts
    this.#cache = parts.context.cache
    this.#history = new History(parts.reads, parts.schema, parts.expiresInMsMax)
    const s = parts.schema
    const columns = accountColumns.replace(/\w+/g, 'a.$&')
    const open = `SELECT ${columns}, f.server_posted, f.server_held_in, f.server_owed_since
      FROM ${s}.accounts AS a CROSS JOIN ${s}.feed AS f WHERE NOT closed AND`
    this.#byId = { name: 'account', text: `${open} a.id = $1` }
    this.#byName = { name: 'find', text: `${open} a.name = $1` }
    this.#page = { name: 'accounts', text: `${open} a.id > $1 ORDER BY a.id LIMIT ${accountsPerPage}` }
  }

  apply<const Commands extends readonly Command[]>(commands: Commands): Batch<Commands> {
    if (this.#closing || this.closed) throw new StoreClosedError()
    const { committer } = this.#parts
    if (committer.failure !== undefined) throw committer.failure
    assertCommands(commands)
    for (const command of commands) assertText(command)
    const { outcomes, expired, durable } = committer.apply(commands)
    return { outcomes: outcomes as Batch<Commands>['outcomes'], expired, durable }
  }

  #assertOpen(): void {
    if (this.closed) throw new StoreClosedError()
  }

  async account(id: AccountId): Promise<Account | undefined> {
    this.#assertOpen()
    const [row] = await this.#parts.reads.query(this.#byId, [id])
    if (row !== undefined) return toSnapshot(row)
    const account = this.#cache.get(id)
    return account === undefined || account.isPersisted ? undefined : snapshotOf(account.standing)
  }

  async find(name: string): Promise<Account | undefined> {
    this.#assertOpen()
    if (name.includes('\0')) return undefined
    const [row] = await this.#parts.reads.query(this.#byName, [name])
    if (row !== undefined) return toSnapshot(row)
    const account = this.#cache.find(name)
    return account === undefined || account.isPersisted ? undefined : snapshotOf(account.standing)
  }

  async *accounts(): AsyncIterable<Account> {
    this.#assertOpen()
    // Strangers of whom nothing was written yet; one that is written meanwhile is told once.
    const unwritten = new Map<AccountId, Account>()
    for (const account of this.#cache.all()) {
      if (!account.isPersisted) unwritten.set(account.id, snapshotOf(account.standing))
    }
    let last = 0
    for (;;) {
      const rows = await this.#parts.reads.query(this.#page, [last])
      for (const row of rows) {
        const account = toSnapshot(row)
        unwritten.delete(account.id)
        last = account.id
        yield account
      }
      if (rows.length < accountsPerPage) break
      this.#assertOpen()
    }
    yield* unwritten.values()
  }

  /** Those that a host of this name prepared. Those of hosts that have died come by `onAdopted`. */
  async holds(): Promise<readonly Hold[]> {
    this.#assertOpen()
    return this.#history.holds(this.#parts.context.host)
  }

  onAdopted(listener: (holds: readonly Hold[]) => void): void {
    this.#parts.adopted.listen(listener)
  }

  async posted(after: Cursor, limit: number): Promise<readonly Entry[]> {
    this.#assertOpen()
    return this.#history.posted(after, limit)
  }

  async recentlyFulfilled(
    source: AccountId,
    limit = this.#parts.context.limits.holdsPerAccountMax,
  ): Promise<readonly Entry[]> {
    this.#assertOpen()
    return this.#history.recentlyFulfilled(source, this.#parts.time.now(), limit)
  }

  async search(source: AccountId, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome> {
    this.#assertOpen()
    const account = this.#cache.get(source)
    if (account !== undefined && this.#cache.ids.find(account.key, id, Math.floor(this.#parts.time.now() / 1000))) {
      const state = idStates[this.#cache.ids.state]
      if (state !== undefined && state !== 'held') return state
    }
    if (this.#searching) return 'busy'
    this.#searching = true
    try {
      return await this.#history.search(source, id, expiresAt)
    } finally {
      this.#searching = false
    }
  }

  async *transfers(query?: TransferQuery): AsyncIterable<TransferRecord> {
    this.#assertOpen()
    for await (const record of this.#history.transfers(query)) {
      this.#assertOpen()
      yield record
    }
  }

  async check(): Promise<CheckReport> {
    this.#assertOpen()
    return prove(this.#parts.reads, this.#parts.schema)
  }

  async history(): Promise<HistoryStart> {
    this.#assertOpen()
    return this.#history.start()
  }

  async *balancesAt(at: Instant.Instant): AsyncIterable<Balance> {
    this.#assertOpen()
    yield* this.#history.balancesAt(at)
  }

  async prune(request: PruneRequest): Promise<PruneReport> {
    this.#assertOpen()
    const { reads, schema, time, horizonMs } = this.#parts
    return prune({ reads, schema, now: time.now(), horizonMs, check: () => this.check() }, request)
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#parts.close()
  }
}

/** Holds that were taken over, until somebody listens. */
export class Adopted {
  #listeners: ((holds: readonly Hold[]) => void)[] = []
  #waiting: Hold[] = []

  tell(holds: readonly Hold[]): void {
    if (this.#listeners.length === 0) this.#waiting.push(...holds)
    for (const listener of this.#listeners) listener(holds)
  }

  listen(listener: (holds: readonly Hold[]) => void): void {
    this.#listeners.push(listener)
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length > 0) listener(waiting)
  }
}

function toSnapshot(row: Row): Account {
  const account = snapshotOf(toAccount(row))
  if (account.id !== serverAccount) return account
  const [posted, heldIn, owedSince] = row.slice(14) as [bigint, bigint, Instant.Instant | null]
  return { ...account, posted, heldIn, owedSince: owedSince ?? undefined }
}

/** PostgreSQL has every character but this one. */
function assertText(command: Command): void {
  const text = command.type === 'prepare' ? command.destination : 'reference' in command ? command.reference : undefined
  if (text?.includes('\0')) throw new CommandError('a text has a character of code 0 in it')
}
