/** What the `ledger` commands print: aligned tables for a person, one JSON object a line for a program. */
import type { Asset } from '@millstream/units'
import * as Money from './money.js'
import type { AccountRow, CheckRow, MovementRow, TransferRow } from './operator.js'
import * as Table from './table.js'

export function accounts(rows: readonly AccountRow[]): string {
  const columns = [
    { title: 'id' },
    { title: 'kind' },
    { title: 'balance', align: 'right' },
    { title: 'held', align: 'right' },
    { title: 'incoming', align: 'right' },
    { title: 'limit', align: 'right' },
  ] as const
  const cells = rows.map((row) => [row.id, row.kind, row.balance, row.held, row.incoming, row.limit])
  return Table.format(columns, cells)
}

export function transfers(rows: readonly TransferRow[]): string {
  const columns = [
    { title: 'at' },
    { title: 'kind' },
    { title: 'state' },
    { title: 'amount', align: 'right' },
    { title: 'source' },
    { title: 'target' },
    { title: 'for' },
  ] as const
  const cells = rows.map((row) => [
    row.at,
    row.kind,
    row.state,
    row.amount,
    row.source,
    row.target,
    row.destination ?? row.reference ?? '',
  ])
  return Table.format(columns, cells)
}

export function account(row: AccountRow, asset: Asset): string {
  const money = (text: string) => Money.format(BigInt(text), asset)
  return `account  ${row.id} (${row.kind})\nbalance  ${money(row.balance)}\nheld     ${money(row.held)}\nlimit    ${money(row.limit)}\n`
}

export function movement(verb: 'funded' | 'withdrawn', row: MovementRow, asset: Asset): string {
  const first =
    row.status === 'done'
      ? `${verb}, reference ${row.reference}`
      : `nothing changed: reference ${row.reference} was counted before, with this account and amount`
  return `${first}\n${account(row.account, asset)}`
}

export function check(row: CheckRow, asset: Asset): string {
  const verdict = row.ok ? 'ok: every sum holds' : 'NOT OK: the books do not hold'
  const money = (text: string) => Money.format(BigInt(text), asset)
  const faults = row.faults.map((fault) => `fault     ${fault}\n`).join('')
  return `${verdict}
accounts  ${row.accounts}
entries   ${row.entries}
holds     ${row.holds}
posted    ${money(row.posted)}
held      ${money(row.held)}
total     ${money(row.total)}
${faults}`
}
