/**
 * The rules of the ledger over memory: commands in, outcomes out, in the same tick. Every store decides with a book and
 * differs only in what it does with the changes.
 *
 * What holds after every command:
 * - debits equal credits: the server's balance is what makes the sum over all accounts zero;
 * - a source had `posted - heldOut >= -creditLimit` after each of its holds, equality allowed: what is held counts at
 *   once where it hurts and never helps;
 * - an id of an account is one transfer for as long as it may be repeated, and a transfer ends once;
 * - a transfer is dead at the instant it expires. The ledger's clock decides, and it never goes back.
 */
import type { Hashes, Instant, RandomBytes } from '@millstream/units'
import type { Account, AccountId } from './account.js'
import type { Changes, HeldTransfer } from './changes.js'
import type { Command, Expired, Outcome, OutcomeOf } from './command.js'
import { assertCommands } from './internal/assert-command.js'
import { decide } from './internal/decide.js'
import { idStates } from './internal/id-table.js'
import { type FindReference, LedgerState } from './internal/ledger-state.js'
import * as Restore from './internal/restore.js'
import type { TransferState } from './internal/transfer-state.js'
import * as Transfers from './internal/transfers.js'
import { type Cursor, type LedgerLimits, ledgerLimits } from './store.js'

export interface BookOptions {
  readonly clock: Instant.Clock
  readonly hashes: Pick<Hashes, 'sha256'>
  readonly limits?: Partial<LedgerLimits>
  /** For the key of the table of ids. Without it the key is made of `Math.random`, which payers cannot see either. */
  readonly randomBytes?: RandomBytes
  /**
   * Finds the deposit or withdrawal of a reference among the changes that were taken. Without it the book keeps all
   * references in memory.
   */
  readonly findReference?: FindReference
}

/** The decisions about one batch: outcomes in the order of the commands, and holds that were found dead. */
export interface Decided<Commands extends readonly Command[] = readonly Command[]> {
  readonly outcomes: { readonly [I in keyof Commands]: OutcomeOf<Commands[I]> }
  readonly expired: readonly Expired[]
}

const noneExpired: readonly Expired[] = []

export class Book {
  readonly #clock: Instant.Clock
  readonly #state: LedgerState
  readonly #expire: (transfer: TransferState) => void
  /** Gone with the first batch: after it nothing can be restored. */
  #restoring: Restore.OpenHolds | undefined = new Map()

  constructor(options: BookOptions) {
    const { clock, hashes, limits, randomBytes, findReference } = options
    const idKey = randomBytes?.(8) ?? unpredictable(hashes)
    const state = new LedgerState({ ...ledgerLimits, ...limits }, hashes, idKey, findReference)
    this.#clock = clock
    this.#state = state
    this.#expire = (transfer) => Transfers.expire(state, transfer)
  }

  /**
   * Decides a batch, each command against the state that the ones before it left.
   *
   * @throws {CommandError} A command is malformed; nothing of the batch was decided. So do the errors of `units` for
   *   amounts, ids and conditions that are none, and `AccountNameError`.
   */
  apply<const Commands extends readonly Command[]>(commands: Commands): Decided<Commands> {
    assertCommands(commands)
    this.#restoring = undefined
    const expired = this.#advance()
    const outcomes: Outcome[] = new Array(commands.length)
    for (let i = 0; i < commands.length; i++) outcomes[i] = decide(this.#state, commands[i]!)
    return { outcomes: outcomes as never, expired }
  }

  /** Brings ledger time up to the clock and ends what is overdue. A clock that went back stands still here. */
  #advance(): readonly Expired[] {
    const state = this.#state
    const now = this.#clock()
    if (now > state.now) {
      state.setNow(now)
      state.ids.sweep(now)
    }
    state.wheel.advance(state.now, this.#expire)
    if (state.expired.length === 0) return noneExpired
    const { expired } = state
    state.expired = []
    return expired
  }

  get limits(): LedgerLimits {
    return this.#state.limits
  }

  /** Ledger time: the clock's, but never before the last batch. */
  get now(): Instant.Instant {
    return Math.max(this.#state.now, this.#clock()) as Instant.Instant
  }

  /** Place of the last record. */
  get cursor(): Cursor {
    return this.#state.cursor
  }

  /** What strangers owe or hold on credit, all together. */
  get strangersCredit(): bigint {
    return this.#state.strangersCredit
  }

  /** Memory that the ids of transfers take, in bytes. */
  get idBytes(): number {
    return this.#state.ids.byteLength
  }

  account(id: AccountId): Account | undefined {
    return this.#state.accounts.get(id)?.snapshot()
  }

  find(name: string): Account | undefined {
    return this.#state.names.get(name)?.snapshot()
  }

  /** All accounts, the system's first. */
  accounts(): readonly Account[] {
    return Array.from(this.#state.accounts.values(), (account) => account.snapshot())
  }

  /** Where the chain of an account's records begins; 0 without any. */
  lastRecord(id: AccountId): Cursor {
    return this.#state.accounts.get(id)?.last ?? (0 as Cursor)
  }

  /** Open holds in the order of preparing. */
  holds(): readonly HeldTransfer[] {
    const open = this.#state.holds.filter((transfer) => transfer !== undefined)
    return open.sort((a, b) => a.serial - b.serial)
  }

  /** What is remembered of an id; `undefined` when it was never held or has been forgotten. */
  stateOf(source: AccountId, id: Uint8Array): (typeof idStates)[number] | undefined {
    const { ids, second } = this.#state
    return ids.find(source, id, second) ? idStates[ids.state] : undefined
  }

  get hasChanges(): boolean {
    return this.#state.hasChanges
  }

  /**
   * Hands over everything that was decided since the last call, to be written as one; `undefined` when there is nothing
   * to write.
   */
  take(): Changes | undefined {
    return this.#state.take()
  }

  /**
   * Takes over changes that were handed over before, in the same order, before the first batch. Records that need not be
   * remembered and accounts that are closed may be left out: `skipTo`, `skipAccounts` and `remember` stand for them.
   *
   * @throws {RestoreError} They do not fit together.
   */
  restore(changes: Changes): void {
    if (this.#restoring === undefined) throw new Restore.RestoreError('the ledger is already at work')
    Restore.restore(this.#state, changes, this.#restoring, Math.max(this.now, changes.at) as Instant.Instant)
  }

  /** Says which record was the last, where it was left out of `restore`. */
  skipTo(cursor: Cursor, at: Instant.Instant): void {
    if (cursor > this.#state.cursor) this.#state.cursor = cursor
    if (at > this.#state.now) this.#state.setNow(at)
  }

  /** Says which account id was the last, where it was left out of `restore`. */
  skipAccounts(last: AccountId): void {
    this.#state.accountIdNext = Math.max(this.#state.accountIdNext, last + 1)
  }

  /**
   * Takes over the id of a transfer that has ended, where its record was left out of `restore`. Keeps nothing of the
   * object that it is given.
   */
  remember(transfer: Restore.EndedTransfer): void {
    Restore.remember(this.#state, transfer, Math.floor(this.now / 1000))
  }
}

function unpredictable(hashes: Pick<Hashes, 'sha256'>): Uint8Array {
  const seed = Array.from({ length: 8 }, () => String(Math.random())).join()
  return hashes.sha256(Uint8Array.from(seed, (character) => character.charCodeAt(0))).slice(0, 8)
}
