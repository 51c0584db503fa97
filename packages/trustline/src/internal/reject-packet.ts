/** The ILP error in a REJECT frame, both ways: what a payee says, and what it is told. */
import { BtpRefusal } from '@millstream/btp'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import type { Rejection } from '@millstream/plugin'
import type { Instant } from '@millstream/units'

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder()
const messageCharactersMax = 1_000
const codePattern = /^[A-Z][0-9]{2}$/

/** What a transfer says that has expired; `expired` is the very text of 2017. */
export function encodeExpired(triggeredBy: string, triggeredAt: Instant.Instant): BtpFrame.ProtocolData {
  const data = textEncoder.encode('expired')
  return ilpEntry(IlpPacket.encodeError({ code: 'R00', triggeredBy, triggeredAt, data }))
}

/** A rejection as an ILP error, its message in JSON as peers of 2017 expect. A code that is none becomes T00. */
export function encodeRejection(
  rejection: Rejection,
  triggeredBy: string,
  triggeredAt: Instant.Instant,
): BtpFrame.ProtocolData {
  const code = codePattern.test(rejection.code) ? rejection.code : 'T00'
  const message = String(rejection.message).slice(0, messageCharactersMax)
  const data = textEncoder.encode(JSON.stringify({ message }))
  return ilpEntry(IlpPacket.encodeError({ code, triggeredBy, triggeredAt, data }))
}

export function ilpEntry(packet: Uint8Array): BtpFrame.ProtocolData {
  return [{ name: 'ilp', contentType: BtpFrame.contentType.octets, data: packet }]
}

/** Reads the reason of a REJECT. One without a reason, or with one that cannot be read, is F00. */
export function decodeRejection(protocolData: BtpFrame.ProtocolData): Rejection {
  const entry = BtpFrame.entry(protocolData, 'ilp')
  if (entry === undefined) return { code: 'F00', message: 'rejected without a reason' }
  try {
    const packet = IlpPacket.decode(entry.data)
    if (packet.type === 'error') return { code: packet.code, message: messageFrom(packet.data) }
    if (packet.type === 'rejection' || packet.type === 'reject') {
      return { code: packet.code, message: BtpRefusal.peerText(packet.message) }
    }
  } catch {
    // Answered below.
  }
  return { code: 'F00', message: 'rejected with a reason that cannot be read' }
}

function messageFrom(data: Uint8Array): string {
  const text = textDecoder.decode(data)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return BtpRefusal.peerText(value.message)
    }
  } catch {
    // Not JSON: taken as the text it is.
  }
  return BtpRefusal.peerText(text)
}
