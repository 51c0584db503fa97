/**
 * Transfers that this side pays: `sendTransfer` on one end, PREPARE and its answer, FULFILL and REJECT on the other.
 *
 * The hold stands in the ledger before PREPARE leaves, so that no answer can overtake it. A transfer whose PREPARE has no
 * answer stays held: it may be paid, and only the payee or its expiry ends it.
 */
import type { Answer, FulfillFrame, RejectFrame } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import { Instant, TransferId } from '@millstream/units'
import * as BtpError from './btp-error.js'
import { contentHash } from './content-hash.js'
import { createDeferred, type Deferred } from './deferred.js'
import * as LedgerError from './errors.js'
import type { Link, Route } from './link.js'
import * as RejectionMessage from './rejection-message.js'
import * as Text from './text.js'
import * as Transfer from './transfer.js'
import type { HeldTransfer, TrustlineContext } from './trustline-context.js'

export interface Outgoing {
  send(transfer: unknown): Promise<null>
  fulfilled(link: Link, frame: FulfillFrame): void
  rejected(link: Link, frame: RejectFrame): void
  /** The ledger has ended the hold; the payee, if it still waits, ends it by itself. */
  expired(id: string, durable: Promise<void>): void
  /** Asks again about what the connection before this one left open. */
  linkOpened(link: Link): void
  /** Takes up a transfer that was held before a restart. */
  restore(held: HeldTransfer): void
  has(id: string): boolean
  /** Refuses what still waits for its turn. */
  close(): void
}

/** PREPAREs without an answer. Others wait, held by nobody, until it is their turn. */
export const unansweredMax = 1_024
/** Transfers that wait. One more is refused. */
export const waitingMax = 65_536

interface OutgoingTransfer extends Route {
  readonly id: string
  readonly wire: Transfer.WireTransfer
  readonly program: Transfer.ProgramTransfer
  readonly contentHash: number
  /** What `sendTransfer` gave: resolved when the peer has acknowledged PREPARE. */
  readonly sent: Deferred<null>
  user: string | undefined
  /** `waiting` for its turn; `unanswered` PREPARE; `acknowledged`; `unknown`: no answer came in time. */
  state: 'waiting' | 'unanswered' | 'acknowledged' | 'unknown'
  /** The program has seen `outgoing_prepare`. */
  isTold: boolean
}

