/**
 * Takes batches, decides them in groups and writes each group with one statement. While one group is under way the next
 * batches gather; they go together afterwards. One group at a time, so that what the cache says is what was written.
 *
 * A group is tried until it is written or its host gives up:
 * - an account was changed by another host: what changed is read, and everything is decided again, with the accounts locked
 *   so that progress is certain. For a while groups with that account take the locks first;
 * - the connection is lost while the group is written: the database is asked whether it was. If not, it is made sure that
 *   it never will be (`settle_group`), and everything is decided again, at the time that it is then;
 * - the database is away: the group waits for it.
 * Memory is never ahead of the database, so giving up leaves nothing to be undone.
 */
import type { AccountId, Command, Hold, Outcome, ReferenceUse } from '@millstream/ledger'
import { StoreFailedError, serverAccount } from '@millstream/ledger'
import type { Observer } from '@millstream/units'
import type { PostgresEvent } from '../postgres-event.js'
import type { DatabasePlace } from '../postgres-url.js'
import { commitStatement, commitValues } from './commit-values.js'
import { type Line, pause, type Statement } from './connection.js'
import { describe, kindOf } from './failures.js'
import { type Decision, decide, type GroupContext, type WrittenAccount } from './group.js'
import type { LedgerTime } from './ledger-time.js'
import * as Loader from './loader.js'
import { type Needs, needsOf } from './needs.js'
import type { Row, StoredHold } from './rows.js'
import { takeOver, type Written } from './take-over.js'

/** Batches of one group have at most so many commands together, unless one batch alone has more. */
const commandsPerGroup = 4_096
/** Holds that are ended in one group because they are overdue. */
const duePerGroup = 4_096
const accountsPerLoad = 1_000
const optimisticTries = 2
/** For so long after another host was faster, it is likely to be so again: groups with that account take locks first. */
const contendedMs = 250
const nothingKnown: Loader.Known = { seq: 0, serial: 0 }
const idsPerBlock = 64
/** Holds that nobody serves are looked for so often. */
const overdueEveryMs = 1_000
const slowGroupMs = 1_000
const slowToldEveryMs = 60_000

export interface CommitterOptions {
  readonly context: GroupContext
  readonly line: Line
  readonly schema: string
  readonly place: DatabasePlace
  readonly time: LedgerTime
  readonly incarnation: number
  readonly load: Omit<Loader.LoadOptions, 'now'>
  readonly unreachableMsMax: number
  readonly observer: Observer<PostgresEvent> | undefined
  /** Open holds whose host has died. */
  readonly adopted: (holds: readonly StoredHold[]) => void
  readonly failed: (failure: StoreFailedError) => void
}

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

interface InDoubt {
  readonly group: number
  readonly decision: Decision
}

export class Committer {
  readonly #options: CommitterOptions
  readonly #load: Statement
  readonly #commit: Statement
  readonly #settle: Statement
  readonly #verify: Statement
  readonly #overdue: Statement
  readonly #references: Statement
  #queue: Waiting[] = []
  #running: Promise<void> | undefined
  #failure: StoreFailedError | undefined
  #group = 0
  #inDoubt: InDoubt | undefined
  #idNext = 0
  #idEnd = 0
  #overdueAt = Number.NEGATIVE_INFINITY
  #slowToldAt = Number.NEGATIVE_INFINITY
  /** When the last group was written. */
  writtenAt = Number.NEGATIVE_INFINITY
  /** Holds that ended without a batch to tell of it. */
  #untold: Hold[] = []
  readonly #toRefresh = new Set<AccountId>()

  constructor(options: CommitterOptions) {
    this.#options = options
    const s = options.schema
    this.#load = Loader.loadStatement(s)
    this.#commit = commitStatement(s)
    this.#settle = { name: 'settle', text: `SELECT * FROM ${s}.settle_group($1, $2, $3)` }
    this.#verify = {
      name: 'verify',
      text: `SELECT (SELECT array_agg(seen.id) FROM unnest($1::bigint[], $2::bigint[]) AS seen (id, version)
        LEFT JOIN ${s}.accounts AS now ON now.id = seen.id WHERE coalesce(now.version, 0) <> seen.version),
        server_posted, server_held_in, strangers, ${s}.clock_ms() FROM ${s}.feed`,
    }
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

