/**
 * What all hosts of a ledger must agree on and none may change: what it is called, what it counts, which key its shops
 * have. Short texts under short names, in the schema's `meta`.
 */
import type { Reads } from './internal/connection.js'

export class Facts {
  readonly #reads: Reads
  readonly #schema: string

  constructor(reads: Reads, schema: string) {
    this.#reads = reads
    this.#schema = schema
  }

  async read(name: string): Promise<string | undefined> {
    const [row] = await this.#reads.query(`SELECT value FROM ${this.#schema}.meta WHERE name = $1`, [nameOf(name)])
    return row?.[0] as string | undefined
  }

  /** Writes a fact down if nobody has. @returns What stands: of several hosts at once, the first has said it. */
  async pin(name: string, value: string): Promise<string> {
    await this.#reads.query(
      `INSERT INTO ${this.#schema}.meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
      [nameOf(name), value],
    )
    return (await this.read(name)) as string
  }
}

/** The store has names of its own there. */
function nameOf(name: string): string {
  return `fact ${name}`
}
