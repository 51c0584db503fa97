/** Transactions that cannot be applied yet, mostly because one before them is missing. */
import type { Transaction } from './transaction.js'

/** Over all accounts; beyond it the oldest is forgotten, as any server may. */
export const heldMax = 2_048

export class Held {
  private readonly byHash = new Map<string, Transaction>()
  private readonly bySequence = new Map<string, Set<Transaction>>()

  add(transaction: Transaction): void {
    if (this.byHash.has(transaction.hash)) return
    this.byHash.set(transaction.hash, transaction)
    const key = keyOf(transaction.fields.Account, transaction.fields.Sequence)
    const same = this.bySequence.get(key)
    if (same === undefined) this.bySequence.set(key, new Set([transaction]))
    else same.add(transaction)
    if (this.byHash.size <= heldMax) return
    for (const oldest of this.byHash.values()) {
      this.forget(oldest)
      break
    }
  }

  take(account: string, sequence: number): Transaction | undefined {
    for (const transaction of this.bySequence.get(keyOf(account, sequence)) ?? []) {
      this.forget(transaction)
      return transaction
    }
    return undefined
  }

  takeAll(): Transaction[] {
    const all = [...this.byHash.values()]
    this.byHash.clear()
    this.bySequence.clear()
    return all.sort((a, b) => a.fields.Sequence - b.fields.Sequence)
  }

  private forget(transaction: Transaction): void {
    this.byHash.delete(transaction.hash)
    const key = keyOf(transaction.fields.Account, transaction.fields.Sequence)
    const same = this.bySequence.get(key)
    same?.delete(transaction)
    if (same?.size === 0) this.bySequence.delete(key)
  }
}

function keyOf(account: string, sequence: number): string {
  return `${account} ${sequence}`
}
