/** What the parts of one host share. */
import type { Command, MaybePromise, Outcome, Store } from '@millstream/ledger'
import type { Asset, Instant, Observer, Timers } from '@millstream/units'
import type { Strangers } from '../strangers.js'
import type { TrustlineEvent } from '../trustline-event.js'
import type { TrustlineLimits } from '../trustline-limits.js'

/** What a host has done since it started, for metrics. */
export interface TrustlineCounters {
  prepared: number
  fulfilled: number
  rejected: number
  expired: number
  /** PREPAREs that led to no hold. */
  refused: number
  /** Transfers that the host paid to customers. */
  paidOut: number
}

export interface HostContext {
  readonly store: Store
  readonly clock: Instant.Clock
  readonly timers: Timers
  readonly asset: Asset
  readonly prefix: string
  /** `<prefix>server`: the host's own address. */
  readonly address: string
  readonly limits: TrustlineLimits
  readonly strangers: Strangers
  readonly observe: Observer<TrustlineEvent>
  readonly counters: TrustlineCounters
  /**
   * Decides commands that need no answer to anybody outside. Holds found dead meanwhile are told in the next tick. The
   * outcomes of memory and SQLite are there at once.
   */
  apply(commands: readonly Command[]): MaybePromise<readonly Outcome[]>
  /** Asks for a tick; one is enough for everything that arrives before it. */
  wake(): void
  /** The store failed: nothing more is answered. */
  fail(error: unknown): void
}
