/**
 * Bringing the schema of a ledger to the version of this program. Steps are applied in one transaction under an advisory
 * lock, so that it does not matter how many do it at once or how often.
 */
import { MillstreamError, type Observer } from '@millstream/units'
import pg from 'pg'
import { describe, kindOf } from './internal/failures.js'
import { product, schemaVersion, steps } from './internal/schema.js'
import type { PostgresEvent } from './postgres-event.js'
import { type DatabasePlace, placeOf } from './postgres-url.js'

export interface MigrateOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE` */
  readonly url: string
  /** The schema of the tables. `millstream` */
  readonly schema?: string
  readonly observer?: Observer<PostgresEvent>
  /** How long to wait for a connection. 10,000 */
  readonly connectMsMax?: number
}

export interface Migrated {
  /** Version before, 0 for none, and now. */
  readonly from: number
  readonly to: number
}

export const defaultSchema = 'millstream'

/** Older servers lack something that is used. */
const serverVersionMin = 13

/**
 * Makes the schema, or brings it to the version of this program. Does nothing if it is there.
 *
 * @throws {PostgresUrlError} The URL cannot be read.
 * @throws {SchemaNameError} The name of the schema cannot be one.
 * @throws {DatabaseUnreachableError} There is no way to the database, or it lets nobody in.
 * @throws {NewerSchemaError} A later version made the schema.
 * @throws {ForeignSchemaError} It belongs to something else.
 * @throws {MigrationError} A step failed; nothing was changed.
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  return withClient(options, async (client, place, schema) => {
    const migrated = await migrateWith(client, place, schema)
    if (migrated.from !== migrated.to) {
      options.observer?.({ name: 'ledger_postgres.migrated', level: 'info', database: place.name, ...migrated })
    }
    return migrated
  })
}

/**
 * Makes sure that the schema is of the version of this program.
 *
 * @throws {OlderSchemaError} It has to be migrated first.
 */
export async function assertSchema(options: MigrateOptions): Promise<void> {
  await withClient(options, async (client, place, schema) => {
    const found = await versionOf(client, schema)
    if (found === undefined || found < schemaVersion) throw new OlderSchemaError(place.name, schema, found)
    if (found > schemaVersion) throw new NewerSchemaError(place.name, schema, found)
  })
}

export function quoted(schema: string): string {
  return `"${schema}"`
}

async function withClient<Result>(
  options: MigrateOptions,
  use: (client: pg.Client, place: DatabasePlace, schema: string) => Promise<Result>,
): Promise<Result> {
  const { url, schema = defaultSchema, connectMsMax = 10_000 } = options
  const place = placeOf(url)
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema.startsWith('pg_')) throw new SchemaNameError(schema)
  const client = new pg.Client({
    connectionString: place.connectionString,
    connectionTimeoutMillis: connectMsMax,
    application_name: 'millstream migrate',
  })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw new DatabaseUnreachableError(place, error)
  }
  try {
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS version",
    )
    const version = rows[0]!.version
    if (version < serverVersionMin) throw new ServerTooOldError(place.name, version)
    return await use(client, place, schema)
  } catch (error) {
    if (error instanceof MillstreamError) throw error
    if (kindOf(error) === 'lost') throw new DatabaseUnreachableError(place, error)
    throw new MigrationError(place, schema, error)
  } finally {
    await client.end().catch(() => {})
  }
}

async function migrateWith(client: pg.Client, place: DatabasePlace, schema: string): Promise<Migrated> {
  const s = quoted(schema)
  await client.query(
    'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; SET LOCAL client_min_messages = warning',
  )
  // Whoever comes second waits here and finds everything done.
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('millstream migrate ' || $1, 0))", [schema])
  const found = await versionOf(client, schema)
  if (found !== undefined && found > schemaVersion) throw new NewerSchemaError(place.name, schema, found)
  if (found === undefined) {
    const { rows } = await client.query(
      `SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1 LIMIT 1`,
      [schema],
    )
    if (rows.length > 0) throw new ForeignSchemaError(place.name, schema)
    await client.query(
      `CREATE SCHEMA IF NOT EXISTS ${s}; CREATE TABLE ${s}.meta (name text PRIMARY KEY, value text NOT NULL);
      INSERT INTO ${s}.meta VALUES ('product', '${product}'), ('schema_version', '0')`,
    )
  }
  const from = found ?? 0
  for (const step of steps(s).slice(from)) await client.query(step)
  await client.query(`UPDATE ${s}.meta SET value = $1 WHERE name = 'schema_version'`, [String(schemaVersion)])
  await client.query('COMMIT')
  return { from, to: schemaVersion }
}

/** `undefined` where there is no schema of ours. */
async function versionOf(client: pg.Client, schema: string): Promise<number | undefined> {
  const { rows: tables } = await client.query('SELECT to_regclass($1) AS meta', [`${quoted(schema)}.meta`])
  if (tables[0].meta === null) return undefined
  const { rows } = await client.query<{ name: string; value: string }>(
    `SELECT name::text, value::text FROM ${quoted(schema)}.meta WHERE name IN ('product', 'schema_version')`,
  )
  const values = new Map(rows.map(({ name, value }) => [name, value]))
  return values.get('product') === product ? Number(values.get('schema_version')) : undefined
}

export class DatabaseUnreachableError extends MillstreamError {
  override readonly name = 'LedgerPostgres.DatabaseUnreachableError'
  readonly code = 'LEDGER_DATABASE_UNREACHABLE'
  constructor({ name, conceal }: DatabasePlace, cause: unknown) {
    super(
      `The database ${name} cannot be used: ${conceal(describe(cause))}. Nothing was changed. See whether it runs, and ` +
        'whether address, user and password are right, then start again.',
    )
  }
}

export class ServerTooOldError extends MillstreamError {
  override readonly name = 'LedgerPostgres.ServerTooOldError'
  readonly code = 'LEDGER_DATABASE_TOO_OLD'
  constructor(database: string, version: number) {
    super(
      `The database ${database} is PostgreSQL ${version}; the ledger needs ${serverVersionMin} or later. Nothing was changed.`,
    )
  }
}

export class SchemaNameError extends MillstreamError {
  override readonly name = 'LedgerPostgres.SchemaNameError'
  readonly code = 'LEDGER_SCHEMA_NAME'
  constructor(schema: string) {
    super(
      `${JSON.stringify(schema.slice(0, 80))} cannot be the name of the ledger's schema: 1 to 63 small letters, digits ` +
        'and "_", not beginning with a digit or "pg_".',
    )
  }
}

