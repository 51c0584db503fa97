import type { ObservedEvent } from '@millstream/units'

/** What a host reports. Never once per payment, never a token or a fulfillment. */
export type TrustlineEvent = ObservedEvent &
  (
    | { readonly name: 'trustline.connected'; readonly account: string; readonly address: string }
    | {
        readonly name: 'trustline.disconnected'
        readonly account: string
        readonly by: 'peer' | 'us'
        readonly code: number
        readonly reason: string
      }
    | {
        readonly name: 'trustline.connection_refused'
        readonly address: string
        readonly reason: string
      }
    | { readonly name: 'trustline.account_opened'; readonly account: string; readonly address: string }
    | { readonly name: 'trustline.opening_refused'; readonly account: string; readonly address: string }
    /** PREPAREs of this account are not judged for now. Once until its rate has recovered. */
    | { readonly name: 'trustline.refusals_limited'; readonly account: string }
    /** Holds found in the ledger when the host started. */
    | { readonly name: 'trustline.holds_restored'; readonly count: number }
    /** A bug in the payee: it threw, or gave a fulfillment that does not fit. The transfer was refused. */
    | {
        readonly name: 'trustline.payee_failed'
        readonly call: 'lookFor' | 'check' | 'fulfill' | 'settled'
        readonly account: string
        readonly error: unknown
      }
    | { readonly name: 'trustline.packet_handler_failed'; readonly account: string; readonly error: unknown }
    | { readonly name: 'trustline.settlement_failed'; readonly account: string; readonly error: unknown }
    /** The customer's side says that a transfer which is posted here was rolled back there. Ours is the record. */
    | {
        readonly name: 'trustline.fulfillment_disputed'
        readonly account: string
        readonly transfer: string
        readonly reason: string
      }
    | { readonly name: 'trustline.passing_merged'; readonly accounts: number }
    | { readonly name: 'trustline.debt_written_off'; readonly account: string; readonly amount: bigint }
    /** The ledger cannot store. Nothing that is not stored was answered; the host has stopped. */
    | { readonly name: 'trustline.store_failed'; readonly error: unknown }
    | { readonly name: 'trustline.draining'; readonly held: number }
    | { readonly name: 'trustline.closed'; readonly held: number }
  )
