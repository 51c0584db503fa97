export {
  type BackupBatch,
  type BackupPart,
  BackupTooSlowError,
  BackupUnderWayError,
  BackupUnreadableError,
} from './internal/copy-file.js'
export {
  DamagedFileError,
  DataFolderError,
  DataFolderInUseError,
  ForeignFileError,
  ledgerFileName,
  NewerFileError,
} from './ledger-file.js'
export { DiskFullError, type OpenedSqlite, openSqlite, type SqliteOptions } from './open-sqlite.js'
export { assertPages, BackupCutError, backupNote, receiveBackup, setBackupNote } from './receive-backup.js'
export type { SqliteEvent } from './sqlite-event.js'
