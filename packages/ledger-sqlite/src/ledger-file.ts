/**
 * The file of a ledger: found or made, known for what it is before anything is changed, and held by one process at a
 * time. The lock is the operating system's and ends with the process, however it ends.
 */
import { accessSync, closeSync, constants, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MillstreamError } from '@millstream/units'
import { openDatabase, type SqlDatabase, sqliteCode } from './internal/database.js'
import { applicationId, migrations, schemaVersion, tables } from './internal/schema.js'

export const ledgerFileName = 'ledger.sqlite'

export const logFileName = `${ledgerFileName}-wal`

/**
 * Pages of the write-ahead log after which it is taken into the file: 4 MiB. The payments of that moment wait for it, so
 * it is better done often than long.
 */
export const checkpointPages = 1000

/** Pages that SQLite keeps in memory: 8 MiB. */
const cachePages = 2048

/** Also of a copy: all files of ours have pages of this size. */
export const pageBytes = 4096

/** A file of at most this many pages is proved whole at once when it is opened; a larger one by `check`. */
const quickCheckPagesMax = 2048

export interface LedgerFile {
  readonly database: SqlDatabase
  /** For reading the file as it lies on the disk. */
  readonly descriptor: number
  /** Path of the write-ahead log. */
  readonly log: string
  /** Takes the log into the file, gives up the lock and closes. */
  close(): void
}

/**
 * @throws {DataFolderInUseError} Another process holds it, or another ledger of this one.
 * @throws {DataFolderError} The folder cannot be made, read or written.
 * @throws {ForeignFileError} The file is something else.
 * @throws {NewerFileError} A later version made it.
 * @throws {DamagedFileError} It is a ledger and cannot be read.
 */
export function openLedgerFile(folder: string, fileBytesMax?: number): LedgerFile {
  const path = join(folder, ledgerFileName)
  let database: SqlDatabase | undefined
  let file: OpenFile | undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    file = openFile(path)
    // Before SQLite is let near it, which might finish what another program left undone in its log.
    assertHeader(file.descriptor, path)
    database = openDatabase(path)
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    // The lock is taken here and kept to the end.
    database.exec('BEGIN EXCLUSIVE')
    database.exec('COMMIT')
    const isNew = assertOurs(database, path)
    if (!isNew) assertWhole(database, path)
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    database.exec(`PRAGMA cache_size = ${cachePages}`)
    if (fileBytesMax !== undefined) database.exec(`PRAGMA max_page_count = ${Math.ceil(fileBytesMax / pageBytes)}`)
    if (isNew) create(database)
    else migrate(database)
    const opened = { database, descriptor: file.descriptor, log: join(folder, logFileName) }
    return { ...opened, close: () => closeBoth(opened.database.close, file!) }
  } catch (error) {
    if (file !== undefined) closeBoth(() => database?.abandon(), file)
    throw openingError(error, folder)
  }
}

function closeBoth(closeDatabase: () => void, file: OpenFile): void {
  try {
    closeDatabase()
  } finally {
    file.close()
  }
}

interface OpenFile {
  readonly descriptor: number
  close(): void
}

/** By device and number of the file: those that this process holds. */
const held = new Set<string>()

/**
 * Opens the file for reading beside SQLite. The lock of POSIX belongs to the process, and closing any descriptor of the
 * file gives it up: so there is one of our own, opened before SQLite's and closed after it, and a ledger that this
 * process holds is not touched at all by a second opening.
 */
function openFile(path: string): OpenFile {
  const stats = statSync(path, { throwIfNoEntry: false })
  // SQLite gives its log the mode of the file beside it.
  if (stats === undefined) closeSync(openSync(path, 'a', 0o600))
  else accessSync(path, constants.R_OK | constants.W_OK)
  const { dev, ino } = statSync(path, { bigint: true })
  const key = `${dev} ${ino}`
  if (held.has(key)) throw new DataFolderInUseError(dirname(path), undefined)
  const descriptor = openSync(path, 'r')
  held.add(key)
  const close = () => {
    held.delete(key)
    closeSync(descriptor)
  }
  return { descriptor, close }
}

function create(database: SqlDatabase): void {
  database.transaction(() => database.exec(tables))
}

