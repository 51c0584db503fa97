/**
 * Payments to the shop's address, credited once each.
 *
 * ```
 * validated ─▶ seen: kept with whose it is ─▶ credited: in the ledger, by the hash
 * ```
 *
 * What counts is native XRP, and how much of it was delivered. Whose it is, its destination tag says when it is seen
 * first. Without a tag of ours it goes to the suspense account, which is nobody's pocket.
 */
import type { Batch } from '../internal/batch.js'
import { integerOf } from '../internal/json.js'
import type { LedgerTransaction } from '../ledger-transaction.js'
import type { SettlementContext } from './context.js'
import { createFinished } from './finished.js'
import * as Reference from './reference.js'
import type { Sources } from './sources.js'
import type { Tags } from './tags.js'
import type { DepositedAnswer } from './wire.js'

export interface Deposits {
  restore(entries: ReadonlyMap<string, string>): void
  /** Credits what was seen before and not yet credited. */
  resume(): void
  saw(transaction: LedgerTransaction, batch: Batch): void
  /** All ledgers up to now were read, which is durable with `batch`: what is finished will not be seen again. */
  stepped(batch: Batch): void
  statusOf(name: string, hash: string): DepositedAnswer
}

export interface KeptDeposit {
  readonly hash: string
  readonly drops: string
  readonly source: string
  readonly tag: number | null
  /** Absent for the suspense account. */
  name: string | null
  state: 'seen' | 'credited'
}

export const depositPrefix = 'deposit/'

/** An account that is deleted leaves its XRP to another one: a payment as good as any. */
const paying = new Set(['Payment', 'AccountDelete'])

export function createDeposits(context: SettlementContext, tags: Tags, sources: Sources): Deposits {
  const { account, ledger, limits, observe, totals } = context
  const deposits = new Map<string, KeptDeposit>()
  const finished = createFinished(limits.finishedMax)

  return {
    restore(entries) {
      for (const [key, text] of entries) {
        if (!key.startsWith(depositPrefix)) continue
        const deposit = JSON.parse(text) as KeptDeposit
        deposits.set(deposit.hash, deposit)
        if (deposit.state === 'credited') finished.add(deposit.hash)
      }
    },
    resume() {
      for (const deposit of deposits.values()) if (deposit.state === 'seen') context.run(() => credit(deposit))
    },
    saw,
    stepped(batch) {
      for (const hash of finished.takeBeyond()) {
        deposits.delete(hash)
        batch.remove(depositPrefix + hash)
      }
    },
    statusOf(name, hash) {
      const deposit = deposits.get(hash)
      return { status: deposit?.name === name ? deposit.state : 'unknown' }
    },
  }

  function saw(transaction: LedgerTransaction, batch: Batch): void {
    const { type, account: source, fields, result, hash, delivered } = transaction
    if (!paying.has(type) || result !== 'tesSUCCESS' || fields.Destination !== account.address) return
    if (source === account.address || deposits.has(hash)) return
    if (delivered === undefined || delivered === 0n) {
      // Tokens of somebody: they are worth nothing here.
      observe({ name: 'xrp.deposit_ignored', level: 'info', hash })
      return
    }
    const tag = integerOf(fields.DestinationTag)
    const name = tag === undefined ? undefined : tags.nameOf(tag)
    const deposit: KeptDeposit = {
      ...{ hash, source, state: 'seen', tag: tag ?? null, name: name ?? null },
      drops: String(delivered),
    }
    deposits.set(hash, deposit)
    batch.put(depositPrefix + hash, deposit)
    if (name !== undefined) {
      tags.used(tag!, batch)
      if (type === 'Payment') sources.add(name, { address: source, tag: integerOf(fields.SourceTag) }, delivered, batch)
    }
    batch.after(() => context.run(() => credit(deposit)))
  }

  async function credit(deposit: KeptDeposit): Promise<void> {
    const { hash, source, tag } = deposit
    const drops = BigInt(deposit.drops)
    const reference = Reference.ofDeposit(hash)
    let status = await ledger.deposit(deposit.name ?? undefined, drops, reference)
    if (status === 'exceeds_target' || status === 'account_not_found') {
      deposit.name = null
      status = await ledger.deposit(undefined, drops, reference)
    }
    // Counted before this process began, or entered by the operator under this very reference: it counts once.
    const isOther = status === 'exists_different'
    account.commit((batch) => {
      if (deposit.state === 'credited') return
      deposit.state = 'credited'
      batch.put(depositPrefix + hash, deposit)
      totals.add('deposited', drops, batch)
      finished.add(hash)
      batch.after(() => {
        const facts = { hash, drops, source, ...(tag === null ? undefined : { tag }) }
        if (isOther) observe({ name: 'xrp.deposit_counted_before', level: 'warn', hash })
        else if (deposit.name === null) observe({ name: 'xrp.deposit_suspended', level: 'warn', ...facts })
        else observe({ name: 'xrp.deposited', level: 'info', account: deposit.name, ...facts })
      })
    })
  }
}
