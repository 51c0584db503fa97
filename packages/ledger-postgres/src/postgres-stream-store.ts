/**
 * The shop's streams in the database of the ledger. Puts of one turn of the event loop go together in one statement; while
 * it is under way the next ones gather. A statement whose answer was lost is sent again: what an older connection may
 * still bring to the database loses against what was written since (`writer`, `revision`).
 */
import { StoreClosedError } from '@millstream/ledger'
import type { StreamEnding, StreamRecord, StreamStore } from '@millstream/shop'
import type { Reads, Statement } from './internal/connection.js'
import { type Row, toBytes } from './internal/rows.js'

const columns =
  'user_id, kid, price, unit, resource, etag, created_at, owner, cursor, pieces, floor, numbers, ended_at, ending'
const rowsPerPage = 200
const rowsPerWrite = 500

/** Each start of a host writes as somebody else. */
const writersPerHost = 2 ** 20

export interface StreamWriter {
  readonly host: number
  readonly incarnation: number
}

function writerOf({ host, incarnation }: StreamWriter): number {
  return host * writersPerHost + (incarnation % writersPerHost)
}

interface Pending {
  readonly record: StreamRecord | undefined
  readonly revision: number
}

interface Round {
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class PostgresStreamStore implements StreamStore {
  closed = false
  readonly #reads: Reads
  /** Different for each process. */
  readonly #writer: number
  readonly #put: Statement
  readonly #delete: Statement
  readonly #get: Statement
  readonly #page: Statement
  readonly #abandoned: Statement
  /** The last word about each user id, `undefined` to forget it. */
  #pending = new Map<string, Pending>()
  #writing = new Map<string, Pending>()
  #round: Round | undefined
  #running: Promise<void> | undefined
  #revision = 0

  /** @param silentMsMax - A host that was not heard of for so long is dead. */
  constructor(reads: Reads, schema: string, host: StreamWriter, silentMsMax: number) {
    this.#reads = reads
    this.#writer = writerOf(host)
    const updated = columns
      .split(', ')
      .slice(1)
      .map((column) => `${column} = excluded.${column}`)
    const mayWrite = 's.writer <> excluded.writer OR s.revision < excluded.revision'
    this.#put = {
      name: 'put streams',
      text: `INSERT INTO ${schema}.streams AS s (writer, revision, ${columns})
        SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::numeric[], $6::text[], $7::text[],
          $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::numeric[], $13::bigint[], $14::bytea[],
          $15::bigint[], $16::text[])
        ON CONFLICT (user_id) DO UPDATE SET writer = excluded.writer, revision = excluded.revision, ${updated.join(', ')}
        WHERE ${mayWrite}`,
    }
    this.#delete = {
      name: 'delete streams',
      text: `DELETE FROM ${schema}.streams AS s USING unnest($2::bigint[], $3::text[]) AS v (revision, user_id)
        WHERE s.user_id = v.user_id AND (s.writer <> $1 OR s.revision < v.revision)`,
    }
    this.#abandoned = {
      name: 'abandoned streams',
      text: `SELECT ${columns}, number FROM ${schema}.streams
        WHERE number > $1 AND ended_at IS NULL AND writer <> $2 AND NOT EXISTS (
          SELECT 1 FROM ${schema}.hosts
          WHERE hosts.id = writer / ${writersPerHost} AND incarnation % ${writersPerHost} = writer % ${writersPerHost}
            AND seen_at >= ${schema}.clock_ms() - ${silentMsMax}
        ) ORDER BY number LIMIT ${rowsPerPage}`,
    }
    this.#get = { name: 'get stream', text: `SELECT ${columns} FROM ${schema}.streams WHERE user_id = $1` }
    this.#page = {
      name: 'streams',
      text: `SELECT ${columns}, number FROM ${schema}.streams WHERE number > $1 ORDER BY number LIMIT ${rowsPerPage}`,
    }
  }

  async put(record: StreamRecord): Promise<void> {
    this.#assertOpen()
    return this.#write(record.userId, { ...record, numbers: record.numbers.slice() })
  }

  async delete(userId: string): Promise<void> {
    this.#assertOpen()
    return this.#write(userId, undefined)
  }

  #write(userId: string, record: StreamRecord | undefined): Promise<void> {
    this.#revision += 1
    this.#pending.set(userId, { record, revision: this.#revision })
    this.#round ??= createRound()
    const { done } = this.#round
    this.#running ??= this.#run()
    return done
  }

  async #run(): Promise<void> {
    await undefined
    while (this.#round !== undefined) {
      const round = this.#round
      this.#round = undefined
      this.#writing = this.#pending
      this.#pending = new Map()
      try {
        await this.#flush([...this.#writing])
        round.resolve()
      } catch (error) {
        round.reject(error)
      }
      this.#writing = new Map()
    }
    this.#running = undefined
  }

  async #flush(all: readonly (readonly [string, Pending])[]): Promise<void> {
    for (let i = 0; i < all.length; i += rowsPerWrite) {
      const some = all.slice(i, i + rowsPerWrite)
      const put = some.filter(([, { record }]) => record !== undefined)
      const gone = some.filter(([, { record }]) => record === undefined)
      if (put.length > 0) {
        const of = <Value>(value: (record: StreamRecord) => Value) => put.map(([, { record }]) => value(record!))
        await this.#reads.query(this.#put, [
          this.#writer,
          put.map(([, { revision }]) => revision),
          of(({ userId }) => userId),
          of(({ kid }) => kid),
          of(({ price }) => price),
          of(({ unit }) => unit),
          of(({ resource }) => resource),
          of(({ etag }) => etag ?? null),
          of(({ createdAt }) => createdAt),
          of(({ owner }) => owner ?? null),
          of(({ cursor }) => cursor),
          of(({ pieces }) => pieces),
          of(({ floor }) => floor),
          of(({ numbers }) => Buffer.from(numbers)),
          of(({ endedAt }) => endedAt ?? null),
          of(({ ending }) => ending ?? null),
        ])
      }
      if (gone.length === 0) continue
      const revisions = gone.map(([, { revision }]) => revision)
      const ids = gone.map(([userId]) => userId)
      await this.#reads.query(this.#delete, [this.#writer, revisions, ids])
    }
  }

  async get(userId: string): Promise<StreamRecord | undefined> {
    this.#assertOpen()
    const pending = this.#pending.get(userId) ?? this.#writing.get(userId)
    if (pending !== undefined) {
      const { record } = pending
      return record === undefined ? undefined : { ...record, numbers: record.numbers.slice() }
    }
    const [row] = await this.#reads.query(this.#get, [userId])
    return row === undefined ? undefined : toStream(row)
  }

  async *all(): AsyncIterable<StreamRecord> {
    this.#assertOpen()
    await this.idle()
    yield* this.#pages(this.#page, [])
  }

  /** Of processes that have ended or were not heard of for too long: whatever they had open is closed. */
  async *abandoned(): AsyncIterable<StreamRecord> {
    this.#assertOpen()
    yield* this.#pages(this.#abandoned, [this.#writer])
  }

  async *#pages(statement: Statement, values: readonly unknown[]): AsyncIterable<StreamRecord> {
    let last = 0
    for (;;) {
      this.#assertOpen()
      const rows = await this.#reads.query(statement, [last, ...values])
      for (const row of rows) yield toStream(row)
      if (rows.length < rowsPerPage) return
      last = rows.at(-1)!.at(-1) as number
    }
  }

  /** Resolves when everything that was put is written, or could not be. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #assertOpen(): void {
    if (this.closed) throw new StoreClosedError()
  }
}

function createRound(): Round {
  let resolve = () => {}
  let reject: (error: unknown) => void = () => {}
  const done = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { done, resolve, reject }
}

function toStream(row: Row): StreamRecord {
  const [userId, kid, price, unit, resource, etag, createdAt, owner, cursor, pieces, floor, numbers, endedAt, ending] =
    row
  return {
    userId: userId as string,
    kid: kid as number,
    price: price as bigint,
    unit: unit as string,
    resource: resource as string,
    ...(etag === null ? {} : { etag: etag as string }),
    createdAt: createdAt as StreamRecord['createdAt'],
    ...(owner === null ? {} : { owner: owner as string }),
    cursor: cursor as StreamRecord['cursor'],
    pieces: pieces as bigint,
    floor: floor as number,
    numbers: toBytes(numbers),
    ...(endedAt === null ? {} : { endedAt: endedAt as NonNullable<StreamRecord['endedAt']> }),
    ...(ending === null ? {} : { ending: ending as StreamEnding }),
  }
}
