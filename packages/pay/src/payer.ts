/**
 * The payer: a `fetch` that pays for what it reads, within limits.
 *
 * Nothing is paid before the header was checked against the limits, and nothing before the body is read: a chunk counts
 * as arrived when whoever reads the body has taken it, so a reader that stops makes the payments stop.
 */

import type { Plugin } from '@millstream/plugin'
import type { Hashes, Instant, Observer, RandomBytes, Timers } from '@millstream/units'
import type { Http } from './http.js'
import type { Limits } from './limits.js'
import type { PayError } from './pay-error.js'
import type { PayEvent } from './pay-event.js'
import type { Endpoint, OpenPlugin, Rail } from './rail.js'
import type { Progress, Summary } from './summary.js'
import type { Terms } from './terms.js'

export interface PayerOptions {
  /** The rail for everything; `Pay-Endpoint` is not looked at then. */
  readonly rail?: Rail | { readonly plugin: Plugin }
  /** Opens the rail that `Pay-Endpoint` names. */
  readonly openPlugin?: OpenPlugin
  readonly limits?: Partial<Limits>
  /** Hosts besides that of the URL that a `Pay-Endpoint` may name: `ledger.example` or `ledger.example:9000`. */
  readonly endpointHosts?: readonly string[]
  /** The platform's `fetch` when left out. */
  readonly http?: Http
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  readonly timers?: Timers
  /** Milliseconds that only grow, with fractions; `performance.now` when left out. */
  readonly now?: () => number
  readonly settings?: Partial<PayerSettings>
  readonly observer?: Observer<PayEvent>
}

/** Times, each with its default in `payerSettings`. */
export interface PayerSettings {
  /** From now to `expiresAt` of a payment. 30,000 */
  readonly expiresInMs: number
  /** How long after its expiry the outcome of a payment is still waited for. 10,000 */
  readonly graceMs: number
  /** How long a shop may keep back pieces that are paid before the stream is given up. 10,000 */
  readonly patienceMs: number
  /** How long refusals that pass (T…) are borne without a single payment getting through. 30,000 */
  readonly refusalsMs: number
  /** After `stop()`: how long what is in flight may take until the body is closed, so that the shop lets go of it. 1,000 */
  readonly leaveMs: number
}

export const payerSettings: PayerSettings = {
  expiresInMs: 30_000,
  graceMs: 10_000,
  patienceMs: 10_000,
  refusalsMs: 30_000,
  leaveMs: 1_000,
}

export interface FetchInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]>
  readonly body?: Uint8Array | string
  /** Same as calling `stop()`. */
  readonly signal?: AbortSignal
  /** Narrower than those of the payer: what is wider has no effect. */
  readonly limits?: Partial<Limits>
}

export interface PaidResponse {
  readonly status: number
  /** After redirects. */
  readonly url: string
  readonly headers: ReadonlyMap<string, string>
  /** What the shop asks; undefined when the answer is free. */
  readonly terms: Terms | undefined
  /** To be read once. Paying begins with the first read. Leaving the loop stops the stream. */
  readonly body: AsyncIterable<Uint8Array>
  /** The same body as a stream; either this or `body`. */
  readable(): ReadableStream<Uint8Array>
  /** Resolves once nothing is in flight any more; never rejects. */
  readonly summary: Promise<Summary>
  progress(): Progress
  /** No new payments; what is in flight is waited for, then the body ends. May be called at any time, and again. */
  stop(): void
}

/** What a URL would cost: nothing was paid. */
export interface Quote {
  readonly status: number
  readonly url: string
  readonly headers: ReadonlyMap<string, string>
  readonly terms: Terms | undefined
  /** Where it would be paid; undefined when the shop names none and none was given. */
  readonly endpoint: Endpoint | undefined
  /** Why this payer would not pay. */
  readonly refusal: PayError | undefined
}

export interface Payer {
  /**
   * @throws {PayError} The limits do not allow what the shop asks, or what it asks makes no sense. Nothing was paid.
   */
  fetch(url: string | URL, init?: FetchInit): Promise<PaidResponse>
  /** Asks for the terms and hangs up. Opens no rail. */
  quote(url: string | URL, init?: FetchInit): Promise<Quote>
  /** Asks the host for the balance of each open rail and compares; after a reconnect, for example. */
  reconcile(): Promise<void>
  /** Stops all streams, waits for what is in flight, closes the rails it opened. */
  close(): Promise<void>
}

export declare function createPayer(options: PayerOptions): Payer
