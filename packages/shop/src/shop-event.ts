/** What a shop tells its observer: never once per payment, never a secret. */
import type { ObservedEvent, Observer } from '@millstream/units'
import type { StreamTotals } from './offer.js'
import type { RefusalReason } from './refusal.js'
import type { StreamEnding } from './stream-store.js'

/** How a stream ended that may never have been paid. */
export type StreamEnd = StreamEnding | 'unpaid'

export type ShopEvent =
  | (ObservedEvent & {
      readonly name: 'shop.stream_opened'
      readonly userId: string
      readonly resource: string
      readonly unit: string
      readonly price: bigint
      readonly address: string | undefined
    })
  | (ObservedEvent & { readonly name: 'shop.stream_paid'; readonly userId: string; readonly owner: string })
  | (ObservedEvent & {
      readonly name: 'shop.stream_ended'
      readonly userId: string
      readonly resource: string
      readonly end: StreamEnd
      readonly owner: string | undefined
      readonly totals: StreamTotals
      readonly ms: number
    })
  /** Payments refused for one reason since the last such event: at most one event a second for each reason. */
  | (ObservedEvent & {
      readonly name: 'shop.payments_refused'
      readonly reason: RefusalReason
      readonly code: string
      readonly message: string
      readonly count: number
    })
  /** Streams refused for one reason since the last such event. */
  | (ObservedEvent & {
      readonly name: 'shop.streams_refused'
      readonly reason: 'address' | 'unpaid' | 'streams' | 'closed'
      readonly count: number
    })
  | (ObservedEvent & { readonly name: 'shop.source_failed'; readonly userId: string; readonly error: unknown })
  | (ObservedEvent & { readonly name: 'shop.record_failed'; readonly userId: string; readonly error: unknown })
  /** What other shops of the fleet left or have open could not be found out: it is tried again. */
  | (ObservedEvent & { readonly name: 'shop.lookup_failed'; readonly error: unknown })
  /**
   * The ledger's feed does not go back to the records of these streams: all their numbers count as used, and more may be
   * paid than the records say.
   */
  | (ObservedEvent & { readonly name: 'shop.feed_pruned'; readonly streams: number })
  | (ObservedEvent & {
      readonly name: 'shop.restored'
      /** Records in the store. */
      readonly records: number
      /** Those of streams that were open when the process before ended. */
      readonly interrupted: number
      /** Entries of the ledger's feed that were folded into them. */
      readonly entries: number
    })

export type ShopObserver = Observer<ShopEvent>
