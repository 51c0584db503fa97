/**
 * The payer: a `fetch` that pays for what it reads, within limits.
 *
 * Nothing is paid before the header was checked against the limits, and nothing before the body is read: a chunk counts
 * as arrived when whoever reads the body has taken it, so a reader that stops makes the payments stop.
 */
import type { Plugin } from '@millstream/plugin'
import type { Hashes, Instant, Observer, RandomBytes, Timers } from '@millstream/units'
import * as EndpointCheck from './endpoint.js'
import { fetchHttp } from './fetch-http.js'
import type { Http, HttpResponse } from './http.js'
import * as Limits from './limits.js'
import * as Lots from './lots.js'
import { createOpenRails, type OpenRail } from './open-rails.js'
import { PaidBody, toReadable } from './paid-body.js'
import { type Money, nothingPaid, PayError } from './pay-error.js'
import type { PayEvent } from './pay-event.js'
import { type PayerSettings, payerSettings } from './payer-settings.js'
import { createPaymentMaker } from './payment-maker.js'
import { PaymentStream } from './payment-stream.js'
import * as PieceCounter from './piece-counter.js'
import { Purse } from './purse.js'
import type { Endpoint, OpenLedger, OpenPlugin, Rail } from './rail.js'
import { errorOf } from './stop-error.js'
import type { Progress, StopReason, Summary } from './summary.js'
import { type Ask, fromResponse, type Terms } from './terms.js'
import * as TermsCheck from './terms-check.js'

export interface PayerOptions {
  /**
   * The rail for everything; `Pay-Endpoint` is not looked at then, unless it names another address of the ledger to which
   * the rail leads: the node of a fleet that serves the stream. Its owner closes it.
   */
  readonly rail?: Rail | { readonly plugin: Plugin }
  /** Opens the rail that `Pay-Endpoint` names; with `rail`, those to other addresses of its ledger. */
  readonly openPlugin?: OpenPlugin
  readonly limits?: Partial<Limits.Limits>
  /** Ledgers that are paid directly, told by the payee's address, before anything else is looked at. */
  readonly ledgers?: readonly OpenLedger[]
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

export interface FetchInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]>
  readonly body?: Uint8Array | string
  /** Same as calling `stop()`. */
  readonly signal?: AbortSignal
  /** Narrower than those of the payer: what is wider has no effect. */
  readonly limits?: Partial<Omit<Limits.Limits, 'asset'>>
}

