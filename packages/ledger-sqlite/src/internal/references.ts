/** Finds what a reference was used for. Rare: once for each deposit and withdrawal. */
import type { AccountId, FindReference } from '@millstream/ledger'
import type { SqlDatabase } from './database.js'
import { depositKind, toSum, withdrawalKind } from './rows.js'

export function createReferenceFinder(database: SqlDatabase): FindReference {
  const find = database.prepare(
    'SELECT source, target, CAST(amount AS TEXT) FROM movements JOIN transfers USING (seq, kind)' +
      ' WHERE movements.kind = ? AND movements.reference = ?',
  )
  return (kind, reference) => {
    const row = find.get([kind === 'deposit' ? depositKind : withdrawalKind, reference])
    if (row === undefined) return undefined
    const [source, target, amount] = row
    return { account: (kind === 'deposit' ? target : source) as AccountId, amount: toSum(amount) }
  }
}
