/** A payment channel as the ledger has it: in metadata of transactions, and as `ledger_entry` gives it. */
import * as Drops from '../drops.js'
import { integerOf, type JsonObject, objectOf, textOf } from '../internal/json.js'
import type { LedgerNode } from '../ledger-transaction.js'
import { isRippleTime, type RippleTime } from '../ripple-time.js'
import { XrpRequestError, type XrpServer } from '../server.js'

export interface PayChannel {
  readonly id: string
  readonly source: string
  readonly destination: string
  /** What was put in, and what of that was paid out by claims. */
  readonly drops: bigint
  readonly redeemed: bigint
  readonly publicKey: string
  readonly settleDelaySeconds: number
  /** It ends at the earlier of the two: whatever touches it then closes it and pays nothing. */
  readonly expiration: RippleTime | undefined
  readonly cancelAfter: RippleTime | undefined
}

/** @returns `undefined` for what is no channel. */
export function fromFields(id: string, fields: JsonObject): PayChannel | undefined {
  const source = textOf(fields.Account)
  const destination = textOf(fields.Destination)
  const drops = Drops.fromLedger(fields.Amount)
  const publicKey = textOf(fields.PublicKey)
  const settleDelaySeconds = integerOf(fields.SettleDelay)
  if (
    source === undefined ||
    destination === undefined ||
    drops === undefined ||
    publicKey === undefined ||
    settleDelaySeconds === undefined
  ) {
    return undefined
  }
  const { Expiration: expiration, CancelAfter: cancelAfter } = fields
  return {
    ...{ id, source, destination, drops, publicKey, settleDelaySeconds },
    // A new one has no Balance in metadata: zeros are left out.
    redeemed: Drops.fromLedger(fields.Balance) ?? 0n,
    expiration: isRippleTime(expiration) ? expiration : undefined,
    cancelAfter: isRippleTime(cancelAfter) ? cancelAfter : undefined,
  }
}

/** Channels that a transaction has changed or ended. */
export function* inNodes(nodes: readonly LedgerNode[]): Generator<{ channel: PayChannel; isEnded: boolean }> {
  for (const { type, change, id, fields } of nodes) {
    if (type !== 'PayChannel') continue
    const channel = fromFields(id, fields)
    if (channel !== undefined) yield { channel, isEnded: change === 'deleted' }
  }
}

/** As of the last validated ledger; `undefined` when there is none of this id. */
export async function ask(server: XrpServer, id: string): Promise<PayChannel | undefined> {
  try {
    const answer = await server.request({ command: 'ledger_entry', payment_channel: id, ledger_index: 'validated' })
    const fields = objectOf(answer.node)
    return fields === undefined ? undefined : fromFields(id, fields)
  } catch (error) {
    // Clio servers have another word for it.
    if (error instanceof XrpRequestError && /^(?:entry|object)NotFound$/.test(error.result)) return undefined
    throw error
  }
}
