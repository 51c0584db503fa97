/**
 * The payer's side of transfers (spec: IL-RFC-23 draft 2; a hosted trustline, where the host's record decides).
 *
 * A transfer has an outcome when the host has told one. Until then it is unresolved: its PREPARE is sent again, the
 * very same, on every new connection, and once more after its expiry. Nothing is ever sent in its place. What the host
 * does not tell in time is `unknown` and must be counted as spent.
 *
 * | the host says to a PREPARE                  | first time           | again                               |
 * | ------------------------------------------- | -------------------- | ----------------------------------- |
 * | RESPONSE                                    | held                 | still held                          |
 * | AlreadyFulfilledError                       | paid                 | paid: FULFILL may still come        |
 * | AlreadyRolledBackError                      | not paid             | not paid                            |
 * | DuplicateIdError                            | refused              | unknown: its record is not ours     |
 * | UnreachableError (T00)                      | refused              | asked again later                   |
 * | anything else: it does not have the transfer | refused              | refused                             |
 *
 * REJECT with R00 says that a hold has expired, unless the transfer was asked for again after its expiry: a host of 2017
 * that has forgotten it takes the question for a new transfer, dead on arrival, and it may have been paid before. Then
 * only AlreadyRolledBackError is believed; otherwise it is unknown.
 */
import { BtpFrame } from '@millstream/codec'
import type { OutgoingTransfer, SendOutcome } from '@millstream/plugin'
import type { Condition, Instant } from '@millstream/units'
import * as BtpRefusal from '../btp-refusal.js'
import type { Answer, Session } from '../session.js'
import { type ClientContext, sweepMs } from './client-context.js'
import { createEndedTransfers, type EndedState } from './ended-transfers.js'
import * as RejectionPacket from './rejection-packet.js'
import { createTransferTable } from './transfer-table.js'

export interface OutgoingTransfers {
  /** Transfers without an outcome. */
  readonly size: number
  send(transfer: OutgoingTransfer, resolve: Resolve): void
  fulfill(frame: BtpFrame.FulfillFrame, session: Session): void
  reject(frame: BtpFrame.RejectFrame, session: Session): void
  /** A new session: everything unresolved is sent to it. */
  opened(): void
  /** The session has gone. */
  lost(): void
  sweep(now: Instant.Instant): void
  /** Everything without an outcome gets one: `unknown`, or `rejected` where nothing was sent. */
  giveUp(reason: string): void
  /** Calls back when nothing is without an outcome. */
  whenEmpty(callback: () => void): void
}

export type Resolve = (outcome: SendOutcome) => void

interface Entry {
  /** In which order transfers came. */
  readonly sequence: number
  /** Where the id stands in the PREPARE; amount and condition follow. */
  readonly idOffset: number
  readonly expiresAt: Instant.Instant
  readonly resolve: Resolve
  /** Callers that sent the same transfer while it was unresolved. */
  alsoResolve: Resolve[] | undefined
  /** The encoded PREPARE: id and condition are read from here. */
  prepare: Uint8Array
  /** How often it was given to a session. 0: nobody else knows of it. */
  sends: number
  isAsking: boolean
  /** Asked by the pump of `opened`, which lets so many out at a time. */
  isResent: boolean
  /** `asked`: again after its expiry. `told`: and the host rejects it as expired, before it answers. */
  late: 'no' | 'asked' | 'told'
  /** The host says that it was paid. */
  isPaid: boolean
  isEnded: boolean
  /** Sweeps since it should have ended. */
  sweeps: number
}

const lengthOffset = 5
const idBytes = 16
const amountBytes = 8
const hashBytes = 32
/** The host is asked again after its expiry every so many sweeps. */
const sweepsBetweenAsks = 4

