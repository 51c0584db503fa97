/** What this package tells its observer. No event holds a seed, a signed transaction or a fulfillment. */
import type { ObservedEvent, Observer } from '@millstream/units'
import type { IgnoredReason } from './incoming-escrow.js'

export type XrpEvent = ObservedEvent &
  (
    | { readonly name: 'xrp.connected'; readonly server: string; readonly ledger: number }
    | { readonly name: 'xrp.disconnected'; readonly server: string }
    | { readonly name: 'xrp.connect_failed'; readonly server: string; readonly reason: string }
    /** The server has forgotten ledgers that were not read yet. What was in them is looked up one by one. */
    | { readonly name: 'xrp.history_missing'; readonly from: number; readonly to: number }
    /** Another program uses the account: it took a sequence number. */
    | { readonly name: 'xrp.sequence_taken'; readonly sequence: number }
    /** A transaction that did nothing took the place of one that got into no ledger. */
    | { readonly name: 'xrp.gap_filled'; readonly sequence: number }
    | { readonly name: 'xrp.submission_refused'; readonly kind: string; readonly result: string }
    | { readonly name: 'xrp.submission_lapsed'; readonly kind: string; readonly sequence: number }
    | { readonly name: 'xrp.fee_above_cap'; readonly kind: string; readonly capDrops: bigint }
    /** Escrows to this account that are none of ours, since the event before. */
    | { readonly name: 'xrp.escrows_ignored'; readonly counts: Readonly<Partial<Record<IgnoredReason, number>>> }
    | { readonly name: 'xrp.escrows_found'; readonly incoming: number; readonly outgoing: number }
    /** A fulfillment became public and the money did not come. */
    | { readonly name: 'xrp.claim_lost'; readonly escrow: string; readonly drops: bigint; readonly result: string }
    | { readonly name: 'xrp.payee_failed'; readonly call: 'check' | 'fulfill' | 'settled'; readonly error: unknown }
    | { readonly name: 'xrp.store_failed'; readonly error: unknown }
    | { readonly name: 'xrp.request_failed'; readonly command: string; readonly reason: string }
  )

export type XrpObserver = Observer<XrpEvent>
