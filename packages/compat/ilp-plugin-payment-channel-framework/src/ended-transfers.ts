/**
 * What became of the transfers that ended last: for calls and frames about them, which come for a while after the end.
 * The ledger remembers ids longer than this; of these the program can ask more.
 */
import type { Condition } from '@millstream/units'

export type Direction = 'incoming' | 'outgoing'

export interface EndedTransfer {
  /** `refused`: the peer, or the connection, did not take it, so it never was a transfer for the program. */
  readonly state: 'fulfilled' | 'rejected' | 'expired' | 'refused'
  readonly contentHash: number
  readonly fulfillment?: Condition.Fulfillment
  /** Why it was refused. */
  readonly error?: Error
  /** What the call that ended it gives: a second call of the same kind gets it too. */
  readonly done?: Promise<null>
}

export interface EndedTransfers {
  put(direction: Direction, id: string, transfer: EndedTransfer): void
  get(direction: Direction, id: string): EndedTransfer | undefined
}

export const endedMax = 16_384

export function createEndedTransfers(max = endedMax): EndedTransfers {
  const table = new Map<string, EndedTransfer>()
  return {
    put(direction, id, transfer) {
      const key = `${direction} ${id}`
      table.delete(key)
      table.set(key, transfer)
      if (table.size > max) table.delete(table.keys().next().value!)
    },
    get: (direction, id) => table.get(`${direction} ${id}`),
  }
}