export function createOutgoingTransfers(
  context: ClientContext,
  /** A FULFILL or REJECT for a transfer that the host sends to us: not its role. */
  isIncoming: (id: Uint8Array) => boolean,
): OutgoingTransfers {
  const { clock, hashes, limits, observer, isPassing } = context
  const entries = createTransferTable<Entry>()
  let sequence = 0
  const ended = createEndedTransfers(limits.endedMax)
  let resends: Entry[] = []
  let resendsInFlight = 0
  let emptied: (() => void)[] = []

  return {
    get size() {
      return entries.size
    },

    send(transfer, resolve) {
      let prepare: Uint8Array
      try {
        prepare = encodePrepare(transfer)
      } catch (error) {
        resolve(refusedBecause('InvalidFieldsError', (error as Error).message))
        return
      }
      const idOffset = idOffsetIn(prepare)
      const known = entries.find(prepare, idOffset)
      if (known !== undefined) {
        if (!isSameFrame(known.prepare, prepare)) {
          resolve(refusedBecause('DuplicateIdError', 'Another transfer of this id is in flight.'))
          return
        }
        known.alsoResolve ??= []
        known.alsoResolve.push(resolve)
        return
      }
      if (entries.size >= limits.transfersMax) {
        resolve(refusedBecause('UnreachableError', 'Too many transfers are in flight. Nothing was sent.'))
        return
      }
      const entry: Entry = {
        sequence: sequence++,
        idOffset,
        expiresAt: transfer.expiresAt,
        resolve,
        alsoResolve: undefined,
        prepare,
        sends: 0,
        isAsking: false,
        isResent: false,
        late: 'no',
        isPaid: false,
        isEnded: false,
        sweeps: 0,
      }
      entries.add(entry)
      context.wake()
      ask(entry)
    },

    fulfill(frame, session) {
      const { requestId, transferId, fulfillment } = frame
      const entry = entries.find(transferId, 0)
      if (entry === undefined) {
        fulfillAgain(frame, session)
      } else if (!isHashAt(hashes.sha256(fulfillment), entry.prepare, conditionOffset(entry))) {
        session.refuse(requestId, wrongFulfillment)
      } else {
        // A copy: what arrived may be a view into a buffer of many messages.
        const own = fulfillment.slice() as Condition.Fulfillment
        end(entry, { status: 'fulfilled', fulfillment: own }, 'fulfilled', own)
        session.respond(requestId, context.settle(amountOf(entry)))
      }
    },

    reject(frame, session) {
      const { requestId, transferId } = frame
      const entry = entries.find(transferId, 0)
      if (entry === undefined) {
        rejectAgain(frame, session)
      } else if (entry.isPaid) {
        session.refuse(requestId, alreadyFulfilled)
      } else {
        judgeRejection(entry, rejectedWith(frame.protocolData))
        session.respond(requestId)
      }
    },

    opened() {
      resendsInFlight = 0
      // Taken from the end: the oldest goes first.
      resends = entries.entries().filter((entry) => !entry.isPaid)
      resends.sort((a, b) => b.sequence - a.sequence)
      pump()
    },

    lost() {
      resends = []
      if (isPassing) giveUp('an account without credentials ends with its connection')
    },

    sweep(now) {
      let unknown = 0
      for (const entry of entries.entries()) {
        // Asking for one may close the connection, and without credentials that ends all of them.
        if (entry.isEnded) continue
        if (entry.isPaid) {
          if (++entry.sweeps * sweepMs >= limits.fulfillmentWaitMs) endUnseen(entry)
        } else if (entry.sends === 0) {
          if (now >= entry.expiresAt) endUnpaid(entry, neverSent)
        } else if (now >= entry.expiresAt + limits.graceMs) {
          if (++entry.sweeps * sweepMs > limits.settleMs) {
            unknown++
            endUnknown(entry, 'the host did not say in time what became of it')
          } else if (!entry.isAsking && entry.sweeps % sweepsBetweenAsks === 1) {
            ask(entry)
          }
        }
      }
      reportUnknown(unknown, 'the host did not say in time')
    },

    giveUp,

    whenEmpty(callback) {
      if (entries.size === 0) callback()
      else emptied.push(callback)
    },
  }

  /** Sends the PREPARE if there is a session; else it goes when there is one. */
  function ask(entry: Entry): void {
    const session = context.session()
    if (session === undefined) return
    // The bytes of an earlier sending may still be on their way, and the request id goes into them.
    if (entry.sends > 0) {
      entry.prepare = entry.prepare.slice()
      if (clock() >= entry.expiresAt) entry.late = 'asked'
    }
    entry.sends++
    entry.isAsking = true
    if (session.requestEncoded(entry.prepare, answered, entry)) return
    entry.sends--
    entry.isAsking = false
    if (entry.sends === 0 && session.isOpen) endUnpaid(entry, tooManyRequests)
  }

  function answered(answer: Answer, entry: Entry): void {
    entry.isAsking = false
    if (entry.isResent) {
      entry.isResent = false
      resendsInFlight--
      pump()
    }
    // FULFILL or REJECT may overtake the RESPONSE.
    if (entry.isEnded || answer === undefined) return
    if (answer.type === 'error') judge(entry, BtpRefusal.fromFrame(answer))
    else if (entry.late === 'told') endUnknown(entry, expiredUnheard)
  }

  function judgeRejection(entry: Entry, outcome: SendOutcome): void {
    if (outcome.status !== 'expired' || entry.late === 'no') endUnpaid(entry, outcome)
    else if (entry.isAsking) entry.late = 'told'
    else endUnknown(entry, expiredUnheard)
  }

  function judge(entry: Entry, refusal: BtpRefusal.ReceivedRefusal): void {
    const isFirst = entry.sends === 1
    switch (refusal.name) {
      case 'AlreadyFulfilledError':
        paid(entry)
        return
      case 'AlreadyRolledBackError':
        endUnpaid(entry, clock() >= entry.expiresAt ? { status: 'expired' } : rolledBack(refusal.message))
        return
      case 'DuplicateIdError':
        if (isFirst) endUnpaid(entry, refusedBy(refusal))
        else endUnknown(entry, 'the host has another transfer of this id')
        return
      case 'UnreachableError':
        // Not so when an earlier call of the same id left it open: then it is asked again until its time is over.
        if (isFirst && ended.find(idOf(entry)) === undefined) endUnpaid(entry, refusedBy(refusal))
        return
      default:
        endUnpaid(entry, refusedBy(refusal))
    }
  }

  /** Lets out what waits to be sent again, a bounded number at a time: a host bounds what it takes at once. */
  function pump(): void {
    while (resendsInFlight < limits.resendMax) {
      const entry = resends.pop()
      if (entry === undefined) return
      if (entry.isEnded || entry.isAsking) continue
      entry.isResent = true
      resendsInFlight++
      ask(entry)
      if (!entry.isAsking && entry.isResent) {
        entry.isResent = false
        resendsInFlight--
      }
    }
  }

  /** Paid, says the host. The fulfillment is at hand from an earlier time, or may still come, or does not. */
  function paid(entry: Entry): void {
    const before = ended.find(idOf(entry))
    if (before?.state === 'fulfilled') {
      const fulfillment = before.hash.slice() as Condition.Fulfillment
      end(entry, { status: 'fulfilled', fulfillment }, 'fulfilled', fulfillment)
      return
    }
    entry.isPaid = true
    entry.sweeps = 0
  }

  function fulfillAgain({ requestId, transferId, fulfillment }: BtpFrame.FulfillFrame, session: Session): void {
    const before = ended.find(transferId)
    if (before === undefined) {
      session.refuse(requestId, isIncoming(transferId) ? notYourRole : notFound)
    } else if (before.state === 'rolled_back') {
      session.refuse(requestId, alreadyRolledBack)
    } else {
      const proof = before.state === 'fulfilled' ? fulfillment : hashes.sha256(fulfillment)
      if (!isHashAt(proof, before.hash, 0)) {
        session.refuse(requestId, wrongFulfillment)
        return
      }
      if (before.state !== 'fulfilled') ended.add(transferId, 0, 'fulfilled', fulfillment)
      session.respond(requestId)
    }
  }

  function rejectAgain({ requestId, transferId }: BtpFrame.RejectFrame, session: Session): void {
    const before = ended.find(transferId)
    if (before === undefined) session.refuse(requestId, isIncoming(transferId) ? notYourRole : notFound)
    else if (before.state === 'rolled_back' || before.state === 'unknown') session.respond(requestId)
    else session.refuse(requestId, alreadyFulfilled)
  }

  function endUnseen(entry: Entry): void {
    end(entry, { status: 'fulfilled' }, 'fulfilled_unseen', conditionOf(entry))
  }

  function endUnpaid(entry: Entry, outcome: SendOutcome): void {
    end(entry, outcome, 'rolled_back', conditionOf(entry))
  }

  function endUnknown(entry: Entry, reason: string): void {
    end(entry, { status: 'unknown', reason }, 'unknown', conditionOf(entry))
  }

  function end(entry: Entry, outcome: SendOutcome, state: EndedState, hash: Uint8Array): void {
    entry.isEnded = true
    entries.delete(entry)
    // What was never sent is known to nobody.
    if (entry.sends > 0) ended.add(entry.prepare, entry.idOffset, state, hash)
    entry.resolve(outcome)
    if (entry.alsoResolve !== undefined) for (const resolve of entry.alsoResolve) resolve(outcome)
    if (entries.size === 0 && emptied.length > 0) {
      const callbacks = emptied
      emptied = []
      for (const callback of callbacks) callback()
    }
  }

  function giveUp(reason: string): void {
    let unknown = 0
    for (const entry of entries.entries()) {
      if (entry.isPaid) {
        endUnseen(entry)
      } else if (entry.sends === 0) {
        endUnpaid(entry, neverSent)
      } else {
        unknown++
        endUnknown(entry, reason)
      }
    }
    reportUnknown(unknown, reason)
  }

  function reportUnknown(count: number, reason: string): void {
    if (count > 0) observer?.({ name: 'btp.client_unknown', level: 'warn', count, reason })
  }
}

