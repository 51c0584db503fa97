/**
 * Transfers that this side is paid: PREPARE on one end, `incoming_prepare` and the program's `fulfillCondition` or
 * `rejectIncomingTransfer` on the other. PREPARE is answered when the hold is stored; FULFILL and REJECT leave when the
 * outcome is stored, and leave again until the payer has acknowledged them.
 */
import type { PrepareFrame } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import { type Condition, Instant, Octets, TransferId } from '@millstream/units'
import * as BtpError from './btp-error.js'
import { contentHash } from './content-hash.js'
import type { Deliveries } from './deliveries.js'
import type { EndedTransfer } from './ended-transfers.js'
import * as LedgerError from './errors.js'
import type { Link, Route } from './link.js'
import * as RejectionMessage from './rejection-message.js'
import * as Text from './text.js'
import * as Transfer from './transfer.js'
import type { HeldTransfer, TrustlineContext } from './trustline-context.js'

export interface Incoming {
  prepared(link: Link, frame: PrepareFrame): void
  fulfill(id: TransferId.TransferId, fulfillment: Condition.Fulfillment, ilp: Uint8Array | undefined): Promise<null>
  reject(id: TransferId.TransferId, reason: unknown): Promise<null>
  /** The ledger has ended the hold: the payer is told, it may not keep its own time. */
  expired(id: string, durable: Promise<void>): void
  /** Takes up a transfer that was held before a restart; the program is told of it again. */
  restore(held: HeldTransfer): void
  /** Tells the payer again, after a restart, what was fulfilled shortly before. */
  restoreFulfilled(id: TransferId.TransferId, fulfillment: Condition.Fulfillment, until: Instant.Instant): void
  has(id: string): boolean
}

/** How long after its expiry a payer may still take a FULFILL or REJECT: its own grace, and some. */
const tellAfterExpiryMs = 10_000

interface IncomingTransfer extends Route {
  readonly id: string
  readonly wire: Transfer.WireTransfer
  readonly program: Transfer.ProgramTransfer
  readonly contentHash: number
}

