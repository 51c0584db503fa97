/** How long a trustline client waits for what, and how much it holds. */
export interface ClientLimits {
  /** Transfers without an outcome. One more is refused; nothing of it is sent. */
  readonly transfersMax: number
  /** Transfers of the host to this side that have not expired. One more is refused. */
  readonly incomingMax: number
  /** Ended transfers that are remembered, so that what a host says twice is answered rightly. */
  readonly endedMax: number
  /** A transfer is not given up before this time after its expiry: clocks differ, and messages travel. */
  readonly graceMs: number
  /** After the grace the host is asked what became of the transfer, for this time. Then its outcome is unknown. */
  readonly settleMs: number
  /** How long the fulfillment is waited for when the host only says that a transfer was paid. */
  readonly fulfillmentWaitMs: number
  /** Transfers that are asked for at a time after a reconnection. */
  readonly resendMax: number
  /** Pause before the first attempt to reconnect, doubled for each further one up to the largest; half of it is random. */
  readonly reconnectMs: number
  readonly reconnectMsMax: number
  /** A connection that lasted this long was a good one: the pauses start over. */
  readonly stableMs: number
  /** `balance`, `limit` and `message` wait this long for a connection. */
  readonly connectionWaitMs: number
  /** `close` waits this long for transfers in flight. */
  readonly closeTimeoutMs: number
}

export const clientLimits: ClientLimits = {
  transfersMax: 16_384,
  incomingMax: 4_096,
  endedMax: 4_096,
  graceMs: 2_000,
  settleMs: 10_000,
  fulfillmentWaitMs: 1_500,
  resendMax: 1_024,
  reconnectMs: 100,
  reconnectMsMax: 10_000,
  stableMs: 10_000,
  connectionWaitMs: 5_000,
  closeTimeoutMs: 5_000,
}
