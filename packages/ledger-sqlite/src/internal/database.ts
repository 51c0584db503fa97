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
}

export interface SqlDatabase {
  prepare(sql: string): Statement
  exec(sql: string): void
  /** One value, for pragmas and counts. */
  value(sql: string, parameters?: readonly SqlValue[]): SqlValue | undefined
  /** Runs `write` in a transaction. */
  transaction(write: () => void): void
  /** Called after each transaction, in the same tick, as long as it is set; must not throw. */
  afterCommit: (() => void) | undefined
  /** Takes the write-ahead log into the file, gives up the lock and closes. */
  close(): void
  /** Closes a file that turned out not to be ours to write to. */
  abandon(): void
}

interface BoundStatement {
  raw(): BoundStatement
  run(parameters: readonly unknown[]): unknown
  get(parameters: readonly unknown[]): unknown
  all(parameters: readonly unknown[]): unknown[]
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
    }
  }

  const begin = prepare('BEGIN')
  const commit = prepare('COMMIT')

  const database: SqlDatabase = {
    afterCommit: undefined,
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
        try {
          // SQLite has rolled back by itself after some errors.
          if (binding.inTransaction) binding.exec('ROLLBACK')
        } catch {
          // What went wrong first is what is told; nothing is written any more.
        }
        throw error
      }
      database.afterCommit?.()
    },
    close() {
      leave(['journal_mode=DELETE', 'locking_mode=NORMAL'])
    },
    abandon() {
      leave(['locking_mode=NORMAL'])
    },
  }
  return database

  /**
   * The binding lets go of the file only when its statements have been collected, so the lock is given up before: SQLite
   * does that with the first reading in the normal mode, to which it returns when there is no write-ahead log. If that
   * cannot be done (no room, a damaged file) nothing is lost: the log stays where it is, the lock ends with the process.
   */
  function leave(pragmas: readonly string[]): void {
    if (!isOpen) return
    try {
      for (const pragma of pragmas) prepare(`PRAGMA ${pragma}`).all([])
      prepare('SELECT count(*) FROM sqlite_schema').all([])
    } catch {
    } finally {
      isOpen = false
      binding.close()
    }
  }
}

/** `SQLITE_BUSY` and the like, of errors that come from SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}
