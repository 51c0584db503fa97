/**
 * What a ledger is at this moment, and the few steps that change it. Each step keeps the sums true: what leaves one
 * account arrives at another, holds are counted on both sides, the strangers' total is the sum of their exposures. The
 * rules (transfers.ts, movements.ts, accounts.ts) decide whether a step is taken; here nothing is refused.
 */
import type { Condition, Hashes, Instant, TransferId } from '@millstream/units'
import {
  type AccountId,
  badDebtAccount,
  customerAccountMin,
  serverAccount,
  settlementAccount,
  systemAccountNames,
} from '../account.js'
import type { AccountRow, Changes, LedgerRecord } from '../changes.js'
import type { Expired } from '../command.js'
import type { Cursor, EntryKind, LedgerLimits } from '../store.js'
import { AccountState } from './account-state.js'
import { ExpiryWheel } from './expiry-wheel.js'
import { IdTable } from './id-table.js'
import { TransferState } from './transfer-state.js'

export interface ReferenceUse {
  readonly account: AccountId
  readonly amount: bigint
}

export type FindReference = (kind: 'deposit' | 'withdrawal', reference: string) => ReferenceUse | undefined

/** Finds what is due. */
export type Wheel = Pick<ExpiryWheel<TransferState>, 'add' | 'remove' | 'advance'>

/** What a hold is made of. */
export interface HoldContents {
  readonly id: TransferId.TransferId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly destination: string
  readonly contentHash: number
}

/** The epoch of holds that came from records: those are never new. */
export const restoredEpoch = 0

export class LedgerState {
  readonly limits: LedgerLimits
  readonly hashes: Pick<Hashes, 'sha256'>
  /** Answers for references that were handed over; without it all of them stay in `references`. */
  readonly findReference: FindReference | undefined

  /** Ledger time in milliseconds, and its whole seconds. */
  now = 0 as Instant.Instant
  second = 0
  /** The second in which the accounts' counts of ids were made exact last. */
  idsExactAt = 0
  /** Place of the last record. */
  cursor = 0 as Cursor
  /** Number of the last hold. */
  serial = 0
  accountIdNext: number = customerAccountMin
  /** Sum of the exposures of strangers. */
  strangersCredit = 0n

  readonly accounts = new Map<AccountId, AccountState>()
  readonly names = new Map<string, AccountState>()
  readonly server: AccountState
  readonly settlement: AccountState
  readonly badDebt: AccountState
  readonly ids: IdTable
  /** Open holds by the number that the table of ids has for them. */
  readonly holds: (TransferState | undefined)[] = []
  readonly wheel: Wheel
  readonly references = new Map<string, ReferenceUse>()
  /** Holds that were found dead in this batch. */
  expired: Expired[] = []

  readonly #slotsFree: number[] = []

  // Since the last `take`.
  #epoch = restoredEpoch + 1
  #prepared: TransferState[] = []
  /** Those of `#prepared` that are still open. */
  #preparedOpen = 0
  #released: number[] = []
  #records: LedgerRecord[] = []
  #touched: AccountState[] = []

  constructor(
    limits: LedgerLimits,
    hashes: Pick<Hashes, 'sha256'>,
    idKey: Uint8Array,
    findReference: FindReference | undefined,
    parts: { readonly wheel?: Wheel; readonly idShards?: number; readonly idEntries?: number } = {},
  ) {
    this.limits = limits
    this.hashes = hashes
    this.findReference = findReference
    this.wheel = parts.wheel ?? new ExpiryWheel<TransferState>()
    const forgotten = (source: number) => {
      const account = this.accounts.get(source as AccountId)
      if (account !== undefined) account.ids -= 1
    }
    this.ids = new IdTable(idKey, forgotten, parts.idShards, parts.idEntries)
    for (const [name, id] of systemAccountNames) this.addAccount(new AccountState(id, name, 'system', this.now))
    this.server = this.accounts.get(serverAccount)!
    this.settlement = this.accounts.get(settlementAccount)!
    this.badDebt = this.accounts.get(badDebtAccount)!
  }

  setNow(now: Instant.Instant): void {
    this.now = now
    this.second = Math.floor(now / 1000)
  }

  addAccount(account: AccountState): void {
    this.accounts.set(account.id, account)
    this.names.set(account.name, account)
  }

  removeAccount(account: AccountState): void {
    account.closed = true
    this.accounts.delete(account.id)
    this.names.delete(account.name)
  }

  /** Marks an account's row to be written. */
  touch(account: AccountState): void {
    if (account.touched) return
    account.touched = true
    this.#touched.push(account)
  }

  /** To be called whenever `posted`, `heldOut` or the kind of a stranger has changed. */
  exposureChanged(account: AccountState): void {
    const left = account.posted - account.heldOut
    const exposure = account.isStranger && left < 0n ? -left : 0n
    this.strangersCredit += exposure - account.exposure
    account.exposure = exposure
  }

  /** Holds an amount. The caller puts the id into the table. */
  hold(hold: HoldContents, source: AccountState, target: AccountState): TransferState {
    this.serial += 1
    const transfer = this.#addHold(hold, source, target, this.now, this.serial, this.#epoch)
    this.#prepared.push(transfer)
    this.#preparedOpen += 1
    return transfer
  }

  /** Holds what was held before a restart. */
  restoreHold(
    hold: HoldContents & { readonly preparedAt: Instant.Instant; readonly serial: number },
    source: AccountState,
    target: AccountState,
  ): TransferState {
    this.serial = Math.max(this.serial, hold.serial)
    return this.#addHold(hold, source, target, hold.preparedAt, hold.serial, restoredEpoch)
  }

