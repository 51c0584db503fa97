/** `--store`: where the ledger is. */

/** A database is named by its URL, which has a password in it: it goes nowhere but to the driver. */
export type StoreChoice = 'memory' | 'sqlite' | Database

export class Database {
  /** Not enumerable: whoever prints options does not print it. */
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  url(): string {
    return this.#url
  }
}

export function isDatabase(choice: StoreChoice | undefined): choice is Database {
  return choice instanceof Database
}
