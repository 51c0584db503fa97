/**
 * Accounts of one ledger. Every posted or held amount has a source and a target account, so that the sum over all
 * accounts, the system's among them, is always zero.
 */
import type { Brand, Instant } from '@millstream/units'

/** Small, growing, never used again. */
export type AccountId = Brand<number, 'AccountId'>

/** The operator of the ledger: what customers pay. Its balance is derived from the other rows: no hot row. */
export const serverAccount = 1 as AccountId
/** The world outside: the source of deposits, the target of withdrawals. */
export const settlementAccount = 2 as AccountId
/** Debts that were written off. */
export const badDebtAccount = 3 as AccountId
/** Deposits whose owner is not known. */
export const suspenseAccount = 4 as AccountId
export const customerAccountMin = 16 as AccountId

/** What the system's accounts are called; nobody else can open an account of such a name. */
export const systemAccountNames: ReadonlyMap<string, AccountId> = new Map([
  ['server', serverAccount],
  ['settlement', settlementAccount],
  ['bad_debt', badDebtAccount],
  ['suspense', suspenseAccount],
])

/**
 * `named`: the operator opened it or gave it a limit. `stranger`: known by a hash of user and token; its debts count
 * against the strangers' total. `passing`: a stranger of empty credentials, ends with its connection.
 */
export type AccountKind = 'system' | 'named' | 'stranger' | 'passing'

/** A snapshot: later commands do not change it. All amounts in base units. */
export interface Account {
  readonly id: AccountId
  /** Segment of the account's ILP address: `[A-Za-z0-9_~-]{1,64}`. */
  readonly name: string
  readonly kind: AccountKind
  /** Posted credits less posted debits: above 0 the host owes it, below 0 it owes the host. */
  readonly posted: bigint
  /** Held transfers of which it is the source. */
  readonly heldOut: bigint
  /** Held transfers of which it is the target. */
  readonly heldIn: bigint
  /** As a source it must keep `posted - heldOut - amount >= -creditLimit`; the server alone is free of that. */
  readonly creditLimit: bigint
  readonly openedAt: Instant.Instant
  /** Since when `posted` is below 0 without a break. */
  readonly owedSince: Instant.Instant | undefined
}
