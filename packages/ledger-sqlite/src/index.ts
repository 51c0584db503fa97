export {
  DamagedFileError,
  DataFolderError,
  DataFolderInUseError,
  ForeignFileError,
  ledgerFileName,
  NewerFileError,
} from './ledger-file.js'
export { DiskFullError, type OpenedSqlite, openSqlite, type SqliteOptions } from './open-sqlite.js'
export type { SqliteEvent } from './sqlite-event.js'
