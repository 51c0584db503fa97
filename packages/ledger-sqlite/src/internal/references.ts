/** Finds what a reference was used for, also after its record was removed. Rare: once for each deposit and withdrawal. */
import type { AccountId, FindReference } from '@millstream/ledger'
import type { SqlDatabase } from './database.js'
import { depositKind, toSum, withdrawalKind } from './rows.js'

export function createReferenceFinder(database: SqlDatabase): FindReference {
  const find = database.prepare(
    'SELECT source, target, CAST(coalesce(movements.amount, transfers.amount) AS TEXT), account' +
      ' FROM movements LEFT JOIN transfers USING (seq, kind)' +
      ' WHERE movements.kind = ? AND movements.reference = ?',
  )
  return (kind, reference) => {
    const row = find.get([kind === 'deposit' ? depositKind : withdrawalKind, reference])
    if (row === undefined) return undefined
    const [source, target, amount, account] = row
    return { account: (account ?? (kind === 'deposit' ? target : source)) as AccountId, amount: toSum(amount) }
  }
}
