export type { Facts } from './facts.js'
export { DatabaseFailedError, HostReplacedError } from './internal/committer.js'
export {
  DatabaseUnreachableError,
  ForeignSchemaError,
  type Migrated,
  type MigrateOptions,
  MigrationError,
  migrate,
  NewerSchemaError,
  OlderSchemaError,
  SchemaNameError,
  ServerTooOldError,
} from './migrate.js'
export {
  type OpenedPostgres,
  openPostgres,
  type PostgresOptions,
  type PostgresSettings,
  postgresSettings,
} from './open-postgres.js'
export type { PostgresEvent } from './postgres-event.js'
export { PostgresUrlError } from './postgres-url.js'
