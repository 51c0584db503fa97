/** One payment on its way through a stream: what `check` worked out, and how far it has come. */
import type { IncomingTransfer, Rejection } from '@millstream/plugin'
import type { Condition } from '@millstream/units'

export type HoldState =
  /** It may be taken; the ledger does not hold it yet, perhaps never will. */
  | 'checked'
  /** Held, with its number, until pieces are at hand. */
  | 'waiting'
  /** The rail has its fulfillment. */
  | 'promised'
  /** The rail was told to reject it. */
  | 'refused'
  | 'settled'

export class Hold<Stream = unknown> {
  readonly stream: Stream
  readonly transfer: IncomingTransfer
  readonly number: number
  readonly pieces: number
  readonly fulfillment: Condition.Fulfillment
  state: HoldState = 'checked'
  /** It has taken its number, which is free again if it comes to nothing. */
  numbered = false
  /** Set while the rail waits for an answer. */
  answer: ((answer: Condition.Fulfillment | Rejection) => void) | undefined

  constructor(
    stream: Stream,
    transfer: IncomingTransfer,
    number: number,
    pieces: number,
    fulfillment: Condition.Fulfillment,
  ) {
    this.stream = stream
    this.transfer = transfer
    this.number = number
    this.pieces = pieces
    this.fulfillment = fulfillment
  }
}
