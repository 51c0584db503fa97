/**
 * Proves the books from the tables alone: every balance again from the checkpoints and the records after them, and
 * whether balances, holds, chains and references agree with them. Records do not change once they are written, so
 * payments go on meanwhile: what is proved is the moment of asking. That the file has of each account what the book has
 * is seen a portion of them at a time, in later moments.
 */
import {
  type Account,
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
import type { Kept } from './kept.js'
import { createPortionProver } from './prove-portion.js'
import { accountColumns, depositKind, holdColumns, toAccount, toHold, toSum } from './rows.js'
import { portionEnd, portionRows } from './schema.js'

export interface ProveContext {
  readonly database: SqlDatabase
  readonly book: Book
  /** Told that its records are being read, from before the first turn to the end. */
  readonly kept: Kept
  /** Calls a function in a moment in which nothing waits to be written. */
  readonly settled: <Result>(then: () => Result) => Promise<Result>
  /** Awaited after each portion, which took so long. Throws once the ledger is closed. */
  readonly rest: (workedMs: number) => Promise<void>
}

/** To be called in a moment in which nothing waits to be written. */
export async function prove(context: ProveContext): Promise<CheckReport> {
  const { database, book, kept } = context
  const audit = new Audit()
  const last = book.cursor
  const accounts = book.accounts()
  const holds = book.holds()
  const chained = new Map<AccountId, Chained>()
  for (const { id, name } of accounts) chained.set(id, { name, head: book.lastRecord(id) })
  const end = kept.read()
  try {
    compareHolds(database, book, audit)
    await compareAccounts(context, accounts, chained, audit)
    await addClosed(context, last, chained)
    const checkpoints = await readCheckpoints(database, context.rest)
    auditCheckpoints(checkpoints.accounts, checkpoints.entries, chained, audit)
    const chains = await sumUp(context, kept.start.after, last, audit)
    for (const [id, { name, head }] of chained) {
      const cut = checkpoints.accounts.get(id)?.last ?? 0
      const covered = chains.get(id) ?? 0
      if (covered !== head - cut)
        audit.fault(`The chain of account ${name} covers ${covered} of its ${head - cut} places.`)
      chains.delete(id)
    }
    for (const id of chains.keys()) audit.fault(`Account ${id} has records, but is neither open nor closed.`)
    await auditRemovedReferences(context, kept.start.after, checkpoints.accounts, audit)
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error
    audit.fault(`The file cannot be read: ${(error as Error).message}.`)
  } finally {
    end()
  }
  return audit.report(accounts, holds)
}

/** An account, open or closed, with the last record of its chain. */
interface Chained {
  readonly name: string
  readonly head: number
}

/** Compares the table of accounts with the book. @param accounts - All that were open at the beginning. */
async function compareAccounts(
  { database, book, settled, rest }: ProveContext,
  accounts: readonly Account[],
  chained: ReadonlyMap<AccountId, Chained>,
  audit: Audit,
): Promise<void> {
  const page = database.prepare(`SELECT ${accountColumns} FROM accounts WHERE id > ? ORDER BY id LIMIT ${portionRows}`)
  const found = new Set<AccountId>()
  let last = 0
  for (let isMore = true; isMore; ) {
    const workedMs = await settled(() => {
      const began = performance.now()
      const rows = page.all([last])
      for (const row of rows) {
        const stored = toAccount(row)
        last = stored.id
        found.add(stored.id)
        compareAccount(stored, book, audit)
      }
      isMore = rows.length === portionRows
      return performance.now() - began
    })
    await rest(workedMs)
  }
  for (const { id, name } of accounts) {
    // What has no record may be in memory alone.
    if (found.has(id) || chained.get(id)!.head === 0 || book.account(id) === undefined) continue
    audit.fault(`Account ${name} is in memory and not in the file.`)
  }
}

function compareAccount(stored: ReturnType<typeof toAccount>, book: Book, audit: Audit): void {
  const { id, name, posted, last } = stored
  const account = book.account(id)
  if (account === undefined) {
    audit.fault(`Account ${name} is in the file and not in memory.`)
    return
  }
  // The server's balance is not in the file: it is what makes the sum zero.
  if (id !== serverAccount && account.posted !== posted) {
    audit.fault(`Account ${name} has ${posted} in the file and ${account.posted} in memory.`)
  }
  const head = book.lastRecord(id)
  if (head !== last) audit.fault(`The chain of account ${name} begins at ${last} in the file and ${head} in memory.`)
}

/** Adds what was closed before the beginning. */
async function addClosed(
  { database, rest }: ProveContext,
  last: Cursor,
  chained: Map<AccountId, Chained>,
): Promise<void> {
  const page = database.prepare(
    `SELECT id, name, last_seq FROM closed_accounts WHERE id > ? ORDER BY id LIMIT ${portionRows}`,
  )
  for (let after = 0; ; ) {
    const began = performance.now()
    const rows = page.all([after])
    for (const [id, name, head] of rows) {
      after = id as number
      if ((head as number) <= last && !chained.has(id as AccountId))
        chained.set(id as AccountId, { name: name as string, head: head as number })
    }
    if (rows.length < portionRows) return
    await rest(performance.now() - began)
  }
}

function compareHolds(database: SqlDatabase, book: Book, audit: Audit): void {
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
}

/** Counts what was removed, and sees that it is of accounts that are known and adds up. */
function auditCheckpoints(
  checkpoints: ReadonlyMap<AccountId, Checkpoint>,
  entries: number,
  chained: ReadonlyMap<AccountId, Chained>,
  audit: Audit,
): void {
  let paid = 0n
  let received = 0n
  const sums = new Map<AccountId, bigint>()
  for (const [id, checkpoint] of checkpoints) {
    paid += checkpoint.paid
    received += checkpoint.received
    sums.set(id, checkpoint.received - checkpoint.paid)
    if (id >= customerAccountMin && !chained.has(id))
      audit.fault(`There is a checkpoint of account ${id}, which is not there.`)
  }
  if (paid !== received) audit.fault(`The checkpoints have ${paid} paid and ${received} received.`)
  audit.postFolded(sums, entries, paid)
}

/** Goes through all kept records, a portion in each turn. Gives for each account how many places its chain covers. */
async function sumUp(
  { database, rest }: ProveContext,
  first: number,
  last: number,
  audit: Audit,
): Promise<Map<AccountId, number>> {
  const prove = createPortionProver(database)
  const chains = new Map<AccountId, number>()
  const sums = new Map<AccountId, bigint>()
  let entries = 0
  let posted = 0n
  let movements = 0
  for (let from = first; from < last; ) {
    const began = performance.now()
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
    await rest(performance.now() - began)
  }
  audit.postFolded(sums, entries, posted)
  const count = database.prepare('SELECT count(*) FROM movements WHERE seq > ? AND seq <= ?').get([first, last])?.[0]
  if (count !== movements) audit.fault(`There are ${count} references for ${movements} deposits and withdrawals.`)
  return chains
}

/** What went out and came in by removed records is what the references that they left behind say. */
async function auditRemovedReferences(
  { database, rest }: ProveContext,
  cut: Cursor,
  checkpoints: ReadonlyMap<AccountId, Checkpoint>,
  audit: Audit,
): Promise<void> {
  const page = database.prepare(
    `SELECT kind, reference, seq, CAST(amount AS TEXT) FROM movements WHERE (kind, reference) > (?, ?)
     ORDER BY kind, reference LIMIT ${portionRows}`,
  )
  let deposited = 0n
  let withdrawn = 0n
  let last: [number, string] = [0, '']
  for (;;) {
    const began = performance.now()
    const rows = page.all(last)
    for (const [kind, reference, seq, amount] of rows) {
      last = [kind as number, reference as string]
      if ((seq as number) > cut) continue
      if (amount === null) audit.fault(`The reference ${JSON.stringify(reference)} has lost its record.`)
      else if (kind === depositKind) deposited += toSum(amount)
      else withdrawn += toSum(amount)
    }
    if (rows.length < portionRows) break
    await rest(performance.now() - began)
  }
  const { paid, received } = checkpoints.get(settlementAccount) ?? { paid: 0n, received: 0n }
  if (paid !== deposited) audit.fault(`Removed deposits were ${paid}, but their references say ${deposited}.`)
  if (received !== withdrawn)
    audit.fault(`Removed withdrawals were ${received}, but their references say ${withdrawn}.`)
}
