/** `millstream ledger migrate`: makes the tables of a ledger in a database, or brings them to this version. */
import * as Database from '../database.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import { isDatabase, type StoreChoice } from '../store-choice.js'
import type { Terminal } from '../terminal.js'

export interface MigrateOptions {
  readonly store?: StoreChoice
  readonly json?: boolean
}

export async function run({ store, json }: MigrateOptions, terminal: Terminal): Promise<ExitCode> {
  if (!isDatabase(store)) {
    throw new Failure({
      code: 'USAGE',
      exit: exitCodes.usage,
      message: 'Only a database is migrated; the file of a data folder is brought up to date by whoever opens it.',
      next: 'name the database with --store or MILLSTREAM_STORE',
    })
  }
  const { from, to } = await Database.migrate(store, () => {})
  const words = from === to ? `is of version ${to} already` : `was of version ${from} and is of version ${to} now`
  terminal.stdout.write(json ? `${JSON.stringify({ from, to })}\n` : `the ledger ${words}\n`)
  return exitCodes.done
}