export function createOutgoing(context: TrustlineContext): Outgoing {
  const { ledger, links, ended, clock, announce } = context
  const open = new Map<string, OutgoingTransfer>()
  const waiting = new Set<OutgoingTransfer>()
  let unanswered = 0

  return {
    send(value) {
      const { wire, program } = Transfer.fromProgram(value, context.addresses())
      const id = TransferId.format(wire.id)
      const hash = contentHash(wire, program.to)
      const repeated = repeat(id, hash)
      if (repeated !== undefined) return repeated
      const sent = createDeferred<null>()
      const transfer: OutgoingTransfer = {
        id,
        wire,
        program,
        contentHash: hash,
        sent,
        link: undefined,
        user: undefined,
        state: 'waiting',
        isTold: false,
      }
      if (unanswered < unansweredMax && waiting.size === 0) {
        hold(transfer)
      } else if (waiting.size < waitingMax) {
        open.set(id, transfer)
        waiting.add(transfer)
      } else {
        throw new LedgerError.NotAcceptedError(`${waitingMax} transfers wait already; this one was not held.`)
      }
      return sent.promise
    },
    fulfilled: fulfillArrived,
    rejected: rejectArrived,
    expired(id, durable) {
      const transfer = open.get(id)
      if (transfer === undefined) return
      finish(transfer, { state: 'expired' })
      durable.then(
        () => {
          // A program that still waits for `sendTransfer` learns it there.
          if (transfer.state === 'unanswered') transfer.sent.reject(noAnswer(transfer))
          else tell(transfer, 'outgoing_cancel', RejectionMessage.timedOutMessage(context.addresses().peer, clock()))
        },
        // Not stored, so nobody is told: the plugin has failed as a whole.
        () => undefined,
      )
    },
    close() {
      for (const transfer of waiting) refuse(transfer, noConnection())
      waiting.clear()
    },
    linkOpened(link) {
      if (link.isPassing) return
      for (const transfer of open.values()) {
        const isOurs = transfer.user === undefined || transfer.user === link.user
        if (isOurs && transfer.state !== 'waiting' && transfer.link?.session.isOpen !== true) transmit(transfer, link)
      }
    },
    restore(held) {
      const { transfer: wire, program, contentHash: hash, user } = held
      const sent = createDeferred<null>()
      sent.resolve(null)
      const id = TransferId.format(wire.id)
      open.set(id, {
        id,
        wire,
        program,
        contentHash: hash,
        sent,
        link: undefined,
        user,
        state: 'unknown',
        isTold: false,
      })
    },
    has: (id) => open.has(id) || ended.get('outgoing', id) !== undefined,
  }

  /** IL-RFC-4: the same transfer again is no second one; the same id with other content is an error. */
  function repeat(id: string, hash: number): Promise<null> | undefined {
    const transfer = open.get(id) ?? ended.get('outgoing', id)
    if (transfer === undefined) return undefined
    if (transfer.contentHash !== hash) throw duplicate(id)
    if ('sent' in transfer) return transfer.sent.promise
    if (transfer.error !== undefined) throw transfer.error
    return Promise.resolve(null)
  }

  function hold(transfer: OutgoingTransfer): void {
    const link = links.newest()
    if (link === undefined) {
      refuse(transfer, noConnection())
      return
    }
    const { wire, contentHash: hash, program } = transfer
    const { status, durable } = ledger.prepare('outgoing', wire, hash, { program, user: link.user })
    if (status !== 'prepared') {
      // The ledger remembers ids for longer than `ended` does: a repeat is no second transfer.
      const isRepeat = status.startsWith('exists') && status !== 'exists_different'
      if (isRepeat) transfer.sent.resolve(null)
      refuse(transfer, context.refusal(status, 'outgoing'))
      return
    }
    open.set(transfer.id, transfer)
    unanswered++
    transfer.state = 'unanswered'
    durable.then(
      () => transmit(transfer, link),
      (error: Error) => transfer.sent.reject(error),
    )
  }

  /** Sends PREPARE; again, for one whose outcome was lost with a connection. */
  function transmit(transfer: OutgoingTransfer, link: Link): void {
    if (!open.has(transfer.id)) return
    const again = transfer.state !== 'unanswered'
    transfer.link = link
    transfer.user = link.user
    const { id: transferId, amount, condition, expiresAt, protocolData } = transfer.wire
    const prepare = { type: 'prepare', transferId, amount, condition, expiresAt, protocolData } as const
    if (again) {
      link.session.request(prepare, answeredAgain, transfer)
    } else if (!link.session.request(prepare, answered, transfer)) {
      // Nothing was sent, so nothing can have happened.
      release()
      ledger.reject('outgoing', transfer.wire.id)
      refuse(transfer, noConnection())
    }
  }

  function answered(answer: Answer, transfer: OutgoingTransfer): void {
    release()
    if (answer !== undefined) {
      judge(answer, transfer)
    } else if (open.has(transfer.id)) {
      transfer.state = 'unknown'
      transfer.sent.reject(noAnswer(transfer))
    }
  }

  function answeredAgain(answer: Answer, transfer: OutgoingTransfer): void {
    if (answer !== undefined) judge(answer, transfer)
  }

  function judge(answer: Exclude<Answer, undefined>, transfer: OutgoingTransfer): void {
    if (!open.has(transfer.id)) return
    if (answer.type === 'response') {
      transfer.state = 'acknowledged'
      tellPrepared(transfer)
      return
    }
    const error = BtpError.fromFrame(answer)
    if (error.name === 'DuplicateIdError' || error.name === 'AlreadyFulfilledError') {
      // The peer knows this id: it may have been paid, and its FULFILL may be on its way.
      transfer.state = 'unknown'
      transfer.sent.reject(error)
      return
    }
    const { status, durable } = ledger.reject('outgoing', transfer.wire.id)
    if (status !== 'rejected') return
    const wasTold = transfer.isTold
    finish(transfer, { state: 'refused', error })
    durable.then(
      () => {
        transfer.sent.reject(error)
        if (wasTold) tell(transfer, 'outgoing_reject', refusedMessage(error))
      },
      () => transfer.sent.reject(error),
    )
  }

  function fulfillArrived(link: Link, frame: FulfillFrame): void {
    const { session } = link
    const id = TransferId.format(frame.transferId)
    // From whatever connection: who knows the fulfillment may say it.
    const transfer = open.get(id)
    const { status, durable } = ledger.fulfill('outgoing', frame.transferId, frame.fulfillment)
    switch (status) {
      case 'fulfilled': {
        const ilp = BtpFrame.entry(frame.protocolData, 'ilp')
        const data = ilp === undefined ? undefined : Text.fromBytes(ilp.data)
        const fulfillment = Text.fromBytes(frame.fulfillment)
        if (transfer !== undefined) finish(transfer, { state: 'fulfilled', fulfillment: copyOf(frame.fulfillment) })
        durable.then(
          () => {
            session.respond(frame.requestId)
            if (transfer !== undefined) tell(transfer, 'outgoing_fulfill', fulfillment, data)
          },
          (error: unknown) => session.refuse(frame.requestId, BtpError.toRefusal(error)),
        )
        return
      }
      case 'exists_fulfilled':
        durable.then(
          () => session.respond(frame.requestId),
          (error: unknown) => session.refuse(frame.requestId, BtpError.toRefusal(error)),
        )
        return
      case 'wrong_fulfillment':
        session.refuse(frame.requestId, {
          name: 'InvalidFulfillmentError',
          message: 'the fulfillment does not match the condition',
        })
        return
      default:
        session.refuse(frame.requestId, context.notOpen(status, 'outgoing', id))
    }
  }

  function rejectArrived(link: Link, frame: RejectFrame): void {
    const { session } = link
    const id = TransferId.format(frame.transferId)
    const transfer = openFor(link, id)
    const known = transfer !== undefined || ended.get('outgoing', id) !== undefined
    const { status, durable } = known
      ? ledger.reject('outgoing', frame.transferId)
      : ({ status: 'not_found', durable: Promise.resolve() } as const)
    switch (status) {
      case 'rejected': {
        const reason = RejectionMessage.decode(
          BtpFrame.entry(frame.protocolData, 'ilp')?.data,
          context.addresses().peer,
          clock(),
        )
        const isExpiry = RejectionMessage.isTimedOut(reason) && clock() >= (transfer?.wire.expiresAt ?? Infinity)
        if (transfer !== undefined) finish(transfer, { state: isExpiry ? 'expired' : 'rejected' })
        durable.then(
          () => {
            session.respond(frame.requestId)
            if (transfer !== undefined) tell(transfer, isExpiry ? 'outgoing_cancel' : 'outgoing_reject', reason)
          },
          (error: unknown) => session.refuse(frame.requestId, BtpError.toRefusal(error)),
        )
        return
      }
      case 'exists_rejected':
      case 'exists_expired':
        session.respond(frame.requestId)
        return
      default:
        session.refuse(frame.requestId, context.notOpen(status, 'outgoing', id))
    }
  }

  /** The open transfer of this id, if this connection may end it. */
  function openFor(link: Link, id: string): OutgoingTransfer | undefined {
    const transfer = open.get(id)
    return transfer?.user === undefined || transfer.user === link.user ? transfer : undefined
  }

  function tellPrepared(transfer: OutgoingTransfer): void {
    transfer.sent.resolve(null)
    if (transfer.isTold) return
    transfer.isTold = true
    announce('outgoing_prepare', { ...transfer.program })
  }

  function tell(transfer: OutgoingTransfer, event: string, ...args: unknown[]): void {
    // A FULFILL may overtake the RESPONSE to its PREPARE.
    tellPrepared(transfer)
    announce(event, { ...transfer.program }, ...args)
  }

  function finish(transfer: OutgoingTransfer, end: Omit<Parameters<typeof ended.put>[2], 'contentHash'>): void {
    open.delete(transfer.id)
    ended.put('outgoing', transfer.id, { ...end, contentHash: transfer.contentHash })
  }

  /** Before the peer can have heard of it. */
  function refuse(transfer: OutgoingTransfer, error: Error): void {
    open.delete(transfer.id)
    transfer.sent.reject(error)
  }

  function release(): void {
    unanswered--
    for (const transfer of waiting) {
      if (unanswered >= unansweredMax) return
      waiting.delete(transfer)
      hold(transfer)
    }
  }

  function refusedMessage(error: Error): RejectionMessage.RejectionMessage {
    const reason = RejectionMessage.decode(undefined, context.addresses().peer, clock())
    return { ...reason, message: error.message, additional_info: { message: error.message } }
  }
}

function copyOf<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  return Uint8Array.from(bytes) as Bytes
}

function duplicate(id: string): LedgerError.DuplicateIdError {
  return new LedgerError.DuplicateIdError(`The id ${id} belongs to a transfer of other content; nothing was held.`)
}

function noAnswer(transfer: OutgoingTransfer): LedgerError.UnreachableError {
  const until = Instant.toIso(transfer.wire.expiresAt)
  return new LedgerError.UnreachableError(`The peer has not answered in time; the amount is held until ${until}.`)
}

function noConnection(): LedgerError.UnreachableError {
  return new LedgerError.UnreachableError('There is no connection to the peer; nothing was held.')
}
