/**
 * The chain: the last closed ledger, the open one on top of it, the transactions that wait, and how a ledger closes.
 *
 * Closing follows `rippled`: what waits is tried once more; the transactions of the open ledger are put into their
 * canonical order and applied to the last closed ledger anew, in passes, those that fail with a `tec` only after no
 * other helps; then the next ledger opens.
 */
import type { Fees, LedgerContext } from '../transactors/transactor.js'
import { canonical } from './canonical-order.js'
import { type ClosedLedger, create as createLedger, type ValidatedTransaction } from './closed-ledger.js'
import { apply } from './engine.js'
import { type EngineResult, isTer } from './engine-result.js'
import {
  type AccountRoot,
  accountIndex,
  type Entry,
  feeSettingsIndex,
  type LedgerHashes,
  ledgerHashesIndex,
} from './entry.js'
import { type Faults, none } from './faults.js'
import { zero256 } from './hash.js'
import { Held } from './held.js'
import { History, type HistoryLimits } from './history.js'
import { affectedAccounts, type Metadata, settle } from './metadata.js'
import { closeTimeResolution, nextCloseTime } from './ripple-time.js'
import { emptyState, type StateTree } from './state-tree.js'
import type { Transaction } from './transaction.js'
import { type ReadView, View } from './view.js'

export interface ChainOptions {
  readonly fees: Fees
  readonly networkId: number
  /** Ripple time. */
  readonly now: () => number
  readonly faults: Faults
  readonly history: HistoryLimits
  /** Transactions that one ledger takes; beyond it a transaction is refused. */
  readonly ledgerTransactionsMax: number
  /** What the first ledger holds. Its balances are all the XRP there is. */
  readonly entries: ReadonlyMap<string, Entry>
  readonly firstIndex: number
  /** Ripple time; by the clock if left out. */
  readonly firstCloseTime?: number
  /** What is known of the ledger before the first. */
  readonly firstParent?: { readonly hash: string; readonly closeTime: number }
}

export interface Submitted {
  readonly result: EngineResult
  /** It is in the open ledger. */
  readonly applied: boolean
  /** It is tried again by itself. */
  readonly kept: boolean
  /** The next sequence number of the account; 0 where there is no account. */
  readonly accountSequence: number
}

export interface ChainEvents {
  closed(ledger: ClosedLedger): void
  proposed(transaction: Transaction, result: EngineResult): void
}

interface OpenTransaction {
  readonly transaction: Transaction
  readonly dropped: boolean
}

/** Passes of a close, and how many of them put a `tec` off. */
const passesMax = 3
const retryPasses = 1
const skipListMax = 256
const noFaults = none()

export class Chain {
  readonly history: History
  readonly fees: Fees
  readonly networkId: number
  private readonly options: ChainOptions
  private readonly held = new Held()
  private readonly listeners = new Set<ChainEvents>()
  private last: ClosedLedger
  private openView: View
  private open: OpenTransaction[] = []

  constructor(options: ChainOptions) {
    this.options = options
    this.fees = options.fees
    this.networkId = options.networkId
    this.history = new History(options.history)
    this.last = firstLedger(options)
    this.history.add(this.last)
    this.openView = new View(readView(this.last.state))
  }

  get closedLedger(): ClosedLedger {
    return this.last
  }

  get openIndex(): number {
    return this.last.index + 1
  }

  get openSize(): number {
    return this.open.length
  }

  get openState(): ReadView {
    return this.openView
  }

  /** @returns What stops it. */
  listen(events: ChainEvents): () => void {
    this.listeners.add(events)
    return () => this.listeners.delete(events)
  }

  /** @param options - `faultless`: the faults that are set do not concern it. */
  submit(transaction: Transaction, { failHard = false, faultless = false } = {}): Submitted {
    const faults = faultless ? noFaults : this.options.faults
    if (faults.refuse !== undefined && faults.refuse.count > 0) {
      faults.refuse.count -= 1
      return { ...this.submitted(transaction, faults.refuse.result, false), kept: false }
    }
    this.history.addUnvalidated(transaction)
    if (this.open.length >= this.options.ledgerTransactionsMax) {
      return { ...this.submitted(transaction, 'telCAN_NOT_QUEUE_FULL', false), kept: false }
    }
    const dropped = faults.drop > 0
    const { result, applied } = this.applyToOpen(transaction, failHard, dropped)
    if (applied && dropped) faults.drop -= 1
    const submitted = this.submitted(transaction, result, applied, failHard)
    if (applied) this.applySuccessors(transaction)
    else if (isTer(result) && !failHard) this.held.add(transaction)
    return submitted
  }

  /** What would become of a transaction that nobody has signed yet; nothing does. */
  simulate(transaction: Transaction): { readonly result: EngineResult; readonly metadata: Metadata | undefined } {
    const own = new View(this.openView)
    const { result, applied, delivered } = apply(own, transaction, this.context(), { networkId: this.networkId })
    if (!applied) return { result, metadata: undefined }
    const place = { hash: transaction.hash, ledgerIndex: this.openIndex, index: this.open.length }
    return { result, metadata: settle(own, place, result, delivered) }
  }

