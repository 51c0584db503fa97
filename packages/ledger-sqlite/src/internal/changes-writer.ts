/**
 * Writes changes into the tables, within a transaction of the caller. A payment costs one row: rows of the usual kind go
 * many to a statement, since calling into SQLite costs more than what it does there.
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

export function createChangesWriter(database: SqlDatabase): ChangesWriter {
  const payments = manyRows(
    database,
    'INSERT INTO transfers (kind, seq, at, source, target, amount, source_previous, id, destination, expires_at,' +
      ' content_hash, fulfillment) VALUES',
    [String(fulfilledKind), ...Array(11).fill('?')],
    paymentRow,
  )
  const holds = manyRows(
    database,
    'INSERT INTO holds (serial, id, source, target, amount, condition, expires_at, destination, content_hash,' +
      ' prepared_at) VALUES',
    Array(10).fill('?'),
    holdRow,
  )
  const record = database.prepare(
    'INSERT INTO transfers (seq, at, kind, source, target, amount, source_previous, target_previous, id, destination,' +
      ' expires_at, content_hash, fulfillment, reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const movement = database.prepare('INSERT INTO movements (kind, reference, seq) VALUES (?, ?, ?)')
  const release = database.prepare('DELETE FROM holds WHERE serial = ?')
  const account = database.prepare(
    'INSERT OR REPLACE INTO accounts (id, name, kind, posted, credit_limit, opened_at, owed_since, last_seq)' +
      ' VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const close = database.prepare('DELETE FROM accounts WHERE id = ?')
  const closed = database.prepare(
    'INSERT INTO closed_accounts (id, name, kind, opened_at, last_seq) VALUES (?, ?, ?, ?, ?)',
  )

  const repeatable = database.prepare(
    'INSERT INTO repeatable (block, until) VALUES (?, ?)' +
      ' ON CONFLICT (block) DO UPDATE SET until = max(until, excluded.until)',
  )

  return (changes) => {
    for (const serial of changes.released) release.run([serial])
    let block = -1
    let until = 0
    for (const one of changes.records) {
      if (one.state === 'fulfilled' && one.targetPrevious === 0) payments.add(one)
      else writeRecord(one)
      if (one.expiresAt === undefined) continue
      const its = blockOf(one.cursor)
      if (its !== block) {
        if (until > 0) repeatable.run([block, until])
        block = its
        until = 0
      }
      until = Math.max(until, repeatableUntil(one))
    }
    if (until > 0) repeatable.run([block, until])
    payments.end()
    for (const hold of changes.held) holds.add(hold)
    holds.end()
    for (const row of changes.accounts) writeAccount(row)
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

  function writeAccount(row: AccountRow): void {
    const kind = accountKinds.indexOf(row.kind)
    if (row.closed) {
      close.run([row.id])
      closed.run([row.id, row.name, kind, row.openedAt, row.last])
      return
    }
    account.run([
      row.id,
      row.name,
      kind,
      row.id === serverAccount ? null : fromSum(row.posted),
      fromSum(row.creditLimit),
      row.openedAt,
      row.owedSince ?? null,
      row.last,
    ])
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

const rowsPerStatement = 32

interface ManyRows<Item> {
  add(item: Item): void
  end(): void
}

/** Collects rows and inserts them 32 at a time, what is left one by one. */
function manyRows<Item>(
  database: SqlDatabase,
  insert: string,
  placeholders: readonly string[],
  fill: (to: SqlValue[], at: number, item: Item) => void,
): ManyRows<Item> {
  const row = `(${placeholders.join(', ')})`
  const columns = placeholders.filter((placeholder) => placeholder === '?').length
  const many: Statement = database.prepare(`${insert} ${Array(rowsPerStatement).fill(row).join(', ')}`)
  const one: Statement = database.prepare(`${insert} ${row}`)
  const values: SqlValue[] = new Array(columns * rowsPerStatement).fill(null)
  let filled = 0
  return {
    add(item) {
      fill(values, filled, item)
      filled += columns
      if (filled < values.length) return
      filled = 0
      many.run(values)
    },
    end() {
      for (let at = 0; at < filled; at += columns) one.run(values.slice(at, at + columns))
      filled = 0
    },
  }
}
