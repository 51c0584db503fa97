/**
 * `millstream ledger backup`: a copy of the ledger as it is at one moment, proved, in one file from which `ledger
 * restore` makes a data folder. The shop goes on meanwhile; proving is done here, in a process of its own.
 */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import type { CheckReport } from '@millstream/ledger'
import { assertPages, ledgerFileName, openSqlite, receiveBackup, setBackupNote } from '@millstream/ledger-sqlite'
import { Instant } from '@millstream/units'
import * as BackupNote from '../backup-note.js'
import * as DataFolder from '../data-folder.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import * as NewFile from '../new-file.js'
import * as OpenLedger from '../open-ledger.js'
import type { StoreChoice } from '../store-choice.js'
import type { Terminal } from '../terminal.js'

export interface BackupOptions {
  readonly data: string
  readonly store?: StoreChoice
  readonly json?: boolean
}

export async function run(path: string, options: BackupOptions, terminal: Terminal): Promise<ExitCode> {
  await NewFile.assertNew(path)
  const ledger = await OpenLedger.open(options)
  let file: NewFile.NewFile | undefined
  try {
    file = await NewFile.create(path)
    const copy = join(file.folder, ledgerFileName)
    const at = await receiveBackup(ledger.operator.backup(), copy).catch((cause: NodeJS.ErrnoException) => {
      throw cause.syscall === undefined ? cause : NewFile.unwritable(path, cause)
    })
    // A shop that wants to start need not wait for what comes now.
    await ledger.close()
    const note = await noteOf(options.data, at)
    setBackupNote(file.folder, BackupNote.format(note))
    const { report, last } = await prove(file.folder)
    if (!report.ok) throw doesNotHold(path, report)
    const { size } = await stat(copy)
    await file.place(ledgerFileName)
    const isOnXrp = existsSync(join(options.data, DataFolder.xrpFolder))
    const facts = {
      file: path,
      bytes: size,
      at: note.at,
      records: last,
      accounts: report.accounts,
      holds: report.holds,
      key: note.key !== undefined,
      ...(isOnXrp ? { without: [DataFolder.xrpFolder] } : {}),
    }
    const text = `backed up to ${path}, and proved: every sum in it holds
bytes     ${size}
as of     ${note.at}
records   ${last}
accounts  ${report.accounts}
holds     ${report.holds}
${note.key === undefined ? 'The key of the shop is not in it: keep that as well.' : 'The key of the shop is in it: keep it as you keep the data folder.'}
${isOnXrp ? xrpIsNot : ''}`
    terminal.stdout.write(options.json === true ? `${JSON.stringify(facts)}\n` : text)
    return exitCodes.done
  } finally {
    await ledger.close()
    await file?.discard()
  }
}

/** It belongs to the same moment as the ledger, and that is when the shop has stopped. */
const xrpIsNot = 'The folder `xrp` of the shop is not in it: see `docs/xrp-settlement.md`.\n'

async function noteOf(data: string, at: Instant.Instant): Promise<BackupNote.BackupNote> {
  const facts = await DataFolder.readFacts(data)
  const key = await DataFolder.readKey(data)
  if (facts === undefined) throw new TypeError('The data folder has lost its facts while it was copied.')
  return { ...facts, at: Instant.toIso(at), ...(key === undefined ? {} : { key }) }
}

/**
 * Goes through the pages of a ledger that nobody holds, and through its books.
 *
 * @throws {Failure} Its folder has more than its file.
 */
export async function prove(folder: string): Promise<{ readonly report: CheckReport; readonly last: number }> {
  assertPages(folder)
  const { ledger, close } = await openSqlite({ folder, clock: systemClock, hashes, randomBytes })
  try {
    const report = await ledger.check()
    let last = 0
    for await (const { cursor } of ledger.transfers({ newestFirst: true })) {
      if (cursor === undefined) continue
      last = cursor
      break
    }
    return { report, last }
  } finally {
    await close()
    await assertOneFile(folder)
  }
}

/** Where there is no room to take the log into the file both stay, and the file alone is not what was proved. */
async function assertOneFile(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => name !== ledgerFileName)
  if (others.length === 0) return
  throw new Failure({
    code: 'FILE_UNWRITABLE',
    exit: exitCodes.folder,
    message: `The copy could not be brought into one file: ${others.join(', ')} was left beside it. Nothing was kept of it.`,
    next: 'make room on that disk',
  })
}

function doesNotHold(path: string, { faults }: CheckReport): Failure {
  return new Failure({
    code: 'BACKUP_DOES_NOT_HOLD',
    exit: exitCodes.check,
    message: `The copy does not hold, so it was not kept as ${path}: ${faults[0]}`,
    next: 'run `millstream ledger check`: if that finds the same, the ledger itself is damaged; keep older backups',
  })
}
