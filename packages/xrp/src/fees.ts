/**
 * Fees and reserves, as the server states them: nothing here is a constant of the network.
 *
 * | transaction                  | fee                                                   |
 * | ---------------------------- | ----------------------------------------------------- |
 * | EscrowCreate, EscrowCancel   | base                                                  |
 * | EscrowFinish with fulfillment | base × (33 + ⌊36 / 16⌋): 350 drops at a base of 10    |
 *
 * A busy server asks for more: `open_ledger_fee` of its `fee` command. A cap bounds what one transaction may cost.
 */

import type { AccountState } from './account-state.js'
import { fulfillmentBytes } from './crypto-condition.js'
import * as Drops from './drops.js'

/** How many base fees a transaction costs. */
export const feeFactors = {
  plain: 1,
  /** rippled: its own base, and base × (32 + bytes of the fulfillment ÷ 16). */
  finish: 33 + Math.floor(fulfillmentBytes / 16),
} as const

export interface ServerFees {
  /** Drops for a transaction of factor 1 in a quiet ledger. */
  readonly base: bigint
  /** Drops to get into the ledger that is open now; at least `base`. */
  readonly open: bigint
}

/**
 * What to offer: a fifth above what the server asks for in a busy hour, the base fee else.
 *
 * @returns `undefined` when it would be above `capDrops`.
 */
export function feeFor(fees: ServerFees, factor: number, capDrops: bigint): bigint | undefined {
  const each = fees.open > fees.base ? (fees.open * 12n + 9n) / 10n : fees.base
  const fee = each * BigInt(factor)
  return fee <= capDrops ? fee : undefined
}

/** What an account can hold in one more escrow, its own reserve and fee already taken off; never below 0. */
export function spendableDrops(state: AccountState, feeDrops: bigint): bigint {
  const reserve = state.reserveBase + state.reserveIncrement * BigInt(state.ownerCount + 1)
  const rest = state.balance - reserve - feeDrops
  return rest > 0n ? rest : 0n
}

/** Why an account cannot hold `drops` in one more escrow, in words that add up. */
export function explainShortage(state: AccountState, drops: bigint, feeDrops: bigint): string {
  const needed =
    state.reserveBase + state.reserveIncrement * BigInt(state.ownerCount + 1) + drops + feeDrops - state.balance
  return (
    `The account holds ${Drops.format(state.balance)}. The ledger keeps ${Drops.format(state.reserveBase)} of that back, ` +
    `and ${Drops.format(state.reserveIncrement)} for each open object: ${state.ownerCount} now, one more for this escrow. ` +
    `With ${Drops.format(drops)} and a fee of ${Drops.format(feeDrops)} it is short of ${Drops.format(needed)}. ` +
    'Nothing was sent; send XRP to the account, or wait until open escrows end.'
  )
}
