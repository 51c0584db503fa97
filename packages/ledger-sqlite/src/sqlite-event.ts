/** What the store tells an observer: never once per payment. */
export type SqliteEvent =
  | {
      readonly name: 'ledger_sqlite.opened'
      readonly level: 'info'
      readonly folder: string
      readonly accounts: number
      readonly holds: number
      /** Transfers that may still be repeated. */
      readonly ids: number
      readonly ms: number
    }
  /** The clock stands before the last record: ledger time waits until it has caught up. */
  | { readonly name: 'ledger_sqlite.clock_behind'; readonly level: 'warn'; readonly ms: number }
  /** A write took long: the disk is slow or busy. At most one a minute is told. */
  | { readonly name: 'ledger_sqlite.slow_write'; readonly level: 'warn'; readonly ms: number; readonly records: number }
  | { readonly name: 'ledger_sqlite.failed'; readonly level: 'error'; readonly code: string; readonly message: string }
  | { readonly name: 'ledger_sqlite.closed'; readonly level: 'info'; readonly folder: string }
