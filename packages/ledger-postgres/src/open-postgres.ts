/**
 * Opens a ledger in PostgreSQL: for many shops that share the same accounts. Each of them is a _host_. It decides in its
 * own memory with the rules that all stores have, and writes what it decided with one statement for a group of batches;
 * the database makes sure that every account still stands as it was decided upon, and stores.
 */
import { randomBytes as nodeRandomBytes } from 'node:crypto'
import {
  type AccountId,
  badDebtAccount,
  expiredKeptMs,
  type LedgerLimits,
  ledgerLimits,
  type Store,
  type StoreFailedError,
  serverAccount,
  settlementAccount,
  suspenseAccount,
} from '@millstream/ledger'
import type { StreamStore } from '@millstream/shop'
import { type Hashes, type Instant, MillstreamError, type Observer, type RandomBytes } from '@millstream/units'
import { Facts } from './facts.js'
import { AccountCache } from './internal/account-cache.js'
import { Committer, HostReplacedError } from './internal/committer.js'
import { type ConnectionSettings, Line, Reads } from './internal/connection.js'
import { kindOf } from './internal/failures.js'
import type { GroupContext } from './internal/group.js'
import { LedgerTime } from './internal/ledger-time.js'
import * as Loader from './internal/loader.js'
import type { Row } from './internal/rows.js'
import { assertSchema, DatabaseUnreachableError, defaultSchema, migrate, quoted } from './migrate.js'
import type { PostgresEvent } from './postgres-event.js'
import { Adopted, PostgresStore } from './postgres-store.js'
import { PostgresStreamStore } from './postgres-stream-store.js'
import { type DatabasePlace, placeOf } from './postgres-url.js'

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; what libpq knows may follow as a query. */
  readonly url: string
  /**
   * Names this host among those that share the ledger. A process that is started under the name of one that has ended
   * takes back its open holds (`Store.holds`); one that is started under the name of one that runs takes its place. A new
   * name each time if left out: then open holds of the past are found when their accounts are served again.
   */
  readonly host?: string
  /** The schema of the tables. `millstream` */
  readonly schema?: string
  readonly hashes: Hashes
  readonly limits?: Partial<LedgerLimits>
  readonly randomBytes?: RandomBytes
  readonly observer?: Observer<PostgresEvent>
  /** Called once if the store fails, also when nobody asks it for anything: everything that is asked for later fails. */
  readonly onFailure?: (failure: StoreFailedError) => void
  /** Brings the schema to the version of this program. True; with false an older one is refused. */
  readonly migrate?: boolean
  /** Connections: one for writing, the others for reading. At least 2. 4 */
  readonly poolMax?: number
  /** Decides ledger time in place of the database's clock, on which all hosts agree: for tests. */
  readonly ledgerClock?: Instant.Clock
  readonly settings?: Partial<PostgresSettings>
}

/** Bounds, each with its default in `postgresSettings`. */
export interface PostgresSettings {
  /** Waiting for a connection. 10,000 */
  readonly connectMsMax: number
  /** Waiting for the answer to a statement; then the connection is given up. 15,000 */
  readonly answerMsMax: number
  /** Waiting for a database that is away before the store fails. 60,000 */
  readonly unreachableMsMax: number
  /** Each host says that it is alive so often. 2,000 */
  readonly heartbeatMs: number
  /** A host that was not heard of for so long is dead: its holds are adopted. 7,000 */
  readonly silentMsMax: number
  /** An overdue hold is left to the host that prepared it for so long. 3,000 */
  readonly overdueGraceMs: number
  /** Accounts in memory. Those that have something open stay beyond that. 65,536 */
  readonly accountsMax: number
}

export const postgresSettings: PostgresSettings = {
  connectMsMax: 10_000,
  answerMsMax: 15_000,
  unreachableMsMax: 60_000,
  heartbeatMs: 2_000,
  silentMsMax: 7_000,
  overdueGraceMs: 3_000,
  accountsMax: 65_536,
}

export interface OpenedPostgres {
  readonly ledger: Store
  /** The shop's streams, in the same schema. */
  readonly streams: StreamStore
  /** What all hosts must agree on. */
  readonly facts: Facts
  /** Ledger time, as this host knows it: for whoever works with the ledger. */
  readonly clock: Instant.Clock
  /** Writes what is asked for, tells the other hosts that this one leaves, and closes the connections. */
  close(): Promise<void>
}

const poolDefault = 4
const accountsPerLoad = 1_000

