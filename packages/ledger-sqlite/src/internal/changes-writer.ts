/**
 * Writes changes into the tables, within a transaction of the caller. A payment costs one row, and one more of its
 * account for each write; rows go many to a statement, since calling into SQLite costs more than what it does there.
 */
import {
  type AccountRow,
  type Changes,
  expiredKeptMs,
  type HeldTransfer,
  type LedgerRecord,
  serverAccount,
} from '@millstream/ledger'
import type { SqlDatabase, SqlValue, Statement } from './database.js'
import { accountKinds, depositKind, fromSum, fulfilledKind, kindNumber, withdrawalKind } from './rows.js'
import { blockOf } from './schema.js'

export type ChangesWriter = (changes: Changes) => void

const rowsPerStatement = 32

/** How far ahead it is noted until when something may be repeated, so that it need not be noted with every write. */
const noteAheadMs = 60_000

export function createChangesWriter(database: SqlDatabase): ChangesWriter {
  const payments = many(
    database,
    11,
    inserting(
      'INSERT INTO transfers (kind, seq, at, source, target, amount, source_previous, id, destination, expires_at,' +
        ` content_hash, fulfillment) VALUES`,
      `(${fulfilledKind}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    paymentRow,
  )
  const holds = many(
    database,
    10,
    inserting(
      'INSERT INTO holds (serial, id, source, target, amount, condition, expires_at, destination, content_hash,' +
        ' prepared_at) VALUES',
      '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    holdRow,
  )
  const releases = many(
    database,
    1,
    (count) => `DELETE FROM holds WHERE serial IN (${Array(count).fill('?').join(', ')})`,
    (to, at, serial: number) => {
      to[at] = serial
    },
  )
  const accounts = many(
    database,
    8,
    inserting(
      'INSERT OR REPLACE INTO accounts (id, name, kind, posted, credit_limit, opened_at, owed_since, last_seq) VALUES',
      '(?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    accountRow,
  )
  const record = database.prepare(
    'INSERT INTO transfers (seq, at, kind, source, target, amount, source_previous, target_previous, id, destination,' +
      ' expires_at, content_hash, fulfillment, reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const movement = database.prepare('INSERT INTO movements (kind, reference, seq) VALUES (?, ?, ?)')
  const remove = database.prepare('DELETE FROM accounts WHERE id = ?')
  const closed = database.prepare(
    'INSERT INTO closed_accounts (id, name, kind, opened_at, last_seq) VALUES (?, ?, ?, ?, ?)',
  )
  const note = database.prepare(
    'INSERT INTO repeatable (block, until) VALUES (?, ?)' +
      ' ON CONFLICT (block) DO UPDATE SET until = max(until, excluded.until)',
  )
  let notedBlock = -1
  let notedUntil = 0

  return (changes) => {
    for (const serial of changes.released) releases.add(serial)
    releases.end()
    for (const one of changes.records) {
      if (one.state === 'fulfilled' && one.targetPrevious === 0) payments.add(one)
      else writeRecord(one)
      if (one.expiresAt !== undefined) noteRepeatable(one.cursor, repeatableUntil(one))
    }
    payments.end()
    for (const hold of changes.held) holds.add(hold)
    holds.end()
    for (const row of changes.accounts) {
      if (row.closed) closeAccount(row)
      else accounts.add(row)
    }
    accounts.end()
  }

  function writeRecord(one: LedgerRecord): void {
    const kind = kindNumber(one)
    record.run([
      one.cursor,
      one.at,
      kind,
      one.source,
      one.target,
      fromSum(one.amount),
      one.sourcePrevious,
      one.targetPrevious,
      one.id ?? null,
      one.destination ?? null,
      one.expiresAt ?? null,
      one.contentHash === undefined ? null : one.contentHash >>> 0,
      one.fulfillment ?? null,
      one.reference ?? null,
    ])
    if (kind === depositKind || kind === withdrawalKind) movement.run([kind, one.reference!, one.cursor])
  }

  function noteRepeatable(seq: number, until: number): void {
    const block = blockOf(seq)
    if (block === notedBlock && until <= notedUntil) return
    notedBlock = block
    notedUntil = until + noteAheadMs
    note.run([block, notedUntil])
  }

  function closeAccount(row: AccountRow): void {
    remove.run([row.id])
    closed.run([row.id, row.name, accountKinds.indexOf(row.kind), row.openedAt, row.last])
  }
}

/** An expired transfer is remembered for a while after its end. */
function repeatableUntil(record: LedgerRecord): number {
  return record.state === 'expired' ? Math.max(record.expiresAt!, record.at + expiredKeptMs) : record.expiresAt!
}

function paymentRow(to: SqlValue[], at: number, record: LedgerRecord): void {
  to[at] = record.cursor
  to[at + 1] = record.at
  to[at + 2] = record.source
  to[at + 3] = record.target
  to[at + 4] = fromSum(record.amount)
  to[at + 5] = record.sourcePrevious
  to[at + 6] = record.id!
  to[at + 7] = record.destination!
  to[at + 8] = record.expiresAt!
  to[at + 9] = record.contentHash! >>> 0
  to[at + 10] = record.fulfillment!
}

function holdRow(to: SqlValue[], at: number, hold: HeldTransfer): void {
  to[at] = hold.serial
  to[at + 1] = hold.id
  to[at + 2] = hold.source
  to[at + 3] = hold.target
  to[at + 4] = fromSum(hold.amount)
  to[at + 5] = hold.condition
  to[at + 6] = hold.expiresAt
  to[at + 7] = hold.destination
  to[at + 8] = hold.contentHash >>> 0
  to[at + 9] = hold.preparedAt
}

function accountRow(to: SqlValue[], at: number, row: AccountRow): void {
  to[at] = row.id
  to[at + 1] = row.name
  to[at + 2] = accountKinds.indexOf(row.kind)
  to[at + 3] = row.id === serverAccount ? null : fromSum(row.posted)
  to[at + 4] = fromSum(row.creditLimit)
  to[at + 5] = row.openedAt
  to[at + 6] = row.owedSince ?? null
  to[at + 7] = row.last
}

interface Many<Item> {
  add(item: Item): void
  /** Writes what is left. */
  end(): void
}

/**
 * Collects items and writes them 32 to a statement, what is left one by one.
 *
 * @param columns - Values of one item.
 * @param sql - The statement for so many items.
 * @param fill - Puts the values of an item into their places.
 */
function many<Item>(
  database: SqlDatabase,
  columns: number,
  sql: (count: number) => string,
  fill: (to: SqlValue[], at: number, item: Item) => void,
): Many<Item> {
  const full: Statement = database.prepare(sql(rowsPerStatement))
  const single: Statement = database.prepare(sql(1))
  const values: SqlValue[] = new Array(columns * rowsPerStatement).fill(null)
  let filled = 0
  return {
    add(item) {
      fill(values, filled, item)
      filled += columns
      if (filled < values.length) return
      filled = 0
      full.run(values)
    },
    end() {
      for (let at = 0; at < filled; at += columns) single.run(values.slice(at, at + columns))
      filled = 0
    },
  }
}

function inserting(insert: string, row: string): (count: number) => string {
  return (count) => `${insert} ${Array(count).fill(row).join(', ')}`
}