export function createIncoming(context: TrustlineContext, deliveries: Deliveries): Incoming {
  const { ledger, ended, clock, announce } = context
  const open = new Map<string, IncomingTransfer>()

  return {
    prepared: prepareArrived,
    fulfill(transferId, fulfillment, ilp) {
      const id = TransferId.format(transferId)
      const transfer = open.get(id)
      if (transfer === undefined) return fulfillEnded(transferId, id, fulfillment)
      if (clock() >= transfer.wire.expiresAt - context.expiryMarginMs) {
        throw new LedgerError.AlreadyRolledBackError(
          `The transfer ${id} expires at ${transfer.program.expiresAt}: too late to tell its payer.`,
        )
      }
      const { status, durable } = ledger.fulfill('incoming', transferId, fulfillment)
      if (status === 'wrong_fulfillment') {
        throw new LedgerError.NotAcceptedError(
          'The fulfillment does not hash to the condition; the transfer is still held.',
        )
      }
      if (status !== 'fulfilled') throw context.error(context.notOpen(status, 'incoming', id))
      const frame = { type: 'fulfill', transferId, fulfillment, protocolData: packetEntry(ilp) } as const
      const done = durable.then(() => {
        announce('incoming_fulfill', { ...transfer.program }, Text.fromBytes(fulfillment), ...packetText(ilp))
        return settle(deliveries.send(frame, tellUntil(transfer), transfer))
      })
      finish(transfer, { state: 'fulfilled', fulfillment, done })
      return done
    },
    reject(transferId, reason) {
      const id = TransferId.format(transferId)
      const transfer = open.get(id)
      if (transfer === undefined) return rejectEnded(transferId, id)
      const ilp = RejectionMessage.encode(reason, context.addresses().account, clock())
      const { status, durable } = ledger.reject('incoming', transferId)
      if (status !== 'rejected') throw context.error(context.notOpen(status, 'incoming', id))
      const done = durable.then(() => {
        const told = RejectionMessage.decode(ilp, context.addresses().account, clock())
        announce('incoming_reject', { ...transfer.program }, told)
        return settle(deliveries.send(rejectFrame(transferId, ilp), tellUntil(transfer), transfer))
      })
      finish(transfer, { state: 'rejected', done })
      return done
    },
    expired(id, durable) {
      const transfer = open.get(id)
      if (transfer === undefined) return
      finish(transfer, { state: 'expired' })
      const { account } = context.addresses()
      const now = clock()
      durable.then(
        () => {
          const ilp = RejectionMessage.encodeTimedOut(account, now)
          deliveries.send(rejectFrame(transfer.wire.id, ilp), tellUntil(transfer), transfer)
          announce('incoming_cancel', { ...transfer.program }, RejectionMessage.timedOutMessage(account, now))
        },
        // Not stored, so nobody is told: the plugin has failed as a whole.
        () => undefined,
      )
    },
    restore(held) {
      const { transfer: wire, program, contentHash: hash, user } = held
      const id = TransferId.format(wire.id)
      open.set(id, { id, wire, program, contentHash: hash, link: undefined, user })
      // One that expired meanwhile is only told as cancelled.
      if (clock() < wire.expiresAt) announce('incoming_prepare', { ...program })
    },
    restoreFulfilled(transferId, fulfillment, until) {
      const frame = { type: 'fulfill', transferId, fulfillment, protocolData: [] } as const
      deliveries.send(frame, Instant.after(until, tellAfterExpiryMs), { link: undefined, user: undefined })
    },
    has: (id) => open.has(id) || ended.get('incoming', id) !== undefined,
  }

  function prepareArrived(link: Link, frame: PrepareFrame): void {
    const { session } = link
    const wire: Transfer.WireTransfer = {
      // The frame is a view into a buffer that is used again.
      id: TransferId.from(frame.transferId.slice()),
      amount: frame.amount,
      condition: frame.condition.slice() as Condition.Condition,
      expiresAt: frame.expiresAt,
      protocolData: frame.protocolData,
    }
    if (wire.amount === 0n && !context.acceptsZeroAmounts) {
      session.refuse(frame.requestId, { name: 'InvalidFieldsError', message: 'amount (0) must be positive' })
      return
    }
    const hash = contentHash(wire)
    const program = Transfer.fromFrame(wire, context.addresses())
    const { status, durable } = ledger.prepare('incoming', wire, hash, { program, user: link.user })
    if (status !== 'prepared' && status !== 'exists') {
      session.refuse(frame.requestId, BtpError.toRefusal(context.refusal(status, 'incoming')))
      if (status === 'exists_fulfilled') tellAgain(link, wire)
      return
    }
    if (status === 'prepared') {
      const id = TransferId.format(wire.id)
      // Its protocol data would keep the whole buffer of the frame alive; what the program sees of it is copied.
      open.set(id, { id, wire: { ...wire, protocolData: [] }, program, contentHash: hash, link, user: link.user })
    }
    durable.then(
      () => {
        session.respond(frame.requestId)
        if (status === 'prepared') announce('incoming_prepare', { ...program })
      },
      (error: unknown) => session.refuse(frame.requestId, BtpError.toRefusal(error)),
    )
  }

  /** Who asks what became of a transfer that was fulfilled has not had its fulfillment. */
  function tellAgain(link: Link, { id: transferId, expiresAt }: Transfer.WireTransfer): void {
    const fulfillment = ended.get('incoming', TransferId.format(transferId))?.fulfillment
    if (fulfillment === undefined) return
    const frame = { type: 'fulfill', transferId, fulfillment, protocolData: [] } as const
    deliveries.send(frame, Instant.after(expiresAt, tellAfterExpiryMs), { link, user: link.user })
  }

  function fulfillEnded(
    transferId: TransferId.TransferId,
    id: string,
    fulfillment: Condition.Fulfillment,
  ): Promise<null> {
    const transfer = ended.get('incoming', id)
    if (transfer?.state === 'fulfilled' && isSame(transfer, fulfillment)) return transfer.done ?? Promise.resolve(null)
    // After a restart the ledger still knows what this process does not.
    const { status } = ledger.fulfill('incoming', transferId, fulfillment)
    if (status === 'exists_fulfilled') return Promise.resolve(null)
    throw context.error(context.notOpen(status, 'incoming', id))
  }

  function rejectEnded(transferId: TransferId.TransferId, id: string): Promise<null> {
    const transfer = ended.get('incoming', id)
    if (transfer?.state === 'rejected') return transfer.done ?? Promise.resolve(null)
    if (transfer?.state === 'expired') return Promise.resolve(null)
    const { status } = ledger.reject('incoming', transferId)
    if (status === 'exists_rejected' || status === 'exists_expired') return Promise.resolve(null)
    throw context.error(context.notOpen(status, 'incoming', id))
  }

  /** With a listener this side's record is the one that counts: a call has done its work when it is stored. */
  function settle(acknowledged: Promise<null>): Promise<null> {
    return context.isAuthority ? Promise.resolve(null) : acknowledged
  }

  function finish(transfer: IncomingTransfer, end: Omit<EndedTransfer, 'contentHash'>): void {
    open.delete(transfer.id)
    end.done?.catch(() => undefined)
    ended.put('incoming', transfer.id, { ...end, contentHash: transfer.contentHash })
  }
}

function tellUntil(transfer: IncomingTransfer): Instant.Instant {
  return Instant.after(transfer.wire.expiresAt, tellAfterExpiryMs)
}

function isSame(transfer: EndedTransfer, fulfillment: Condition.Fulfillment): boolean {
  return transfer.fulfillment === undefined || Octets.equal(transfer.fulfillment, fulfillment)
}

function rejectFrame(transferId: TransferId.TransferId, ilp: Uint8Array) {
  return { type: 'reject', transferId, protocolData: packetEntry(ilp) } as const
}

function packetEntry(ilp: Uint8Array | undefined): BtpFrame.ProtocolData {
  return ilp === undefined ? [] : [{ name: 'ilp', contentType: BtpFrame.contentType.octets, data: ilp }]
}

/** The third argument of `incoming_fulfill`: the packet, where there is one. */
function packetText(ilp: Uint8Array | undefined): string[] {
  return ilp === undefined ? [] : [Text.fromBytes(ilp)]
}