/**
 * Opens the ledger of a schema, or makes one.
 *
 * @throws {PostgresUrlError} The URL cannot be read.
 * @throws {SchemaNameError} The name of the schema cannot be one.
 * @throws {DatabaseUnreachableError} There is no way to the database, or it lets nobody in.
 * @throws {ServerTooOldError} It is older than PostgreSQL 13.
 * @throws {OlderSchemaError} The schema has to be migrated, and `migrate` is false.
 * @throws {NewerSchemaError} A later version made the schema.
 * @throws {ForeignSchemaError} It belongs to something else.
 * @throws {MigrationError} The schema could not be made; nothing was changed.
 * @example
 * const { ledger, close } = await openPostgres({ url: 'postgres://shop:…@db/shop', host: 'node-1', hashes })
 * const { outcomes } = ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 100n }])
 * await outcomes // [{ status: 'opened', account: { name: 'alice', … } }]
 * await close()
 */
export async function openPostgres(options: PostgresOptions): Promise<OpenedPostgres> {
  const began = performance.now()
  const settings = { ...postgresSettings, ...options.settings }
  const place = placeOf(options.url)
  await (options.migrate === false ? assertSchema : migrate)({ ...options, connectMsMax: settings.connectMsMax })
  const connection: ConnectionSettings = {
    place,
    applicationName: `millstream ${options.host ?? ''}`.trim().slice(0, 63),
    connectMsMax: settings.connectMsMax,
    answerMsMax: settings.answerMsMax,
  }
  const readers = Math.max(1, (options.poolMax ?? poolDefault) - 1)
  const reads = new Reads({ ...connection, retryMsMax: settings.unreachableMsMax }, readers)
  const line = new Line(connection)
  try {
    return await wire(options, settings, place, reads, line, began)
  } catch (error) {
    await Promise.all([reads.close(), line.close()])
    if (!(error instanceof MillstreamError) && kindOf(error) !== 'final')
      throw new DatabaseUnreachableError(place, error)
    throw error
  }
}

async function wire(
  options: PostgresOptions,
  settings: PostgresSettings,
  place: DatabasePlace,
  reads: Reads,
  line: Line,
  began: number,
): Promise<OpenedPostgres> {
  const { observer, hashes, randomBytes = (length: number) => Uint8Array.from(nodeRandomBytes(length)) } = options
  const s = quoted(options.schema ?? defaultSchema)
  const limits = { ...ledgerLimits, ...options.limits }
  const name = options.host ?? `host-${Buffer.from(randomBytes(9)).toString('base64url')}`
  await warnOfForgetting(line, observer)
  const { host, incarnation } = await enter(line, s, name)
  const expiresInMsMax = await allowExpiry(line, s, limits.expiresInMsMax)
  const horizonMs = Math.max(expiresInMsMax, expiredKeptMs) + roundingMs

  const time = new LedgerTime(options.ledgerClock)
  const cache = new AccountCache(randomBytes(8), settings.accountsMax)
  const context: GroupContext = {
    cache,
    feed: { serverPosted: 0n, serverHeldIn: 0n, strangers: 0n },
    host,
    limits,
    hashes,
    idKey: randomBytes(8),
    overdueGraceMs: settings.overdueGraceMs,
  }
  const load = { host, horizonMs, silentMsMax: settings.silentMsMax, overdueGraceMs: settings.overdueGraceMs }
  const holds = await loadOwn(line, s, context, time, load)
  const adopted = new Adopted()
  const committer = new Committer({
    context,
    line,
    schema: s,
    place,
    time,
    incarnation,
    load,
    unreachableMsMax: settings.unreachableMsMax,
    observer,
    adopted: (found) => adopted.tell(found),
    failed(failure) {
      const { code, message } = failure
      observer?.({ name: 'ledger_postgres.failed', level: 'error', code, message })
      options.onFailure?.(failure)
    },
  })

  const heartbeat = setInterval(() => void beat(), settings.heartbeatMs)
  heartbeat.unref()
  const beat = async () => {
    if (committer.failure !== undefined) return
    try {
      const rows = await reads.query(
        `UPDATE ${s}.hosts SET seen_at = ${s}.clock_ms() WHERE id = $1 AND incarnation = $2 AND seen_at <> 0 RETURNING id`,
        [host, incarnation],
      )
      if (rows.length === 0 && closing === undefined) committer.fail(new HostReplacedError())
      // Looks for what is overdue and for what dead hosts have left.
      else if (closing === undefined) await watch()
    } catch {
      // The next beat, or the next group, finds out what is the matter.
    }
  }
  const watch = async () => {
    const foreign = new Map<AccountId, number>()
    for (const account of cache.all()) {
      for (const { isForeign, hold } of account.holds.values()) if (isForeign) foreign.set(account.id, hold.host)
    }
    const silent = foreign.size === 0 ? new Set<number>() : await findSilent(reads, s, foreign, settings.silentMsMax)
    const left = [...foreign].filter(([, other]) => silent.has(other)).map(([account]) => account)
    if (committer.failure === undefined && closing === undefined) committer.refresh(left)
  }

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll()
    return closing
  }
  const closeAll = async () => {
    try {
      await committer.idle()
      await streams.idle()
      await reads
        .query(`UPDATE ${s}.hosts SET seen_at = 0 WHERE id = $1 AND incarnation = $2`, [host, incarnation])
        .catch(() => {})
    } finally {
      clearInterval(heartbeat)
      ledger.closed = true
      streams.closed = true
      await Promise.all([reads.close(), line.close()])
      observer?.({ name: 'ledger_postgres.closed', level: 'info', database: place.name })
    }
  }
  const streams = new PostgresStreamStore(reads, s, { host, incarnation }, settings.silentMsMax)
  const ledger = new PostgresStore({
    context,
    committer,
    reads,
    schema: s,
    time,
    expiresInMsMax,
    horizonMs,
    adopted,
    close,
  })
  const ms = Math.round(performance.now() - began)
  observer?.({ name: 'ledger_postgres.opened', level: 'info', database: place.name, host: name, holds, ms })
  return { ledger, streams, facts: new Facts(reads, s), clock: () => time.now(), close }
}

