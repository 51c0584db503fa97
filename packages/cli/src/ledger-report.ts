/** What the `ledger` commands print: aligned tables for a person, one JSON object a line for a program. */
import type { Asset } from '@millstream/units'
import { printable } from './failure.js'
import * as Money from './money.js'
import type {
  AccountRow,
  BalanceRow,
  CheckRow,
  HistoryRow,
  MovementRow,
  PruneRow,
  TransferRow,
  XrpCheckRow,
} from './operator.js'
import type { StatementRow } from './statement.js'
import type { SuspenseRow } from './suspense.js'
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
    printable(row.destination ?? row.reference ?? '').replaceAll('\n', ' '),
  ])
  return Table.format(columns, cells)
}

/** Where a list ends, or begins, because there is nothing kept before; nothing if all is kept. */
export function beginning({ after, at }: HistoryRow): string {
  if (at === undefined) return ''
  return `The kept history begins after record ${after}, which ended at ${at}: what was before is not in it.\n`
}

export function balances(rows: readonly BalanceRow[]): string {
  const cells = rows.map((row) => [row.id, row.balance])
  return Table.format([{ title: 'id' }, { title: 'balance', align: 'right' }], cells)
}

export function statement(rows: readonly StatementRow[]): string {
  const columns = [
    { title: 'at' },
    { title: 'what' },
    { title: 'amount', align: 'right' },
    { title: 'balance', align: 'right' },
    { title: 'with' },
    { title: 'for' },
  ] as const
  const cells = rows.map((row) => [
    row.at ?? '',
    row.what,
    row.amount ?? '',
    row.balance,
    row.with ?? '',
    printable(row.for ?? '').replaceAll('\n', ' '),
  ])
  return Table.format(columns, cells)
}

const bounds: Readonly<Record<string, string>> = {
  time: 'the next one ended at that time or later',
  reader: 'a stream, a list that is being read, or a deposit in suspense still needs the next one',
  repeatable: 'the next one may still be repeated by its payer',
  newest: 'the newest record always stays',
}

export function prune({ dryRun, records, boundBy, history }: PruneRow): string {
  const begins = history.at === undefined ? 'at the beginning' : `after record ${history.after}, of ${history.at}`
  return `${dryRun ? 'would remove' : 'removed'}  ${records} records
history       ${dryRun ? 'would begin' : 'begins'} ${begins}
no more       because ${bounds[boundBy] ?? boundBy}
`
}

export function suspense(rows: readonly SuspenseRow[]): string {
  const columns = [{ title: 'at' }, { title: 'amount', align: 'right' }, { title: 'transaction' }] as const
  return Table.format(
    columns,
    rows.map((row) => [row.at, row.amount, row.hash]),
  )
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
${row.xrp === undefined ? '' : xrpCheck(row.xrp)}${faults}`
}

function xrpCheck(row: XrpCheckRow): string {
  const drops = (text: string) => Money.format(BigInt(text), { code: 'XRP', scale: 6 })
  const counts = [
    row.underWay > 0 ? `under way ${row.underWay}\n` : '',
    row.unknown > 0 ? `unknown   ${row.unknown} withdrawals: see \`docs/xrp-settlement.md\`\n` : '',
  ]
  return `deposits  ${drops(row.deposited)} on XRP
claims    ${drops(row.claimed)} on XRP, ${drops(row.unredeemed)} not redeemed
withdrawn ${drops(row.withdrawn)} on XRP
${counts.join('')}`
}