  get failure(): StoreFailedError | undefined {
    return this.#failure
  }

  apply(commands: readonly Command[], isAsked = true): Waiting {
    const waiting = new Waiting(commands, isAsked)
    this.#queue.push(waiting)
    this.#running ??= this.#run()
    return waiting
  }

  /** Looks at accounts again that something may have happened to, and for what is overdue. */
  refresh(accounts: readonly AccountId[]): void {
    for (const id of accounts) this.#toRefresh.add(id)
    this.apply([], false)
  }

  /** Resolves when everything that was asked for is written, or will never be. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  fail(failure: StoreFailedError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    for (const waiting of this.#queue) waiting.reject(failure)
    this.#queue = []
    this.#options.failed(failure)
  }

  async #run(): Promise<void> {
    // What is asked for in the same turn goes together.
    await undefined
    while (this.#queue.length > 0 && this.#failure === undefined) {
      const group = this.#takeGroup()
      const began = performance.now()
      try {
        const decided = await this.#complete(group)
        this.#tell(group, decided)
      } catch (error) {
        const failure = error instanceof StoreFailedError ? error : this.#described(error)
        for (const waiting of group) waiting.reject(failure)
        this.fail(failure)
      }
      this.#noteSlowness(began, group)
    }
    this.#running = undefined
  }

  #takeGroup(): Waiting[] {
    let commands = 0
    let count = 0
    while (
      count < this.#queue.length &&
      (count === 0 || commands + this.#queue[count]!.commands.length <= commandsPerGroup)
    ) {
      commands += this.#queue[count]!.commands.length
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  #tell(group: readonly Waiting[], { outcomes, expired }: Decision): void {
    let dead: readonly Hold[] = this.#untold.length === 0 ? expired : [...this.#untold, ...expired]
    this.#untold = []
    for (const [i, waiting] of group.entries()) {
      waiting.resolve({ outcomes: outcomes[i]!, expired: waiting.isAsked ? dead : [] })
      if (waiting.isAsked) dead = []
    }
    this.#untold.push(...dead)
  }

  #noteSlowness(began: number, group: readonly Waiting[]): void {
    const now = performance.now()
    if (now - began < slowGroupMs || now - this.#slowToldAt < slowToldEveryMs) return
    this.#slowToldAt = now
    const commands = group.reduce((sum, waiting) => sum + waiting.commands.length, 0)
    this.#options.observer?.({
      name: 'ledger_postgres.slow_group',
      level: 'warn',
      ms: Math.round(now - began),
      commands,
    })
  }

  /** Tries until the group is written. */
  async #complete(group: readonly Waiting[]): Promise<Decision> {
    const batches = group.map((waiting) => waiting.commands)
    const attempt = new Attempt()
    let awaySince: number | undefined
    for (let tries = 0; ; ) {
      try {
        const settled = await this.#settleDoubt(batches)
        const decision = settled ?? (await this.#try(batches, attempt))
        if (awaySince !== undefined) {
          const ms = Math.round(performance.now() - awaySince)
          this.#options.observer?.({ name: 'ledger_postgres.reached_again', level: 'info', ms })
        }
        if (decision !== undefined) return decision
        attempt.stale += 1
        awaySince = undefined
      } catch (error) {
        const kind = kindOf(error)
        if (error instanceof StoreFailedError || kind === 'final') throw error
        if (kind === 'taken') {
          // Somebody else was first with a name or a reference; nothing of ours was written.
          for (const { standing, version } of this.#inDoubt?.decision.written ?? []) {
            if (version === 0) attempt.staleNames.add(standing.name)
          }
          this.#inDoubt = undefined
          attempt.forget()
          attempt.stale += 1
          continue
        }
        awaySince ??= this.#goneAway(error)
        if (performance.now() - awaySince > this.#options.unreachableMsMax) throw error
        await pause(tries++)
        if (this.#failure !== undefined) throw this.#failure
      }
    }
  }

  #goneAway(error: unknown): number {
    const reason = this.#options.place.conceal(describe(error))
    this.#options.observer?.({ name: 'ledger_postgres.waiting', level: 'warn', reason })
    return performance.now()
  }

  /** Learns what became of a group whose answer was lost. */
  async #settleDoubt(batches: readonly (readonly Command[])[]): Promise<Decision | undefined> {
    if (this.#inDoubt === undefined) return undefined
    const { group, decision } = this.#inDoubt
    const { context, incarnation } = this.#options
    const [row] = await this.#query(this.#settle, [context.host, incarnation, group])
    const [status, seq, serial, at] = (row ?? ['replaced']) as [string, number, number, number]
    if (status === 'replaced') throw this.#replaced()
    this.#inDoubt = undefined
    if (status !== 'applied') return undefined
    const { feed } = context
    feed.serverPosted += decision.server.postedMore
    feed.serverHeldIn += decision.server.heldInMore
    feed.strangers += decision.strangers.more
    this.#takeOver(decision, batches, { seq, serial, at: at as Written['at'] })
    return decision
  }

  /** One try; `undefined` if something had changed meanwhile. */
  async #try(batches: readonly (readonly Command[])[], attempt: Attempt): Promise<Decision | undefined> {
    await this.#findOverdue(attempt)
    for (const id of this.#toRefresh) {
      attempt.stales.add(id)
      // It may be that nothing changed but the host that its holds belong to.
      attempt.unsure.add(id)
    }
    this.#toRefresh.clear()
    const needs = needsOf(batches)
    const isLocking = attempt.stale >= optimisticTries || needs.needsExactServer || this.#isContended(needs)
    return isLocking ? this.#tryLocked(batches, needs, attempt) : this.#tryAtOnce(batches, needs, attempt)
  }

