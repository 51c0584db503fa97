/** What one account did, with its balance after each movement, between the balance before and the balance after. */
import { Instant } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type { HistoryRow, Operator } from './operator.js'

export interface StatementRow {
  /** Absent for the balance before the first record. */
  readonly at?: string
  /** `opening`, `closing`, or the kind of a movement. */
  readonly what: string
  /** Above 0 what came in, below 0 what went out. */
  readonly amount?: string
  readonly balance: string
  /** The other account. */
  readonly with?: string
  /** What was paid, or what names the movement. */
  readonly for?: string
}

export interface StatementQuery {
  readonly account: string
  /** From this instant on; from the beginning of the kept history if left out. */
  readonly from: Instant.Instant | undefined
  /** Before this instant; up to now if left out. */
  readonly to: Instant.Instant | undefined
}

export async function* lines(operator: Operator, query: StatementQuery): AsyncGenerator<StatementRow> {
  const { account, to } = query
  const { history } = await operator.describe()
  // What ended in the very instant of the last removed record is in the opening balance.
  const from = query.from ?? (history.at === undefined ? undefined : Instant.after(instantOf(history.at), 1))
  let balance = from === undefined ? 0n : await balanceBefore(operator, account, from)
  const opened = from === undefined ? {} : { at: Instant.toIso(from) }
  const only = { account, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  const rows = operator.transfers({ ...only, oldestFirst: true })[Symbol.asyncIterator]()
  // The first row decides whether there is such an account.
  let row = await rows.next()
  await assertKept(operator, from, history)
  yield { ...opened, what: 'opening', balance: String(balance) }
  for (; row.done !== true; row = await rows.next()) {
    const { at, kind, state, source, target, amount, destination, reference } = row.value
    if (state !== 'fulfilled' && state !== 'posted') continue
    const change = (target === account ? BigInt(amount) : 0n) - (source === account ? BigInt(amount) : 0n)
    balance += change
    const about = destination ?? reference
    yield {
      at,
      what: kind,
      amount: String(change),
      balance: String(balance),
      with: target === account ? source : target,
      ...(about === undefined ? {} : { for: about }),
    }
  }
  yield { ...(to === undefined ? {} : { at: Instant.toIso(to) }), what: 'closing', balance: String(balance) }
}

/**
 * Once the first row is there nothing is removed from under the list. What was removed between the asking for the balance
 * and for the list would be missing.
 *
 * @throws {Failure} Something was.
 */
async function assertKept(operator: Operator, from: Instant.Instant | undefined, before: HistoryRow): Promise<void> {
  const { history } = await operator.describe()
  if (history.after === before.after) return
  if (from !== undefined && history.at !== undefined && instantOf(history.at) < from) return
  throw new Failure({
    code: 'LEDGER_HISTORY_MOVED',
    exit: exitCodes.refused,
    message: 'Old records were removed while the statement was begun, and some of them belong to it.',
    next: 'ask again: the statement then begins where the kept history does, or name a later --from',
  })
}

async function balanceBefore(operator: Operator, account: string, from: Instant.Instant): Promise<bigint> {
  for await (const { id, balance } of operator.balances(Instant.after(from, -1))) {
    if (id === account) return BigInt(balance)
  }
  return 0n
}

function instantOf(iso: string): Instant.Instant {
  return Instant.from(Date.parse(iso))
}
