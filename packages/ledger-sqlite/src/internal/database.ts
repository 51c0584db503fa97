/**
 * SQLite as far as the store needs it, over the `libsql` binding, which is synchronous. The binding ends the process when
 * it is used after closing or given a value that it does not know, so both are kept from it here.
 */
import Database from 'libsql'

/** What can be bound and read. A `bigint` is within 64 bits with a sign; a `number` is whole. */
export type SqlValue = number | bigint | string | Uint8Array | null

export type SqlRow = readonly SqlValue[]

export interface Statement {
  run(parameters: readonly SqlValue[]): void
  get(parameters: readonly SqlValue[]): SqlRow | undefined
  all(parameters: readonly SqlValue[]): readonly SqlRow[]
  /** Rows as they are found. To be gone through to the end, or the next write fails. */
  each(parameters: readonly SqlValue[]): Iterable<SqlRow>
}

export interface SqlDatabase {
  prepare(sql: string): Statement
  exec(sql: string): void
  /** One value, for pragmas and counts. */
  value(sql: string, parameters?: readonly SqlValue[]): SqlValue | undefined
  /** Runs `write` in a transaction. */
  transaction(write: () => void): void
  /** Gives up the lock and closes. */
  close(): void
}

interface BoundStatement {
  raw(): BoundStatement
  run(parameters: readonly unknown[]): unknown
  get(parameters: readonly unknown[]): unknown
  all(parameters: readonly unknown[]): unknown[]
  iterate(parameters: readonly unknown[]): Iterable<unknown>
}

export function openDatabase(path: string): SqlDatabase {
  const binding = new Database(path)
  let isOpen = true

  const assertOpen = () => {
    if (!isOpen) throw new Error('The database is closed.')
  }
  const statement = (sql: string) => {
    assertOpen()
    return binding.prepare(sql) as unknown as BoundStatement
  }

  const prepare = (sql: string): Statement => {
    const bound = statement(sql)
    const writes = /^(insert|update|delete|begin|commit|rollback)/i.test(sql)
    if (!writes) bound.raw()
    return {
      run(parameters) {
        assertOpen()
        bound.run(parameters)
      },
      get(parameters) {
        assertOpen()
        return bound.get(parameters) as SqlRow | undefined
      },
      all(parameters) {
        assertOpen()
        return bound.all(parameters) as readonly SqlRow[]
      },
      each(parameters) {
        assertOpen()
        return bound.iterate(parameters) as Iterable<SqlRow>
      },
    }
  }

  const begin = prepare('BEGIN')
  const commit = prepare('COMMIT')

  return {
    prepare,
    exec(sql) {
      assertOpen()
      binding.exec(sql)
    },
    value(sql, parameters = []) {
      return prepare(sql).get(parameters)?.[0]
    },
    transaction(write) {
      assertOpen()
      begin.run([])
      try {
        write()
        commit.run([])
      } catch (error) {
        // SQLite has rolled back by itself after some errors.
        if (binding.inTransaction) binding.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      if (!isOpen) return
      try {
        // The binding lets go of the file only when its statements have been collected, so the lock is given up first:
        // a database without a write-ahead log can leave the exclusive mode. It also leaves a single file behind.
        prepare('PRAGMA journal_mode=DELETE').all([])
        prepare('PRAGMA locking_mode=NORMAL').all([])
        prepare('SELECT count(*) FROM sqlite_schema').all([])
      } finally {
        isOpen = false
        binding.close()
      }
    },
  }
}

/** `SQLITE_BUSY` and the like, of errors that come from SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}