  async #tryAtOnce(
    batches: readonly (readonly Command[])[],
    needs: Needs,
    attempt: Attempt,
  ): Promise<Decision | undefined> {
    await this.#reserveIds(needs)
    const decision = await this.#decide(batches, needs, attempt)
    return (await this.#write(decision, batches, attempt)) ? decision : undefined
  }

  /** With everything locked that may change, so that nobody is faster. */
  async #tryLocked(
    batches: readonly (readonly Command[])[],
    needs: Needs,
    attempt: Attempt,
  ): Promise<Decision | undefined> {
    const { context, line, schema } = this.#options
    await this.#reserveIds(needs)
    await this.#know(needs.accounts, needs.names, attempt)
    const ids = this.#toLock(needs, attempt)
    return line.together(async () => {
      // In one round trip; all of them are whole numbers.
      await this.#query(`BEGIN; SELECT ${schema}.lock_group(${context.host}, '{${ids.join()}}'::bigint[])`)
      attempt.loaded.clear()
      for (const id of ids) attempt.stales.add(id)
      const decision = await this.#decide(batches, needs, attempt)
      const isUnlocked = ({ standing, version }: WrittenAccount) => version > 0 && !ids.includes(standing.id)
      const unlocked = decision.written.filter(isUnlocked)
      if (unlocked.length === 0 && (await this.#write(decision, batches, attempt, true))) return decision
      for (const { standing } of unlocked) attempt.alsoLock.add(standing.id)
      await this.#query('ROLLBACK')
      return undefined
    })
  }

  /** What will be written, as far as can be told before: all but the server's row, which is hardly ever. */
  #toLock({ accounts, names }: Needs, attempt: Attempt): readonly AccountId[] {
    const { cache } = this.#options.context
    const ids = new Set([...accounts, ...attempt.stales])
    for (const name of names) {
      const account = cache.find(name)
      if (account?.isPersisted) ids.add(account.id)
    }
    for (const { hold } of cache.due(this.#options.time.now()).slice(0, duePerGroup)) {
      ids.add(hold.source).add(hold.target)
    }
    ids.delete(serverAccount)
    for (const id of attempt.alsoLock) ids.add(id)
    return [...ids]
  }

  /** True when another host was faster lately in one of the accounts. */
  #isContended({ accounts }: Needs): boolean {
    const since = performance.now() - contendedMs
    const { cache } = this.#options.context
    for (const id of accounts) if ((cache.get(id)?.staleAt ?? since) > since) return true
    return false
  }

  /** Reads what is not known and decides. */
  async #decide(batches: readonly (readonly Command[])[], needs: Needs, attempt: Attempt): Promise<Decision> {
    const { context, time } = this.#options
    const { cache } = context
    const references = await this.#findReferences(needs)
    let accounts = needs.accounts
    for (;;) {
      await this.#know(accounts, needs.names, attempt)
      const now = time.now()
      const due = cache.due(now).slice(0, duePerGroup)
      const decided = decide(context, batches, due, references, now, this.#idNext)
      if ('outcomes' in decided) return decided
      for (const id of decided)
        if (attempt.absent.has(id)) throw new Error(`an open hold is for account ${id}, which is none`)
      accounts = decided
    }
  }

  /** Writes what was decided, or makes sure that what was looked at is still so. False if it is not. */
  async #write(
    decision: Decision,
    batches: readonly (readonly Command[])[],
    attempt: Attempt,
    isInTransaction = false,
  ): Promise<boolean> {
    const { context, incarnation, time } = this.#options
    if (!decision.isWriting) {
      if (isInTransaction) await this.#options.line.commit()
      else if (!(await this.#isTrue(decision, attempt))) return false
      this.#takeOver(decision, batches, { seq: 0, serial: 0, at: decision.now })
      return true
    }
    this.#group += 1
    const group = this.#group
    const values = commitValues(context, incarnation, group, decision)
    this.#inDoubt = { group, decision }
    const sentAt = performance.now()
    const [row] = await this.#query(this.#commit, values)
    const [status, stale, seq, serial, at, serverPosted, serverHeldIn, strangers, clock] = row as unknown as [
      string,
      readonly AccountId[] | null,
      number,
      number,
      Written['at'],
      bigint | null,
      bigint | null,
      bigint | null,
      number,
    ]
    if (status === 'replaced') throw this.#replaced()
    time.sample(sentAt, clock)
    if (at !== null) time.atLeast(at)
    if (serverPosted !== null && serverHeldIn !== null && strangers !== null) {
      Object.assign(context.feed, { serverPosted, serverHeldIn, strangers })
    }
    if (status === 'stale') {
      this.#inDoubt = undefined
      this.#noteStale(stale ?? [], attempt)
      return false
    }
    if (isInTransaction) await this.#options.line.commit()
    this.#inDoubt = undefined
    this.writtenAt = performance.now()
    this.#takeOver(decision, batches, { seq, serial, at })
    return true
  }

  #takeOver(decision: Decision, batches: readonly (readonly Command[])[], written: Written): void {
    this.#idNext = Math.max(this.#idNext, decision.accountIdNext)
    takeOver(this.#options.context, decision, batches, written)
    this.#options.time.atLeast(written.at)
    this.#options.context.cache.trim()
  }

  #noteStale(stale: readonly AccountId[], attempt: Attempt): void {
    for (const id of stale) {
      attempt.stales.add(id)
      const account = this.#options.context.cache.get(id)
      if (account !== undefined) account.staleAt = performance.now()
    }
  }

  /** Whether accounts that were only looked at still are as they were. */
  async #isTrue(decision: Decision, attempt: Attempt): Promise<boolean> {
    const { strangersRefused, serverRefused } = decision
    const read = decision.read.filter(({ id }) => !attempt.loaded.has(id))
    if (read.length === 0 && !strangersRefused && !serverRefused) return true
    const { feed } = this.#options.context
    const { strangers: strangersSeen } = feed
    const serverSeen = feed.serverPosted + feed.serverHeldIn
    const sentAt = performance.now()
    const [row] = await this.#query(this.#verify, [
      read.map(({ id }) => id),
      read.map(({ standing }) => standing.version),
    ])
    const [stale, serverPosted, serverHeldIn, strangers, clock] = row as unknown as [
      readonly AccountId[] | null,
      bigint,
      bigint,
      bigint,
      number,
    ]
    this.#options.time.sample(sentAt, clock)
    Object.assign(feed, { serverPosted, serverHeldIn, strangers })
    this.#noteStale(stale ?? [], attempt)
    if (strangersRefused && strangers < strangersSeen) return false
    if (serverRefused && serverPosted + serverHeldIn < serverSeen) return false
    return stale === null
  }

  /** Reads what is needed and the cache does not have, or has no longer as it is. */
  async #know(accounts: ReadonlySet<AccountId>, names: ReadonlySet<string>, attempt: Attempt): Promise<void> {
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
    const { context, time, load, observer, adopted } = this.#options
    const ids = [...known]
    const portions = Math.max(1, Math.ceil(ids.length / accountsPerLoad), Math.ceil(names.length / accountsPerLoad))
    for (let i = 0; i < portions; i++) {
      const slice = <Value>(values: readonly Value[]) => values.slice(i * accountsPerLoad, (i + 1) * accountsPerLoad)
      const options = { ...load, now: time.now() }
      const some = new Map(slice(ids))
      const sentAt = performance.now()
      const rows = await this.#query(this.#load, Loader.loadValues(some, slice(names), options))
      const found = Loader.takeOver(context.cache, context.feed, rows as readonly Row[], options)
      time.sample(sentAt, found.clock)
      time.atLeast(found.at)
      this.#untold.push(...found.expired)
      if (found.adopted.length > 0) {
        observer?.({ name: 'ledger_postgres.adopted', level: 'info', holds: found.adopted.length })
        adopted(found.adopted)
      }
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
  async #findOverdue(attempt: Attempt): Promise<void> {
    const now = performance.now()
    if (now - this.#overdueAt < overdueEveryMs) return
    this.#overdueAt = now
    const { context, time, load } = this.#options
    const rows = await this.#query(this.#overdue, [Math.max(0, time.now() - load.overdueGraceMs)])
    for (const [source] of rows as readonly (readonly [AccountId])[]) {
      if (context.cache.get(source) === undefined) attempt.stales.add(source)
    }
  }

  async #findReferences({ references }: Needs): Promise<ReadonlyMap<string, ReferenceUse>> {
    const uses = new Map<string, ReferenceUse>()
    if (references.length === 0) return uses
    const rows = await this.#query(this.#references, [
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
  async #reserveIds({ opens }: Needs): Promise<void> {
    if (opens <= this.#idEnd - this.#idNext) return
    const count = Math.max(opens, idsPerBlock)
    const s = this.#options.schema
    const rows = await this.#query(`UPDATE ${s}.account_ids SET next = next + $1 RETURNING next`, [count])
    this.#idEnd = rows[0]![0] as number
    this.#idNext = this.#idEnd - count
  }

  #query(statement: Statement | string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#options.line.query(statement, values)
  }

  #replaced(): StoreFailedError {
    return new HostReplacedError()
  }

  #described(error: unknown): StoreFailedError {
    const { place } = this.#options
    return new DatabaseFailedError(place, error)
  }
}