/** Ids are remembered to the end of a second. */
const roundingMs = 1_000

/** Says so if the server may forget what it has promised. */
async function warnOfForgetting(line: Line, observer: Observer<PostgresEvent> | undefined): Promise<void> {
  const rows = await line.query(
    "SELECT name FROM unnest(ARRAY['fsync', 'full_page_writes']) AS name WHERE current_setting(name) = 'off'",
  )
  for (const [setting] of rows) {
    observer?.({ name: 'ledger_postgres.not_durable', level: 'warn', setting: String(setting) })
  }
}

/** Takes the place of whoever had the name before. */
async function enter(line: Line, s: string, name: string) {
  const [row] = await line.query(
    `INSERT INTO ${s}.hosts AS h (name, incarnation, last_group, voided, last_seq, last_serial, last_at, seen_at)
    VALUES ($1, 1, 0, true, 0, 0, 0, ${s}.clock_ms())
    ON CONFLICT (name) DO UPDATE SET incarnation = h.incarnation + 1, last_group = 0, voided = true, seen_at = ${s}.clock_ms()
    RETURNING id, incarnation`,
    [name],
  )
  // Names that were made up for one start only.
  await line.query(
    `DELETE FROM ${s}.hosts WHERE seen_at < ${s}.clock_ms() - $1 AND id NOT IN (SELECT host FROM ${s}.holds)`,
    [forgottenAfterMs],
  )
  return { host: row![0] as number, incarnation: row![1] as number }
}

const forgottenAfterMs = 7 * 24 * 3_600_000

/** The furthest expiry that was ever allowed by any host: what ended before it is forgotten by all. */
async function allowExpiry(line: Line, s: string, expiresInMsMax: number): Promise<number> {
  const [row] = await line.query(
    `INSERT INTO ${s}.meta AS m (name, value) VALUES ('expires_in_ms_max', $1)
    ON CONFLICT (name) DO UPDATE SET value = greatest(m.value::bigint, $1::bigint)::text RETURNING value`,
    [String(expiresInMsMax)],
  )
  return Number(row![0])
}

/** Reads the system's accounts and those with holds that a host of this name prepared. */
async function loadOwn(
  line: Line,
  s: string,
  { cache, feed, host }: GroupContext,
  time: LedgerTime,
  load: Omit<Loader.LoadOptions, 'now'>,
): Promise<number> {
  const sentAt = performance.now()
  const [clock] = await line.query(`SELECT ${s}.clock_ms(), at FROM ${s}.feed`)
  time.sample(sentAt, clock![0] as number)
  time.atLeast(clock![1] as number)
  const rows = await line.query(`SELECT source, count(*) FROM ${s}.holds WHERE host = $1 GROUP BY source`, [host])
  const system = [serverAccount, settlementAccount, badDebtAccount, suspenseAccount]
  const ids = [...new Set([...system, ...rows.map(([source]) => source as AccountId)])]
  const statement = Loader.loadStatement(s)
  for (let i = 0; i < ids.length; i += accountsPerLoad) {
    const options = { ...load, now: time.now() }
    const known = new Map(ids.slice(i, i + accountsPerLoad).map((id) => [id, { seq: 0, serial: 0 }]))
    const loaded = await line.query(statement, Loader.loadValues(known, [], options))
    Loader.takeOver(cache, feed, loaded as readonly Row[], options)
  }
  return rows.reduce((sum, [, count]) => sum + (count as number), 0)
}

async function findSilent(
  reads: Reads,
  s: string,
  foreign: ReadonlyMap<AccountId, number>,
  silentMsMax: number,
): Promise<ReadonlySet<number>> {
  const hosts = [...new Set(foreign.values())]
  const rows = await reads.query(`SELECT id FROM ${s}.hosts WHERE id = ANY ($1) AND seen_at < ${s}.clock_ms() - $2`, [
    hosts,
    silentMsMax,
  ])
  return new Set(rows.map(([id]) => id as number))
}
