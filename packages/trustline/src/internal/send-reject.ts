/** Tells a customer that its payment was rejected or has expired. */
import { BtpFrame } from '@millstream/codec'
import { openConnection } from './host-account.js'
import type { Payment } from './payment.js'

export function sendReject(payment: Payment, protocolData: BtpFrame.ProtocolData): void {
  const connection = openConnection(payment.account, payment.connection)
  const frame = BtpFrame.encode({ type: 'reject', requestId: 0, transferId: payment.id, protocolData })
  connection?.session.requestEncoded(frame, ignoreAnswer)
}

/** A REJECT that got lost is asked for by sending the PREPARE again. */
function ignoreAnswer(): void {}
