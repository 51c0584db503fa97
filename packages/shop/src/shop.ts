/**
 * The shop: takes payments for streams, as the one payee of its plugin.
 *
 * It knows streams by their user id, the segment after its account in the address that is paid. What a payment may buy
 * and when it is fulfilled is each stream's affair; the shop bounds how many there are, keeps their records, remembers
 * for a while how they ended, and sweeps away what nobody pays.
 */
import type { Cursor, IncomingTransfer, LedgerInfo, Payee, Plugin } from '@millstream/plugin'
import { type Hashes, type Instant, MillstreamError, type RandomBytes, type Timers } from '@millstream/units'
import { addressKey } from './address-key.js'
import { createGoneStreams } from './gone-streams.js'
import { Hold } from './hold.js'
import { createKeyring, createUserId, type Keyring, type ShopKey, userIdLength } from './keyring.js'
import { type ShopLimits, shopLimits } from './limits.js'
import { parseNumber } from './numbers.js'
import type { Body, Offer, PaidStream } from './offer.js'
import * as Refusal from './refusal.js'
import { prune, restore } from './restore.js'
import type { ShopObserver } from './shop-event.js'
import { Stream } from './stream.js'
import type { StreamHouse } from './stream-house.js'
import type { StreamRecord, StreamStore } from './stream-store.js'

export interface ShopOptions {
  readonly plugin: Plugin
  readonly streams: StreamStore
  /** One key is key 0; of several the first is the key of new streams. */
  readonly key: Uint8Array | readonly [ShopKey, ...ShopKey[]]
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  /** The process's own when left out. */
  readonly timers?: Timers
  readonly limits?: Partial<ShopLimits>
  readonly observer?: ShopObserver
}

export interface Shop extends Payee {
  info(): LedgerInfo
  /**
   * Opens a stream: from now on it can be paid, and what is paid goes to `body`.
   *
   * @throws {PriceError} The price is not 1 to 2^64 - 1.
   * @throws {UnitError} The offer's piece is neither a unit nor a function.
   * @throws {TooManyStreamsError} A bound is reached; worth another try.
   * @throws {ShopClosedError} After `close`.
   */
  open(offer: Offer, body: Body): PaidStream
  counts(): { readonly open: number; readonly unpaid: number; readonly remembered: number }
  /** Makes a key the key of new streams; streams of older keys go on. */
  rotateKey(key: ShopKey): void
  /** The place in the feed behind which a start would never look: retention may prune up to here. */
  cursor(): Cursor
  /**
   * Takes no more payments, delivers what is fulfilled, breaks off all bodies, and writes all records.
   *
   * @param options.now - Waits for nothing to settle: for a shop whose rail has failed. May be said during a `close`.
   */
  close(options?: { readonly now?: boolean }): Promise<void>
}

/**
 * Restores what the process before knew, and registers at the plugin.
 *
 * @throws {NotConnectedError} The plugin does not know its ledger yet.
 * @throws {ShopKeyError} A key is too short or its id out of range.
 */
