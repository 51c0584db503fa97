/**
 * The newest records in memory. What is older is folded into a sum for each account, so that the books can still be
 * proved while memory stays the same however long the ledger runs.
 */
import type { Instant } from '@millstream/units'
import type { AccountId } from '../account.js'
import type { Audit } from '../audit.js'
import type { LedgerRecord } from '../changes.js'
import type { Cursor, HistoryStart } from '../store.js'

export class RecentRecords {
  readonly #kept: number
  #records: LedgerRecord[] = []
  /** Place of the last record that was folded. */
  #folded = 0 as Cursor
  #foldedAt: Instant.Instant | undefined
  readonly #sums = new Map<AccountId, bigint>()
  #entriesFolded = 0
  #postedFolded = 0n

  /** @param kept - At least this many of the newest records stay, at most twice as many. */
  constructor(kept: number) {
    this.#kept = kept
  }

  /** Everything up to here is no longer kept. */
  get folded(): Cursor {
    return this.#folded
  }

  get start(): HistoryStart {
    return { after: this.#folded, at: this.#foldedAt }
  }

  get all(): readonly LedgerRecord[] {
    return this.#records
  }

  /** Index of the first record after a cursor; cursors have no gaps. */
  indexAfter(cursor: Cursor): number {
    return Math.min(Math.max(0, cursor - this.#folded), this.#records.length)
  }

  append(records: readonly LedgerRecord[]): void {
    for (const record of records) this.#records.push(record)
    if (this.#records.length <= 2 * this.#kept) return
    this.fold(this.#records.length - this.#kept)
  }

  /** Folds so many of the oldest. */
  fold(count: number): void {
    for (let i = 0; i < count; i++) this.#fold(this.#records[i]!)
    this.#records = this.#records.slice(count)
  }

  /** What all entries up to an instant, which is not before the kept records, add up to for each account. */
  sumsAt(at: Instant.Instant): Map<AccountId, bigint> {
    const sums = new Map(this.#sums)
    for (const record of this.#records) {
      if (record.at > at) break
      if (!isPosted(record)) continue
      sums.set(record.source, (sums.get(record.source) ?? 0n) - record.amount)
      sums.set(record.target, (sums.get(record.target) ?? 0n) + record.amount)
    }
    return sums
  }

  #fold(record: LedgerRecord): void {
    this.#folded = record.cursor
    this.#foldedAt = record.at
    if (!isPosted(record)) return
    this.#entriesFolded += 1
    this.#postedFolded += record.amount
    this.#add(record.source, -record.amount)
    this.#add(record.target, record.amount)
  }

  #add(account: AccountId, amount: bigint): void {
    const sum = (this.#sums.get(account) ?? 0n) + amount
    if (sum === 0n) this.#sums.delete(account)
    else this.#sums.set(account, sum)
  }

  /** Tells an audit what was folded and what is there. */
  audit(audit: Audit): void {
    audit.postFolded(this.#sums, this.#entriesFolded, this.#postedFolded)
    let previous: LedgerRecord | undefined
    const references = new Set<string>()
    for (const record of this.#records) {
      if (previous !== undefined && record.cursor !== previous.cursor + 1) {
        audit.fault(`Record ${record.cursor} follows ${previous.cursor}.`)
      }
      if (previous !== undefined && record.at < previous.at) audit.fault(`Record ${record.cursor} is before the last.`)
      previous = record
      if (isPosted(record)) audit.post(record.source, record.target, record.amount)
      if (record.reference === undefined) continue
      const reference = `${record.kind} ${record.reference}`
      if (references.has(reference)) audit.fault(`Record ${record.cursor} has a reference that was used before.`)
      references.add(reference)
    }
  }
}

export function isPosted(record: Pick<LedgerRecord, 'state'>): boolean {
  return record.state === 'fulfilled' || record.state === 'posted'
}