const referenceKinds = { deposit: 4, withdrawal: 5 } as const

/** What was learned while one group is tried. */
class Attempt {
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

/** Groups cannot be written any more. */
export class DatabaseFailedError extends StoreFailedError {
  override readonly name = 'LedgerPostgres.DatabaseFailedError'
  override readonly code = 'LEDGER_DATABASE_FAILED'
  constructor({ name, conceal }: DatabasePlace, cause: unknown) {
    const kind = kindOf(cause)
    const isAway = kind === 'lost' || kind === 'undone'
    const reason = conceal(describe(cause))
    const text = cause instanceof Error ? (cause.stack ?? '') : ''
    super({
      what: isAway
        ? `the database ${name} could not be used for too long (${reason})`
        : `the database ${name} refused to write (${reason})`,
      next: isAway
        ? 'See to the database and the way to it, then start again.'
        : 'See to the database, then start again.',
      cause: conceal(text) === text ? cause : undefined,
    })
  }
}

/** Another process of the same name has taken over. */
export class HostReplacedError extends StoreFailedError {
  override readonly name = 'LedgerPostgres.HostReplacedError'
  override readonly code = 'LEDGER_HOST_REPLACED'
  constructor() {
    super({
      what: 'another process was started under the name of this host and writes in its place',
      next: 'Give every host a name of its own.',
      cause: undefined,
    })
  }
}
