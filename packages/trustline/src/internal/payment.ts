/**
 * A payment of a customer to the host, from its PREPARE to its end. It is its own `prepare` command: made once, handed to
 * the ledger as it is.
 */
import type { BtpRefusal } from '@millstream/btp'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import { type AccountId, type Command, type Cursor, type Hold, type Prepare, serverAccount } from '@millstream/ledger'
import type { IncomingTransfer, Payee, Rejection } from '@millstream/plugin'
import { contentHash } from './content-hash.js'
import type { Connection, Delivery, HostAccount } from './host-account.js'
import { ownBytes } from './own-bytes.js'

export type PaymentState = 'arrived' | 'held' | 'fulfilled' | 'rejected' | 'expired'

export interface Payment extends Prepare, Delivery {
  source: AccountId
  readonly requestId: number
  readonly incoming: IncomingTransfer
  /** Why it was refused before anything was held, or why its payee rejects it. */
  rejection: Rejection | undefined
  /** Why the ledger refuses it. */
  refusal: BtpRefusal.Refusal | undefined
  state: PaymentState
  /** Whoever was asked for the fulfillment; a payee that was replaced is not heard any more. */
  asked: Payee | undefined
  cursor: Cursor
  /** Its place among the payments that its account has waiting. */
  key: string | undefined
  /** The ledger did not know its account, which was opened anew. */
  isSecondTry: boolean
}

const beginning = 0 as Cursor
const noAccount = 0 as AccountId
const noPacket = new Uint8Array()

/**
 * Reads a PREPARE. Its bytes are copied once: the frame is a view into whatever the socket read.
 *
 * @returns A payment with a rejection when the frame has no ILP payment, or a malformed one.
 */
export function fromFrame(frame: BtpFrame.PrepareFrame, connection: Connection): Payment {
  const { protocolData, amount, expiresAt } = frame
  const id = ownBytes(frame.transferId)
  const condition = ownBytes(frame.condition)
  const packet = ownBytes(BtpFrame.entry(protocolData, 'ilp')?.data ?? noPacket)
  const { account } = connection
  let destination = ''
  let destinationAmount = 0n
  let rejection: Rejection | undefined
  try {
    const payment = IlpPacket.decodePayment(packet)
    destination = payment.account
    destinationAmount = payment.amount
  } catch {
    rejection = packet.length === 0 ? noPacketRejection : malformedPacketRejection
  }
  const source = account.address
  return create(
    account,
    connection,
    frame.requestId,
    { id, source, amount, condition, expiresAt, packet, destination, destinationAmount, note: undefined },
    contentHash(amount, condition, expiresAt, protocolData),
    rejection,
  )
}

/**
 * A payment that was held when the host stopped. The ledger keeps no packets: this one has a packet made from address
 * and amount, without data. Payees that derive the fulfillment from the address alone can give it again; for others it
 * will not fit, and the transfer is rejected.
 */
export function fromHold(hold: Hold, account: HostAccount): Payment {
  const { id, amount, condition, expiresAt, destination } = hold
  const packet = packetOf(amount, destination)
  const incoming: IncomingTransfer = {
    id,
    source: account.address,
    amount,
    condition,
    expiresAt,
    packet,
    destination,
    destinationAmount: amount,
    note: undefined,
  }
  const payment = create(account, undefined, 0, incoming, hold.contentHash, undefined)
  payment.source = hold.source
  payment.state = 'held'
  return payment
}

/** Ends it in the ledger as its payee has answered. */
export function answerCommand({ source, id, fulfillment }: Payment): Command {
  return fulfillment === undefined ? { type: 'reject', source, id } : { type: 'fulfill', source, id, fulfillment }
}

function packetOf(amount: bigint, destination: string): Uint8Array {
  try {
    return IlpPacket.encodePayment(amount, destination)
  } catch {
    // Held by another host, for something that is no ILP address: whoever is asked for it finds no packet.
    return noPacket
  }
}

function create(
  account: HostAccount,
  connection: Connection | undefined,
  requestId: number,
  incoming: IncomingTransfer,
  hash: number,
  rejection: Rejection | undefined,
): Payment {
  return {
    type: 'prepare',
    id: incoming.id,
    source: account.id ?? noAccount,
    target: serverAccount,
    amount: incoming.amount,
    condition: incoming.condition,
    expiresAt: incoming.expiresAt,
    destination: incoming.destination,
    contentHash: hash,
    account,
    connection,
    requestId,
    incoming,
    fulfillment: undefined,
    rejection,
    refusal: undefined,
    state: 'arrived',
    asked: undefined,
    cursor: beginning,
    key: undefined,
    isSecondTry: false,
  }
}

const noPacketRejection: Rejection = { code: 'F01', message: 'The transfer carries no ILP packet.' }
const malformedPacketRejection: Rejection = { code: 'F01', message: 'The packet is not a well-formed ILP payment.' }
