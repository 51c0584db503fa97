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
    /** XRP came for the account of a tag, and is credited. */
    | ({ readonly name: 'xrp.deposited'; readonly account: string } & DepositFacts)
    /** XRP came without a tag of ours: it is in the suspense account until the operator moves it. */
    | ({ readonly name: 'xrp.deposit_suspended' } & DepositFacts)
    /** A payment of tokens. */
    | { readonly name: 'xrp.deposit_ignored'; readonly hash: string }
    /** The ledger has its hash already, with another account or amount: nothing was credited now. */
    | { readonly name: 'xrp.deposit_counted_before'; readonly hash: string }
    | ({ readonly name: 'xrp.withdrawn' } & WithdrawalFacts)
    /** The account has its money back, or never gave it. */
    | ({ readonly name: 'xrp.withdrawal_failed'; readonly reason: string } & WithdrawalFacts)
    /** Nobody can say whether it was paid: look its account up on the ledger. */
    | { readonly name: 'xrp.withdrawal_unknown'; readonly account: string; readonly id: string; readonly drops: bigint }
    /** The XRP account of the shop cannot pay out what the books say it owes. */
    | { readonly name: 'xrp.withdrawal_short'; readonly drops: bigint; readonly balance: bigint }
    | ({ readonly name: 'xrp.channel_opened'; readonly drops: bigint } & ChannelFacts)
    | ({ readonly name: 'xrp.claimed'; readonly drops: bigint } & ChannelFacts)
    | ({ readonly name: 'xrp.claim_not_credited'; readonly drops: bigint; readonly reason: string } & ChannelFacts)
    /** A claim in an answer that does not count. The unsecured part of what is owed goes on growing. */
    | { readonly name: 'xrp.claim_refused'; readonly account: string; readonly reason: string }
    | ({ readonly name: 'xrp.redeemed'; readonly drops: bigint; readonly hash: string } & ChannelFacts)
    | { readonly name: 'xrp.redeem_failed'; readonly channel: string; readonly reason: string }
    | ({ readonly name: 'xrp.channel_closed' } & ChannelFacts)
    /** A channel has ended before all was redeemed that was credited for it. */
    | ({ readonly name: 'xrp.claim_worthless'; readonly drops: bigint } & ChannelFacts)
    | { readonly name: 'xrp.settlement_failed'; readonly error: unknown }
    | { readonly name: 'xrp.store_failed'; readonly error: unknown }
    | { readonly name: 'xrp.request_failed'; readonly command: string; readonly reason: string }
  )

interface DepositFacts {
  readonly hash: string
  readonly drops: bigint
  readonly source: string
  readonly tag?: number
}

interface WithdrawalFacts {
  readonly account: string
  readonly id: string
  readonly address: string
  readonly drops: bigint
}

interface ChannelFacts {
  readonly account: string
  readonly channel: string
}

export type XrpObserver = Observer<XrpEvent>
