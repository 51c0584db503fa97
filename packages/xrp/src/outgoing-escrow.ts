/** An outgoing escrow: what is known of it, and how it is kept. Its packet is not: whoever asked has gone with the process. */
import type { SendOutcome } from '@millstream/plugin'
import { Condition, Hex, Instant, type TransferId } from '@millstream/units'
import { integerOf, type JsonObject, objectOf, textOf } from './internal/json.js'
import * as RippleTime from './ripple-time.js'
import type { SendWatch } from './send-watch.js'

export type State = 'preparing' | 'held' | 'expired' | 'ended'

export interface Outgoing {
  readonly key: string
  readonly destination: string
  readonly drops: bigint
  readonly condition: Condition.Condition
  readonly cancelAfter: RippleTime.RippleTime
  readonly expiresAt: Instant.Instant
  /** Empty after a restart, until whoever asked asks again. */
  packet: Uint8Array
  /** SHA-256 of the packet: all that is kept of it for those who send the same id again. */
  readonly packetHash: string
  id: TransferId.TransferId | undefined
  state: State
  escrowId: string | undefined
  sequence: number | undefined
  attempts: number
  outcome: SendOutcome | undefined
  tell: ((outcome: SendOutcome) => void)[]
  watchers: SendWatch[]
  /** It is open no more as of this ledger, by the server's list. */
  missingAt: number | undefined
  isCancelHopeless: boolean
}

export function format(outgoing: Outgoing): JsonObject {
  const { destination, drops, condition, cancelAfter, expiresAt, packetHash, state, escrowId, sequence } = outgoing
  const { outcome } = outgoing
  const fulfillment = outcome?.status === 'fulfilled' ? outcome.fulfillment : undefined
  return {
    ...{ destination, cancelAfter, expiresAt, packetHash, state, escrowId, sequence },
    drops: String(drops),
    condition: Hex.fromBytes(condition),
    status: outcome?.status,
    reason: outcome?.status === 'unknown' ? outcome.reason : undefined,
    fulfillment: fulfillment === undefined ? undefined : Hex.fromBytes(fulfillment),
  }
}

export function parse(key: string, text: string): Outgoing | undefined {
  const value = objectOf(JSON.parse(text))
  const destination = textOf(value?.destination)
  const condition = textOf(value?.condition)
  const packetHash = textOf(value?.packetHash)
  const cancelAfter = value?.cancelAfter
  const expiresAt = integerOf(value?.expiresAt)
  const state = value?.state as State
  if (
    value === undefined ||
    destination === undefined ||
    condition === undefined ||
    packetHash === undefined ||
    expiresAt === undefined ||
    !RippleTime.isRippleTime(cancelAfter) ||
    !['preparing', 'held', 'expired', 'ended'].includes(state)
  ) {
    return undefined
  }
  return {
    key,
    ...{ destination, cancelAfter, packetHash, state },
    drops: BigInt(textOf(value.drops) ?? 0),
    condition: Condition.from(Hex.toBytes(condition)),
    expiresAt: Instant.from(expiresAt),
    packet: new Uint8Array(),
    id: undefined,
    escrowId: textOf(value.escrowId),
    sequence: integerOf(value.sequence),
    attempts: 0,
    outcome: parseOutcome(value),
    tell: [],
    watchers: [],
    missingAt: undefined,
    isCancelHopeless: false,
  }
}

function parseOutcome(value: JsonObject): SendOutcome | undefined {
  const fulfillment = textOf(value.fulfillment)
  switch (value.status) {
    case 'fulfilled':
      return {
        status: 'fulfilled',
        ...(fulfillment === undefined
          ? undefined
          : { fulfillment: Condition.fulfillmentFrom(Hex.toBytes(fulfillment)) }),
      }
    case 'expired':
      return { status: 'expired' }
    case 'unknown':
      return { status: 'unknown', reason: textOf(value.reason) ?? '' }
    default:
      return undefined
  }
}
