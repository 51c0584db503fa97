/** What a shop asks, as its headers say it: `Pay`, `Pay-Terms` and `Pay-Endpoint`. */
import type { Asset } from '@millstream/units'

export interface Terms {
  /** How fulfillments are derived. */
  readonly form: 'tutorial' | 'psk' | 'hkdf'
  /** Base units for one piece. */
  readonly price: bigint
  /** ILP address of the stream; payments go to `<address>.<n>`. */
  readonly address: string
  /** `letter`, `bytes:1024`, `line`, `event`, or `opaque` when the shop does not say. */
  readonly unit: string
  /** How many there are, when the shop says. */
  readonly pieces: number | undefined
  /** Undefined when the headers do not say; the ledger does, once it is asked. */
  readonly asset: Asset | undefined
  /** Ledger prefix. */
  readonly ledger: string | undefined
  readonly paymentMin: bigint | undefined
}
