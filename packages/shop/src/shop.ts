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
import { createElsewhere } from './elsewhere.js'
import { createGoneStreams } from './gone-streams.js'
import { Hold } from './hold.js'
import { createKeyring, createUserId, type Keyring, type ShopKey, userIdLength } from './keyring.js'
import { type ShopLimits, shopLimits } from './limits.js'
import { parseNumber } from './numbers.js'
import type { Body, Offer, PaidStream } from './offer.js'
import * as Refusal from './refusal.js'
import { createRefusalCounts, type StreamsBound } from './refusal-counts.js'
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
  const refused = createRefusalCounts(observer)
  let closed = false
  let closing: Promise<void> | undefined
  let allOver: (() => void) | undefined
  let prunedAt = clock()
  /** Endless while it is being done. */
  let lookedAroundAt = Number.POSITIVE_INFINITY
  let openings = 0
  /** Several shops share the streams. */
  const elsewhere =
    store.abandoned === undefined
      ? undefined
      : createElsewhere({
          streams: store,
          plugin,
          account: info.account,
          keyring,
          clock,
          limits,
          failed: lookupFailed,
        })

  const house: StreamHouse = {
    clock,
    hashes,
    limits,
    observer,
    direct: info.direct,
    hasMinimum: info.paymentMin !== undefined,
    marginMs: info.expiryMarginMs ?? 0,
    write,
    refused: refused.payment,
    streamPaid(stream) {
      noLongerUnpaid(stream)
      observer({ name: 'shop.stream_paid', level: 'debug', userId: stream.userId, owner: stream.owner! })
    },
    streamEnded(stream) {
      if (stream.paid === 0) noLongerUnpaid(stream)
    },
    streamOver,
  }

  await (elsewhere === undefined ? restoreStreams() : lookAround())
  lookedAroundAt = clock()
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
      if (refusal !== undefined) refused.payment(refusal)
      return refusal
    },

    lookFor,

    fulfill(transfer) {
      if (isChecked(transfer)) return fulfill(transfer)
      return lookFor(transfer)?.then(() => fulfill(transfer)) ?? fulfill(transfer)
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
      if (stream === undefined) return refusalOfStrange(userId, transfer)
      last = stream
    }
    const number = parseNumber(destination, stream.base.length)
    return number === 0 ? Refusal.numberMalformed : stream.check(transfer, number)
  }

  /** Of a stream that is not open here. */
  function refusalOfStrange(userId: string, { source, destination }: IncomingTransfer): Refusal.Refusal {
    const number = parseNumber(destination, userEnd + 1)
    const refusal = gone.refusal(userId, source, number) ?? elsewhere?.refusal(userId, source, number)
    return refusal ?? Refusal.unknownStream
  }

  function lookFor({ destination }: IncomingTransfer): Promise<void> | undefined {
    if (elsewhere === undefined || (last !== undefined && destination.startsWith(last.base))) return undefined
    if (!destination.startsWith(accountBase) || destination[userEnd] !== '.') return undefined
    const userId = destination.slice(accountBase.length, userEnd)
    return open.has(userId) || gone.has(userId) ? undefined : elsewhere.lookFor(userId)
  }

  function isChecked(transfer: IncomingTransfer): boolean {
    return holdOf(transfer)?.state === 'checked'
  }

  function fulfill(transfer: IncomingTransfer): ReturnType<Payee['fulfill']> {
    // One that was checked by nobody, or by the shop of a process before.
    const refusal = isChecked(transfer) ? undefined : check(transfer)
    if (refusal !== undefined) {
      refused.payment(refusal)
      return refusal
    }
    const hold = holdOf(transfer)!
    return hold.stream.fulfill(hold)
  }

  function holdOf(transfer: IncomingTransfer): Hold<Stream> | undefined {
    const { note } = transfer
    return note instanceof Hold && open.get(note.stream.userId) === note.stream ? note : undefined
  }

  function openStream(offer: Offer, body: Body): PaidStream {
    if (closed) {
      refused.stream('closed')
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
    openings++
    unpaid++
    if (key !== undefined) unpaidByAddress.set(key, ofAddress + 1)
    const { resource, price, address } = offer
    const { unit } = stream.identity
    observer({ name: 'shop.stream_opened', level: 'debug', userId, resource, unit, price, address })
    return stream
  }

  function tooMany(bound: Exclude<StreamsBound, 'closed'>): TooManyStreamsError {
    refused.stream(bound)
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

  function remember(record: StreamRecord): void {
    const { userId, owner, ending: end = 'shop_closed', endedAt = clock() } = record
    gone.add({ userId, owner, numbers: record, end, endedAt })
  }

  async function lookAroundAgain(): Promise<void> {
    lookedAroundAt = Number.POSITIVE_INFINITY
    await lookAround()
      .catch(lookupFailed)
      .finally(() => {
        lookedAroundAt = clock()
      })
  }

  /** In a fleet: ends streams of shops that have died, this one's own past among them, and sees where the feed is. */
  async function lookAround(): Promise<void> {
    const interrupted = await elsewhere!.endAbandoned()
    for (const record of interrupted) remember(record)
    const records = interrupted.length
    if (records > 0) observer({ name: 'shop.restored', level: 'info', records, interrupted: records, entries: 0 })
    // Nothing of ours is under way, neither before nor after: all that is ours in the feed up to there has settled.
    const before = openings
    if (open.size > 0 || plugin.newest === undefined) return
    const newest = await plugin.newest()
    if (before === openings && newest > cursor) cursor = newest
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
    elsewhere?.sweep()
    refused.report()
    if (elsewhere !== undefined && now - lookedAroundAt >= limits.abandonedMs) void track(lookAroundAgain())
    if (now - prunedAt >= pruneMs) {
      prunedAt = now
      track(prune(store, now, limits)).catch(ignore)
    }
  }

  function isBehind({ watch, paid }: Stream, now: number): boolean {
    if (cursor - watch.recordedCursor > limits.recordLagMax) return true
    return paid !== watch.recordedPaid && now - watch.recordedAt >= limits.recordMs
  }

  function lookupFailed(error: unknown): void {
    observer({ name: 'shop.lookup_failed', level: 'warn', error })
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
    refused.report()
    await Promise.allSettled(writes)
  }
}

/** @throws {PriceError} Not 1 to 2^64 - 1. */
export function assertPrice(price: bigint): void {
  if (price < 1n || price > priceMax) throw new PriceError(price)
}

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
