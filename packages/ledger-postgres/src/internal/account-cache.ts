/**
 * What a host knows of the accounts that it serves: how each stood when it was read or written last, its open holds, and
 * the ids that may still be repeated. Nothing here is ever ahead of the database. It may be behind it, where another host
 * was faster; then the database says so when something is to be written, and what is behind is read again.
 */
import {
  type Account,
  type AccountId,
  type AccountStanding,
  ExpiryWheel,
  IdTable,
  serverAccount,
  TimedLink,
} from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import type { StoredAccount, StoredHold } from './rows.js'

export const heldState = 0

/** An open hold of an account in the cache. */
export class CachedHold extends TimedLink {
  readonly hold: StoredHold
  readonly account: CachedAccount
  readonly slot: number
  /** Prepared by a host that is alive, so that it is that one's to end it. */
  readonly isForeign: boolean
  /** False while it is due and not ended yet. */
  isOnWheel = true

  constructor(hold: StoredHold, account: CachedAccount, slot: number, isForeign: boolean, dueAt: number) {
    super(dueAt)
    this.hold = hold
    this.account = account
    this.slot = slot
    this.isForeign = isForeign
  }
}

export class CachedAccount {
  /** Stands for the account in the table of ids. Another one each time it is read anew, so that old ids mean nothing. */
  readonly key: number
  /** As it stands in the database; a stranger of whom nothing was written has version 0. */
  standing: StoredAccount
  /** How many ids are remembered of it. */
  ids = 0
  /** Its open holds, by serial number. */
  readonly holds = new Map<number, CachedHold>()
  /** The highest serial number of a hold that was seen. */
  lastSerial = 0
  /** When another host was faster last, by `performance.now()`. */
  staleAt = Number.NEGATIVE_INFINITY

  constructor(key: number, standing: StoredAccount) {
    this.key = key
    this.standing = standing
  }

  get id(): AccountId {
    return this.standing.id
  }

  get isPersisted(): boolean {
    return this.standing.version > 0
  }

  laidOut(): AccountStanding {
    return { ...this.standing, ids: this.ids, persisted: this.isPersisted }
  }
}

export interface RememberedTransfer {
  readonly id: Uint8Array
  readonly contentHash: number
  readonly state: 0 | 1 | 2 | 3
  readonly until: number
}

export class AccountCache {
  readonly #accounts = new Map<AccountId, CachedAccount>()
  readonly #names = new Map<string, CachedAccount>()
  readonly #byKey = new Map<number, CachedAccount>()
  readonly ids: IdTable
  readonly #slots: (CachedHold | undefined)[] = []
  readonly #slotsFree: number[] = []
  readonly #wheel = new ExpiryWheel<CachedHold>()
  readonly #due = new Set<CachedHold>()
  readonly #accountsMax: number
  #lastKey = 0
  #idsExactAt = 0

  constructor(idKey: Uint8Array, accountsMax: number) {
    this.#accountsMax = accountsMax
    this.ids = new IdTable(idKey, (key) => {
      const account = this.#byKey.get(key)
      if (account !== undefined) account.ids -= 1
    })
  }

  get size(): number {
    return this.#accounts.size
  }

  get(id: AccountId): CachedAccount | undefined {
    return this.#accounts.get(id)
  }

  find(name: string): CachedAccount | undefined {
    return this.#names.get(name)
  }

  all(): IterableIterator<CachedAccount> {
    return this.#accounts.values()
  }

  /** Marks an account as used, so that it is not the next one to go. */
  use(account: CachedAccount): void {
    this.#accounts.delete(account.id)
    this.#accounts.set(account.id, account)
  }

