/**
 * The payee's side of transfers at a client: the host pays its customer (change, refunds). The host keeps the book, so
 * a transfer counts as paid when the host has answered RESPONSE to our FULFILL; until then the FULFILL is sent again on
 * every new connection. What the host has not confirmed in time counts as not paid.
 */
import { BtpFrame, IlpPacket } from '@millstream/codec'
import type { Cursor, IncomingTransfer, Payee, Rejection, SettledOutcome } from '@millstream/plugin'
import type { Condition, Instant, TransferId } from '@millstream/units'
import { Octets } from '@millstream/units'
import * as BtpRefusal from '../btp-refusal.js'
import type { Answer, Session } from '../session.js'
import type { ClientContext } from './client-context.js'
import * as RejectionPacket from './rejection-packet.js'
import { transferKey } from './transfer-key.js'

export interface IncomingTransfers {
  /** Transfers that have not ended. */
  readonly unsettled: number
  /** Transfers that are remembered: those that have not expired. */
  readonly size: number
  receive(payee: Payee): void
  prepare(frame: BtpFrame.PrepareFrame, session: Session): void
  has(id: Uint8Array): boolean
  /** A new session: what waits for its confirmation is sent to it. */
  opened(): void
  lost(): void
  sweep(now: Instant.Instant): void
  /** Everything that has not ended counts as not paid. */
  giveUp(): void
}

export interface Addresses {
  /** This side's own address on the ledger. */
  readonly account: string
  /** The host's. */
  readonly server: string
}

type State = 'held' | 'fulfilling' | 'fulfilled' | 'rejected' | 'expired'

interface Entry {
  readonly transfer: IncomingTransfer
  readonly payee: Payee
  state: State
  fulfillment: Condition.Fulfillment | undefined
  isAsking: boolean
}

/** @param addresses - Undefined until the host has said what ledger it keeps. */
export function createIncomingTransfers(
  context: ClientContext,
  addresses: () => Addresses | undefined,
): IncomingTransfers {
  const { clock, hashes, limits, observer, isPassing } = context
  const entries = new Map<string, Entry>()
  let payee: Payee | undefined
  let unsettled = 0
  let cursor = 0

  return {
    get unsettled() {
      return unsettled
    },
    get size() {
      return entries.size
    },
    receive(registered) {
      payee = registered
    },
    prepare(frame, session) {
      const known = entries.get(transferKey(frame.transferId))
      if (known !== undefined) prepareAgain(known, frame, session)
      else prepareNew(frame, session)
    },
    has: (id) => entries.has(transferKey(id)),
    opened() {
      for (const entry of entries.values()) if (entry.state === 'fulfilling' && !entry.isAsking) sendFulfill(entry)
    },
    lost() {
      if (isPassing) giveUp()
    },
    sweep(now) {
      for (const [key, entry] of entries) {
        const { expiresAt } = entry.transfer
        if (entry.state === 'held' && now >= expiresAt) expire(entry)
        if (now < expiresAt + limits.graceMs + limits.settleMs) continue
        if (entry.state === 'fulfilling') settle(entry, 'expired')
        entries.delete(key)
      }
    },
    giveUp,
  }

  function prepareNew(frame: BtpFrame.PrepareFrame, session: Session): void {
    const { requestId } = frame
    const known = addresses()
    const now = clock()
    if (known === undefined) {
      session.refuse(requestId, notReady)
    } else if (now >= frame.expiresAt) {
      session.refuse(requestId, expired)
    } else if (entries.size >= limits.incomingMax) {
      session.refuse(requestId, tooMany)
    } else {
      const transfer = transferFrom(frame, known.server)
      session.respond(requestId)
      // A rejection before the hold leaves no record: a repeat is judged anew.
      if (transfer === undefined) sendReject(frame.transferId, badPacket)
      else if (payee === undefined) sendReject(frame.transferId, noPayee)
      else checkAndHold(transfer, payee)
    }
  }

  function checkAndHold(transfer: IncomingTransfer, receiver: Payee): void {
    let rejection: Rejection | undefined
    try {
      rejection = receiver.check(transfer)
    } catch {
      rejection = payeeFailed
    }
    if (rejection !== undefined) {
      sendReject(transfer.id, rejection)
      return
    }
    const entry: Entry = { transfer, payee: receiver, state: 'held', fulfillment: undefined, isAsking: false }
    entries.set(transferKey(transfer.id), entry)
    unsettled++
    context.wake()
    try {
      const answer = receiver.fulfill(transfer)
      if (!(answer instanceof Promise)) conclude(entry, answer)
      else answer.then((value) => conclude(entry, value)).catch(() => conclude(entry, payeeFailed))
    } catch {
      conclude(entry, payeeFailed)
    }
  }

  function conclude(entry: Entry, answer: Condition.Fulfillment | Rejection): void {
    if (entry.state !== 'held') return
    if (clock() >= entry.transfer.expiresAt) {
      expire(entry)
    } else if (!(answer instanceof Uint8Array)) {
      refuse(entry, answer)
    } else if (answer.length !== 32 || !Octets.equal(hashes.sha256(answer), entry.transfer.condition)) {
      refuse(entry, wrongFulfillment)
    } else {
      entry.state = 'fulfilling'
      entry.fulfillment = answer.slice() as Condition.Fulfillment
      sendFulfill(entry)
    }
  }

  function refuse(entry: Entry, rejection: Rejection): void {
    entry.state = 'rejected'
    settle(entry, 'rejected')
    sendReject(entry.transfer.id, rejection)
  }

  function expire(entry: Entry): void {
    entry.state = 'expired'
    settle(entry, 'expired')
    sendReject(entry.transfer.id, timedOut)
  }

  function settle(entry: Entry, outcome: Exclude<SettledOutcome, 'lost'>): void {
    entry.state = outcome
    entry.fulfillment = undefined
    unsettled--
    if (outcome === 'fulfilled') cursor++
    try {
      entry.payee.settled(entry.transfer, outcome, cursor as Cursor)
    } catch (error) {
      observer?.({ name: 'btp.handler_failed', level: 'error', error })
    }
  }

  function sendFulfill(entry: Entry): void {
    const session = context.session()
    if (session === undefined) return
    const { id: transferId } = entry.transfer
    const request = { type: 'fulfill', transferId, fulfillment: entry.fulfillment!, protocolData: [] } as const
    // Set before: the connection may end under it, and then it is answered at once.
    entry.isAsking = true
    if (!session.request(request, fulfillAnswered, entry)) entry.isAsking = false
  }

  function fulfillAnswered(answer: Answer, entry: Entry): void {
    entry.isAsking = false
    if (answer === undefined || entry.state !== 'fulfilling') return
    if (answer.type === 'response') settle(entry, 'fulfilled')
    else judgeRefusal(entry, BtpRefusal.fromFrame(answer))
  }

  /** The host's record decides: what it does not take was not paid. */
  function judgeRefusal(entry: Entry, refusal: BtpRefusal.ReceivedRefusal): void {
    if (refusal.name === 'AlreadyFulfilledError') settle(entry, 'fulfilled')
    else if (refusal.name !== 'UnreachableError') {
      settle(entry, clock() >= entry.transfer.expiresAt ? 'expired' : 'rejected')
    }
  }

  function sendReject(transferId: TransferId.TransferId, rejection: Rejection): void {
    const known = addresses()
    if (known === undefined) return
    const protocolData = RejectionPacket.encode(rejection, known.account, clock())
    // Its answer changes nothing: the host ends the transfer at its expiry at the latest.
    context.session()?.request({ type: 'reject', transferId, protocolData }, ignore)
  }

  function prepareAgain(entry: Entry, frame: BtpFrame.PrepareFrame, session: Session): void {
    const { requestId } = frame
    if (!isSame(entry.transfer, frame)) {
      session.refuse(requestId, duplicateId)
      return
    }
    switch (entry.state) {
      case 'held':
      case 'fulfilling':
        session.respond(requestId)
        if (entry.state === 'fulfilling' && !entry.isAsking) sendFulfill(entry)
        return
      case 'fulfilled':
        session.refuse(requestId, alreadyFulfilled)
        return
      default:
        session.refuse(requestId, alreadyRolledBack)
    }
  }

  function giveUp(): void {
    for (const entry of entries.values()) {
      if (entry.state === 'held') settle(entry, 'rejected')
      else if (entry.state === 'fulfilling') settle(entry, 'expired')
    }
    entries.clear()
  }
}