const wrongFulfillment: BtpRefusal.Refusal = {
  name: 'InvalidFulfillmentError',
  message: 'The fulfillment is not that of the condition.',
}
const alreadyFulfilled: BtpRefusal.Refusal = { name: 'AlreadyFulfilledError', message: 'This transfer was fulfilled.' }
const alreadyRolledBack: BtpRefusal.Refusal = {
  name: 'AlreadyRolledBackError',
  message: 'This transfer was rejected or has expired.',
}
const notFound: BtpRefusal.Refusal = { name: 'TransferNotFoundError', message: 'There is no such transfer.' }
const notYourRole: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'You are the payer of this transfer: only its payee fulfills or rejects it.',
}

const expiredUnheard = 'the host takes it for a new transfer that is dead on arrival'
const neverSent = refusedBecause('UnreachableError', 'There is no connection to the host. Nothing was sent.')
const tooManyRequests = refusedBecause('UnreachableError', 'Too many requests are in flight. Nothing was sent.')

export function refusedBecause(name: BtpRefusal.ErrorName, message: string): SendOutcome {
  return { status: 'rejected', by: 'ledger', code: BtpFrame.errorCodes[name], message }
}

/** The code of IL-RFC-23, whichever table the peer counts by. */
function refusedBy({ name, message }: BtpRefusal.ReceivedRefusal): SendOutcome {
  return refusedBecause(name, message)
}

