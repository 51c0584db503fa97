/** The rules of two-phase transfers: prepare, then fulfill, reject or expire. */
import { Octets } from '@millstream/units'
import type {
  Fulfill,
  FulfillOutcome,
  LookUp,
  LookUpOutcome,
  Prepare,
  PrepareOutcome,
  Reject,
  RejectOutcome,
} from '../command.js'
import type { AccountState } from './account-state.js'
import * as Ids from './id-table.js'
import type { LedgerState } from './ledger-state.js'
import type { TransferState } from './transfer-state.js'

/** How long the id of an expired transfer is remembered, so that its payer can be told. */
export const expiredKeptMs = 10_000

// Outcomes without contents are made once. Those about an id stand in the order of the table's states.
const prepared = { status: 'prepared' } as const
const rejected = { status: 'rejected' } as const
const notFound = { status: 'not_found' } as const
const dead = { status: 'expired' } as const
const accountNotFound = { status: 'account_not_found' } as const
const existsDifferent = { status: 'exists_different' } as const
const existing = [
  { status: 'exists' },
  { status: 'exists_fulfilled' },
  { status: 'exists_rejected' },
  { status: 'exists_expired' },
] as const
const ended = [undefined, existing[1], existing[2], existing[3]] as const

export function prepare(state: LedgerState, command: Prepare): PrepareOutcome {
  const { ids, limits, now } = state
  const { amount, expiresAt } = command
  // Before anything else is judged, so that a payer who repeats learns what became of its transfer.
  if (ids.find(command.source, command.id, state.second)) {
    return ids.contentHash === command.contentHash >>> 0 ? existing[ids.state] : existsDifferent
  }
  const source = state.accounts.get(command.source)
  const target = state.accounts.get(command.target)
  if (source === undefined || target === undefined) return accountNotFound
  if (!source.canTransfer || !target.canTransfer) return accountNotFound
  // RFC 27: a transfer is executed only "if … the fulfillment is received before the Prepare's expiry".
  if (expiresAt <= now) return dead
  if (expiresAt > now + limits.expiresInMsMax) return { status: 'expires_too_late' }
  if (source.holdsOut >= limits.holdsPerAccountMax) return { status: 'exceeds_holds' }
  if (source.ids >= limits.idsPerAccountMax && idsAreFull(state, source)) return { status: 'exceeds_ids' }

  const left = source.posted - source.heldOut - amount
  if (left < source.floor && source !== state.server) return { status: 'exceeds_balance' }
  if (source.isStranger && left < 0n) {
    const more = -left - source.exposure
    if (more > 0n && state.strangersCredit + more > limits.strangersCreditMax) return { status: 'exceeds_strangers' }
  }
  if (target.posted + target.heldIn + amount > limits.balanceMax) return { status: 'exceeds_target' }

  const transfer = state.hold(command, source, target)
  ids.add(source.id, command.contentHash, Ids.held, transfer.slot, expiresAt, state.second)
  source.ids += 1
  return prepared
}

export function lookUp(state: LedgerState, command: LookUp): LookUpOutcome {
  const { ids } = state
  if (!ids.find(command.source, command.id, state.second)) {
    return command.expiresAt !== undefined && command.expiresAt <= state.now ? dead : notFound
  }
  return ids.contentHash === command.contentHash >>> 0 ? existing[ids.state] : existsDifferent
}

export function fulfill(state: LedgerState, command: Fulfill): FulfillOutcome {
  const { ids } = state
  if (!ids.find(command.source, command.id, state.second)) return notFound
  const how = ended[ids.state]
  if (how !== undefined) return how
  const transfer = state.holds[ids.hold]!
  if (!Octets.equal(state.hashes.sha256(command.fulfillment), transfer.condition))
    return { status: 'wrong_fulfillment' }
  ids.end(Ids.fulfilled, transfer.expiresAt)
  state.wheel.remove(transfer)
  return { status: 'fulfilled', cursor: state.post(transfer, command.fulfillment) }
}

export function reject(state: LedgerState, command: Reject): RejectOutcome {
  const { ids } = state
  if (!ids.find(command.source, command.id, state.second)) return notFound
  const how = ended[ids.state]
  if (how !== undefined) return how
  const transfer = state.holds[ids.hold]!
  ids.end(Ids.rejected, transfer.expiresAt)
  state.wheel.remove(transfer)
  state.undo(transfer, 'rejected')
  return rejected
}

/** Ends a hold that the wheel has just given out. */
export function expire(state: LedgerState, transfer: TransferState): void {
  if (state.ids.find(transfer.source, transfer.id, state.second)) {
    state.ids.end(Ids.expired, state.now + expiredKeptMs)
  }
  state.undo(transfer, 'expired')
  state.expired.push(transfer)
}

/**
 * Whether an account has as many ids as it may. Its count may have expired ones in it; taking them all out is done for
 * all accounts at once and at most once in a second, since ids expire at whole seconds.
 */
function idsAreFull(state: LedgerState, account: AccountState): boolean {
  if (state.idsExactAt !== state.second) {
    state.idsExactAt = state.second
    state.ids.forgetExpired(state.second)
  }
  return account.ids >= state.limits.idsPerAccountMax
}