export interface PaidResponse {
  readonly status: number
  /** After redirects. */
  readonly url: string
  /** Names in lower case. Without `Pay`: its secret is nobody else's. */
  readonly headers: ReadonlyMap<string, string>
  /** What the shop asks, completed by what the ledger says; undefined when the answer is free. */
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
  /** Where it would be paid; undefined when the shop names none, or one that is refused. */
  readonly endpoint: Endpoint | undefined
  /** Why this payer would not pay, as far as the headers tell. */
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

interface Running {
  readonly rail: OpenRail
  readonly summary: Promise<Summary>
}

interface Answer {
  readonly response: HttpResponse
  readonly ask: Ask | undefined
  readonly secure: boolean
  readonly method: string
  readonly controller: AbortController
}

export function createPayer(options: PayerOptions): Payer {
  const { clock, hashes, randomBytes } = options
  const http = options.http ?? fetchHttp
  const now = options.now ?? (() => performance.now())
  const timers = options.timers ?? platformTimers
  const observer = options.observer ?? (() => {})
  const settings = { ...payerSettings, ...options.settings }
  const limits = Limits.resolve(options.limits)
  const purse = new Purse(limits.budget)
  const running = new Map<PaymentStream, Running>()
  const rails = createOpenRails({
    clock,
    observer,
    handedIn: options.rail,
    accountEnded(ended) {
      for (const [payments, { rail }] of running) if (rail === ended) payments.stop('account_ended')
    },
  })

  return {
    async fetch(url, init = {}) {
      const answer = await ask(url, init)
      try {
        return answer.ask === undefined ? free(answer, init) : await paid(answer, answer.ask, init)
      } catch (error) {
        answer.controller.abort()
        throw error
      }
    },

    async quote(url, init = {}) {
      const { response, ask: asked, secure, controller } = await ask(url, init)
      let endpoint: Endpoint | undefined
      let refusal: PayError | undefined
      try {
        if (asked !== undefined) {
          endpoint =
            options.rail === undefined && ledgerOf(asked) === undefined
              ? endpointOf(asked, response, secure)
              : undefined
          TermsCheck.againstLimits(asked.terms, narrowed(init), purse.budget - purse.spent)
        }
      } catch (error) {
        if (!(error instanceof PayError)) throw error
        refusal = error
      } finally {
        controller.abort()
      }
      return {
        ...facts(response),
        terms: asked?.terms,
        endpoint,
        refusal,
      }
    },

    reconcile: () => rails.reconcile(),

    async close() {
      for (const payments of running.keys()) payments.stop('stopped')
      await Promise.all(Array.from(running.values(), ({ summary }) => summary))
      await rails.close()
    },
  }

  /** Sends the request and reads what the answer asks. */
  async function ask(url: string | URL, init: FetchInit): Promise<Answer> {
    const controller = new AbortController()
    const method = (init.method ?? 'GET').toUpperCase()
    const abort = () => controller.abort(init.signal?.reason)
    init.signal?.throwIfAborted()
    init.signal?.addEventListener('abort', abort, { once: true })
    try {
      const response = await http(String(url), {
        method,
        headers: requestHeaders(init),
        body: init.body,
        signal: controller.signal,
      })
      const secure = isSecure(String(url)) || isSecure(response.url)
      return { response, ask: fromResponse(response, method), secure, method, controller }
    } catch (error) {
      controller.abort()
      if (error instanceof PayError) throw error
      init.signal?.throwIfAborted()
      throw new ShopUnreachableError(String(url), error)
    } finally {
      init.signal?.removeEventListener('abort', abort)
    }
  }

  async function paid(answer: Answer, asked: Ask, init: FetchInit): Promise<PaidResponse> {
    const { response, controller } = answer
    const streamLimits = narrowed(init)
    TermsCheck.againstLimits(asked.terms, streamLimits, purse.budget - purse.spent)
    const rail = await railFor(asked, answer)
    const info = rail.plugin.info()
    TermsCheck.againstLedger(asked.terms, streamLimits, info)
    const terms = { ...asked.terms, asset: info.asset, ledger: info.prefix }
    const { price, address, unit } = terms
    const risk = TermsCheck.riskOf(terms, streamLimits)
    const lots = lotsOf(terms, info.direct, least(risk, streamLimits.budget))
    const make = createPaymentMaker(hashes, terms, asked.secret)
    const counter = PieceCounter.create(unit)
    const { book } = rail
    const booked = await book.open(address, price * BigInt(lots.max))
    const startedAt = now()
    const { promise: finished, resolve: finish } = withResolvers()

    const payments: PaymentStream = new PaymentStream({
      plugin: rail.plugin,
      make,
      booked,
      purse,
      price,
      risk,
      budget: streamLimits.budget,
      pieces: streamLimits.pieces,
      contentPieces: terms.pieces,
      lots,
      window: streamLimits.window,
      windowMax: unit === 'opaque' ? opaqueWindowMax : Limits.windowMax,
      clock,
      now,
      timers,
      randomBytes,
      settings: { ...settings, ...rail.settings },
      observer,
      closeBody: () => controller.abort(),
      settlePieces: () => body.settle(),
      finished: finish,
    })
    const body = new PaidBody({
      source: response.body,
      payments,
      counter,
      error: failure,
      ended() {},
    })
    const summary = summarize()
    running.set(payments, { rail, summary })
    // The account may have ended while its book was being opened.
    if (rail.book !== book) payments.stop('account_ended')
    const stop = () => payments.stop('stopped')
    if (init.signal?.aborted === true) stop()
    init.signal?.addEventListener('abort', stop, { once: true })
    observer({ name: 'pay.stream_opened', level: 'debug', url: publicUrl(response.url), address, price })

    return { ...facts(response), terms, body, readable: () => toReadable(body), summary, progress, stop }

    function money(): Money {
      return { asset: info.asset, ...payments.money() }
    }

    function failure(): PayError | undefined {
      const { reason, refusal, failure } = payments
      return errorOf({ reason, refusal, failure, money: money(), account: rail.account })
    }

    function arrivedPieces(): number {
      return unit === 'opaque' ? payments.arrived : body.pieces
    }

    function progress(): Progress {
      const counted = money()
      const spent = counted.paid + counted.unknown
      const ownLeft = streamLimits.budget - spent - counted.held
      const left = purse.budget - purse.committed
      return {
        ...counted,
        pieces: arrivedPieces(),
        bytes: body.bytes,
        spent,
        left: least(ownLeft, left),
        inFlight: payments.held,
        window: Math.floor(payments.window.size),
        delayMs: payments.window.delayMs,
        seconds: (now() - startedAt) / 1000,
      }
    }

    async function summarize(): Promise<Summary> {
      await finished
      const seconds = (now() - startedAt) / 1000
      init.signal?.removeEventListener('abort', stop)
      let error = failure()
      let stopped = payments.reason as StopReason
      try {
        await booked.close(payments.position())
      } catch (cause) {
        // The money is what it is; the book says more than that, never less.
        stopped = 'state_failed'
        error ??= errorOf({
          reason: stopped,
          refusal: undefined,
          failure: cause,
          money: money(),
          account: rail.account,
        })
      }
      running.delete(payments)
      const counted = money()
      const pieces = arrivedPieces()
      observer({
        name: 'pay.stream_stopped',
        level: error === undefined ? 'debug' : 'warn',
        url: publicUrl(response.url),
        reason: stopped,
        pieces,
      })
      return {
        ...counted,
        stopped,
        ended: payments.bodyState === 'ended',
        pieces,
        bytes: body.bytes,
        spent: counted.paid + counted.unknown,
        refused: payments.refused,
        seconds,
        error,
      }
    }
  }

  /** An answer that asks for nothing passes through. */
  function free(answer: Answer, init: FetchInit): PaidResponse {
    const { response, controller } = answer
    const startedAt = now()
    const { promise: finished, resolve: finish } = withResolvers()
    let ended = false
    const body = new PaidBody({
      source: response.body,
      payments: undefined,
      counter: undefined,
      error: () => undefined,
      ended(how) {
        ended = how === 'ended'
        if (how === 'left') controller.abort()
        finish()
      },
    })
    const stop = () => {
      controller.abort()
      finish()
    }
    init.signal?.addEventListener('abort', stop, { once: true })
    const progress = (): Progress => ({
      ...nothingPaid,
      pieces: 0,
      bytes: body.bytes,
      spent: 0n,
      left: purse.budget - purse.committed,
      inFlight: 0,
      window: 0,
      delayMs: undefined,
      seconds: (now() - startedAt) / 1000,
    })
    const summary = finished.then((): Summary => {
      init.signal?.removeEventListener('abort', stop)
      const { bytes, seconds } = progress()
      const counted = { ...nothingPaid, pieces: 0, bytes, spent: 0n, refused: 0, seconds }
      return { ...counted, stopped: 'free', ended, error: undefined }
    })
    return { ...facts(response), terms: undefined, body, readable: () => toReadable(body), summary, progress, stop }
  }

  function endpointOf(asked: Ask, response: HttpResponse, secure: boolean): Endpoint {
    if (asked.endpoint === undefined) throw new EndpointCheck.EndpointMissingError()
    return EndpointCheck.check(asked.endpoint, response.url, secure, options.endpointHosts ?? [])
  }

  function railFor(asked: Ask, answer: Answer): Promise<OpenRail> {
    const { rail, openPlugin } = options
    const ledger = ledgerOf(asked)
    if (ledger !== undefined) {
      const { prefix, open } = ledger
      return rails.get({ uri: prefix, origin: prefix }, () => open(prefix))
    }
    if (rail !== undefined) {
      const known = 'endpoint' in rail ? rail.endpoint : undefined
      const node = openPlugin === undefined ? undefined : EndpointCheck.nodeOf(known, asked.endpoint)
      if (node !== undefined) return rails.get(node, () => openPlugin!(node))
      return rails.get(known ?? { uri: '', origin: '' }, () => Promise.resolve(rail))
    }
    const endpoint = endpointOf(asked, answer.response, answer.secure)
    if (openPlugin === undefined) throw new EndpointCheck.EndpointMissingError()
    return rails.get(endpoint, () => openPlugin(endpoint))
  }

  function ledgerOf({ terms: { address } }: Ask): { prefix: string; open: OpenLedger['open'] } | undefined {
    for (const { prefixOf, open } of options.ledgers ?? []) {
      const prefix = prefixOf(address)
      if (prefix !== undefined) return { prefix, open }
    }
    return undefined
  }

  function narrowed(init: FetchInit): Limits.Limits {
    const own = Limits.resolve(init.limits, limits)
    const risk = own.risk !== undefined && limits.risk !== undefined ? least(own.risk, limits.risk) : own.risk
    return {
      ...own,
      maxPrice: least(own.maxPrice, limits.maxPrice),
      budget: least(own.budget, limits.budget),
      risk,
      pieces:
        own.pieces === undefined || limits.pieces === undefined ? own.pieces : Math.min(own.pieces, limits.pieces),
    }
  }
}

/** @param most - Base units that one payment may be at most. */
function lotsOf(terms: Terms, direct: boolean, most: bigint): Lots.Lots {
  if (!Lots.isWanted(terms, { direct })) return Lots.singly
  const max = Number(most / terms.price)
  return { min: Number(Lots.least(terms)), max: Math.min(max, Lots.piecesPerPaymentMax) }
}

/** Without a unit that can be counted, bytes stand for pieces, so little may be in flight. */
const opaqueWindowMax = 16

const platformTimers: Timers = {
  setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer as never),
}