/** Rejected while we were away: by the payee, for a reason that is not told twice. */
function rolledBack(message: string): SendOutcome {
  return { status: 'rejected', by: 'payee', code: 'T00', message }
}

// R00 is what a transfer is rejected with that has expired at the ledger, whose clock decides.
function rejectedWith(protocolData: BtpFrame.ProtocolData): SendOutcome {
  const rejection = RejectionPacket.decode(protocolData)
  return rejection.code === 'R00' ? { status: 'expired' } : { status: 'rejected', by: 'payee', ...rejection }
}

function encodePrepare(transfer: OutgoingTransfer): Uint8Array {
  return BtpFrame.encode({
    type: 'prepare',
    requestId: 0,
    transferId: transfer.id,
    amount: transfer.amount,
    condition: transfer.condition,
    expiresAt: transfer.expiresAt,
    protocolData: [{ name: 'ilp', contentType: BtpFrame.contentType.octets, data: transfer.packet }],
  })
}

/** Where the transfer id stands in an encoded PREPARE: after type, request id and the length, which has 1 to 3 bytes. */
function idOffsetIn(prepare: Uint8Array): number {
  const first = prepare[lengthOffset]!
  return lengthOffset + (first < 0x80 ? 1 : 1 + (first & 0x7f))
}

function idOf({ prepare, idOffset }: Entry): Uint8Array {
  return prepare.subarray(idOffset, idOffset + idBytes)
}

function amountOf({ prepare, idOffset }: Entry): bigint {
  return new DataView(prepare.buffer, prepare.byteOffset, prepare.length).getBigUint64(idOffset + idBytes)
}

function conditionOffset({ idOffset }: Entry): number {
  return idOffset + idBytes + amountBytes
}

function conditionOf(entry: Entry): Uint8Array {
  const offset = conditionOffset(entry)
  return entry.prepare.subarray(offset, offset + hashBytes)
}

function isHashAt(hash: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < hashBytes; i++) if (hash[i] !== bytes[offset + i]) return false
  return true
}

/** Everything but the request id. */
function isSameFrame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = lengthOffset; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