function migrate(database: SqlDatabase): void {
  for (;;) {
    const version = database.value('PRAGMA user_version') as number
    const sql = migrations.get(version)
    if (sql === undefined) return
    database.transaction(() => database.exec(sql))
  }
}

/** The header of the file, and of its first page behind it, say what it is. */
function assertHeader(descriptor: number, path: string): void {
  const header = new Uint8Array(108)
  if (readSync(descriptor, header, 0, header.length, 0) === 0) return
  const magic = 'SQLite format 3\0'
  if (String.fromCharCode(...header.subarray(0, magic.length)) !== magic) throw new ForeignFileError(path)
  const view = new DataView(header.buffer)
  const [version, application, tableCount] = [view.getUint32(60), view.getUint32(68), view.getUint16(103)]
  // A file whose making was cut short has no number of ours and no table either.
  if (application !== applicationId && (application !== 0 || tableCount > 0)) throw new ForeignFileError(path)
  if (version > schemaVersion) throw new NewerFileError(path, version)
}

/** @returns True for an empty database, which is to become a ledger. */
function assertOurs(database: SqlDatabase, path: string): boolean {
  const application = database.value('PRAGMA application_id')
  const version = database.value('PRAGMA user_version') as number
  if (application === 0 && database.value('SELECT count(*) FROM sqlite_schema') === 0) return true
  if (application !== applicationId) throw new ForeignFileError(path)
  if (version > schemaVersion) throw new NewerFileError(path, version)
  return false
}

function assertWhole(database: SqlDatabase, path: string): void {
  if ((database.value('PRAGMA page_count') as number) > quickCheckPagesMax) return
  const found = database.value('PRAGMA quick_check(1)')
  if (found !== 'ok') throw new DamagedFileError(path, String(found))
}

/** What went wrong while a ledger was opened, in words for a person. */
export function openingError(error: unknown, folder: string): unknown {
  if (error instanceof MillstreamError) return error
  const path = join(folder, ledgerFileName)
  switch (sqliteCode(error)) {
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new DataFolderInUseError(folder, error)
    case 'SQLITE_NOTADB':
      return new ForeignFileError(path)
    case 'SQLITE_CORRUPT':
      return new DamagedFileError(path, (error as Error).message)
    default:
      return new DataFolderError(folder, error)
  }
}

export class DataFolderInUseError extends MillstreamError {
  override readonly name = 'LedgerSqlite.DataFolderInUseError'
  readonly code = 'LEDGER_FOLDER_IN_USE'
  constructor(folder: string, cause: unknown) {
    super(
      `The ledger in ${folder} is open already, in another process or in this one. Nothing was changed. Close that one ` +
        'first, or name another folder.',
      { cause },
    )
  }
}

export class DataFolderError extends MillstreamError {
  override readonly name = 'LedgerSqlite.DataFolderError'
  readonly code = 'LEDGER_FOLDER'
  constructor(folder: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(
      `The ledger in ${folder} cannot be opened: ${reason}. Nothing was changed. See that the folder can be written and ` +
        'the disk has room.',
      { cause },
    )
  }
}

export class ForeignFileError extends MillstreamError {
  override readonly name = 'LedgerSqlite.ForeignFileError'
  readonly code = 'LEDGER_FOREIGN_FILE'
  constructor(path: string) {
    super(`${path} is not a ledger of Millstream. It was left as it is. Move it away, or name another folder.`)
  }
}

export class NewerFileError extends MillstreamError {
  override readonly name = 'LedgerSqlite.NewerFileError'
  readonly code = 'LEDGER_NEWER_FILE'
  constructor(path: string, version: number) {
    super(
      `${path} was made by a later version of Millstream (form ${version}; this one reads up to ${schemaVersion}). It ` +
        'was left as it is. Install that version or a later one.',
    )
  }
}

export class DamagedFileError extends MillstreamError {
  override readonly name = 'LedgerSqlite.DamagedFileError'
  readonly code = 'LEDGER_DAMAGED_FILE'
  constructor(path: string, found: string) {
    super(
      `${path} is damaged: ${found}. Nothing in it was changed. Keep it for an inquiry (sqlite3 can often recover most ` +
        'of it), and go on with a copy from before.',
    )
  }
}
