/** What the store tells an observer: never once per payment. */
export type PostgresEvent =
  | {
      readonly name: 'ledger_postgres.opened'
      readonly level: 'info'
      /** Host, port and name of the database. */
      readonly database: string
      readonly host: string
      /** Open holds that this host prepared before it was started. */
      readonly holds: number
      readonly ms: number
    }
  | {
      readonly name: 'ledger_postgres.migrated'
      readonly level: 'info'
      readonly database: string
      readonly from: number
      readonly to: number
    }
  /** The server is set up so that it may forget what it has promised: `fsync` or `full_page_writes` is off. */
  | { readonly name: 'ledger_postgres.not_durable'; readonly level: 'warn'; readonly setting: string }
  /** The database cannot be reached or refuses: what is to be written waits. Told once for each outage. */
  | { readonly name: 'ledger_postgres.waiting'; readonly level: 'warn'; readonly reason: string }
  | { readonly name: 'ledger_postgres.reached_again'; readonly level: 'info'; readonly ms: number }
  /** A group took long: the database is slow or busy. At most one a minute is told. */
  | {
      readonly name: 'ledger_postgres.slow_group'
      readonly level: 'warn'
      readonly ms: number
      readonly commands: number
    }
  /** Open holds of a host that has died are this host's from now on. */
  | { readonly name: 'ledger_postgres.adopted'; readonly level: 'info'; readonly holds: number }
  | {
      readonly name: 'ledger_postgres.failed'
      readonly level: 'error'
      readonly code: string
      readonly message: string
    }
  | { readonly name: 'ledger_postgres.closed'; readonly level: 'info'; readonly database: string }
