/**
 * Proves the books from the tables alone: every balance again from the checkpoints and the records after them, and
 * whether balances, holds, chains and references agree with them. Records do not change once they are written, so
 * payments go on meanwhile: what is proved is the moment of asking.
 */
import {
  type AccountId,
  Audit,
  type Book,
  type CheckReport,
  type Cursor,
  customerAccountMin,
  serverAccount,
  settlementAccount,
} from '@millstream/ledger'
import { type Checkpoint, readCheckpoints } from './checkpoints.js'
import { type SqlDatabase, sqliteCode } from './database.js'
import { turn } from './history.js'
import type { Kept } from './kept.js'
import { createPortionProver } from './prove-portion.js'
import { accountColumns, depositKind, holdColumns, toAccount, toHold, toSum } from './rows.js'
import { portionEnd, portionRows } from './schema.js'

/** @param kept - Told that its records are being read, from before the first turn to the end. */
export async function prove(
  database: SqlDatabase,
  book: Book,
  kept: Kept,
  assertOpen: () => void,
): Promise<CheckReport> {
  const audit = new Audit()
  const last = book.cursor
  // The book at this moment, in which nothing waits to be written.
  const accounts = book.accounts()
  const holds = book.holds()
  const end = kept.read()
  try {
    const stored = compareStored(database, book, audit)
    const checkpoints = readCheckpoints(database)
    auditCheckpoints(checkpoints.accounts, checkpoints.entries, stored, audit)
    const chains = await sumUp(database, kept.start.after, last, audit, assertOpen)
    for (const [id, { name, head }] of stored) {
      const cut = checkpoints.accounts.get(id)?.last ?? 0
      const covered = chains.get(id) ?? 0
      if (covered !== head - cut)
        audit.fault(`The chain of account ${name} covers ${covered} of its ${head - cut} places.`)
      chains.delete(id)
    }
    for (const id of chains.keys()) audit.fault(`Account ${id} has records, but is neither open nor closed.`)
    await auditRemovedReferences(database, kept.start.after, checkpoints.accounts, audit, assertOpen)
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error
    audit.fault(`The file cannot be read: ${(error as Error).message}.`)
  } finally {
    end()
  }
  return audit.report(accounts, holds)
}

interface Stored {
  readonly name: string
  readonly head: number
}

/** Compares the tables of accounts and holds with the book; gives the heads of all chains. */
function compareStored(database: SqlDatabase, book: Book, audit: Audit): Map<AccountId, Stored> {
  const heads = new Map<AccountId, Stored>()
  let others = 0n
  for (const row of database.prepare(`SELECT ${accountColumns} FROM accounts`).all([])) {
    const stored = toAccount(row)
    const account = book.account(stored.id)
    heads.set(stored.id, { name: stored.name, head: stored.last })
    if (account === undefined) {
      audit.fault(`Account ${stored.name} is in the file and not in memory.`)
      continue
    }
    if (stored.id === serverAccount) continue
    others += stored.posted
    if (account.posted !== stored.posted) {
      audit.fault(`Account ${stored.name} has ${stored.posted} in the file and ${account.posted} in memory.`)
    }
  }
  const server = book.account(serverAccount)!.posted
  if (server !== -others) audit.fault(`The server has ${server}, but the other accounts add up to ${others}.`)
  for (const row of database.prepare('SELECT id, name, last_seq FROM closed_accounts').all([])) {
    heads.set(row[0] as AccountId, { name: row[1] as string, head: row[2] as number })
  }

  const open = new Map(book.holds().map((hold) => [hold.serial, hold]))
  for (const row of database.prepare(`SELECT ${holdColumns} FROM holds`).all([])) {
    const stored = toHold(row)
    const hold = open.get(stored.serial)
    open.delete(stored.serial)
    if (hold?.amount !== stored.amount || hold.source !== stored.source || hold.target !== stored.target) {
      audit.fault(`Hold ${stored.serial} is in the file, but not the same in memory.`)
    }
  }
  for (const serial of open.keys()) audit.fault(`Hold ${serial} is in memory and not in the file.`)
  return heads
}

