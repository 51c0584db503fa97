/** Adding up records: a portion of them for each pair of accounts and kind, in one statement of SQLite. */
import type { AccountId } from '@millstream/ledger'
import { serverAccount } from '@millstream/ledger'
import type { SqlDatabase, SqlRow } from './database.js'
import { toSum } from './rows.js'

/** What the records of a portion are to one account. */
export interface AccountSum {
  /** Of entries of which it is the source, the target. */
  paid: bigint
  received: bigint
  /** Places of the order that its chain covers: from the record before the first to the last. */
  covered: number
  /** Its last record in the chain, 0 for none. */
  last: number
}

export interface PortionSums {
  readonly accounts: Map<AccountId, AccountSum>
  /** Records that moved value, and how much together. */
  entries: number
  posted: bigint
}

export type SumPortion = (from: number, to: number, hasText: boolean) => PortionSums

export function createSums(database: SqlDatabase): SumPortion {
  // Sums of halves of 64 bits cannot overflow within a portion.
  const integers = database.prepare(
    `SELECT source, target, kind, count(*), CAST(sum(amount >> 32) AS TEXT), CAST(sum(amount & 4294967295) AS TEXT),
       sum(seq - source_previous), sum(seq - target_previous), max(seq)
     FROM transfers WHERE seq > ? AND seq <= ? AND typeof(amount) = 'integer' GROUP BY source, target, kind`,
  )
  const texts = database.prepare(
    `SELECT source, target, kind, 1, '0', amount, seq - source_previous, seq - target_previous, seq
     FROM transfers WHERE seq > ? AND seq <= ? AND typeof(amount) = 'text'`,
  )
  return (from, to, hasText) => {
    const sums: PortionSums = { accounts: new Map(), entries: 0, posted: 0n }
    for (const row of integers.all([from, to])) add(sums, row)
    if (hasText) for (const row of texts.all([from, to])) add(sums, row)
    return sums
  }
}

function add(sums: PortionSums, row: SqlRow): void {
  const [source, target, kind, count, high, low] = row as [AccountId, AccountId, number, number, string, string]
  const [sourcePlaces, targetPlaces, last] = row.slice(6) as [number, number, number]
  const payer = sumOf(sums, source)
  const payee = sumOf(sums, target)
  if (kind !== 2 && kind !== 3) {
    const amount = (toSum(high) << 32n) + toSum(low)
    payer.paid += amount
    payee.received += amount
    sums.posted += amount
    sums.entries += count
  }
  payer.covered += sourcePlaces
  payer.last = Math.max(payer.last, last)
  // What is paid to the server is not in its chain.
  if (target === source || target === serverAccount) return
  payee.covered += targetPlaces
  payee.last = Math.max(payee.last, last)
}

function sumOf(sums: PortionSums, id: AccountId): AccountSum {
  let sum = sums.accounts.get(id)
  if (sum === undefined) {
    sum = { paid: 0n, received: 0n, covered: 0, last: 0 }
    sums.accounts.set(id, sum)
  }
  return sum
}