export class OlderSchemaError extends MillstreamError {
  override readonly name = 'LedgerPostgres.OlderSchemaError'
  readonly code = 'LEDGER_SCHEMA_OLDER'
  constructor(database: string, schema: string, found: number | undefined) {
    const what = found === undefined ? 'has no ledger yet' : `has a ledger of version ${found}`
    super(
      `The schema "${schema}" of ${database} ${what}; this program works with version ${schemaVersion}. Nothing was ` +
        'changed. Migrate it first.',
    )
  }
}

export class NewerSchemaError extends MillstreamError {
  override readonly name = 'LedgerPostgres.NewerSchemaError'
  readonly code = 'LEDGER_SCHEMA_NEWER'
  constructor(database: string, schema: string, found: number) {
    super(
      `The ledger in the schema "${schema}" of ${database} is of version ${found}, made by a later program than this ` +
        `one, which knows ${schemaVersion}. Nothing was changed. Use the later program.`,
    )
  }
}

export class ForeignSchemaError extends MillstreamError {
  override readonly name = 'LedgerPostgres.ForeignSchemaError'
  readonly code = 'LEDGER_SCHEMA_FOREIGN'
  constructor(database: string, schema: string) {
    super(
      `The schema "${schema}" of ${database} has tables in it that are no ledger. Nothing was changed. Name another ` +
        'schema.',
    )
  }
}

export class MigrationError extends MillstreamError {
  override readonly name = 'LedgerPostgres.MigrationError'
  readonly code = 'LEDGER_MIGRATION'
  constructor({ name, conceal }: DatabasePlace, schema: string, cause: unknown) {
    super(
      `The schema "${schema}" of ${name} could not be made or read: ${conceal(describe(cause))}. Nothing was changed. ` +
        'The user needs the right to create schemas in the database, or to own this one.',
    )
  }
}