  /** Puts in an account, or what it has become. */
  put(standing: StoredAccount): CachedAccount {
    let account = this.#accounts.get(standing.id)
    if (account === undefined) {
      this.#lastKey += 1
      account = new CachedAccount(this.#lastKey, standing)
      this.#accounts.set(standing.id, account)
      this.#byKey.set(account.key, account)
    } else {
      account.standing = standing
    }
    const named = this.#names.get(standing.name)
    if (standing.closed) {
      if (named === account) this.#names.delete(standing.name)
    } else if (named !== account) {
      // Whoever had the name is merged away, or was never written down.
      if (named !== undefined) this.drop(named)
      this.#names.set(standing.name, account)
    }
    return account
  }

  /** Forgets an account; it is read again when it is needed. */
  drop(account: CachedAccount): void {
    for (const hold of [...account.holds.values()]) this.removeHold(hold)
    this.#accounts.delete(account.id)
    this.#byKey.delete(account.key)
    if (this.#names.get(account.standing.name) === account) this.#names.delete(account.standing.name)
  }

  /** Makes room: those that were not used for the longest time go, unless something of them is open. */
  trim(): void {
    let over = this.#accounts.size - this.#accountsMax
    if (over <= 0) return
    for (const account of this.#accounts.values()) {
      if (over <= 0) return
      if (account.holds.size > 0 || account.standing.holdsIn > 0 || account.id === serverAccount) continue
      this.drop(account)
      over -= 1
    }
  }

  addHold(account: CachedAccount, hold: StoredHold, isForeign: boolean, dueAt: Instant.Instant, second: number): void {
    const slot = this.#slotsFree.pop() ?? this.#slots.length
    const cached = new CachedHold(hold, account, slot, isForeign, dueAt)
    this.#slots[slot] = cached
    this.#wheel.add(cached)
    account.holds.set(hold.serial, cached)
    if (hold.serial > account.lastSerial) account.lastSerial = hold.serial
    if (this.ids.find(account.key, hold.id, second)) return
    this.ids.add(account.key, hold.contentHash, heldState, slot, hold.expiresAt, second)
    account.ids += 1
  }

  /** Takes a hold out that has ended. Its id stays for `remember` to say what became of it. */
  endHold(cached: CachedHold): void {
    const { account, hold, slot } = cached
    if (cached.isOnWheel) this.#wheel.remove(cached)
    cached.isOnWheel = false
    this.#slots[slot] = undefined
    this.#slotsFree.push(slot)
    account.holds.delete(hold.serial)
  }

  /** Takes a hold out, and its id with it. */
  removeHold(cached: CachedHold): void {
    this.endHold(cached)
    const { account, hold } = cached
    if (this.ids.find(account.key, hold.id, 0) && this.ids.state === heldState) this.ids.forget()
  }

  remember(account: CachedAccount, transfer: RememberedTransfer, second: number): void {
    const isFound = this.ids.find(account.key, transfer.id, second)
    if (Math.ceil(transfer.until / 1000) <= second) {
      if (isFound) this.ids.forget()
      return
    }
    if (isFound) {
      this.ids.end(transfer.state, transfer.until)
      return
    }
    this.ids.add(account.key, transfer.contentHash, transfer.state, 0, transfer.until, second)
    account.ids += 1
  }

  /** The hold that `ids.find` has just found. */
  foundHold(): CachedHold {
    return this.#slots[this.ids.hold]!
  }

  findHold(account: CachedAccount, id: TransferId.TransferId, second: number): CachedHold | undefined {
    if (!this.ids.find(account.key, id, second) || this.ids.state !== heldState) return undefined
    return this.foundHold()
  }

  /** Holds that are due, until they are removed. */
  due(now: Instant.Instant): readonly CachedHold[] {
    this.#wheel.advance(now, (hold) => {
      hold.isOnWheel = false
      this.#due.add(hold)
    })
    for (const hold of this.#due) if (hold.account.holds.get(hold.hold.serial) !== hold) this.#due.delete(hold)
    return [...this.#due]
  }

  /**
   * Makes the count of an account's ids exact if it may come to its bound with so many more: at most once a second for all
   * of them, since ids expire at whole seconds.
   */
  countIds(account: CachedAccount, more: number, idsMax: number, second: number): void {
    if (account.ids + more < idsMax || this.#idsExactAt === second) return
    this.#idsExactAt = second
    this.ids.forgetExpired(second)
  }
}

export function snapshotOf(standing: StoredAccount | AccountStanding): Account {
  const { id, name, kind, posted, heldOut, heldIn, creditLimit, openedAt, owedSince } = standing
  return { id, name, kind, posted, heldOut, heldIn, creditLimit, openedAt, owedSince }
}
