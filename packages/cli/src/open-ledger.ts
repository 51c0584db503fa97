/**
 * Opens the ledger of a data folder for an operator: through the shop that holds it, or, when none does, by holding it
 * for the time of the command. A ledger in a database is opened beside the shops that serve it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import type { Store } from '@millstream/ledger'
import { DataFolderInUseError, openSqlite } from '@millstream/ledger-sqlite'
import type { SettlementReport } from '@millstream/xrp'
import * as AdminClient from './admin/client.js'
import * as DataFolder from './data-folder.js'
import * as Database from './database.js'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type { Operator } from './operator.js'
import { type Database as DatabaseChoice, isDatabase, type StoreChoice } from './store-choice.js'
import * as StoreOperator from './store-operator.js'

export interface OpenLedger {
  readonly operator: Operator
  close(): Promise<void>
}

/** A shop that is starting or ending holds its folder without answering: it gets this long. */
const patienceMs = 3_000
const pollMs = 50

export interface LedgerPlace {
  readonly data: string
  readonly store?: StoreChoice
}

/** @throws {Failure} There is no ledger in the folder or the database, or it cannot be opened. */
export async function open({ data: folder, store }: LedgerPlace): Promise<OpenLedger> {
  if (isDatabase(store)) return openDatabase(store)
  const deadline = performance.now() + patienceMs
  for (;;) {
    const remote = await AdminClient.open(folder).catch((error: unknown) => unlessMissing(error))
    if (remote !== undefined) return { operator: remote, close: remote.close }
    await DataFolder.assertExists(folder)
    try {
      return await openHere(folder)
    } catch (error) {
      if (!(error instanceof DataFolderInUseError)) throw error
      if (performance.now() >= deadline) throw heldInSilence(folder, error)
    }
    await delay(pollMs)
  }
}

async function openHere(folder: string): Promise<OpenLedger> {
  const facts = await DataFolder.readFacts(folder)
  const { ledger, backup, close } = await openSqlite({ folder, clock: systemClock, hashes, randomBytes })
  const { scale } = facts!.asset
  const xrp = existsSync(join(folder, 'xrp')) ? { checkXrp: () => checkXrp(folder, ledger, scale) } : {}
  const operator = StoreOperator.create({ store: ledger, ...facts!, pid: process.pid, backup, ...xrp })
  return { operator, close }
}

/** Loaded when there is something to compare: the client of the XRP Ledger is large. */
async function checkXrp(folder: string, ledger: Store, scale: number): Promise<SettlementReport> {
  const { checkSettlement, openFolderStore } = await import('@millstream/xrp')
  const kept = await openFolderStore(join(folder, 'xrp'))
  try {
    return await checkSettlement(ledger, await kept.load(), scale)
  } finally {
    await kept.close()
  }
}

/** A database serves many: nobody has to be asked for it. */
async function openDatabase(database: DatabaseChoice): Promise<OpenLedger> {
  const opened = await Database.open(database, { migrate: false })
  try {
    const facts = await Database.readFacts(opened)
    const operator = StoreOperator.create({ store: opened.ledger, ...facts, pid: process.pid, backup: notHere })
    return { operator, close: opened.close }
  } catch (error) {
    await opened.close()
    throw error
  }
}

function notHere(): never {
  throw new Failure({
    code: 'LEDGER_IN_DATABASE',
    exit: exitCodes.refused,
    message: 'This ledger is in a database, which has means of its own to be copied. Nothing was done.',
    next: "use pg_dump, or the server's backups; keep a copy of the shop's key file as well",
  })
}

/** A folder that is not there is reported as such below, in better words. */
function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}

function heldInSilence(folder: string, cause: unknown): Failure {
  return new Failure({
    code: 'FOLDER_IN_USE',
    exit: exitCodes.folder,
    message: `Another process holds the ledger in ${folder} and does not answer. Nothing was done.`,
    next: 'wait until it has ended; if it hangs, end it: what it has promised is on the disk',
    cause,
  })
}
