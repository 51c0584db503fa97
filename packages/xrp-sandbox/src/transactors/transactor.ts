/** What every type of transaction brings along; `engine.ts` does what all of them share. */

import type { EngineResult } from '../ledger/engine-result.js'
import type { AccountRoot, JsonObject } from '../ledger/entry.js'
import type { Transaction, TransactionFields } from '../ledger/transaction.js'
import type { View } from '../ledger/view.js'

export interface Fees {
  /** Drops. */
  readonly base: bigint
  readonly reserveBase: bigint
  readonly reserveIncrement: bigint
}

/** The ledger that a transaction goes into. */
export interface LedgerContext {
  readonly index: number
  /** Ripple time. Every rule about time goes by the close time of the parent. */
  readonly parentCloseTime: number
  /** In the open ledger results are preliminary, and fees are looked at. */
  readonly open: boolean
  readonly fees: Fees
}

export interface ApplyContext {
  readonly view: View
  readonly transaction: Transaction
  readonly ledger: LedgerContext
  /** The account before its fee was taken. */
  readonly before: AccountRoot
  /** Notes in the metadata what a transaction delivered, where its fields do not say it. */
  deliver(drops: bigint): void
}

export interface Transactor {
  /** Flags that it knows, besides the universal one. */
  readonly flags?: number
  /** What it costs; the base fee if it does not say. */
  fee?(fields: TransactionFields, fees: Fees): bigint
  /** Looks at the transaction alone: `tem` or `tel`. */
  preflight?(fields: TransactionFields): EngineResult
  /** Looks at the ledger before the fee is taken. */
  preclaim?(context: {
    readonly view: View
    readonly fields: TransactionFields
    readonly ledger: LedgerContext
  }): EngineResult
  apply(context: ApplyContext): EngineResult
}

export function reserveOf(fees: Fees, ownerCount: number): bigint {
  return fees.reserveBase + fees.reserveIncrement * BigInt(ownerCount)
}

/** @returns The drops of an XRP amount; `undefined` for amounts of tokens. */
export function dropsOf(amount: unknown): bigint | undefined {
  return typeof amount === 'string' && /^-?\d+$/.test(amount) ? BigInt(amount) : undefined
}

export function credited(account: AccountRoot, drops: bigint): AccountRoot {
  return { ...account, Balance: String(BigInt(account.Balance) + drops) }
}

/** One object more, or one less, that counts for its reserve. */
export function owning(account: AccountRoot, change: 1 | -1): AccountRoot {
  return { ...account, OwnerCount: Math.max(0, account.OwnerCount + change) }
}

/** Copies optional fields that are there. */
export function pick(fields: JsonObject, names: readonly string[]): Record<string, never> {
  const picked: Record<string, unknown> = {}
  for (const name of names) if (fields[name] !== undefined) picked[name] = fields[name]
  return picked as Record<string, never>
}
