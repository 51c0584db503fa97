/** The ILP error in a REJECT: why a payee did not take a transfer, as it says it and as it is read. */
import { BtpFrame, IlpPacket } from '@millstream/codec'
import type { Rejection } from '@millstream/plugin'
import type { Instant } from '@millstream/units'
import * as BtpRefusal from '../btp-refusal.js'

const messageCharactersMax = 1_000
const codePattern = /^[A-Z][0-9]{2}$/
const textEncoder = new TextEncoder()

export function ilpEntry(packet: Uint8Array): BtpFrame.ProtocolData {
  return [{ name: 'ilp', contentType: BtpFrame.contentType.octets, data: packet }]
}

/** Protocol data of a REJECT: an ILP error, its message in JSON as peers of 2017 expect. */
export function encode(rejection: Rejection, triggeredBy: string, triggeredAt: Instant.Instant): BtpFrame.ProtocolData {
  // A payee is a program of the user: what it says wrongly must not leave a transfer without an answer.
  const code = codePattern.test(rejection.code) ? rejection.code : 'T00'
  const message = String(rejection.message).slice(0, messageCharactersMax)
  const data = textEncoder.encode(JSON.stringify({ message }))
  return ilpEntry(IlpPacket.encodeError({ code, triggeredBy, triggeredAt, data }))
}

/** Reads a REJECT leniently: the transfer is rejected, whatever its reason looks like. */
export function decode(protocolData: BtpFrame.ProtocolData): Rejection {
  const entry = BtpFrame.entry(protocolData, 'ilp')
  if (entry === undefined) return { code: 'F00', message: 'rejected without a reason' }
  try {
    const packet = IlpPacket.decode(entry.data)
    if (packet.type === 'error')
      return { code: packet.code, message: BtpRefusal.messageFrom(packet.data) || packet.name }
    if (packet.type === 'rejection' || packet.type === 'reject') {
      return { code: packet.code, message: BtpRefusal.peerText(packet.message) }
    }
  } catch {
    // Answered below.
  }
  return { code: 'F00', message: 'rejected with a reason that cannot be read' }
}
