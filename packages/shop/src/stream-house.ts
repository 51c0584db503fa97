/** What a stream needs of the shop that it belongs to. */
import type { Hashes, Instant } from '@millstream/units'
import type { ShopLimits } from './limits.js'
import type { Refusal } from './refusal.js'
import type { ShopObserver } from './shop-event.js'
import type { Stream } from './stream.js'

export interface StreamHouse {
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly limits: ShopLimits
  readonly observer: ShopObserver
  /** The shop receives transfers directly, so an amount is what its payer sent. */
  readonly direct: boolean
  /** Payments cannot be for single pieces: one for several waits for them where nobody knows how many remain. */
  readonly hasMinimum: boolean
  /** Time that must be left of a transfer, in ms. */
  readonly marginMs: number
  /** Makes the record of a stream durable. */
  write(stream: Stream): Promise<void>
  /** A payment that was held is rejected. */
  refused(refusal: Refusal): void
  /** The first payment was posted. */
  streamPaid(stream: Stream): void
  /** Nothing more is taken; promises may still settle. */
  streamEnded(stream: Stream): void
  /** Nothing can happen to the stream any more. */
  streamOver(stream: Stream): void
}
