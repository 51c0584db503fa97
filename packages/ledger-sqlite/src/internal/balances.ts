/**
 * Balances as of an instant: what the checkpoints and the records up to it add up to, or what is there now less the
 * records after it, whichever are fewer.
 */
import type { AccountId, Balance, Book } from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import { readCheckpoints } from './checkpoints.js'
import type { SqlDatabase } from './database.js'
import { turn } from './history.js'
import type { Kept } from './kept.js'
import { portionEnd } from './schema.js'
import type { SeqAt } from './seq-at.js'
import { createSums } from './sums.js'

/** Called in a moment in which nothing waits to be written. */
export async function balancesAt(
  database: SqlDatabase,
  book: Book,
  kept: Kept,
  seqAt: SeqAt,
  at: Instant.Instant,
  assertOpen: () => void,
): Promise<readonly Balance[]> {
  const end = kept.read()
  try {
    const { after } = kept.start
    const last = book.cursor
    const accounts = book.accounts()
    const place = seqAt((at + 1) as Instant.Instant, last)
    const isForward = place - after <= last - place
    const sums = new Map<AccountId, bigint>()
    const rest = () => turn(assertOpen)
    if (isForward) {
      for (const [id, { paid, received }] of (await readCheckpoints(database, rest)).accounts)
        sums.set(id, received - paid)
    } else for (const { id, posted } of accounts) sums.set(id, posted)
    const [first, through, sign] = isForward ? [after, place, 1n] : [place, last, -1n]

    const sum = createSums(database)
    for (let from: number = first; from < through; ) {
      const to = portionEnd(from, through)
      for (const [id, { paid, received }] of sum(from, to, true).accounts) {
        sums.set(id, (sums.get(id) ?? 0n) + sign * (received - paid))
      }
      from = to
      await rest()
    }

    const balances: Balance[] = []
    for (const { id, name, openedAt } of accounts) {
      if (openedAt <= at) balances.push({ account: id, name, posted: sums.get(id) ?? 0n })
      sums.delete(id)
    }
    const nameOf = database.prepare('SELECT name FROM closed_accounts WHERE id = ?')
    for (const [account, posted] of sums) {
      if (posted === 0n) continue
      const name = nameOf.get([account])?.[0] as string | undefined
      balances.push({ account, name, posted })
    }
    return balances.sort((a, b) => a.account - b.account)
  } finally {
    end()
  }
}