  #addHold(
    hold: HoldContents,
    source: AccountState,
    target: AccountState,
    preparedAt: Instant.Instant,
    serial: number,
    epoch: number,
  ): TransferState {
    const slot = this.#slotsFree.pop() ?? this.holds.length
    const transfer = new TransferState(hold, source, target, preparedAt, serial, slot, epoch)
    this.holds[slot] = transfer
    this.wheel.add(transfer)
    source.heldOut += transfer.amount
    source.holdsOut += 1
    target.heldIn += transfer.amount
    target.holdsIn += 1
    if (source.isStranger) this.exposureChanged(source)
    return transfer
  }

  /** Takes a hold off both accounts; `wheel` and `ids` are the caller's business. */
  release(transfer: TransferState): void {
    const { sourceAccount: source, targetAccount: target, amount } = transfer
    this.holds[transfer.slot] = undefined
    this.#slotsFree.push(transfer.slot)
    source.heldOut -= amount
    source.holdsOut -= 1
    target.heldIn -= amount
    target.holdsIn -= 1
    if (transfer.epoch === this.#epoch) this.#preparedOpen -= 1
  }

  /** Releases a hold and moves its amount. */
  post(transfer: TransferState, fulfillment: Condition.Fulfillment): Cursor {
    this.release(transfer)
    const { sourceAccount: source, targetAccount: target, amount } = transfer
    source.setPosted(source.posted - amount, this.now)
    target.setPosted(target.posted + amount, this.now)
    // What a stranger held on credit is now what it owes: the exposure of the source stays the same.
    if (target.isStranger) this.exposureChanged(target)
    transfer.fulfillment = fulfillment
    this.#end(transfer, 'fulfilled')
    return transfer.cursor
  }

  /** Releases a hold and leaves its amount where it was. */
  undo(transfer: TransferState, state: 'rejected' | 'expired'): void {
    this.release(transfer)
    if (transfer.sourceAccount.isStranger) this.exposureChanged(transfer.sourceAccount)
    // A hold that began and ended between two writes leaves no record: nobody can make the books grow for nothing.
    if (transfer.epoch === this.#epoch) transfer.state = state
    else this.#end(transfer, state)
  }

  #end(transfer: TransferState, state: 'fulfilled' | 'rejected' | 'expired'): void {
    if (transfer.epoch !== this.#epoch) this.#released.push(transfer.serial)
    const { sourceAccount: source, targetAccount: target } = transfer
    transfer.state = state
    transfer.at = this.now
    this.cursor = (this.cursor + 1) as Cursor
    transfer.cursor = this.cursor
    transfer.sourcePrevious = this.#chain(source)
    transfer.targetPrevious = source === target ? transfer.sourcePrevious : this.#chainTarget(target)
    this.#records.push(transfer as TransferState & { readonly state: typeof state })
  }

  /** Moves an amount at once, between two different accounts. */
  move(kind: EntryKind, source: AccountState, target: AccountState, amount: bigint, reference?: string): Cursor {
    source.setPosted(source.posted - amount, this.now)
    target.setPosted(target.posted + amount, this.now)
    if (source.isStranger) this.exposureChanged(source)
    if (target.isStranger) this.exposureChanged(target)
    this.cursor = (this.cursor + 1) as Cursor
    this.#records.push({
      kind,
      state: 'posted',
      cursor: this.cursor,
      at: this.now,
      source: source.id,
      target: target.id,
      amount,
      sourcePrevious: this.#chain(source),
      targetPrevious: this.#chainTarget(target),
      ...(reference === undefined ? {} : { reference }),
    })
    return this.cursor
  }

  /** Makes the newest record the last one of an account; gives the one before. */
  #chain(account: AccountState): Cursor {
    const previous = account.last
    account.last = this.cursor
    this.touch(account)
    return previous
  }

  /** The server is the target of nearly everything: what it receives is not in its chain, and changes no row. */
  #chainTarget(account: AccountState): Cursor {
    return account === this.server ? (0 as Cursor) : this.#chain(account)
  }

  get hasChanges(): boolean {
    return this.#records.length > 0 || this.#touched.length > 0 || this.#released.length > 0 || this.#preparedOpen > 0
  }

  /** Hands over everything that was decided since the last call; `undefined` when there is nothing to write. */
  take(): Changes | undefined {
    const changed = this.hasChanges
    const held = this.#preparedOpen === 0 ? [] : this.#prepared.filter((transfer) => transfer.state === 'held')
    this.#prepared = []
    this.#preparedOpen = 0
    if (!changed) return undefined
    // A stranger becomes durable with the first durable thing that mentions it.
    for (const { sourceAccount, targetAccount } of held) {
      if (!sourceAccount.persisted) this.touch(sourceAccount)
      if (!targetAccount.persisted) this.touch(targetAccount)
    }
    const accounts: AccountRow[] = new Array(this.#touched.length)
    for (let i = 0; i < accounts.length; i++) {
      const account = this.#touched[i]!
      account.touched = false
      account.persisted = true
      accounts[i] = account.row()
    }
    const changes: Changes = { at: this.now, accounts, held, released: this.#released, records: this.#records }
    this.#epoch += 1
    this.#released = []
    this.#records = []
    this.#touched = []
    if (this.findReference !== undefined) this.references.clear()
    return changes
  }
}
