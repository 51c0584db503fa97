/**
 * The ways to the database: one connection on which groups are written, one after the other, and a pool for everything
 * that only reads or that may be written twice.
 */
import pg from 'pg'
import type { DatabasePlace } from '../postgres-url.js'
import { ConnectionLostError, kindOf, NoAnswerError, TransactionUndoneError } from './failures.js'
import { type Row, types } from './rows.js'

export interface ConnectionSettings {
  readonly place: DatabasePlace
  /** Goes into `pg_stat_activity`. */
  readonly applicationName: string
  readonly connectMsMax: number
  readonly answerMsMax: number
}

export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

export interface Statement {
  /** Prepared under this name, once for each connection. */
  readonly name: string
  readonly text: string
}

/**
 * What a session must have, whatever the server's defaults are: each statement sees what was committed before it, a commit
 * is on the disk when it is answered, and nobody waits or keeps others waiting for ever.
 */
function sessionSettings(answerMsMax: number): string {
  return (
    'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; ' +
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; ` +
    `SET statement_timeout = ${answerMsMax}; SET idle_in_transaction_session_timeout = ${answerMsMax}; ` +
    'SET client_min_messages = warning; SET jit = off'
  )
}

/**
 * Tables that were empty when they were looked at last are read from end to end by plans that outlive that: the statements
 * of groups have an index for everything.
 */
const groupSettings = 'SET enable_seqscan = off'

function clientConfig({ place, applicationName, connectMsMax }: ConnectionSettings): pg.ClientConfig {
  return {
    connectionString: place.connectionString,
    application_name: applicationName,
    connectionTimeoutMillis: connectMsMax,
    keepAlive: true,
    types,
  }
}

/** One connection, made when it is needed and made again after it was lost. */
export class Line {
  readonly #settings: ConnectionSettings
  #client: pg.Client | undefined
  /** The connection on which a transaction is under way. */
  #transaction: { client: pg.Client | undefined } | undefined

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  /**
   * Runs the statements of one transaction, `BEGIN` and `COMMIT` among them: all on one connection. If that is lost on the
   * way, the next statement says so and is not sent over another one, where it would mean something else.
   */
  async together<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#transaction = { client: undefined }
    try {
      return await work()
    } catch (error) {
      // Whatever is left of the transaction ends with its connection.
      this.drop()
      throw error
    } finally {
      this.#transaction = undefined
    }
  }

  /** @throws {Error} The transaction was undone, or it is not known what became of it. */
  async commit(): Promise<void> {
    const { command } = await this.#run({ text: 'COMMIT' })
    if (command !== 'COMMIT') throw new TransactionUndoneError()
  }

  /**
   * Runs one statement.
   *
   * @throws {Error} As `kindOf` tells. After a lost connection the next call makes a new one.
   */
  async query(statement: Statement | string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const text = typeof statement === 'string' ? { text: statement } : statement
    const config = {
      ...text,
      ...(values.length === 0 ? {} : { values: values as unknown[] }),
      rowMode: 'array' as const,
    }
    return (await this.#run(config)).rows as readonly Row[]
  }

  async #run(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const transaction = this.#transaction
    if (transaction?.client !== undefined && transaction.client !== this.#client) throw new ConnectionLostError()
    const client = this.#client ?? (await this.#connect())
    if (transaction !== undefined) transaction.client = client
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<never>((_, reject) => {
      const ms = this.#settings.answerMsMax
      timer = setTimeout(() => reject(new NoAnswerError(ms)), ms)
    })
    try {
      return await Promise.race([client.query(config), tooLong])
    } catch (error) {
      if (kindOf(error) === 'lost') this.drop()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(clientConfig(this.#settings))
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined
    })
    try {
      await client.connect()
      await client.query(`${sessionSettings(this.#settings.answerMsMax)}; ${groupSettings}`)
    } catch (error) {
      destroy(client)
      throw error
    }
    this.#client = client
    return client
  }

  /** Cuts the connection; the next statement gets another one. */
  drop(): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) destroy(client)
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }
}

function destroy(client: pg.Client): void {
  client.on('error', () => {})
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}

/** Tries again, for a while, what may be done twice. */
export interface RetrySettings {
  readonly retryMsMax: number
}

const pauseMsMin = 25
const pauseMsMax = 1_000

/** Connections for reading. */
export class Reads {
  readonly #pool: pg.Pool
  readonly #retryMsMax: number
  #closed = false

  constructor(settings: ConnectionSettings & RetrySettings, connectionsMax: number) {
    this.#retryMsMax = settings.retryMsMax
    this.#pool = new pg.Pool({
      ...clientConfig(settings),
      max: connectionsMax,
      idleTimeoutMillis: 30_000,
      onConnect: (client) => client.query(sessionSettings(settings.answerMsMax)) as never,
    })
    // A connection that breaks while nobody uses it is replaced when somebody does.
    this.#pool.on('error', () => {})
  }

  /** Runs one statement that may be run twice. */
  async query(statement: Statement | string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const config = {
      ...(typeof statement === 'string' ? { text: statement } : statement),
      values: values as unknown[],
      rowMode: 'array' as const,
    }
    return this.#again(async () => (await this.#pool.query(config)).rows as readonly Row[])
  }

  /** Runs `read` in one transaction that sees one moment and may take as long as it needs. */
  snapshot<Result>(read: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#within('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY', read)
  }

  /** Runs `write` in one transaction; it may happen twice if the connection is lost. */
  transaction<Result>(write: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#within('BEGIN', write)
  }

  #within<Result>(begin: string, work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#again(async () => {
      const client = await this.#pool.connect()
      let broken: Error | undefined
      try {
        await client.query(`${begin}; SET LOCAL statement_timeout = 0`)
        const result = await work(async (text, values = []) => {
          const { rows } = await client.query({ text, values: [...values], rowMode: 'array' })
          return rows as readonly Row[]
        })
        await client.query('COMMIT')
        return result
      } catch (error) {
        broken = error as Error
        throw error
      } finally {
        client.release(broken)
      }
    })
  }

  async #again<Result>(run: () => Promise<Result>): Promise<Result> {
    const began = performance.now()
    for (let tries = 0; ; tries++) {
      try {
        return await run()
      } catch (error) {
        const kind = kindOf(error)
        const isLate = performance.now() - began > this.#retryMsMax
        if (this.#closed || isLate || (kind !== 'lost' && kind !== 'undone')) throw error
        await pause(tries)
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pool.end()
  }
}

/** Waits before another try: longer each time, never the same for two hosts. */
export function pause(tries: number): Promise<void> {
  const ms = Math.min(pauseMsMax, pauseMsMin * 2 ** tries) * (0.5 + Math.random() / 2)
  return new Promise((resolve) => setTimeout(resolve, ms))
}
