/**
 * One trustline at work: the ledger, both directions of transfers, what is on its way to the peer, and the one timer
 * that looks for what has expired.
 */
import type { BtpRefusal, FulfillFrame, PrepareFrame, RejectFrame } from '@millstream/btp'
import { type Condition, type Hashes, type Instant, type RandomBytes, TransferId } from '@millstream/units'
import * as BtpError from './btp-error.js'
import { createDeliveries } from './deliveries.js'
import { createEndedTransfers, type Direction } from './ended-transfers.js'
import * as LedgerError from './errors.js'
import { createIncoming } from './incoming.js'
import type { Link, Links } from './link.js'
import * as Options from './options.js'
import { createOutgoing } from './outgoing.js'
import * as Text from './text.js'
import type * as Transfer from './transfer.js'
import type { TrustlineContext } from './trustline-context.js'
import { openTrustlineLedger } from './trustline-ledger.js'

export interface TrustlineOptions {
  readonly settings: Options.Settings
  readonly links: Links
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  readonly addresses: () => Transfer.Addresses
  readonly announce: (event: string, ...args: unknown[]) => void
  /** The ledger could not store: nothing more may be decided. */
  readonly failed: (error: Error) => void
}

export interface Trustline {
  /** Fulfilled incoming less fulfilled outgoing, in base units. */
  balance(): bigint
  send(transfer: unknown): Promise<null>
  fulfill(id: TransferId.TransferId, fulfillment: Condition.Fulfillment, ilp: Uint8Array | undefined): Promise<null>
  reject(id: TransferId.TransferId, reason: unknown): Promise<null>
  /** @throws What IL-RFC-4 says of a transfer that has no fulfillment. */
  fulfillment(id: TransferId.TransferId): Promise<string>
  prepareArrived(link: Link, frame: PrepareFrame): void
  fulfillArrived(link: Link, frame: FulfillFrame): void
  rejectArrived(link: Link, frame: RejectFrame): void
  linkOpened(link: Link): void
  /** Writes what is decided and stops. */
  close(): Promise<void>
}

/** How exactly an expiry is noticed when nothing else happens. */
const sweepMs = 100
/**
 * Two books, one of each side: the payee stops early, so that its FULFILL reaches the payer before the payer gives up.
 * Where one side keeps the book for both, its clock alone decides.
 */
const symmetricalMarginMs = 1_000

/** Opens the ledger, from the program's store where there is one. */
export async function openTrustline(options: TrustlineOptions): Promise<Trustline> {
  const { settings, links, clock, announce } = options
  const ended = createEndedTransfers()
  const deliveries = createDeliveries(links, clock)
  const ledger = await openTrustlineLedger({
    ...options,
    ended,
    expired(direction, id, durable) {
      if (direction === 'incoming') incoming.expired(id, durable)
      else outgoing.expired(id, durable)
    },
  })
  const isAuthority = Options.keepsBookForBoth(settings)
  const context: TrustlineContext = {
    ledger,
    links,
    ended,
    clock,
    isAuthority,
    expiryMarginMs: !isAuthority && settings.store !== undefined ? symmetricalMarginMs : 0,
    acceptsZeroAmounts: settings.acceptsZeroAmounts,
    announce,
    addresses: options.addresses,
    refusal,
    notOpen,
    error: BtpError.fromRefusal,
  }
  const outgoing = createOutgoing(context)
  const incoming = createIncoming(context, deliveries)
  const has = { incoming: incoming.has, outgoing: outgoing.has }

  for (const held of ledger.held('outgoing')) outgoing.restore(held)
  for (const held of ledger.held('incoming')) incoming.restore(held)
  ledger.expire()
  if (settings.hasOneUser) {
    for (const { id, fulfillment, expiresAt } of ledger.fulfilled) {
      incoming.restoreFulfilled(id, fulfillment, expiresAt)
    }
  }
  const sweep = setInterval(() => {
    ledger.expire()
    deliveries.sweep()
  }, sweepMs)
  sweep.unref()

  return {
    balance: () => ledger.balance(),
    send: (transfer) => outgoing.send(transfer),
    fulfill: (id, fulfillment, ilp) => incoming.fulfill(id, fulfillment, ilp),
    reject: (id, reason) => incoming.reject(id, reason),
    fulfillment,
    prepareArrived: (link, frame) => incoming.prepared(link, frame),
    fulfillArrived: (link, frame) => outgoing.fulfilled(link, frame),
    rejectArrived: (link, frame) => outgoing.rejected(link, frame),
    linkOpened(link) {
      outgoing.linkOpened(link)
      deliveries.linkOpened(link)
    },
    async close() {
      clearInterval(sweep)
      outgoing.close()
      await ledger.close()
    },
  }

  async function fulfillment(transferId: TransferId.TransferId): Promise<string> {
    const id = TransferId.format(transferId)
    for (const direction of ['incoming', 'outgoing'] as const) {
      const transfer = ended.get(direction, id)
      if (transfer?.fulfillment !== undefined) return Text.fromBytes(transfer.fulfillment)
      if (transfer !== undefined) throw BtpError.fromRefusal(rolledBack(id))
      if (has[direction](id)) throw new LedgerError.MissingFulfillmentError(`The transfer ${id} is still held.`)
    }
    throw BtpError.fromRefusal(notFound(id))
  }

  /** Why a transfer is not open, for whoever tried to end it. */
  function notOpen(status: string, direction: Direction, id: string): BtpRefusal.Refusal {
    if (status === 'exists_fulfilled') return { name: 'AlreadyFulfilledError', message: `${id} has been fulfilled` }
    if (status === 'exists_rejected' || status === 'exists_expired') return rolledBack(id)
    const other = direction === 'incoming' ? 'outgoing' : 'incoming'
    if (has[other](id)) return { name: 'NotAcceptedError', message: `${id} is ${other}: only its payee can end it` }
    // The ledger forgets ids some time after their expiry; what ended last is remembered longer.
    const state = ended.get(direction, id)?.state
    if (state === 'fulfilled') return { name: 'AlreadyFulfilledError', message: `${id} has been fulfilled` }
    if (state !== undefined) return rolledBack(id)
    return notFound(id)
  }
}

/** Why the ledger does not hold a transfer. Nothing in it that is not the peer's to know. */
function refusal(status: string, direction: Direction): Error {
  switch (status) {
    case 'exists_fulfilled':
      return new LedgerError.AlreadyFulfilledError('the transfer has been fulfilled')
    case 'exists_rejected':
    case 'exists_expired':
      return new LedgerError.AlreadyRolledBackError('the transfer was rejected or has expired')
    case 'exists_different':
      return new LedgerError.DuplicateIdError('the id belongs to a transfer of other content')
    case 'expired':
      return new LedgerError.NotAcceptedError('the transfer has already expired')
    case 'expires_too_late':
      return new LedgerError.NotAcceptedError('the transfer expires too late')
    case 'exceeds_balance':
    case 'exceeds_target':
      return new LedgerError.InsufficientBalanceError(
        direction === 'incoming' ? 'exceeds the maximum balance' : 'The transfer exceeds what this side may owe.',
      )
    case 'exceeds_holds':
      return new LedgerError.NotAcceptedError('too many transfers are held')
    default:
      return new LedgerError.NotAcceptedError('too many transfers in too short a time')
  }
}

function rolledBack(id: string): BtpRefusal.Refusal {
  return { name: 'AlreadyRolledBackError', message: `${id} was rejected or has expired` }
}

function notFound(id: string): BtpRefusal.Refusal {
  return { name: 'TransferNotFoundError', message: `no transfer ${id} is known` }
}
