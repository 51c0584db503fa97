/**
 * `millstream ledger restore`: makes a data folder of a backup. The ledger gets its name last, when it has been proved
 * and everything else is in its place: whenever this is cut short, the folder has no ledger and no shop starts on it.
 */

import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from '@millstream/hashes'
import { backupNote, ledgerFileName, setBackupNote } from '@millstream/ledger-sqlite'
import { Hex, MillstreamError } from '@millstream/units'
import * as BackupNote from '../backup-note.js'
import * as DataFolder from '../data-folder.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure, from as failureFrom } from '../failure.js'
import * as NewFile from '../new-file.js'
import type { Terminal } from '../terminal.js'
import { prove } from './ledger-backup.js'

export interface RestoreOptions {
  readonly data: string
  readonly json?: boolean
}

export async function run(path: string, options: RestoreOptions, terminal: Terminal): Promise<ExitCode> {
  const { data } = options
  await DataFolder.assertWithoutLedger(data)
  const work = join(data, `${DataFolder.restoringPrefix}${Hex.fromBytes(randomBytes(4))}`)
  try {
    await begin(data, work)
    const copy = join(work, ledgerFileName)
    await copyWhole(path, copy)
    const note = noteOf(path, work)
    setBackupNote(work, undefined)
    const { report, last } = await proveAs(path, work)
    if (!report.ok) throw doesNotHold(path, report.faults)
    await DataFolder.restoreFacts(data, note, note.key)
    await NewFile.placeNew(copy, join(data, ledgerFileName))
    const { at, prefix } = note
    const { accounts, holds } = report
    const facts = { data, at, prefix, records: last, accounts, holds }
    terminal.stdout.write(options.json === true ? `${JSON.stringify(facts)}\n` : explain(facts))
    return exitCodes.done
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** What an earlier run left when it was cut short goes with it. */
async function begin(data: string, work: string): Promise<void> {
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
    for (const name of await readdir(data)) {
      if (name.startsWith(DataFolder.restoringPrefix)) await rm(join(data, name), { recursive: true })
    }
    await mkdir(work, { mode: 0o700 })
  } catch (cause) {
    throw NewFile.unwritable(data, cause)
  }
}

async function copyWhole(path: string, copy: string): Promise<void> {
  try {
    await copyFile(path, copy, constants.COPYFILE_EXCL)
    await chmod(copy, 0o600)
    const file = await open(copy, 'r+')
    await file.sync().finally(() => file.close())
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (syscall === undefined) throw cause
    throw new Failure({
      code: 'RESTORE_COPY_FAILED',
      exit: exitCodes.folder,
      message: `${path} could not be copied (${code}). Nothing was restored.`,
      next: code === 'ENOSPC' ? 'make room on the disk of the data folder' : 'check the path of the backup',
      cause,
    })
  }
}

function noteOf(path: string, work: string): BackupNote.BackupNote {
  try {
    return BackupNote.parse(backupNote(work))
  } catch (error) {
    throw named(error, path, work)
  }
}

async function proveAs(path: string, work: string): ReturnType<typeof prove> {
  try {
    return await prove(work)
  } catch (error) {
    throw named(error, path, work)
  }
}

/** A fault of the copy is one of the backup that it was made of. */
function named(error: unknown, path: string, work: string): unknown {
  if (!(error instanceof MillstreamError)) return error
  const { code, exit, message } = failureFrom(error)
  const said = message.replaceAll(join(work, ledgerFileName), path).replaceAll(work, path)
  return new Failure({
    code,
    exit,
    message: `${said} Nothing was restored.`,
    next: 'take another backup',
    cause: error,
  })
}

function doesNotHold(path: string, faults: readonly string[]): Failure {
  return new Failure({
    code: 'BACKUP_DOES_NOT_HOLD',
    exit: exitCodes.check,
    message: `The books in ${path} do not hold: ${faults[0]} Nothing was restored.`,
    next: 'take another backup',
  })
}

function explain(facts: { data: string; at: string; records: number; accounts: number; holds: number }): string {
  const { data, at, records, accounts, holds } = facts
  return `restored to ${data}, and proved: every sum holds
as of     ${at}
records   ${records}
accounts  ${accounts}
holds     ${holds}

What happened after ${at} is not in these books:
- Payments made since are forgotten. Their pieces were delivered; the customers' balances are higher by what they paid,
  and yours is lower. A payer takes over the balance that the ledger states, and warns of one that is too low.
- Deposits and withdrawals made since must be entered again, with the references they had: one that is in the books is
  not counted twice. Look at what you received and gave before any customer withdraws.
- Payments that were held at that moment end by their expiry, as always. Numbers that streams used since are unknown, so
  start the shop one hour or more after the old one ended: by then every payment that could still be repeated has expired.
- Streams that were open are ended; places in exports after record ${records} are used again for other records.
Check with: millstream ledger check --data ${data}
`
}
