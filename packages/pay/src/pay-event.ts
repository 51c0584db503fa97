import type { ObservedEvent } from '@millstream/units'
import type { StopReason } from './summary.js'

/** What a payer reports. Never once per payment. */
export type PayEvent = ObservedEvent &
  (
    | { readonly name: 'pay.stream_opened'; readonly url: string; readonly address: string; readonly price: bigint }
    | {
        readonly name: 'pay.stream_stopped'
        readonly url: string
        readonly reason: StopReason
        readonly pieces: number
      }
    /** A refusal that passes, or a path that got slower: fewer payments in flight, after a pause. */
    | {
        readonly name: 'pay.slowed_down'
        readonly code: string
        readonly message: string
        readonly window: number
        readonly pauseMs: number
      }
    /** Payments whose outcome nobody told in time: they count as spent. */
    | { readonly name: 'pay.outcome_unknown'; readonly count: number; readonly amount: bigint; readonly reason: string }
    /** What had been in doubt, in earlier runs as well, is so no more: see `SettledDoubt`. */
    | {
        readonly name: 'pay.doubt_settled'
        readonly amount: bigint
        readonly spent: bigint
        readonly isCertain: boolean
      }
    | { readonly name: 'pay.balance_credited'; readonly amount: bigint }
    /** The host took more from the account than this payer ever sent. */
    | {
        readonly name: 'pay.balance_unexplained'
        readonly amount: bigint
        readonly expectedMin: bigint
        readonly balance: bigint
      }
    | { readonly name: 'pay.balance_unavailable'; readonly reason: string }
  )
