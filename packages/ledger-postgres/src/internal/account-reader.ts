/** Reads for a group what the cache does not have, or has no longer as it is. */
import type { AccountId, Hold, ReferenceUse } from '@millstream/ledger'
import type { Line, Statement } from './connection.js'
import type { GroupContext } from './group.js'
import type { LedgerTime } from './ledger-time.js'
import * as Loader from './loader.js'
import type { Needs } from './needs.js'
import { depositKind, type Row, type StoredHold, withdrawalKind } from './rows.js'

const accountsPerLoad = 1_000
const idsPerBlock = 64
/** Holds that nobody serves are looked for so often. */
const overdueEveryMs = 1_000
const nothingKnown: Loader.Known = { seq: 0, serial: 0 }
const referenceKinds = { deposit: depositKind, withdrawal: withdrawalKind } as const

export interface AccountReaderOptions {
  readonly context: GroupContext
  readonly line: Line
  readonly schema: string
  readonly time: LedgerTime
  readonly load: Omit<Loader.LoadOptions, 'now'>
  /** Open holds whose host has died. */
  readonly adopted: (holds: readonly StoredHold[]) => void
  /** Holds of this host that another one has found dead. */
  readonly expired: (holds: readonly Hold[]) => void
}

/** What was learned while one group is tried. */
export class Attempt {
  stale = 0
  readonly alsoLock = new Set<AccountId>()
  /** Accounts of which holds that are known are to be read again too. */
  readonly unsure = new Set<AccountId>()
  readonly stales = new Set<AccountId>()
  readonly staleNames = new Set<string>()
  readonly loaded = new Set<AccountId>()
  readonly absent = new Set<AccountId>()
  readonly absentNames = new Set<string>()

  forget(): void {
    this.absent.clear()
    this.absentNames.clear()
    this.loaded.clear()
  }
}

export class AccountReader {
  readonly #options: AccountReaderOptions
  readonly #load: Statement
  readonly #overdue: Statement
  readonly #references: Statement
  #idNext = 0
  #idEnd = 0
  #overdueAt = Number.NEGATIVE_INFINITY

  constructor(options: AccountReaderOptions) {
    this.#options = options
    const s = options.schema
    this.#load = Loader.loadStatement(s)
    this.#overdue = {
      name: 'overdue',
      text: `SELECT DISTINCT source FROM (SELECT source FROM ${s}.holds WHERE expires_at <= $1 ORDER BY expires_at
        LIMIT ${accountsPerLoad}) AS overdue`,
    }
    this.#references = {
      name: 'references',
      text: `SELECT kind, reference, account, amount FROM ${s}.movements
        WHERE (kind, reference) IN (SELECT * FROM unnest($1::smallint[], $2::text[]))`,
    }
  }

  /** The id of the next account that is opened: `reserveIds` made sure of it. */
  get idNext(): number {
    return this.#idNext
  }

  /** Ids before this one were given out. */
  usedIds(next: number): void {
    this.#idNext = Math.max(this.#idNext, next)
  }

  /** Reads what is needed and the cache does not have, or has no longer as it is. */
  async know(accounts: ReadonlySet<AccountId>, names: ReadonlySet<string>, attempt: Attempt): Promise<void> {
    const { cache } = this.#options.context
    const known = new Map<AccountId, Loader.Known>()
    for (const id of attempt.stales) {
      const account = cache.get(id)
      const serial = attempt.unsure.has(id) ? 0 : (account?.lastSerial ?? 0)
      known.set(id, { seq: account?.standing.last ?? 0, serial })
    }
    for (const id of accounts) if (cache.get(id) === undefined && !attempt.absent.has(id)) known.set(id, nothingKnown)
    const unknown = new Set(attempt.staleNames)
    for (const name of names) if (cache.find(name) === undefined && !attempt.absentNames.has(name)) unknown.add(name)
    if (known.size === 0 && unknown.size === 0) return
    attempt.stales.clear()
    attempt.unsure.clear()
    attempt.staleNames.clear()
    await this.#read(known, [...unknown], attempt)
  }

  async #read(known: ReadonlyMap<AccountId, Loader.Known>, names: readonly string[], attempt: Attempt): Promise<void> {
    const { context, time, load, adopted } = this.#options
    const ids = [...known]
    const portions = Math.max(1, Math.ceil(ids.length / accountsPerLoad), Math.ceil(names.length / accountsPerLoad))
    for (let i = 0; i < portions; i++) {
      const slice = <Value>(values: readonly Value[]) => values.slice(i * accountsPerLoad, (i + 1) * accountsPerLoad)
      const options = { ...load, now: time.now() }
      const some = new Map(slice(ids))
      const sentAt = performance.now()
      const rows = await this.#options.line.query(this.#load, Loader.loadValues(some, slice(names), options))
      const found = Loader.takeOver(context.cache, context.feed, rows as readonly Row[], options)
      time.sample(sentAt, found.clock)
      time.atLeast(found.at)
      this.#options.expired(found.expired)
      if (found.adopted.length > 0) adopted(found.adopted)
      for (const id of found.loaded) attempt.loaded.add(id)
      for (const id of some.keys()) {
        if (found.loaded.has(id)) continue
        attempt.absent.add(id)
        const account = context.cache.get(id)
        if (account?.isPersisted) context.cache.drop(account)
      }
      for (const name of slice(names)) if (context.cache.find(name) === undefined) attempt.absentNames.add(name)
    }
  }

  /** Finds accounts with overdue holds that nobody serves. */
  async findOverdue(attempt: Attempt): Promise<void> {
    const now = performance.now()
    if (now - this.#overdueAt < overdueEveryMs) return
    this.#overdueAt = now
    const { context, time, load } = this.#options
    const rows = await this.#options.line.query(this.#overdue, [Math.max(0, time.now() - load.overdueGraceMs)])
    for (const [source] of rows as readonly (readonly [AccountId])[]) {
      if (context.cache.get(source) === undefined) attempt.stales.add(source)
    }
  }

  async findReferences({ references }: Needs): Promise<ReadonlyMap<string, ReferenceUse>> {
    const uses = new Map<string, ReferenceUse>()
    if (references.length === 0) return uses
    const rows = await this.#options.line.query(this.#references, [
      references.map(({ kind }) => referenceKinds[kind]),
      references.map(({ reference }) => reference),
    ])
    for (const [kind, reference, account, amount] of rows as readonly (readonly [
      number,
      string,
      AccountId,
      bigint,
    ])[]) {
      uses.set(`${kind === referenceKinds.deposit ? 'deposit' : 'withdrawal'} ${reference}`, { account, amount })
    }
    return uses
  }

  /** Takes as many account ids as the group may need, some more to have them at hand. */
  async reserveIds({ opens }: Needs): Promise<void> {
    if (opens <= this.#idEnd - this.#idNext) return
    const count = Math.max(opens, idsPerBlock)
    const s = this.#options.schema
    const rows = await this.#options.line.query(`UPDATE ${s}.account_ids SET next = next + $1 RETURNING next`, [count])
    this.#idEnd = rows[0]![0] as number
    this.#idNext = this.#idEnd - count
  }
}
