/** The rules of movements that have one phase: deposits, withdrawals, merges, debts written off. */
import type {
  Deposit,
  DepositOutcome,
  Merge,
  MergeOutcome,
  Withdraw,
  WithdrawOutcome,
  WriteOff,
  WriteOffOutcome,
} from '../command.js'
import type { LedgerState } from './ledger-state.js'

const accountNotFound = { status: 'account_not_found' } as const

export function deposit(state: LedgerState, command: Deposit): DepositOutcome {
  const { amount, reference } = command
  const exists = referenceExists(state, 'deposit', command)
  if (exists !== undefined) return exists
  const account = state.accounts.get(command.account)
  if (account === undefined || !account.canTransfer) return accountNotFound
  if (account.posted + account.heldIn + amount > state.limits.balanceMax) return { status: 'exceeds_target' }
  state.references.set(referenceKey('deposit', reference), { account: account.id, amount })
  return { status: 'deposited', cursor: state.move('deposit', state.settlement, account, amount, reference) }
}

export function withdraw(state: LedgerState, command: Withdraw): WithdrawOutcome {
  const { amount, reference } = command
  const exists = referenceExists(state, 'withdrawal', command)
  if (exists !== undefined) return exists
  const account = state.accounts.get(command.account)
  if (account === undefined || !account.canTransfer) return accountNotFound
  // Credit is for paying the host; value that leaves the ledger has to be there.
  if (account.posted - account.heldOut < amount) return { status: 'exceeds_balance' }
  state.references.set(referenceKey('withdrawal', reference), { account: account.id, amount })
  return { status: 'withdrawn', cursor: state.move('withdrawal', account, state.settlement, amount, reference) }
}

export function referenceKey(kind: 'deposit' | 'withdrawal', reference: string): string {
  return `${kind} ${reference}`
}

function referenceExists(state: LedgerState, kind: 'deposit' | 'withdrawal', command: Deposit | Withdraw) {
  const { account, amount, reference } = command
  const use = state.references.get(referenceKey(kind, reference)) ?? state.findReference?.(kind, reference)
  if (use === undefined) return undefined
  const same = use.account === account && use.amount === amount
  return same ? ({ status: 'exists' } as const) : ({ status: 'exists_different' } as const)
}

export function merge(state: LedgerState, command: Merge): MergeOutcome {
  const from = state.accounts.get(command.from)
  const into = state.accounts.get(command.into)
  if (from === undefined || into === undefined || from === into) return accountNotFound
  if (!from.isStranger || !into.isStranger) return accountNotFound
  // Who repeats a transfer after coming back must meet the account that made it: a stranger with a past stays.
  if (from.kind === 'stranger' && (from.persisted || from.touched || from.ids > 0)) return accountNotFound
  if (from.holdsOut > 0 || from.holdsIn > 0) return { status: 'has_holds' }
  if (from.posted > 0n) state.move('merge', from, into, from.posted)
  else if (from.posted < 0n) state.move('merge', into, from, -from.posted)
  state.removeAccount(from)
  if (from.persisted) state.touch(from)
  return { status: 'merged' }
}

export function writeOff(state: LedgerState, command: WriteOff): WriteOffOutcome {
  const account = state.accounts.get(command.account)
  if (account === undefined || account.kind === 'system') return accountNotFound
  if (account.posted >= 0n) return { status: 'owes_nothing' }
  const amount = -account.posted
  state.move('write_off', state.badDebt, account, amount)
  return { status: 'written_off', amount }
}
