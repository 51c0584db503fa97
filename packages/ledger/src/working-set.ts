/**
 * The rules of the ledger over a few accounts, for one group of commands: for a store whose accounts others change too.
 * Such a store (PostgreSQL, many hosts) knows of each account that a group names how it stood when it was read last. It
 * lays these accounts out here, decides, and writes what changed if the accounts still stand as they did; else it lays
 * them out again as they stand now. A working set is used once and thrown away, so nothing has to be undone.
 *
 * Two sums are known to all accounts together and not part of any: what strangers owe, and what the server has. Their
 * value may have changed meanwhile without the decisions being wrong; `bounds` says how far.
 */
import type { Hashes, Instant, TransferId } from '@millstream/units'
import { type AccountId, serverAccount } from './account.js'
import type { AccountRow, Changes, HeldTransfer, LedgerRecord } from './changes.js'
import type { Command, Expired, Outcome } from './command.js'
import { AccountState } from './internal/account-state.js'
import { decide } from './internal/decide.js'
import * as Ids from './internal/id-table.js'
import { type FindReference, LedgerState, restoredEpoch } from './internal/ledger-state.js'
import { TransferState } from './internal/transfer-state.js'
import * as Transfers from './internal/transfers.js'
import type { LedgerLimits } from './store.js'

/** An account with the sums over its open holds, whether these are laid out or not. */
export interface AccountStanding extends AccountRow {
  readonly heldOut: bigint
  readonly heldIn: bigint
  readonly holdsOut: number
  readonly holdsIn: number
  /** Ids of transfers that are remembered, those that are not laid out among them. */
  readonly ids: number
  /** False for a stranger of whom nothing was written yet. */
  readonly persisted: boolean
}

export interface WorkingSetOptions {
  readonly limits: LedgerLimits
  readonly hashes: Pick<Hashes, 'sha256'>
  /** 8 bytes that nobody can predict. */
  readonly idKey: Uint8Array
  /** Ledger time of all decisions. */
  readonly now: Instant.Instant
  /** Sum of the exposures of all strangers, those that are not laid out among them. */
  readonly strangersCredit: bigint
  /** The id of the next account that is opened; the ones after it must be free too. */
  readonly accountIdNext: number
  readonly findReference: FindReference
  /** How many ids of transfers are laid out or may come in. */
  readonly idsExpected: number
}

/** What became of a transfer, and for how long it is remembered. */
export interface RememberedId {
  readonly state: Ids.IdState
  readonly contentHash: number
  /** Milliseconds, a whole second. */
  readonly until: number
}

/** How far the sums of all accounts may have been wrong without a decision being wrong. */
export interface Bounds {
  /** The highest that a hold brought what strangers owe to; `undefined` if none raised it. */
  readonly strangersPeak: bigint | undefined
  /** A hold was refused because strangers owe too much together. */
  readonly strangersRefused: boolean
  /** The highest that a hold brought the server's balance and its incoming holds to. */
  readonly serverPeak: bigint | undefined
  /** A hold was refused because the server has too much. */
  readonly serverRefused: boolean
}

/** Expiry is looked at once, before the first command: no wheel has to turn. */
const noWheel = { add() {}, remove() {}, advance() {} }
const idShards = 1

export class WorkingSet {
  readonly #state: LedgerState
  #strangersPeak: bigint | undefined
  #strangersRefused = false
  #serverPeak: bigint | undefined
  #serverRefused = false

  constructor(options: WorkingSetOptions) {
    const { limits, hashes, idKey, now, strangersCredit, accountIdNext, findReference, idsExpected } = options
    const parts = { wheel: noWheel, idShards, idEntries: idsExpected }
    const state = new LedgerState(limits, hashes, idKey, findReference, parts)
    state.setNow(now)
    state.strangersCredit = strangersCredit
    state.accountIdNext = accountIdNext
    this.#state = state
  }

  /** Lays out an account. The system's accounts are there without that, with nothing in them. */
  addAccount(standing: AccountStanding): void {
    const state = this.#state
    let account = state.accounts.get(standing.id)
    if (account === undefined) {
      account = new AccountState(standing.id, standing.name, standing.kind, standing.openedAt)
      state.addAccount(account)
    }
    account.posted = standing.posted
    account.owedSince = standing.owedSince
    account.heldOut = standing.heldOut
    account.heldIn = standing.heldIn
    account.holdsOut = standing.holdsOut
    account.holdsIn = standing.holdsIn
    account.ids = standing.ids
    account.last = standing.last
    account.persisted = standing.persisted
    account.setCreditLimit(standing.creditLimit)
    const left = account.posted - account.heldOut
    account.exposure = account.isStranger && left < 0n ? -left : 0n
  }

