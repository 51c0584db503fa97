/** Frames about a program's transfer, as a peer by hand sends them. */
import type { BtpFrame } from '@millstream/codec'
import { Instant, TransferId } from '@millstream/units'
import type { ProgramTransfer } from '../transfer.js'

export function prepareFrame(transfer: ProgramTransfer, requestId: number): BtpFrame.KnownFrame {
  return {
    type: 'prepare',
    requestId,
    transferId: TransferId.parse(transfer.id),
    amount: BigInt(transfer.amount),
    condition: Uint8Array.from(Buffer.from(transfer.executionCondition, 'base64url')) as never,
    expiresAt: Instant.from(Date.parse(transfer.expiresAt)),
    protocolData: [{ name: 'ilp', contentType: 0, data: Uint8Array.from(Buffer.from(transfer.ilp!, 'base64url')) }],
  }
}

export function fulfillFrame(id: string, fulfillment: string, requestId: number): BtpFrame.KnownFrame {
  return {
    type: 'fulfill',
    requestId,
    transferId: TransferId.parse(id),
    fulfillment: Uint8Array.from(Buffer.from(fulfillment, 'base64url')) as never,
    protocolData: [],
  }
}

export function rejectFrame(id: string, requestId: number, ilp?: Uint8Array): BtpFrame.KnownFrame {
  const protocolData = ilp === undefined ? [] : [{ name: 'ilp', contentType: 0, data: ilp }]
  return { type: 'reject', requestId, transferId: TransferId.parse(id), protocolData }
}