function facts(response: HttpResponse): Pick<PaidResponse, 'status' | 'url' | 'headers'> {
  const headers = new Map(response.headers())
  headers.delete('pay')
  return { status: response.status, url: response.url, headers }
}

function requestHeaders(init: FetchInit): Map<string, string> {
  const given = init.headers ?? {}
  const entries = Symbol.iterator in given ? given : Object.entries(given)
  const headers = new Map<string, string>()
  for (const [name, value] of entries) headers.set(name.toLowerCase(), value)
  // Pieces of compressed content could not be counted.
  headers.set('accept-encoding', 'identity')
  return headers
}

function isSecure(url: string): boolean {
  return url.startsWith('https:')
}

/** Without what may be secret in it. */
function publicUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((resolvePromise) => {
    resolve = resolvePromise
  })
  return { promise, resolve }
}

export class ShopUnreachableError extends PayError {
  override readonly name = 'Payer.ShopUnreachableError'
  readonly code = 'PAY_SHOP_UNREACHABLE'
  constructor(url: string, cause: unknown) {
    super({
      message: `There was no answer from ${publicUrl(url)}: ${reasonOf(cause)}.`,
      next: 'see whether the shop runs and the address is right; nothing was paid',
      cause,
    })
  }
}

/** `fetch` says what happened in the cause of its error only. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  const code = 'code' in cause ? String(cause.code) : ''
  // What a TLS library says of bytes that are none of its own helps nobody.
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return 'what answers there does not speak TLS; try http:'
  if (code === 'ECONNRESET') return `${cause.message}; where only TLS is spoken, try https:`
  return cause.message
}
