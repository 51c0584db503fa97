/** An account as the book keeps it: everything that a decision needs at hand, changed in place. */
import type { Instant } from '@millstream/units'
import { type Account, type AccountId, type AccountKind, badDebtAccount, settlementAccount } from '../account.js'
import type { AccountRow } from '../changes.js'
import type { Cursor } from '../store.js'

export class AccountState {
  readonly id: AccountId
  readonly name: string
  kind: AccountKind
  posted = 0n
  heldOut = 0n
  heldIn = 0n
  creditLimit = 0n
  /** The lowest that `posted - heldOut` may be: the credit limit with its sign changed. */
  floor = 0n
  readonly openedAt: Instant.Instant
  owedSince: Instant.Instant | undefined = undefined
  /** Open holds of which it is the source, and the target. */
  holdsOut = 0
  holdsIn = 0
  /** Remembered ids, and perhaps some that have expired lately. */
  ids = 0
  /** `stranger` or `passing`: what it owes or holds on credit counts against the strangers' total. */
  isStranger: boolean
  /** What of it counts: max(0, heldOut - posted). */
  exposure = 0n
  last = 0 as Cursor
  /** Its row has been handed over at least once; the system's accounts need none to be there. */
  persisted: boolean
  /** Its row is in the list of those to be handed over. */
  touched = false
  closed = false

  constructor(id: AccountId, name: string, kind: AccountKind, openedAt: Instant.Instant) {
    this.id = id
    this.name = name
    this.kind = kind
    this.openedAt = openedAt
    this.isStranger = kind === 'stranger' || kind === 'passing'
    this.persisted = kind === 'system'
  }

  /** Value outside and debts written off move by deposits, withdrawals and write-offs only. */
  get canTransfer(): boolean {
    return this.id !== settlementAccount && this.id !== badDebtAccount
  }

  setKind(kind: AccountKind): void {
    this.kind = kind
    this.isStranger = kind === 'stranger' || kind === 'passing'
  }

  setCreditLimit(creditLimit: bigint): void {
    this.creditLimit = creditLimit
    this.floor = -creditLimit
  }

  setPosted(posted: bigint, now: Instant.Instant): void {
    this.posted = posted
    if (posted >= 0n) this.owedSince = undefined
    else if (this.owedSince === undefined) this.owedSince = now
  }

  snapshot(): Account {
    return {
      id: this.id,
      name: this.name,
      kind: this.kind,
      posted: this.posted,
      heldOut: this.heldOut,
      heldIn: this.heldIn,
      creditLimit: this.creditLimit,
      openedAt: this.openedAt,
      owedSince: this.owedSince,
    }
  }

  row(): AccountRow {
    return {
      id: this.id,
      name: this.name,
      kind: this.kind,
      posted: this.posted,
      creditLimit: this.creditLimit,
      openedAt: this.openedAt,
      owedSince: this.owedSince,
      closed: this.closed,
      last: this.last,
    }
  }
}
