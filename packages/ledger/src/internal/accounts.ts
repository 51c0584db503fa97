/** The rules of opening accounts and of their credit. */
import type { AccountId } from '../account.js'
import type { Limit, LimitOutcome, Open, OpenOutcome } from '../command.js'
import { AccountState } from './account-state.js'
import type { LedgerState } from './ledger-state.js'

export function open(state: LedgerState, command: Open): OpenOutcome {
  const { name, kind, creditLimit } = command
  const known = state.names.get(name)
  if (known !== undefined) {
    if (known.kind !== 'named') {
      if (kind === 'named') {
        makeNamed(state, known)
        state.touch(known)
      }
      if (known.creditLimit !== creditLimit && known.persisted) state.touch(known)
      known.setCreditLimit(creditLimit)
    }
    return { status: 'exists', account: known.snapshot() }
  }
  const account = new AccountState(state.accountIdNext as AccountId, name, kind, state.now)
  state.accountIdNext += 1
  account.setCreditLimit(creditLimit)
  state.addAccount(account)
  if (kind === 'named') state.touch(account)
  return { status: 'opened', account: account.snapshot() }
}

export function limit(state: LedgerState, command: Limit): LimitOutcome {
  const account = state.accounts.get(command.account)
  if (account === undefined || account.kind === 'system') return { status: 'account_not_found' }
  makeNamed(state, account)
  account.setCreditLimit(command.creditLimit)
  state.touch(account)
  return { status: 'limited', account: account.snapshot() }
}

function makeNamed(state: LedgerState, account: AccountState): void {
  account.setKind('named')
  state.exposureChanged(account)
}
