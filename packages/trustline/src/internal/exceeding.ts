/** Words for those who asked for more than they can spend: what they have, and what they may owe. */
import type { Account } from '@millstream/ledger'
import { strangersCredit } from '../strangers.js'
import type { HostAccount } from './host-account.js'
import type { HostContext } from './host-context.js'
import * as Refusals from './refusals.js'
import type { TickReport } from './tick-report.js'

/** Asks the ledger once for each account: of a thousand payments beyond a limit all may be of one. */
export async function describeExceeding(context: HostContext, report: TickReport): Promise<void> {
  const { store, strangers, asset } = context
  const found = new Map<HostAccount, Account | undefined>()
  for (const { account } of report.exceeding) {
    if (found.has(account)) continue
    found.set(account, account.id === undefined ? undefined : await store.account(account.id))
  }
  for (const payment of report.exceeding) {
    const { account } = payment
    payment.refusal = Refusals.exceedsBalance(account.name, found.get(account), strangersCredit(strangers), asset)
    report.errors.push(payment)
  }
}
