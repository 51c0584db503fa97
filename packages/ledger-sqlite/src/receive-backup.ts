/** The other end of a backup: writes its parts to a new file, and proves what has come of them. */
import { type FileHandle, open } from 'node:fs/promises'
import { type Instant, MillstreamError } from '@millstream/units'
import type { BackupBatch, BackupPart } from './internal/copy-file.js'
import { DamagedFileError, type LedgerFile, openLedgerFile } from './ledger-file.js'

/** Bytes after which the disk is waited for: what a copy has waiting there holds up the payments' own flushes. */
const syncEveryBytes = 2 ** 21

/**
 * Writes a backup to a new file, for its owner only, and waits until it is on the disk.
 *
 * @returns Of which moment it is: what happened later is not in it.
 * @throws {BackupCutError} The parts ended before the backup did.
 */
export async function receiveBackup(batches: AsyncIterable<BackupBatch>, path: string): Promise<Instant.Instant> {
  const file = await open(path, 'wx', 0o600)
  try {
    let unsynced = 0
    for await (const batch of batches) {
      const [end] = batch
      if (end?.type === 'end') {
        await file.truncate(end.size)
        await file.sync()
        return end.at
      }
      const written = await Promise.all(batch.map((part) => writeWhole(file, part)))
      unsynced += written.reduce((sum, bytes) => sum + bytes, 0)
      if (unsynced < syncEveryBytes) continue
      unsynced = 0
      await file.datasync()
    }
    throw new BackupCutError()
  } finally {
    await file.close()
  }
}

async function writeWhole(file: FileHandle, part: BackupPart): Promise<number> {
  if (part.type === 'end') throw new BackupCutError()
  const { at, bytes } = part
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
  return bytes.length
}

const noteName = 'backup'

/**
 * Goes through all pages of the ledger in a folder that nobody holds.
 *
 * @throws {DamagedFileError} Some of them are not as SQLite writes them. So do the errors of opening.
 */
export function assertPages(folder: string): void {
  withFile(folder, ({ database }) => {
    const found = database.value('PRAGMA quick_check(1)')
    if (found !== 'ok') throw new DamagedFileError(folder, String(found))
  })
}

/** Writes a note into the ledger of a folder that nobody holds; `undefined` takes it out. */
export function setBackupNote(folder: string, note: string | undefined): void {
  withFile(folder, ({ database }) => {
    if (note === undefined) database.prepare('DELETE FROM meta WHERE name = ?').run([noteName])
    else database.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run([noteName, note])
  })
}

export function backupNote(folder: string): string | undefined {
  return withFile(folder, ({ database }) => {
    const note = database.value('SELECT value FROM meta WHERE name = ?', [noteName])
    return typeof note === 'string' ? note : undefined
  })
}

function withFile<Result>(folder: string, use: (file: LedgerFile) => Result): Result {
  const file = openLedgerFile(folder)
  try {
    return use(file)
  } finally {
    file.close()
  }
}

export class BackupCutError extends MillstreamError {
  override readonly name = 'LedgerSqlite.BackupCutError'
  readonly code = 'LEDGER_BACKUP_CUT'
  constructor() {
    super('The backup ended before it was whole. The ledger is not affected. Make another one.')
  }
}
