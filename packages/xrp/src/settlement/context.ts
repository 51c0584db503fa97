/** What the parts of one settlement share, and the ledger as they use it. */
import {
  type Account,
  type AccountId,
  type DepositOutcome,
  type OpenOutcome,
  type Store,
  suspenseAccount,
  type WithdrawOutcome,
} from '@millstream/ledger'
import { Amount, type Instant } from '@millstream/units'
import type { XrpAccount } from '../account.js'
import * as Drops from '../drops.js'
import type { Batch } from '../internal/batch.js'
import type { XrpObserver } from '../xrp-event.js'
import type { SettlementLimits } from './limits.js'

export interface SettlementContext {
  readonly account: XrpAccount
  readonly ledger: LedgerPort
  readonly limits: SettlementLimits
  readonly scale: number
  readonly clock: Instant.Clock
  readonly observe: XrpObserver
  /** Finished amounts, in drops: what `check` compares the ledger with. */
  readonly totals: Totals
  /** Runs something that waits; what it throws stops the settlement. */
  run(job: () => Promise<void>): void
}

/** Movements of the ledger. Each resolves when it is durable, and may be made again: a reference counts once. */
export interface LedgerPort {
  find(name: string): Promise<Account | undefined>
  /** Opens the account if there is none. `undefined` is the suspense account. */
  deposit(name: string | undefined, drops: bigint, reference: string): Promise<DepositOutcome['status']>
  withdraw(name: string, drops: bigint, reference: string): Promise<WithdrawOutcome['status']>
  /** Whether a withdrawal has this reference, however long ago. */
  wasWithdrawn(name: string, reference: string): Promise<boolean>
}

export function createLedgerPort(store: Store, scale: number, creditLimit: bigint): LedgerPort {
  return {
    find: async (name) => store.find(name),
    async deposit(name, drops, reference) {
      const account = name === undefined ? suspenseAccount : await open(name)
      const amount = Drops.toUnits(drops, scale)
      const { outcomes, durable } = store.apply([{ type: 'deposit', account, amount, reference }])
      const [outcome] = await outcomes
      await durable
      return outcome.status
    },
    withdraw: (name, drops, reference) => withdraw(name, Drops.toUnits(drops, scale), reference),
    async wasWithdrawn(name, reference) {
      // No account holds so much: the answer is about the reference alone, which is looked at first.
      const status = await withdraw(name, Amount.amountMax, reference)
      return status === 'exists' || status === 'exists_different'
    },
  }

  async function withdraw(name: string, amount: bigint, reference: string): Promise<WithdrawOutcome['status']> {
    const account = await store.find(name)
    if (account === undefined) return 'account_not_found'
    const { outcomes, durable } = store.apply([{ type: 'withdraw', account: account.id, amount, reference }])
    const [outcome] = await outcomes
    await durable
    return outcome.status
  }

  async function open(name: string): Promise<AccountId> {
    const found = await store.find(name)
    if (found !== undefined) return found.id
    const { outcomes, durable } = store.apply([{ type: 'open', name, kind: 'stranger', creditLimit }])
    const [outcome] = (await outcomes) as readonly [OpenOutcome]
    await durable
    return outcome.account.id
  }
}

export type TotalName = 'deposited' | 'claimed' | 'withdrawn'

export interface Totals {
  add(name: TotalName, drops: bigint, batch: Batch): void
}

export const totalsKey = 'totals'

export function createTotals(): Totals & { restore(entries: ReadonlyMap<string, string>): void } {
  let sums: Record<TotalName, bigint> = { deposited: 0n, claimed: 0n, withdrawn: 0n }
  return {
    restore(entries) {
      sums = readTotals(entries)
    },
    add(name, drops, batch) {
      sums[name] += drops
      const { deposited, claimed, withdrawn } = sums
      batch.put(totalsKey, {
        deposited: String(deposited),
        claimed: String(claimed),
        withdrawn: String(withdrawn),
      })
    },
  }
}

export function readTotals(entries: ReadonlyMap<string, string>): Record<TotalName, bigint> {
  const kept = JSON.parse(entries.get(totalsKey) ?? '{}') as Partial<Record<TotalName, string>>
  const { deposited = '0', claimed = '0', withdrawn = '0' } = kept
  return { deposited: BigInt(deposited), claimed: BigInt(claimed), withdrawn: BigInt(withdrawn) }
}
