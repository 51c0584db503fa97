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
import type { AccountId, Command, Hold } from '@millstream/ledger'
import { StoreFailedError, serverAccount } from '@millstream/ledger'
import type { Observer } from '@millstream/units'
import type { PostgresEvent } from '../postgres-event.js'
import type { DatabasePlace } from '../postgres-url.js'
import { AccountReader, Attempt } from './account-reader.js'
import { commitStatement, commitValues } from './commit-values.js'
import { type Line, pause, type Statement } from './connection.js'
import { describe, kindOf } from './failures.js'
import { type Decision, decide, type GroupContext, type WrittenAccount } from './group.js'
import type { LedgerTime } from './ledger-time.js'
import type * as Loader from './loader.js'
import { type Needs, needsOf } from './needs.js'
import type { Row, StoredHold } from './rows.js'
import { takeOver, type Written } from './take-over.js'
import { Waiting } from './waiting.js'

/** Batches of one group have at most so many commands together, unless one batch alone has more. */
const commandsPerGroup = 4_096
/** Holds that are ended in one group because they are overdue. */
const duePerGroup = 4_096
const optimisticTries = 2
/** For so long after another host was faster, it is likely to be so again: groups with that account take locks first. */
const contendedMs = 250
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

interface InDoubt {
  readonly group: number
  readonly decision: Decision
}

export class Committer {
  readonly #options: CommitterOptions
  readonly #reader: AccountReader
  readonly #commit: Statement
  readonly #settle: Statement
  readonly #verify: Statement
  #queue: Waiting[] = []
  #running: Promise<void> | undefined
  #failure: StoreFailedError | undefined
  #group = 0
  #inDoubt: InDoubt | undefined
  #slowToldAt = Number.NEGATIVE_INFINITY
  /** When the last group was written. */
  writtenAt = Number.NEGATIVE_INFINITY
  /** Holds that ended without a batch to tell of it. */
  #untold: Hold[] = []
  readonly #toRefresh = new Set<AccountId>()

  constructor(options: CommitterOptions) {
    this.#options = options
    const s = options.schema
    this.#commit = commitStatement(s)
    this.#settle = { name: 'settle', text: `SELECT * FROM ${s}.settle_group($1, $2, $3)` }
    this.#verify = {
      name: 'verify',
      text: `SELECT (SELECT array_agg(seen.id) FROM unnest($1::bigint[], $2::bigint[]) AS seen (id, version)
        LEFT JOIN ${s}.accounts AS now ON now.id = seen.id WHERE coalesce(now.version, 0) <> seen.version),
        server_posted, server_held_in, strangers, ${s}.clock_ms() FROM ${s}.feed`,
    }
    const { observer, adopted } = options
    this.#reader = new AccountReader({
      ...options,
      expired: (holds) => void this.#untold.push(...holds),
      adopted(holds) {
        observer?.({ name: 'ledger_postgres.adopted', level: 'info', holds: holds.length })
        adopted(holds)
      },
    })
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
        const failure = error instanceof StoreFailedError ? error : new DatabaseFailedError(this.#options.place, error)
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
    if (status === 'replaced') throw new HostReplacedError()
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
    await this.#reader.findOverdue(attempt)
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
    await this.#reader.reserveIds(needs)
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
    await this.#reader.reserveIds(needs)
    await this.#reader.know(needs.accounts, needs.names, attempt)
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
    const references = await this.#reader.findReferences(needs)
    let accounts = needs.accounts
    for (;;) {
      await this.#reader.know(accounts, needs.names, attempt)
      const now = time.now()
      const due = cache.due(now).slice(0, duePerGroup)
      const decided = decide(context, batches, due, references, now, this.#reader.idNext)
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
    if (status === 'replaced') throw new HostReplacedError()
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
    this.#reader.usedIds(decision.accountIdNext)
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

  #query(statement: Statement | string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#options.line.query(statement, values)
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
