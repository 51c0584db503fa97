/**
 * Proves the books from the tables alone: every balance again from the records, and whether balances, holds, chains and
 * references agree with them. Records do not change once they are written, so payments go on meanwhile: what is proved
 * is the moment of asking.
 */
import { type AccountId, Audit, type Book, type CheckReport, serverAccount } from '@millstream/ledger'
import { type SqlDatabase, type SqlRow, sqliteCode } from './database.js'
import { turn } from './history.js'
import { accountColumns, holdColumns, toAccount, toHold, toSum } from './rows.js'
import { blockOf, blockRows } from './schema.js'

export async function prove(database: SqlDatabase, book: Book, assertOpen: () => void): Promise<CheckReport> {
  const audit = new Audit()
  const last = book.cursor
  // The book at this moment, in which nothing waits to be written.
  const accounts = book.accounts()
  const holds = book.holds()
  try {
    const stored = compareStored(database, book, audit)
    const chains = await sumUp(database, last, audit, assertOpen)
    for (const [id, { name, head }] of stored) {
      const covered = chains.get(id) ?? 0
      if (covered !== head) audit.fault(`The chain of account ${name} covers ${covered} of its ${head} places.`)
      chains.delete(id)
    }
    for (const id of chains.keys()) audit.fault(`Account ${id} has records, but is neither open nor closed.`)
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error
    audit.fault(`The file cannot be read: ${(error as Error).message}.`)
  }
  return audit.report(accounts, holds)
}

/** Compares the tables of accounts and holds with the book; gives the heads of all chains. */
function compareStored(
  database: SqlDatabase,
  book: Book,
  audit: Audit,
): Map<AccountId, { readonly name: string; readonly head: number }> {
  const heads = new Map<AccountId, { readonly name: string; readonly head: number }>()
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

/** Goes through all records, a block in each turn of the event loop: some ten milliseconds. Gives for each account how many places of the order its chain covers. */
async function sumUp(
  database: SqlDatabase,
  last: number,
  audit: Audit,
  assertOpen: () => void,
): Promise<Map<AccountId, number>> {
  const order = database.prepare(
    `SELECT count(*), sum(typeof(amount) = 'text'), sum(kind IN (4, 5)),
       sum(kind NOT BETWEEN 1 AND 7 OR typeof(amount) NOT IN ('integer', 'text') OR amount < 0),
       sum(source_previous NOT BETWEEN 0 AND seq - 1 OR target_previous NOT BETWEEN 0 AND seq - 1), max(expires_at)
     FROM transfers WHERE seq > ? AND seq <= ?`,
  )
  const times = database.prepare(
    `SELECT count(*) FROM transfers AS this JOIN transfers AS next ON next.seq = this.seq + 1
     WHERE this.seq > ? AND this.seq <= ? AND next.at < this.at`,
  )
  // Sums of halves of 64 bits cannot overflow within a portion.
  const sums = database.prepare(
    `SELECT source, target, kind, count(*), CAST(sum(amount >> 32) AS TEXT), CAST(sum(amount & 4294967295) AS TEXT),
       sum(seq - source_previous), sum(seq - target_previous)
     FROM transfers WHERE seq > ? AND seq <= ? AND typeof(amount) = 'integer' GROUP BY source, target, kind`,
  )
  const large = database.prepare(
    `SELECT source, target, kind, 1, '0', amount, seq - source_previous, seq - target_previous
     FROM transfers WHERE seq > ? AND seq <= ? AND typeof(amount) = 'text'`,
  )
  const references = database.prepare(
    `SELECT count(*) FROM transfers LEFT JOIN movements USING (kind, reference)
     WHERE transfers.seq > ? AND transfers.seq <= ? AND transfers.kind IN (4, 5) AND movements.seq IS NOT transfers.seq`,
  )
  const repeatable = database.prepare('SELECT until FROM repeatable WHERE block = ?')
  const chains = new Map<AccountId, number>()
  const cover = (id: AccountId, places: number) => chains.set(id, (chains.get(id) ?? 0) + places)
  const add = (row: SqlRow) => {
    const [source, target, kind, count, high, low] = row as [AccountId, AccountId, number, number, string, string]
    const [sourcePlaces, targetPlaces] = row.slice(6) as [number, number]
    if (kind !== 2 && kind !== 3) audit.post(source, target, (toSum(high) << 32n) + toSum(low), count)
    cover(source, sourcePlaces)
    if (target !== source && target !== serverAccount) cover(target, targetPlaces)
  }
  let movements = 0

  for (let from = 0; from < last; from += blockRows) {
    const to = Math.min(last, from + blockRows)
    const range = [from, to]
    const which = `Among the records ${from + 1} to ${to}`
    const [count, texts, moved, impossible, unchained, expiresMax] = order.get(range) as readonly (number | null)[]
    if (count !== to - from) audit.fault(`${which} only ${count} are there.`)
    if (impossible) audit.fault(`${which}, ${impossible} are of no known kind or amount.`)
    if (unchained) audit.fault(`${which}, ${unchained} do not follow the one before of their account.`)
    if (times.get(range)?.[0] !== 0) audit.fault(`${which}, time goes back.`)
    if ((expiresMax ?? 0) > ((repeatable.get([blockOf(to)])?.[0] ?? 0) as number)) {
      audit.fault(`${which}, some may be repeated for longer than is noted.`)
    }
    for (const row of sums.all(range)) add(row)
    if (texts) for (const row of large.all(range)) add(row)
    if (moved) {
      movements += moved
      if (references.get(range)?.[0] !== 0) audit.fault(`${which}, a deposit or withdrawal has lost its reference.`)
    }
    await turn(assertOpen)
  }
  const kept = database.prepare('SELECT count(*) FROM movements WHERE seq <= ?').get([last])?.[0]
  if (kept !== movements) audit.fault(`There are ${kept} references for ${movements} deposits and withdrawals.`)
  return chains
}
