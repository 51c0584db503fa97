/** What removed records add up to, for each account: written with the write that removes them. */
import type { AccountId } from '@millstream/ledger'
import type { SqlDatabase } from './database.js'
import { fromSum, toSum } from './rows.js'
import { portionRows } from './schema.js'
import type { AccountSum } from './sums.js'

/** Of closed accounts of which no record is left. */
export const closedCheckpoint = 0 as AccountId

export interface Checkpoint {
  readonly paid: bigint
  readonly received: bigint
  /** Its last removed record, 0 for none: the chain of the kept ones goes on from there. */
  readonly last: number
}

export interface Checkpoints {
  readonly accounts: ReadonlyMap<AccountId, Checkpoint>
  /** Removed records that moved value. */
  readonly entries: number
}

/**
 * To be called by a reader of the kept history: as long as there is one, checkpoints do not change.
 *
 * @param rest - Awaited after each portion, which took so long.
 */
export async function readCheckpoints(
  database: SqlDatabase,
  rest: (workedMs: number) => Promise<void>,
): Promise<Checkpoints> {
  const page = database.prepare(
    'SELECT account, CAST(paid AS TEXT), CAST(received AS TEXT), last_seq FROM checkpoints' +
      ` WHERE account > ? ORDER BY account LIMIT ${portionRows}`,
  )
  const entries = database.value('SELECT entries FROM pruned') as number
  const accounts = new Map<AccountId, Checkpoint>()
  for (let after = -1; ; ) {
    const began = performance.now()
    const rows = page.all([after])
    for (const [id, paid, received, last] of rows) {
      after = id as number
      accounts.set(id as AccountId, { paid: toSum(paid), received: toSum(received), last: last as number })
    }
    if (rows.length < portionRows) return { accounts, entries }
    await rest(performance.now() - began)
  }
}

/** @returns Adds to the checkpoint of an account; gives where its chain was cut before. */
export function createCheckpointWriter(database: SqlDatabase): (id: AccountId, sum: AccountSum) => number {
  const get = database.prepare(
    'SELECT CAST(paid AS TEXT), CAST(received AS TEXT), last_seq FROM checkpoints WHERE account = ?',
  )
  const put = database.prepare(
    'INSERT OR REPLACE INTO checkpoints (account, paid, received, last_seq) VALUES (?, ?, ?, ?)',
  )
  return (id, sum) => {
    const [paid, received, last] = get.get([id]) ?? ['0', '0', 0]
    const cut = last as number
    put.run([id, fromSum(toSum(paid) + sum.paid), fromSum(toSum(received) + sum.received), sum.last || cut])
    return cut
  }
}
