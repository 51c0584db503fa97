/** What the parts of one trustline client share. */
import type { BtpFrame } from '@millstream/codec'
import type { Hashes, Instant, Observer } from '@millstream/units'
import type { BtpEvent } from '../btp-event.js'
import type { ClientLimits } from '../client-limits.js'
import type { Session } from '../session.js'

export interface ClientContext {
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly limits: ClientLimits
  readonly observer: Observer<BtpEvent> | undefined
  /** Empty credentials: the account ends with its connection, so nothing is ever sent again. */
  readonly isPassing: boolean
  /** The session of this moment: connected, authenticated and of the right ledger. */
  session(): Session | undefined
  /** What goes with the RESPONSE to the first FULFILL of a transfer of this amount. Must not throw. */
  settle(amount: bigint): BtpFrame.ProtocolData | undefined
  /** There is something to look at from time to time: the sweep runs until there is not. */
  wake(): void
}

/** The sweep of a client: how exact its waiting times are. */
export const sweepMs = 500
