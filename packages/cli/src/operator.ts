/**
 * What an operator may ask of a ledger, whether a shop holds it at this moment (through its socket) or nobody does (the
 * command opens it). Rows are what `--json` prints: amounts are decimal strings in base units, instants are ISO dates.
 */
import type { BackupBatch } from '@millstream/ledger-sqlite'
import type { Asset, Instant } from '@millstream/units'

export interface LedgerDescription {
  readonly prefix: string
  readonly asset: Asset
  /** The process that holds the ledger. */
  readonly pid: number
  readonly history: HistoryRow
}

/** Where the kept history begins: `after` is the place of the last record that was removed, 0 when none was. */
export interface HistoryRow {
  readonly after: number
  /** When that one ended. */
  readonly at?: string
}

export interface AccountRow {
  readonly id: string
  readonly kind: string
  /** Above 0 the host owes it, below 0 it owes the host. */
  readonly balance: string
  /** What it has prepared and not yet paid. */
  readonly held: string
  /** What others have prepared for it. */
  readonly incoming: string
  /** How far below 0 its balance may go. */
  readonly limit: string
  readonly openedAt: string
  readonly owedSince?: string
}

export interface TransferRow {
  /** Its place in the order of ending; an open transfer has none. */
  readonly cursor?: number
  readonly kind: string
  /** `held`, `fulfilled`, `rejected`, `expired`; `posted` for a movement that has one phase only. */
  readonly state: string
  readonly at: string
  readonly source: string
  readonly target: string
  readonly amount: string
  /** Of transfers: a UUID and the ILP address that was paid. */
  readonly id?: string
  readonly destination?: string
  /** Of deposits and withdrawals. */
  readonly reference?: string
}

export interface CheckRow {
  readonly ok: boolean
  readonly faults: readonly string[]
  readonly accounts: number
  readonly entries: number
  readonly holds: number
  readonly total: string
  readonly posted: string
  readonly held: string
  /** Where the trustline is settled in XRP: what moved there, in drops. Its faults are among `faults`. */
  readonly xrp?: XrpCheckRow
}

export interface XrpCheckRow {
  readonly deposited: string
  readonly claimed: string
  /** Of the claims, what the XRP Ledger has not paid yet. */
  readonly unredeemed: string
  readonly withdrawn: string
  /** Withdrawals of which nobody can say whether they were paid. */
  readonly unknown: number
  /** Steps that are in one of the books only, so far. */
  readonly underWay: number
}

export interface TransferQuery {
  /** Only where this account pays or is paid. */
  readonly account?: string
  /** All of them if left out. */
  readonly limit?: number
  /** Only those that ended at this instant or later, and before that one: what is held has not ended. */
  readonly from?: Instant.Instant
  readonly to?: Instant.Instant
  readonly oldestFirst?: boolean
}

export interface BalanceRow {
  readonly id: string
  readonly balance: string
}

export interface PruneRow {
  /** Nothing was removed, only foretold. */
  readonly dryRun: boolean
  readonly records: number
  /** Why no more: `time`, `reader`, `repeatable`, `newest`. */
  readonly boundBy: string
  readonly history: HistoryRow
}

/** `exists`: this reference was counted before, with the same account and amount; nothing was counted twice. */
export interface MovementRow {
  readonly status: 'done' | 'exists'
  readonly reference: string
  readonly account: AccountRow
}

export interface Operator {
  describe(): Promise<LedgerDescription>
  accounts(): AsyncIterable<AccountRow>
  /** Newest first, those that are still held before all others; or the other way round. */
  transfers(query: TransferQuery): AsyncIterable<TransferRow>
  /** Sets the credit limit; opens the account if there is none. */
  limit(account: string, creditLimit: bigint): Promise<AccountRow>
  /** Credits value received elsewhere, once for each reference; opens the account if there is none. */
  fund(account: string, amount: bigint, reference: string): Promise<MovementRow>
  /** Debits value given elsewhere, once for each reference, never below a balance of 0. */
  withdraw(account: string, amount: bigint, reference: string): Promise<MovementRow>
  check(): Promise<CheckRow>
  /** As of an instant: what was posted then or before. */
  balances(at: Instant.Instant): AsyncIterable<BalanceRow>
  /** Removes records that ended before an instant. */
  prune(before: Instant.Instant, dryRun: boolean): Promise<PruneRow>
  /** The file of the ledger as it is at one moment; see `receiveBackup`. */
  backup(): AsyncIterable<BackupBatch>
}