/** Counts what was removed, and sees that it is of accounts that are known and adds up. */
function auditCheckpoints(
  checkpoints: ReadonlyMap<AccountId, Checkpoint>,
  entries: number,
  stored: ReadonlyMap<AccountId, Stored>,
  audit: Audit,
): void {
  let paid = 0n
  let received = 0n
  const sums = new Map<AccountId, bigint>()
  for (const [id, checkpoint] of checkpoints) {
    paid += checkpoint.paid
    received += checkpoint.received
    sums.set(id, checkpoint.received - checkpoint.paid)
    // The server's row is written with its first change only.
    if (id >= customerAccountMin && !stored.has(id))
      audit.fault(`There is a checkpoint of account ${id}, which is not there.`)
  }
  if (paid !== received) audit.fault(`The checkpoints have ${paid} paid and ${received} received.`)
  audit.postFolded(sums, entries, paid)
}

/** Goes through all kept records, a portion in each turn. Gives for each account how many places its chain covers. */
async function sumUp(
  database: SqlDatabase,
  first: number,
  last: number,
  audit: Audit,
  assertOpen: () => void,
): Promise<Map<AccountId, number>> {
  const prove = createPortionProver(database)
  const chains = new Map<AccountId, number>()
  const sums = new Map<AccountId, bigint>()
  let entries = 0
  let posted = 0n
  let movements = 0
  for (let from = first; from < last; ) {
    const to = portionEnd(from, last)
    const portion = prove(from, to)
    for (const fault of portion.faults) audit.fault(fault)
    for (const [id, sum] of portion.accounts) {
      sums.set(id, (sums.get(id) ?? 0n) + sum.received - sum.paid)
      if (sum.covered > 0) chains.set(id, (chains.get(id) ?? 0) + sum.covered)
    }
    entries += portion.entries
    posted += portion.posted
    movements += portion.movements
    from = to
    await turn(assertOpen)
  }
  audit.postFolded(sums, entries, posted)
  const count = database.prepare('SELECT count(*) FROM movements WHERE seq > ? AND seq <= ?').get([first, last])?.[0]
  if (count !== movements) audit.fault(`There are ${count} references for ${movements} deposits and withdrawals.`)
  return chains
}

/** What went out and came in by removed records is what the references that they left behind say. */
async function auditRemovedReferences(
  database: SqlDatabase,
  cut: Cursor,
  checkpoints: ReadonlyMap<AccountId, Checkpoint>,
  audit: Audit,
  assertOpen: () => void,
): Promise<void> {
  const page = database.prepare(
    `SELECT kind, reference, seq, CAST(amount AS TEXT) FROM movements WHERE (kind, reference) > (?, ?)
     ORDER BY kind, reference LIMIT ${portionRows}`,
  )
  let deposited = 0n
  let withdrawn = 0n
  let last: [number, string] = [0, '']
  for (;;) {
    const rows = page.all(last)
    for (const [kind, reference, seq, amount] of rows) {
      last = [kind as number, reference as string]
      if ((seq as number) > cut) continue
      if (amount === null) audit.fault(`The reference ${JSON.stringify(reference)} has lost its record.`)
      else if (kind === depositKind) deposited += toSum(amount)
      else withdrawn += toSum(amount)
    }
    if (rows.length < portionRows) break
    await turn(assertOpen)
  }
  const { paid, received } = checkpoints.get(settlementAccount) ?? { paid: 0n, received: 0n }
  if (paid !== deposited) audit.fault(`Removed deposits were ${paid}, but their references say ${deposited}.`)
  if (received !== withdrawn)
    audit.fault(`Removed withdrawals were ${received}, but their references say ${withdrawn}.`)
}