  /** Lays out an open hold whose accounts are laid out. The sums of the accounts have it already. */
  addHold(hold: HeldTransfer): void {
    const state = this.#state
    const source = state.accounts.get(hold.source)!
    const target = state.accounts.get(hold.target)!
    source.heldOut -= hold.amount
    source.holdsOut -= 1
    target.heldIn -= hold.amount
    target.holdsIn -= 1
    const transfer = state.restoreHold(hold, source, target)
    if (!state.ids.find(hold.source, hold.id, state.second)) {
      state.ids.add(hold.source, hold.contentHash, Ids.held, transfer.slot, hold.expiresAt, state.second)
    }
  }

  /** Lays out the id of a transfer that has ended and may be repeated. The count of its account has it already. */
  remember(source: AccountId, id: TransferId.TransferId, { state, contentHash, until }: RememberedId): void {
    const { ids, second } = this.#state
    if (!ids.find(source, id, second)) ids.add(source, contentHash, state, 0, until, second)
  }

  /** True when a hold or an ended transfer of this id is laid out. */
  knows(source: AccountId, id: TransferId.TransferId): boolean {
    return this.#state.ids.find(source, id, this.#state.second)
  }

  /** What is known of an id now. */
  idOf(source: AccountId, id: TransferId.TransferId): RememberedId | undefined {
    const { ids, second } = this.#state
    if (!ids.find(source, id, second)) return undefined
    return { state: ids.state, contentHash: ids.contentHash, until: ids.until }
  }

  /** Ends what is overdue of the holds that are laid out, in the order of expiry. To be called before `decide`. */
  expire(): readonly Expired[] {
    const state = this.#state
    const overdue = state.holds.filter((transfer) => transfer !== undefined && transfer.expiresAt <= state.now)
    overdue.sort((a, b) => a!.expiresAt - b!.expiresAt || a!.serial - b!.serial)
    for (const transfer of overdue) Transfers.expire(state, transfer!)
    const { expired } = state
    state.expired = []
    return expired
  }

  /** Decides commands, each against what the ones before it left. Their shape was checked: `assertCommands`. */
  decide(commands: readonly Command[]): Outcome[] {
    const outcomes: Outcome[] = new Array(commands.length)
    const state = this.#state
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i]!
      const strangersBefore = state.strangersCredit
      const outcome = decide(state, command)
      outcomes[i] = outcome
      if (command.type === 'prepare') this.#follow(command.target, outcome.status, strangersBefore)
    }
    return outcomes
  }

  #follow(target: AccountId, status: Outcome['status'], strangersBefore: bigint): void {
    const { strangersCredit, server } = this.#state
    if (status === 'prepared') {
      if (strangersCredit > strangersBefore && !(this.#strangersPeak! >= strangersCredit)) {
        this.#strangersPeak = strangersCredit
      }
      if (target === serverAccount) {
        const has = server.posted + server.heldIn
        if (!(this.#serverPeak! >= has)) this.#serverPeak = has
      }
    } else if (status === 'exceeds_strangers') this.#strangersRefused = true
    else if (status === 'exceeds_target' && target === serverAccount) this.#serverRefused = true
  }

  get bounds(): Bounds {
    return {
      strangersPeak: this.#strangersPeak,
      strangersRefused: this.#strangersRefused,
      serverPeak: this.#serverPeak,
      serverRefused: this.#serverRefused,
    }
  }

  get strangersCredit(): bigint {
    return this.#state.strangersCredit
  }

  get accountIdNext(): number {
    return this.#state.accountIdNext
  }

  /** All accounts as they stand now, the system's among them; those that were merged away are not. */
  *standings(): IterableIterator<AccountStanding> {
    for (const account of this.#state.accounts.values()) yield standingOf(account)
  }

  /** The serial number of the hold that was laid out and has ended with this record; `undefined` for all others. */
  laidOutSerial(record: LedgerRecord): number | undefined {
    return record instanceof TransferState && record.epoch === restoredEpoch ? record.serial : undefined
  }

  /** What was decided, to be written. Cursors and serial numbers begin at 1: their places in this group. */
  take(): Changes | undefined {
    return this.#state.take()
  }
}

function standingOf(account: AccountState): AccountStanding {
  return {
    id: account.id,
    name: account.name,
    kind: account.kind,
    posted: account.posted,
    creditLimit: account.creditLimit,
    openedAt: account.openedAt,
    owedSince: account.owedSince,
    closed: account.closed,
    last: account.last,
    heldOut: account.heldOut,
    heldIn: account.heldIn,
    holdsOut: account.holdsOut,
    holdsIn: account.holdsIn,
    ids: account.ids,
    persisted: account.persisted,
  }
}
