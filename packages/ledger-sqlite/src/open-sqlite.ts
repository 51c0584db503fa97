/**
 * Opens the ledger of a data folder: the default store. Decisions are made in memory, in the same tick; what they
 * changed is written to one SQLite file, everything of a tick in one transaction that is flushed to the disk.
 */
import {
  Book,
  GroupCommit,
  type LedgerLimits,
  type Store,
  StoreClosedError,
  StoreFailedError,
} from '@millstream/ledger'
import type { StreamStore } from '@millstream/shop'
import type { Hashes, Instant, Observer, RandomBytes } from '@millstream/units'
import { createChangesWriter } from './internal/changes-writer.js'
import { type BackupBatch, BackupUnderWayError, backupWaitingBytesMax, copyFile } from './internal/copy-file.js'
import { sqliteCode } from './internal/database.js'
import { allowExpiry, load } from './internal/loader.js'
import { createReferenceFinder } from './internal/references.js'
import { type LedgerFile, openingError, openLedgerFile } from './ledger-file.js'
import type { SqliteEvent } from './sqlite-event.js'
import { SqliteStore } from './sqlite-store.js'
import { SqliteStreamStore } from './sqlite-stream-store.js'

export interface SqliteOptions {
  /** Made, for its owner only, if there is none. */
  readonly folder: string
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly limits?: Partial<LedgerLimits>
  readonly randomBytes?: RandomBytes
  readonly observer?: Observer<SqliteEvent>
  /** The file does not grow beyond this: then it is like a full disk. No bound of its own if left out. */
  readonly fileBytesMax?: number
  /** What may wait in memory for whoever takes a backup away, in bytes. 64 MiB */
  readonly backupWaitingBytesMax?: number
}

export interface OpenedSqlite {
  readonly ledger: Store
  /** The shop's streams, in the same file and the same writes as the money. */
  readonly streams: StreamStore
  /**
   * Copies the file while payments go on: batches to be written in the order in which they come, see `receiveBackup`. What
   * they add up to is the ledger and the streams at one moment, that of the last of them.
   *
   * @throws {BackupUnderWayError} One is being made.
   * @throws {BackupTooSlowError} Whoever takes them falls behind the payments; the ledger is not affected.
   * @throws {StoreClosedError} The ledger is closed, or was closed meanwhile.
   */
  backup(): AsyncGenerator<BackupBatch>
  /** Writes what was decided, and lets go of the folder. */
  close(): Promise<void>
}

const slowWriteMs = 250
const slowWriteEveryMs = 60_000

/**
 * Opens the ledger of a folder, or makes one.
 *
 * @throws {DataFolderInUseError} Another process holds it, or another ledger of this one.
 * @throws {DataFolderError} The folder cannot be made, read or written.
 * @throws {ForeignFileError} The file there is not a ledger.
 * @throws {NewerFileError} A later version made it.
 * @throws {DamagedFileError} It is a ledger and cannot be read.
 * @throws {RestoreError} It is a ledger and contradicts itself.
 * @example
 * const { ledger, close } = await openSqlite({ folder: 'data', clock: systemClock, hashes })
 * const { durable } = ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 100n }])
 * await durable
 * await close()
 */
export async function openSqlite(options: SqliteOptions): Promise<OpenedSqlite> {
  const { folder, clock, observer } = options
  const began = performance.now()
  const file = openLedgerFile(folder, options.fileBytesMax)
  const { database } = file
  try {
    const book = new Book({ ...options, findReference: createReferenceFinder(database) })
    const { accounts, holds, ids, clockBehindMs } = load(database, book, clock)
    allowExpiry(database, book.limits.expiresInMsMax)
    const opened = wire(options, file, book)
    const ms = Math.round(performance.now() - began)
    observer?.({ name: 'ledger_sqlite.opened', level: 'info', folder, accounts, holds, ids, ms })
    if (clockBehindMs > 0) observer?.({ name: 'ledger_sqlite.clock_behind', level: 'warn', ms: clockBehindMs })
    return opened
  } catch (error) {
    file.close()
    throw openingError(error, folder)
  }
}

function wire(options: SqliteOptions, file: LedgerFile, book: Book): OpenedSqlite {
  const { folder, observer } = options
  const { database } = file
  const writeChanges = createChangesWriter(database)
  let slowToldAt = Number.NEGATIVE_INFINITY

  const commit = new GroupCommit({
    hasWork: () => book.hasChanges || streams.hasWork,
    write() {
      const began = performance.now()
      const changes = book.take()
      database.transaction(() => {
        if (changes !== undefined) writeChanges(changes)
        streams.write()
      })
      const now = performance.now()
      if (now - began < slowWriteMs || now - slowToldAt < slowWriteEveryMs) return
      slowToldAt = now
      const records = changes?.records.length ?? 0
      observer?.({ name: 'ledger_sqlite.slow_write', level: 'warn', ms: Math.round(now - began), records })
    },
    describe(cause) {
      const failure =
        sqliteCode(cause) === 'SQLITE_FULL' ? new DiskFullError(folder, cause) : writeFailed(folder, cause)
      observer?.({ name: 'ledger_sqlite.failed', level: 'error', code: failure.code, message: failure.message })
      return failure
    },
  })
  const streams = new SqliteStreamStore(database, commit)

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll()
    return closing
  }
  const closeAll = async () => {
    try {
      if (commit.failure === undefined) await commit.idle(() => {})
    } finally {
      ledger.closed = true
      streams.closed = true
      file.close()
      observer?.({ name: 'ledger_sqlite.closed', level: 'info', folder })
    }
  }
  const ledger = new SqliteStore(database, book, commit, () => streams.lowestCursor, close)
  let copying = false
  async function* backup(): AsyncGenerator<BackupBatch> {
    if (ledger.closed) throw new StoreClosedError()
    if (copying) throw new BackupUnderWayError()
    copying = true
    try {
      const waitingBytesMax = options.backupWaitingBytesMax ?? backupWaitingBytesMax
      const assertOpen = () => {
        if (ledger.closed) throw new StoreClosedError()
      }
      yield* copyFile(file, waitingBytesMax, () => book.now, assertOpen)
    } finally {
      copying = false
    }
  }
  return { ledger, streams, backup, close }
}

function writeFailed(folder: string, cause: unknown): StoreFailedError {
  return new StoreFailedError({
    what: `its file in ${folder} could not be written (${cause instanceof Error ? cause.message : String(cause)})`,
    next: 'See to the disk, then start again.',
    cause,
  })
}

/** No room for another write: the disk is full, or the file has reached the size that it may have. */
export class DiskFullError extends StoreFailedError {
  override readonly name = 'LedgerSqlite.DiskFullError'
  override readonly code = 'LEDGER_DISK_FULL'
  constructor(folder: string, cause: unknown) {
    super({ what: `there is no room left on the disk of ${folder}`, next: 'Make room, then start again.', cause })
  }
}