export async function createShop(options: ShopOptions): Promise<Shop> {
  const { plugin, clock, hashes, randomBytes, streams: store } = options
  const limits: ShopLimits = { ...shopLimits, ...options.limits }
  const observer: ShopObserver = options.observer ?? (() => {})
  const timers = options.timers ?? processTimers
  const keyring: Keyring = createKeyring(
    hashes,
    options.key instanceof Uint8Array ? [{ kid: 0, key: options.key }] : options.key,
  )
  const info = plugin.info()
  const accountBase = `${info.account}.`
  const userEnd = accountBase.length + userIdLength

  const open = new Map<string, Stream>()
  const gone = createGoneStreams(clock, limits)
  const unpaidByAddress = new Map<string, number>()
  let unpaid = 0
  /** Most payments of a tick go to the stream of the one before. */
  let last: Stream | undefined
  let cursor = 0 as Cursor
  const writes = new Set<Promise<unknown>>()
  const refusals = new Map<Refusal.RefusalReason, { refusal: Refusal.Refusal; count: number }>()
  const streamRefusals = new Map<StreamsBound, number>()
  let closed = false
  let closing: Promise<void> | undefined
  let allOver: (() => void) | undefined
  let prunedAt = clock()

  const house: StreamHouse = {
    clock,
    hashes,
    limits,
    observer,
    direct: info.direct,
    marginMs: info.expiryMarginMs ?? 0,
    write,
    refused: countRefusal,
    streamPaid(stream) {
      noLongerUnpaid(stream)
      observer({ name: 'shop.stream_paid', level: 'debug', userId: stream.userId, owner: stream.owner! })
    },
    streamEnded(stream) {
      if (stream.paid === 0) noLongerUnpaid(stream)
    },
    streamOver,
  }

  await restoreStreams()
  const shop: Shop = {
    info: () => info,
    open: openStream,
    counts: () => ({ open: open.size, unpaid, remembered: gone.count }),
    rotateKey: (key) => keyring.rotate(key),
    cursor: lowestCursor,
    close({ now = false } = {}) {
      if (now) allOver?.()
      closing ??= closeAll(now)
      return closing
    },

    check(transfer) {
      const refusal = check(transfer)
      if (refusal !== undefined) countRefusal(refusal)
      return refusal
    },

    fulfill(transfer) {
      const hold = holdOf(transfer)
      if (hold === undefined || hold.state !== 'checked') {
        // A transfer that was checked by nobody, or by the shop of a process before.
        const refusal = check(transfer)
        if (refusal !== undefined) {
          countRefusal(refusal)
          return refusal
        }
      }
      const checked = holdOf(transfer)!
      return checked.stream.fulfill(checked)
    },

    settled(transfer, outcome, at) {
      if ((outcome === 'fulfilled' || outcome === 'lost') && at > cursor) cursor = at
      const hold = holdOf(transfer)
      if (hold !== undefined) hold.stream.settled(hold, outcome)
      // Whoever keeps the transfer shall not keep the stream with it.
      transfer.note = undefined
    },
  }
  plugin.receive(shop)
  let sweepTimer = timers.setTimeout(sweepAndGoOn, sweepMs)
  return shop

  function check(transfer: IncomingTransfer): Refusal.Refusal | undefined {
    const { destination } = transfer
    let stream = last
    if (stream === undefined || !destination.startsWith(stream.base)) {
      if (!destination.startsWith(accountBase))
        return destination === info.account ? Refusal.unknownStream : Refusal.notHere
      if (destination[userEnd] !== '.') return Refusal.unknownStream
      const userId = destination.slice(accountBase.length, userEnd)
      stream = open.get(userId)
      if (stream === undefined) {
        return gone.refusal(userId, transfer.source, parseNumber(destination, userEnd + 1)) ?? Refusal.unknownStream
      }
      last = stream
    }
    const number = parseNumber(destination, stream.base.length)
    return number === 0 ? Refusal.numberMalformed : stream.check(transfer, number)
  }

  function holdOf(transfer: IncomingTransfer): Hold<Stream> | undefined {
    const { note } = transfer
    return note instanceof Hold && open.get(note.stream.userId) === note.stream ? note : undefined
  }

  function openStream(offer: Offer, body: Body): PaidStream {
    if (closed) {
      countStreamRefusal('closed')
      throw new ShopClosedError()
    }
    assertPrice(offer.price)
    const key = offer.address === undefined ? undefined : addressKey(offer.address)
    const ofAddress = key === undefined ? 0 : (unpaidByAddress.get(key) ?? 0)
    if (ofAddress >= limits.unpaidPerAddressMax) throw tooMany('address')
    if (unpaid >= limits.unpaidMax) throw tooMany('unpaid')
    if (open.size >= limits.streamsMax) throw tooMany('streams')

    const kid = keyring.current
    const userId = createUserId(randomBytes, kid)
    const stream = new Stream(
      house,
      {
        userId,
        kid,
        secret: keyring.derive(kid, 'stream secret', info.prefix, userId),
        seed: keyring.derive(kid, 'content seed', info.prefix, userId),
        address: accountBase + userId,
        unit: typeof offer.piece === 'function' ? (offer.unit ?? 'opaque') : offer.piece,
        addressKey: key,
      },
      offer,
      body,
    )
    open.set(userId, stream)
    unpaid++
    if (key !== undefined) unpaidByAddress.set(key, ofAddress + 1)
    const { resource, price, address } = offer
    const { unit } = stream.identity
    observer({ name: 'shop.stream_opened', level: 'debug', userId, resource, unit, price, address })
    return stream
  }

  function tooMany(bound: Exclude<StreamsBound, 'closed'>): TooManyStreamsError {
    countStreamRefusal(bound)
    return new TooManyStreamsError(bound, limits.unpaidMs)
  }

  function noLongerUnpaid(stream: Stream): void {
    unpaid--
    const key = stream.identity.addressKey
    if (key === undefined) return
    const left = unpaidByAddress.get(key)! - 1
    if (left > 0) unpaidByAddress.set(key, left)
    else unpaidByAddress.delete(key)
  }

  function streamOver(stream: Stream): void {
    const { userId, owner } = stream
    open.delete(userId)
    if (last === stream) last = undefined
    const end = stream.end!
    const endedAt = stream.endedAt!
    gone.add({ userId, owner, numbers: stream.usedNumbers(), end, endedAt })
    if (stream.recorded) {
      if (stream.paid > 0) write(stream).catch(ignore)
      else track(store.delete(userId)).catch(ignore)
    }
    observer({
      name: 'shop.stream_ended',
      level: stream.paid > 0 ? 'info' : 'debug',
      userId,
      resource: stream.offer.resource,
      end,
      owner,
      totals: stream.totals(),
      ms: endedAt - stream.createdAt,
    })
    if (open.size === 0) allOver?.()
  }

  async function write(stream: Stream): Promise<void> {
    const { watch } = stream
    watch.recordedAt = clock()
    watch.recordedPaid = stream.paid
    watch.recordedCursor = cursor
    try {
      await track(store.put(stream.record(cursor)))
    } catch (error) {
      watch.recordedPaid = -1
      observer({ name: 'shop.record_failed', level: 'error', userId: stream.userId, error })
      throw error
    }
  }

  function track<T>(write: Promise<T>): Promise<T> {
    writes.add(write)
    const done = () => void writes.delete(write)
    write.then(done, done)
    return write
  }

  function lowestCursor(): Cursor {
    let lowest = cursor
    for (const stream of open.values()) {
      if (stream.recorded && stream.watch.recordedCursor < lowest) lowest = stream.watch.recordedCursor as Cursor
    }
    return lowest
  }

  async function restoreStreams(): Promise<void> {
    const now = clock()
    const restored = await restore(store, plugin, info.account, now, limits)
    cursor = restored.cursor
    const remember = (record: StreamRecord) =>
      gone.add({
        userId: record.userId,
        owner: record.owner,
        numbers: record,
        end: record.ending ?? 'shop_closed',
        endedAt: record.endedAt ?? now,
      })
    for (const record of restored.remembered) remember(record)
    for (const record of restored.interrupted) remember(record)
    await Promise.all(restored.interrupted.map((record) => store.put(record)))
    await prune(store, now, limits)
    const { records, entries, interrupted, unknown } = restored
    if (unknown > 0) observer({ name: 'shop.feed_pruned', level: 'warn', streams: unknown })
    if (records > 0) {
      observer({ name: 'shop.restored', level: 'info', records, interrupted: interrupted.length, entries })
    }
  }

  function sweepAndGoOn(): void {
    sweep()
    if (!closed) sweepTimer = timers.setTimeout(sweepAndGoOn, sweepMs)
  }

  function sweep(): void {
    const now = clock()
    for (const stream of open.values()) {
      if (!stream.isOpen) continue
      const { watch } = stream
      if (stream.held > 0 || stream.paid !== watch.paid) {
        watch.activeAt = now
        watch.paid = stream.paid
      }
      if (stream.held === 0 && stream.paid === 0 && now - stream.createdAt >= limits.unpaidMs) {
        stream.breakOff('unpaid', Refusal.streamClosed)
      } else if (now - watch.activeAt >= limits.idleMs) {
        stream.breakOff('idle', Refusal.streamClosed)
      } else if (stream.recorded && isBehind(stream, now)) {
        write(stream).catch(ignore)
      }
    }
    gone.sweep()
    reportRefusals()
    if (now - prunedAt >= pruneMs) {
      prunedAt = now
      track(prune(store, now, limits)).catch(ignore)
    }
  }

  function isBehind({ watch, paid }: Stream, now: number): boolean {
    if (cursor - watch.recordedCursor > limits.recordLagMax) return true
    return paid !== watch.recordedPaid && now - watch.recordedAt >= limits.recordMs
  }

  function countRefusal(refusal: Refusal.Refusal): void {
    const counted = refusals.get(refusal.reason)
    if (counted === undefined) refusals.set(refusal.reason, { refusal, count: 1 })
    else counted.count++
  }

  function countStreamRefusal(bound: StreamsBound): void {
    streamRefusals.set(bound, (streamRefusals.get(bound) ?? 0) + 1)
  }

  function reportRefusals(): void {
    for (const { refusal, count } of refusals.values()) {
      const { reason, code, message } = refusal
      observer({ name: 'shop.payments_refused', level: 'debug', reason, code, message, count })
    }
    refusals.clear()
    for (const [reason, count] of streamRefusals) {
      observer({ name: 'shop.streams_refused', level: 'warn', reason, count })
    }
    streamRefusals.clear()
  }

  async function closeAll(now: boolean): Promise<void> {
    closed = true
    timers.clearTimeout(sweepTimer)
    for (const stream of open.values()) stream.close()
    if (open.size > 0 && !now) {
      let timer: unknown
      await new Promise<void>((resolve) => {
        allOver = resolve
        timer = timers.setTimeout(resolve, limits.closeMs)
      })
      timers.clearTimeout(timer)
    }
    // What has not settled by now is found in the feed by the next start, which goes by the record as it stands.
    for (const stream of open.values()) stream.abandon()
    reportRefusals()
    await Promise.allSettled(writes)
  }
}