  /** @param closeTime - Ripple time; by the clock if left out. Never before a second after the parent's. */
  close(closeTime?: number): ClosedLedger {
    for (const transaction of this.held.takeAll()) {
      if (isTer(this.applyToOpen(transaction, false, false).result)) this.held.add(transaction)
    }
    const parent = this.last
    const context = { ...this.context(), open: false }
    const view = new View(readView(parent.state))
    const set = this.open.filter(({ dropped }) => !dropped).map(({ transaction }) => transaction)
    const { validated, waiting, burnt } = this.applyAll(this.ordered(set), view, context)
    view.write(ledgerHashesIndex, skipList(view.read(ledgerHashesIndex) as LedgerHashes | undefined, parent))
    const next = closeTime ?? nextCloseTime(this.options.now(), parent.closeTime)
    this.last = createLedger({
      index: context.index,
      parentHash: parent.hash,
      closeTime: Math.max(next, parent.closeTime + 1),
      parentCloseTime: parent.closeTime,
      totalCoins: parent.totalCoins - burnt,
      state: committed(parent.state, view),
      transactions: validated,
    })
    this.history.add(this.last)
    this.openView = new View(readView(this.last.state))
    this.open = []
    for (const transaction of waiting) {
      if (isTer(this.applyToOpen(transaction, false, false).result)) this.held.add(transaction)
    }
    for (const listener of this.listeners) listener.closed(this.last)
    return this.last
  }

  private ordered(set: readonly Transaction[]): Transaction[] {
    const { order } = this.options.faults
    if (typeof order === 'function') return order(set)
    if (order === 'submitted') return [...set]
    return order === 'reversed' ? canonical(set).reverse() : canonical(set)
  }

  private applyAll(
    ordered: readonly Transaction[],
    view: View,
    context: LedgerContext,
  ): { validated: ValidatedTransaction[]; waiting: Transaction[]; burnt: bigint } {
    const validated: ValidatedTransaction[] = []
    let waiting = [...ordered]
    let burnt = 0n
    let retry = true
    for (let pass = 0; pass < passesMax; pass++) {
      const left: Transaction[] = []
      const before = validated.length
      for (const transaction of waiting) {
        const own = new View(view)
        const outcome = apply(own, transaction, context, { retry, networkId: this.networkId })
        if (outcome.applied) {
          burnt += outcome.fee
          const place = { hash: transaction.hash, ledgerIndex: context.index, index: validated.length }
          const metadata = settle(own, place, outcome.result, outcome.delivered)
          own.commit(view)
          validated.push({ transaction, metadata, accounts: affectedAccounts(metadata) })
        } else if (!/^(tef|tem|tel)/.test(outcome.result)) {
          left.push(transaction)
        }
      }
      waiting = left
      const changed = validated.length > before
      if (!changed && !retry) break
      if (!changed || pass >= retryPasses) retry = false
    }
    return { validated, waiting, burnt }
  }

  private applyToOpen(
    transaction: Transaction,
    failHard: boolean,
    dropped: boolean,
  ): { readonly result: EngineResult; readonly applied: boolean } {
    const own = new View(this.openView)
    const outcome = apply(own, transaction, this.context(), { failHard, networkId: this.networkId })
    if (!outcome.applied) return outcome
    own.commit(this.openView)
    this.open.push({ transaction, dropped })
    for (const listener of this.listeners) listener.proposed(transaction, outcome.result)
    return outcome
  }

  /** Those that waited for the sequence number before theirs. */
  private applySuccessors(transaction: Transaction): void {
    let { Account, Sequence } = transaction.fields
    for (;;) {
      Sequence += 1
      const next = this.held.take(Account, Sequence)
      if (next === undefined) return
      const { result, applied } = this.applyToOpen(next, false, false)
      if (!applied) {
        if (isTer(result)) this.held.add(next)
        return
      }
    }
  }

  private submitted({ fields }: Transaction, result: EngineResult, applied: boolean, failHard = false): Submitted {
    const account = this.openView.read(accountIndex(fields.Account)) as AccountRoot | undefined
    return { result, applied, kept: applied || !failHard, accountSequence: account?.Sequence ?? 0 }
  }

  private context(): LedgerContext {
    return { index: this.openIndex, parentCloseTime: this.last.closeTime, open: true, fees: this.fees }
  }
}

function firstLedger({ entries, fees, firstIndex, firstCloseTime, firstParent, now }: ChainOptions): ClosedLedger {
  let state = emptyState()
  let totalCoins = 0n
  for (const [index, entry] of entries) {
    state = state.set(index, entry)
    if (entry.LedgerEntryType === 'AccountRoot') totalCoins += BigInt(entry.Balance)
  }
  state = state.set(feeSettingsIndex, {
    LedgerEntryType: 'FeeSettings',
    Flags: 0,
    BaseFeeDrops: String(fees.base),
    ReserveBaseDrops: String(fees.reserveBase),
    ReserveIncrementDrops: String(fees.reserveIncrement),
  })
  const closeTime = firstCloseTime ?? now() - (now() % closeTimeResolution)
  return createLedger({
    index: firstIndex,
    parentHash: firstParent?.hash ?? zero256,
    closeTime,
    parentCloseTime: firstParent?.closeTime ?? closeTime - closeTimeResolution,
    totalCoins,
    state,
    transactions: [],
  })
}

function readView(state: StateTree): ReadView {
  return { read: (index) => state.get(index) }
}

function committed(state: StateTree, view: View): StateTree {
  let next = state
  view.commit({
    write: (index, entry) => {
      next = next.set(index, entry)
    },
    erase: (index) => {
      next = next.delete(index)
    },
  })
  return next
}

/** The hashes of the last 256 ledgers, kept in the state. */
function skipList(before: LedgerHashes | undefined, parent: ClosedLedger): LedgerHashes {
  return {
    LedgerEntryType: 'LedgerHashes',
    Flags: 0,
    Hashes: [...(before?.Hashes ?? []), parent.hash].slice(-skipListMax),
    LastLedgerSequence: parent.index,
  }
}
