/** What a shop refused since it was told last: once a second for each reason, never once for each payment. */
import type { Refusal, RefusalReason } from './refusal.js'
import type { ShopObserver } from './shop-event.js'

/** Why a stream was not opened. */
export type StreamsBound = 'address' | 'unpaid' | 'streams' | 'closed'

export interface RefusalCounts {
  payment(refusal: Refusal): void
  stream(bound: StreamsBound): void
  /** Tells the observer, and begins anew. */
  report(): void
}

export function createRefusalCounts(observer: ShopObserver): RefusalCounts {
  const payments = new Map<RefusalReason, { readonly refusal: Refusal; count: number }>()
  const streams = new Map<StreamsBound, number>()

  return {
    payment(refusal) {
      const counted = payments.get(refusal.reason)
      if (counted === undefined) payments.set(refusal.reason, { refusal, count: 1 })
      else counted.count++
    },
    stream(bound) {
      streams.set(bound, (streams.get(bound) ?? 0) + 1)
    },
    report() {
      for (const { refusal, count } of payments.values()) {
        const { reason, code, message } = refusal
        observer({ name: 'shop.payments_refused', level: 'debug', reason, code, message, count })
      }
      payments.clear()
      for (const [reason, count] of streams) observer({ name: 'shop.streams_refused', level: 'warn', reason, count })
      streams.clear()
    },
  }
}