/** @throws {PriceError} Not 1 to 2^64 - 1. */
export function assertPrice(price: bigint): void {
  if (price < 1n || price > priceMax) throw new PriceError(price)
}

/** Why a stream was not opened. */
export type StreamsBound = 'address' | 'unpaid' | 'streams' | 'closed'

const priceMax = 2n ** 64n - 1n
const sweepMs = 1_000
const pruneMs = 3_600_000

const processTimers: Timers = {
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return timer
  },
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/** Told to the observer where it happened. */
function ignore(): void {}

export class PriceError extends MillstreamError {
  override readonly name = 'Shop.PriceError'
  readonly code = 'SHOP_PRICE'
  constructor(price: bigint) {
    super(`The price of a piece is 1 to ${priceMax} base units, not ${price}.`)
  }
}

export class TooManyStreamsError extends MillstreamError {
  override readonly name = 'Shop.TooManyStreamsError'
  readonly code = 'SHOP_TOO_MANY_STREAMS'
  /** Whose bound it is. */
  readonly bound: Exclude<StreamsBound, 'closed'>
  readonly retryAfterMs: number
  constructor(bound: Exclude<StreamsBound, 'closed'>, retryAfterMs: number) {
    super(
      bound === 'address'
        ? 'Too many streams that nobody has paid were asked for from your address: pay for them, or close them.'
        : 'The shop is full: try again in a while.',
    )
    this.bound = bound
    this.retryAfterMs = retryAfterMs
  }
}

export class ShopClosedError extends MillstreamError {
  override readonly name = 'Shop.ShopClosedError'
  readonly code = 'SHOP_CLOSED'
  constructor() {
    super('The shop is closing and opens no more streams.')
  }
}
