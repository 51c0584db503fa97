/** The shop's streams in the file of the ledger. Puts of one turn of the event loop are written with the money of it. */
import { type Cursor, type GroupCommit, StoreClosedError } from '@millstream/ledger'
import type { StreamEnding, StreamRecord, StreamStore } from '@millstream/shop'
import type { SqlDatabase, SqlRow, Statement } from './internal/database.js'
import { turn } from './internal/history.js'
import { fromSum, toSum } from './internal/rows.js'

const columns =
  'user_id, kid, CAST(price AS TEXT), unit, resource, etag, created_at, owner, cursor, CAST(pieces AS TEXT), floor,' +
  ' numbers, ended_at, ending'

const rowsPerTurn = 100

export class SqliteStreamStore implements StreamStore {
  closed = false
  readonly #commit: GroupCommit
  readonly #put: Statement
  readonly #delete: Statement
  readonly #get: Statement
  readonly #page: Statement
  readonly #lowest: Statement
  /** What is to be written: the last word about each user id, `undefined` to forget it. */
  #pending = new Map<string, StreamRecord | undefined>()

  constructor(database: SqlDatabase, commit: GroupCommit) {
    this.#commit = commit
    this.#put = database.prepare(
      'INSERT INTO streams (user_id, kid, price, unit, resource, etag, created_at, owner, cursor, pieces, floor,' +
        ' numbers, ended_at, ending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)' +
        ' ON CONFLICT (user_id) DO UPDATE SET kid = excluded.kid, price = excluded.price, unit = excluded.unit,' +
        ' resource = excluded.resource, etag = excluded.etag, created_at = excluded.created_at,' +
        ' owner = excluded.owner, cursor = excluded.cursor, pieces = excluded.pieces, floor = excluded.floor,' +
        ' numbers = excluded.numbers, ended_at = excluded.ended_at, ending = excluded.ending',
    )
    this.#delete = database.prepare('DELETE FROM streams WHERE user_id = ?')
    this.#get = database.prepare(`SELECT ${columns} FROM streams WHERE user_id = ?`)
    this.#page = database.prepare(`SELECT ${columns}, number FROM streams WHERE number > ? ORDER BY number LIMIT ?`)
    this.#lowest = database.prepare('SELECT min(cursor) FROM streams WHERE ended_at IS NULL')
  }

  get hasWork(): boolean {
    return this.#pending.size > 0
  }

  /** The lowest place from which an open stream would read the feed at the next start. */
  get lowestCursor(): Cursor | undefined {
    let lowest = this.#lowest.get([])?.[0] as Cursor | null
    for (const record of this.#pending.values()) {
      if (record === undefined || record.endedAt !== undefined) continue
      if (lowest === null || record.cursor < lowest) lowest = record.cursor
    }
    return lowest ?? undefined
  }

  /** Writes what is pending, within a transaction of the caller. */
  write(): void {
    if (this.#pending.size === 0) return
    const pending = this.#pending
    this.#pending = new Map()
    for (const [userId, record] of pending) {
      if (record === undefined) this.#delete.run([userId])
      else this.#put.run(toValues(record))
    }
  }

  async put(record: StreamRecord): Promise<void> {
    this.#assertOpen()
    this.#pending.set(record.userId, { ...record, numbers: record.numbers.slice() })
    await this.#commit.durable()
  }

  async delete(userId: string): Promise<void> {
    this.#assertOpen()
    this.#pending.set(userId, undefined)
    await this.#commit.durable()
  }

  async get(userId: string): Promise<StreamRecord | undefined> {
    this.#assertOpen()
    if (this.#pending.has(userId)) {
      const record = this.#pending.get(userId)
      return record === undefined ? undefined : { ...record, numbers: record.numbers.slice() }
    }
    const row = this.#get.get([userId])
    return row === undefined ? undefined : toStream(row)
  }

  async *all(): AsyncIterable<StreamRecord> {
    this.#assertOpen()
    await this.#commit.durable()
    let last = 0
    for (;;) {
      this.#assertOpen()
      const rows = this.#page.all([last, rowsPerTurn])
      for (const row of rows) yield toStream(row)
      if (rows.length < rowsPerTurn) return
      last = rows.at(-1)!.at(-1) as number
      await turn(() => this.#assertOpen())
    }
  }

  #assertOpen(): void {
    if (this.closed) throw new StoreClosedError()
    if (this.#commit.failure !== undefined) throw this.#commit.failure
  }
}

function toValues(record: StreamRecord) {
  return [
    record.userId,
    record.kid,
    fromSum(record.price),
    record.unit,
    record.resource,
    record.etag ?? null,
    record.createdAt,
    record.owner ?? null,
    record.cursor,
    fromSum(record.pieces),
    record.floor,
    record.numbers,
    record.endedAt ?? null,
    record.ending ?? null,
  ]
}

function toStream(row: SqlRow): StreamRecord {
  const [userId, kid, price, unit, resource, etag, createdAt, owner, cursor, pieces, floor, numbers, endedAt, ending] =
    row
  return {
    userId: userId as string,
    kid: kid as number,
    price: toSum(price),
    unit: unit as string,
    resource: resource as string,
    ...(etag === null ? {} : { etag: etag as string }),
    createdAt: createdAt as StreamRecord['createdAt'],
    ...(owner === null ? {} : { owner: owner as string }),
    cursor: cursor as StreamRecord['cursor'],
    pieces: toSum(pieces),
    floor: floor as number,
    numbers: Uint8Array.from(numbers as Uint8Array),
    ...(endedAt === null ? {} : { endedAt: endedAt as NonNullable<StreamRecord['endedAt']> }),
    ...(ending === null ? {} : { ending: ending as StreamEnding }),
  }
}
