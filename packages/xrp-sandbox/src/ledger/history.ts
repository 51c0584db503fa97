/** The ledgers that are remembered, the oldest forgotten first, and where to find a transaction in them. */
import type { ClosedLedger, ValidatedTransaction } from './closed-ledger.js'
import type { Transaction } from './transaction.js'

export interface HistoryLimits {
  readonly ledgers: number
  /** Over all ledgers together. The newest ledger is kept whatever it holds. */
  readonly transactions: number
  /** Transactions that are in no ledger, and are still found by their hash. */
  readonly unvalidated: number
}

export const historyLimits: HistoryLimits = { ledgers: 1_024, transactions: 20_000, unvalidated: 2_000 }

export interface Found {
  readonly ledger: ClosedLedger
  readonly position: number
  readonly validated: ValidatedTransaction
}

export class History {
  private readonly limits: HistoryLimits
  private readonly ledgers = new Map<number, ClosedLedger>()
  private readonly indexByHash = new Map<string, number>()
  private readonly places = new Map<string, { readonly index: number; readonly position: number }>()
  /** For each account the places of its transactions, in order; those of forgotten ledgers are cut off lazily. */
  private readonly byAccount = new Map<string, { index: number; position: number }[]>()
  private readonly unvalidated = new Map<string, Transaction>()
  private transactionsCount = 0
  private oldest = 0
  private newest = 0

  constructor(limits: HistoryLimits) {
    this.limits = limits
  }

  add(ledger: ClosedLedger): void {
    if (this.ledgers.size === 0) this.oldest = ledger.index
    this.newest = ledger.index
    this.ledgers.set(ledger.index, ledger)
    this.indexByHash.set(ledger.hash, ledger.index)
    ledger.transactions.forEach((validated, position) => {
      const place = { index: ledger.index, position }
      this.places.set(validated.transaction.hash, place)
      this.unvalidated.delete(validated.transaction.hash)
      for (const account of validated.accounts) {
        const places = this.byAccount.get(account)
        if (places === undefined) this.byAccount.set(account, [place])
        else places.push(place)
      }
    })
    this.transactionsCount += ledger.transactions.length
    while (
      this.oldest < this.newest &&
      (this.ledgers.size > this.limits.ledgers || this.transactionsCount > this.limits.transactions)
    ) {
      this.forgetOldest()
    }
  }

  /** Remembers a transaction that is in no ledger yet, or never will be. */
  addUnvalidated(transaction: Transaction): void {
    if (this.places.has(transaction.hash)) return
    this.unvalidated.delete(transaction.hash)
    this.unvalidated.set(transaction.hash, transaction)
    if (this.unvalidated.size <= this.limits.unvalidated) return
    for (const oldest of this.unvalidated.keys()) {
      this.unvalidated.delete(oldest)
      break
    }
  }

  ledger(index: number): ClosedLedger | undefined {
    return this.ledgers.get(index)
  }

  ledgerByHash(hash: string): ClosedLedger | undefined {
    const index = this.indexByHash.get(hash)
    return index === undefined ? undefined : this.ledgers.get(index)
  }

  range(): { readonly oldest: number; readonly newest: number } {
    return { oldest: this.oldest, newest: this.newest }
  }

  transaction(hash: string): Found | undefined {
    const place = this.places.get(hash)
    return place === undefined ? undefined : this.at(place)
  }

  unvalidatedTransaction(hash: string): Transaction | undefined {
    return this.unvalidated.get(hash)
  }

  /** The transactions of an account between two ledgers, both included. */
  *ofAccount(account: string, min: number, max: number, forward: boolean): Generator<Found> {
    const places = this.byAccount.get(account) ?? []
    const count = places.length
    for (let step = 0; step < count; step++) {
      const place = places[forward ? step : count - 1 - step]!
      if (place.index < min || place.index > max) continue
      const found = this.at(place)
      if (found !== undefined) yield found
    }
  }

  private at(place: { readonly index: number; readonly position: number }): Found | undefined {
    const ledger = this.ledgers.get(place.index)
    if (ledger === undefined) return undefined
    return { ledger, position: place.position, validated: ledger.transactions[place.position]! }
  }

  private forgetOldest(): void {
    const ledger = this.ledgers.get(this.oldest)
    this.ledgers.delete(this.oldest)
    this.oldest += 1
    if (ledger === undefined) return
    this.indexByHash.delete(ledger.hash)
    this.transactionsCount -= ledger.transactions.length
    for (const { transaction, accounts } of ledger.transactions) {
      this.places.delete(transaction.hash)
      for (const account of accounts) this.forgetPlaces(account, ledger.index)
    }
  }

  private forgetPlaces(account: string, index: number): void {
    const places = this.byAccount.get(account)
    if (places === undefined || places[0]!.index > index) return
    const kept = places.findIndex((place) => place.index > index)
    if (kept === -1) this.byAccount.delete(account)
    else places.splice(0, kept)
  }
}
