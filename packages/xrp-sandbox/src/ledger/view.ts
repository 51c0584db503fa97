/**
 * What a transaction sees of the state and does to it. Changes gather in the view and reach the one below only when
 * they are committed, so that a transaction which fails half way leaves nothing behind.
 */
import type { AccountRoot, Entry, Escrow, PayChannel } from './entry.js'
import { accountIndex } from './entry.js'

export interface ReadView {
  read(index: string): Entry | undefined
}

export class View implements ReadView {
  private readonly base: ReadView
  private readonly written = new Map<string, Entry | undefined>()
  /** As they were when erased; the metadata shows them. */
  private readonly erased = new Map<string, Entry>()

  constructor(base: ReadView) {
    this.base = base
  }

  read(index: string): Entry | undefined {
    return this.written.has(index) ? this.written.get(index) : this.base.read(index)
  }

  readBelow(index: string): Entry | undefined {
    return this.base.read(index)
  }

  account(address: string): AccountRoot | undefined {
    return this.read(accountIndex(address)) as AccountRoot | undefined
  }

  escrow(index: string): Escrow | undefined {
    return ofType(this.read(index), 'Escrow')
  }

  channel(index: string): PayChannel | undefined {
    return ofType(this.read(index), 'PayChannel')
  }

  write(index: string, entry: Entry): void {
    this.written.set(index, entry)
    this.erased.delete(index)
  }

  writeAccount(account: AccountRoot): void {
    this.write(accountIndex(account.Account), account)
  }

  erase(index: string): void {
    const entry = this.read(index)
    if (entry === undefined) return
    this.written.set(index, undefined)
    this.erased.set(index, entry)
  }

  /** Every index that was written or erased, with the entry as it is now, or as it was when erased. */
  *changes(): Generator<{ readonly index: string; readonly now: Entry | undefined; readonly last: Entry }> {
    for (const [index, now] of this.written) {
      const last = now ?? this.erased.get(index)
      if (last !== undefined) yield { index, now, last }
    }
  }

  discard(): void {
    this.written.clear()
    this.erased.clear()
  }

  commit(target: { write(index: string, entry: Entry): void; erase(index: string): void }): void {
    for (const [index, entry] of this.written) {
      if (entry === undefined) target.erase(index)
      else target.write(index, entry)
    }
  }
}

function ofType<Type extends Entry['LedgerEntryType']>(
  entry: Entry | undefined,
  type: Type,
): Extract<Entry, { LedgerEntryType: Type }> | undefined {
  return entry?.LedgerEntryType === type ? (entry as Extract<Entry, { LedgerEntryType: Type }>) : undefined
}
