/**
 * Copies the file of a ledger while it is written to, without holding payments up: what lies on the disk is read by the
 * threads of the operating system, portion after portion, and what transactions change meanwhile is taken from the
 * write-ahead log and copied over it.
 *
 * SQLite changes the file only when it takes the log into it. As long as a copy is made that is done here, so that it is
 * known which pages it was. A page of the log is `fresh` until then. Afterwards it is `moved`: a portion that was being
 * read in that moment may have it half or not at all, so it is given out after that portion; a portion that is read later
 * has it. In the end, between two transactions, all that is `fresh` or `moved` is given out: that moment is what the copy
 * shows.
 */
import { fstatSync, read } from 'node:fs'
import { promisify } from 'node:util'
import { type Instant, MillstreamError } from '@millstream/units'
import { checkpointPages, type LedgerFile, pageBytes } from '../ledger-file.js'
import { WalReader } from './wal-reader.js'

/** Parts that do not overlap. Batches are written in the order in which they come, the later over the earlier. */
export type BackupBatch = readonly BackupPart[]

export type BackupPart =
  | { readonly type: 'bytes'; readonly at: number; readonly bytes: Uint8Array }
  /** The last one: how long the file is, and of which moment it is, by the ledger's clock. */
  | { readonly type: 'end'; readonly size: number; readonly at: Instant.Instant }

/** 1 MiB: a busy event loop comes by some hundred times a second, and each portion waits for that. */
const portionBytes = 256 * pageBytes
/** Changed pages that wait for whoever takes the parts, in bytes: 64 MiB. */
export const backupWaitingBytesMax = 2 ** 26

const readAt = promisify(read)

export async function* copyFile(
  file: LedgerFile,
  waitingBytesMax: number,
  now: () => Instant.Instant,
  assertOpen: () => void,
): AsyncGenerator<BackupBatch> {
  const { database, descriptor, log } = file
  const sizeBefore = fstatSync(descriptor).size
  const pages = new Pages(sizeBefore)
  const wal = new WalReader(log)
  let frames = 0
  let failure: unknown
  let watching = true

  // Errors must not reach the transaction, which is written: they end the copy.
  function watch(): void {
    try {
      frames += wal.read(pages.write)
      if (pages.waiting * pageBytes > waitingBytesMax) throw new BackupTooSlowError()
      if (frames >= checkpointPages) takeLogIn()
    } catch (error) {
      failure = error
      stop()
    }
  }

  function takeLogIn(): void {
    const [, written, taken] = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get([]) as readonly number[]
    if (written !== taken) return
    frames = 0
    pages.takenIn()
  }

  function stop(): void {
    if (!watching) return
    watching = false
    database.afterCommit = undefined
    wal.close()
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`)
  }

  function assertWhole(): void {
    assertOpen()
    if (failure !== undefined) throw failure
  }

  database.exec('PRAGMA wal_autocheckpoint = 0')
  database.afterCommit = watch
  try {
    watch()
    while (pages.place < sizeBefore) {
      assertWhole()
      const at = pages.place
      const bytes = Buffer.allocUnsafe(Math.min(portionBytes, sizeBefore - at))
      pages.place += bytes.length
      const { bytesRead } = await readAt(descriptor, bytes, 0, bytes.length, at)
      if (bytesRead < bytes.length) throw new BackupUnreadableError(at + bytesRead)
      yield [{ type: 'bytes', at, bytes }]
      const moved = pages.drainMoved()
      if (moved.length > 0) yield moved
    }
    assertWhole()
    const size = (database.value('PRAGMA page_count') as number) * pageBytes
    const end = { type: 'end', size, at: now() } as const
    const last = pages.drainAll()
    stop()
    if (last.length > 0) yield last
    yield [end]
  } finally {
    try {
      stop()
    } catch {
      // The ledger was closed meanwhile.
    }
  }
}

class Pages {
  /** Up to here the file has been read, or is being read. */
  place = 0
  /** How much of the file is read: pages behind that come from the log alone. */
  readonly #size: number
  #fresh = new Map<number, Uint8Array>()
  #moved = new Map<number, Uint8Array>()

  constructor(size: number) {
    this.#size = size
  }

  get waiting(): number {
    return this.#fresh.size + this.#moved.size
  }

  readonly write = (page: number, bytes: Uint8Array): void => {
    this.#fresh.set(page, bytes)
  }

  /** The file has what was fresh. */
  takenIn(): void {
    for (const [page, bytes] of this.#fresh) {
      const at = (page - 1) * pageBytes
      if (at < this.place || at >= this.#size) this.#moved.set(page, bytes)
    }
    this.#fresh = new Map()
  }

  drainMoved(): BackupBatch {
    const moved = this.#moved
    this.#moved = new Map()
    return toParts(moved)
  }

  drainAll(): BackupBatch {
    return toParts(new Map([...this.#moved, ...this.#fresh]))
  }
}

function toParts(pages: ReadonlyMap<number, Uint8Array>): BackupBatch {
  return Array.from(pages, ([page, bytes]) => ({ type: 'bytes', at: (page - 1) * pageBytes, bytes }))
}

export class BackupUnderWayError extends MillstreamError {
  override readonly name = 'LedgerSqlite.BackupUnderWayError'
  readonly code = 'LEDGER_BACKUP_UNDER_WAY'
  constructor() {
    super('Another copy of this ledger is being made. Nothing was done. Wait until that one has ended.')
  }
}

export class BackupTooSlowError extends MillstreamError {
  override readonly name = 'LedgerSqlite.BackupTooSlowError'
  readonly code = 'LEDGER_BACKUP_TOO_SLOW'
  constructor() {
    super(
      'The copy of the ledger was given up: payments changed the ledger faster than the copy was taken away. The ledger ' +
        'is as it should be. Copy to a faster disk, or when there is less to do.',
    )
  }
}

export class BackupUnreadableError extends MillstreamError {
  override readonly name = 'LedgerSqlite.BackupUnreadableError'
  readonly code = 'LEDGER_BACKUP_UNREADABLE'
  constructor(at: number) {
    super(`The copy of the ledger was given up: its file could not be read at byte ${at}. Look into the disk.`)
  }
}
