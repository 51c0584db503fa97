/** Proves what can be seen of a portion of records alone: order, time, kinds, chains and references. */
import type { SqlDatabase, SqlValue } from './database.js'
import { blockOf } from './schema.js'
import { createSums, type PortionSums } from './sums.js'

export interface PortionProof extends PortionSums {
  /** One sentence for each thing that does not hold. */
  readonly faults: readonly string[]
  /** Deposits and withdrawals. */
  readonly movements: number
}

export type ProvePortion = (from: number, to: number) => PortionProof

/** Portions do not reach over the end of a block. */
export function createPortionProver(database: SqlDatabase): ProvePortion {
  const order = database.prepare(
    `SELECT count(*), sum(typeof(amount) = 'text'), sum(kind IN (4, 5)),
       sum(kind NOT BETWEEN 1 AND 7 OR typeof(amount) NOT IN ('integer', 'text') OR amount < 0),
       sum(source_previous NOT BETWEEN 0 AND seq - 1 OR target_previous NOT BETWEEN 0 AND seq - 1), max(expires_at)
     FROM transfers WHERE seq > ? AND seq <= ?`,
  )
  const times = database.prepare(
    `SELECT count(*) FROM transfers AS this JOIN transfers AS next ON next.seq = this.seq + 1
     WHERE this.seq > ? AND this.seq <= ? AND next.at < this.at`,
  )
  const references = database.prepare(
    `SELECT count(*) FROM transfers LEFT JOIN movements USING (kind, reference)
     WHERE transfers.seq > ? AND transfers.seq <= ? AND transfers.kind IN (4, 5) AND movements.seq IS NOT transfers.seq`,
  )
  const repeatable = database.prepare('SELECT until FROM repeatable WHERE block = ?')
  const sum = createSums(database)

  return (from, to) => {
    const faults: string[] = []
    const range = [from, to]
    const which = `Among the records ${from + 1} to ${to}`
    const [count, texts, movements, impossible, unchained, expiresMax] = order.get(range)!.map(toNumber)
    if (count !== to - from) faults.push(`${which} only ${count} are there.`)
    if (impossible) faults.push(`${which}, ${impossible} are of no known kind or amount.`)
    if (unchained) faults.push(`${which}, ${unchained} do not follow the one before of their account.`)
    if (times.get(range)?.[0] !== 0) faults.push(`${which}, time goes back.`)
    if (expiresMax! > toNumber(repeatable.get([blockOf(to)])?.[0] ?? 0)) {
      faults.push(`${which}, some may be repeated for longer than is noted.`)
    }
    if (movements && references.get(range)?.[0] !== 0) {
      faults.push(`${which}, a deposit or withdrawal has lost its reference.`)
    }
    return { ...sum(from, to, texts !== 0), faults, movements: movements! }
  }
}

/** Sums over no rows are NULL. */
function toNumber(value: SqlValue): number {
  return Number(value ?? 0)
}