const noPayee: Rejection = { code: 'F06', message: 'Nobody receives payments here.' }
const badPacket: Rejection = { code: 'F01', message: 'The packet is not an ILP payment.' }
const payeeFailed: Rejection = { code: 'T00', message: 'The receiver of the payment failed. Nothing was paid.' }
const wrongFulfillment: Rejection = {
  code: 'F05',
  message: 'The receiver of the payment has no fulfillment for this condition. Nothing was paid.',
}
const timedOut: Rejection = { code: 'R00', message: 'expired' }

const notReady: BtpRefusal.Refusal = { name: 'UnreachableError', message: 'Not ready: try again later.' }
const expired: BtpRefusal.Refusal = { name: 'NotAcceptedError', message: 'This transfer has expired.' }
const tooMany: BtpRefusal.Refusal = { name: 'UnreachableError', message: 'Too many transfers have not expired.' }
const duplicateId: BtpRefusal.Refusal = { name: 'DuplicateIdError', message: 'Another transfer has this id.' }
const alreadyFulfilled: BtpRefusal.Refusal = { name: 'AlreadyFulfilledError', message: 'This transfer was fulfilled.' }
const alreadyRolledBack: BtpRefusal.Refusal = {
  name: 'AlreadyRolledBackError',
  message: 'This transfer was rejected or has expired.',
}

function ignore(): void {}

/** The transfer as its payee sees it, with byte strings of its own; undefined when it carries no ILP payment. */
function transferFrom(frame: BtpFrame.PrepareFrame, source: string): IncomingTransfer | undefined {
  const entry = BtpFrame.entry(frame.protocolData, 'ilp')
  if (entry === undefined) return undefined
  try {
    const packet = entry.data.slice()
    const payment = IlpPacket.decodePayment(packet)
    return {
      id: frame.transferId.slice() as TransferId.TransferId,
      source,
      amount: frame.amount,
      condition: frame.condition.slice() as Condition.Condition,
      expiresAt: frame.expiresAt,
      packet,
      destination: payment.account,
      destinationAmount: payment.amount,
    }
  } catch {
    return undefined
  }
}

function isSame(transfer: IncomingTransfer, frame: BtpFrame.PrepareFrame): boolean {
  const entry = BtpFrame.entry(frame.protocolData, 'ilp')
  return (
    transfer.amount === frame.amount &&
    transfer.expiresAt === frame.expiresAt &&
    Octets.equal(transfer.condition, frame.condition) &&
    entry !== undefined &&
    Octets.equal(transfer.packet, entry.data)
  )
}
