/** Brings a ledger back from its tables: accounts, open holds, and the ids that may still be repeated. */
import { type AccountId, type Book, type Cursor, expiredKeptMs } from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import type { SqlDatabase } from './database.js'
import { accountColumns, holdColumns, toAccount, toHold } from './rows.js'
import { blockRows } from './schema.js'

export interface Loaded {
  readonly accounts: number
  readonly holds: number
  /** Ids that were read; those that expire at once are among them. */
  readonly ids: number
  /** How far the clock is behind the last record, in milliseconds; 0 when it is not. */
  readonly clockBehindMs: number
}

/** The book remembers to the end of a second. */
const roundingMs = 1000

export function load(database: SqlDatabase, book: Book, clock: Instant.Clock): Loaded {
  const none = { at: 0 as Instant.Instant, held: [], released: [], records: [] }
  const accounts = database.prepare(`SELECT ${accountColumns} FROM accounts`).all([]).map(toAccount)
  const [lastClosed] = database.prepare('SELECT max(id) FROM closed_accounts').get([]) ?? []
  book.restore({ ...none, accounts })
  if (typeof lastClosed === 'number') book.skipAccounts(lastClosed as AccountId)

  const [seq, lastAt] = database.prepare('SELECT seq, at FROM transfers ORDER BY seq DESC LIMIT 1').get([]) ?? []
  const clockNow = clock()
  if (seq !== undefined) book.skipTo(seq as Cursor, lastAt as Instant.Instant)
  const now = book.now

  const ids = rememberEnded(database, book, now)
  const held = database.prepare(`SELECT ${holdColumns} FROM holds ORDER BY serial`).all([]).map(toHold)
  book.restore({ ...none, accounts: [], held })
  const behind = typeof lastAt === 'number' ? lastAt - clockNow : 0
  return { accounts: accounts.length, holds: held.length, ids: ids + held.length, clockBehindMs: Math.max(0, behind) }
}

/** The furthest expiry that was ever allowed: what ended before it is forgotten by all. */
export function longestExpiry(database: SqlDatabase): number {
  return (database.value("SELECT value FROM meta WHERE name = 'expires_in_ms_max'") ?? 0) as number
}

export function allowExpiry(database: SqlDatabase, expiresInMsMax: number): void {
  if (longestExpiry(database) >= expiresInMsMax) return
  database
    .prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('expires_in_ms_max', CAST(? AS INTEGER))")
    .run([expiresInMsMax])
}

const endedStates = [undefined, 'fulfilled', 'rejected', 'expired'] as const

/**
 * Goes through the records that may be repeated. They may be a million, and the binding takes a while for each value
 * that it hands over: they come as text, a block of them to a value.
 */
function rememberEnded(database: SqlDatabase, book: Book, now: Instant.Instant): number {
  const remembered = now - roundingMs
  const blocks = database.prepare('SELECT block FROM repeatable WHERE until > ? ORDER BY block').all([remembered])
  const portion = database.prepare(
    `SELECT group_concat(source || ' ' || content_hash || ' ' || kind || ' ' || expires_at || ' ' || at || ' ' || hex(id), '')
     FROM transfers WHERE seq > ? AND seq <= ? AND kind <= 3 AND (expires_at > ? OR (kind = 3 AND at > ?))`,
  )
  const id = new Uint8Array(16)
  let ids = 0
  for (const [block] of blocks) {
    const from = (block as number) * blockRows
    const text = portion.get([from, from + blockRows, remembered, remembered - expiredKeptMs])?.[0]
    if (typeof text !== 'string') continue
    const input = new NumberReader(text)
    while (!input.atEnd) {
      const source = input.decimal() as AccountId
      const contentHash = input.decimal()
      const state = endedStates[input.decimal()]!
      const expiresAt = input.decimal() as Instant.Instant
      const at = input.decimal() as Instant.Instant
      for (let i = 0; i < id.length; i++) id[i] = input.hexByte()
      book.remember({ source, id, contentHash, state, expiresAt, at })
      ids += 1
    }
  }
  return ids
}

/** Reads numbers out of a long text without cutting it up. */
class NumberReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Digits, and the space after them. */
  decimal(): number {
    let value = 0
    for (;;) {
      const digit = this.#text.charCodeAt(this.#at++) - 0x30
      if (!(digit >= 0 && digit <= 9)) return value
      value = value * 10 + digit
    }
  }

  /** Two hexadecimal digits, as SQLite writes them: in capitals. */
  hexByte(): number {
    const high = this.#text.charCodeAt(this.#at)
    const low = this.#text.charCodeAt(this.#at + 1)
    this.#at += 2
    return ((high < 0x40 ? high - 0x30 : high - 0x37) << 4) | (low < 0x40 ? low - 0x30 : low - 0x37)
  }
}
