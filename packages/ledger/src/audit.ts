/**
 * Proving the books: recomputes every balance from the records alone and compares. Stores feed it their records, one by
 * one or already summed up, then what they say the balances and holds are.
 */
import { type Account, type AccountId, serverAccount } from './account.js'
import type { CheckReport, Hold } from './store.js'

const faultsMax = 100

export class Audit {
  readonly #sums = new Map<AccountId, bigint>()
  readonly #faults: string[] = []
  #faultsBeyond = 0
  #entries = 0
  #posted = 0n

  /** Says in one sentence what does not hold. */
  fault(sentence: string): void {
    if (this.#faults.length < faultsMax) this.#faults.push(sentence)
    else this.#faultsBeyond += 1
  }

  /** Counts `count` posted entries from one account to another, of `amount` together. */
  post(source: AccountId, target: AccountId, amount: bigint, count = 1): void {
    this.#entries += count
    this.#posted += amount
    this.#sums.set(source, (this.#sums.get(source) ?? 0n) - amount)
    this.#sums.set(target, (this.#sums.get(target) ?? 0n) + amount)
  }

  /** Counts entries that are known by their sum for each account only. */
  postFolded(sums: ReadonlyMap<AccountId, bigint>, entries: number, posted: bigint): void {
    this.#entries += entries
    this.#posted += posted
    for (const [id, sum] of sums) this.#sums.set(id, (this.#sums.get(id) ?? 0n) + sum)
  }

  /**
   * Compares with what the ledger says and gives the report.
   *
   * @param accounts - All open accounts, the system's among them.
   * @param holds - All open holds.
   */
  report(accounts: Iterable<Account>, holds: Iterable<Hold>): CheckReport {
    const heldOut = new Map<AccountId, bigint>()
    const heldIn = new Map<AccountId, bigint>()
    let holdCount = 0
    let held = 0n
    for (const { source, target, amount } of holds) {
      holdCount += 1
      held += amount
      heldOut.set(source, (heldOut.get(source) ?? 0n) + amount)
      heldIn.set(target, (heldIn.get(target) ?? 0n) + amount)
    }
    let accountCount = 0
    let total = 0n
    for (const account of accounts) {
      accountCount += 1
      total += account.posted
      this.#compare(account, 'a balance', account.posted, this.#sums)
      this.#compare(account, 'outgoing holds', account.heldOut, heldOut)
      this.#compare(account, 'incoming holds', account.heldIn, heldIn)
      for (const sums of [this.#sums, heldOut, heldIn]) sums.delete(account.id)
    }
    for (const [id, sum] of this.#sums) {
      if (sum !== 0n) this.fault(`Account ${id} is not open, but its entries add up to ${sum}.`)
    }
    for (const id of [...heldOut.keys(), ...heldIn.keys()]) this.fault(`Account ${id} is not open, but has holds.`)
    if (total !== 0n) this.fault(`The balances of all accounts add up to ${total} instead of 0.`)
    if (this.#faultsBeyond > 0) this.#faults[faultsMax - 1] = `And ${this.#faultsBeyond + 1} more faults.`
    return {
      ok: this.#faults.length === 0,
      faults: this.#faults,
      accounts: accountCount,
      entries: this.#entries,
      holds: holdCount,
      total,
      posted: this.#posted,
      held,
    }
  }

  #compare(account: Account, what: string, stated: bigint, sums: ReadonlyMap<AccountId, bigint>): void {
    const found = sums.get(account.id) ?? 0n
    if (stated === found) return
    const who = account.id === serverAccount ? 'The server' : `Account ${account.name}`
    this.fault(`${who} has ${what} of ${stated}, but its records add up to ${found}.`)
  }
}
