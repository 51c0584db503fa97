/**
 * RejectionMessage (IL-RFC-4) and the ILP error (type 8) that stands for it in a REJECT. Every field has a default, on
 * the way out (`rejectIncomingTransfer(id, {})`, as the tutorial calls it) and on the way in (a REJECT that gives no
 * reason, or one that cannot be read).
 */
import { IlpAddress, IlpPacket } from '@millstream/codec'
import type { Instant } from '@millstream/units'
import * as LedgerError from './errors.js'
import * as Text from './text.js'

/** As programs see it. */
export interface RejectionMessage {
  readonly code: string
  readonly name: string
  readonly message?: string
  readonly triggered_by: string
  readonly forwarded_by?: string
  readonly triggered_at: Date
  readonly additional_info: unknown
}

/** Longest `additional_info`, as JSON. */
export const infoBytesMax = 8_192

const codeDefault = 'F00'
const nameDefault = 'Bad Request'

/** What the ledger says when a transfer has expired; the bare text is that of 1.3.5. */
const timedOut = { code: 'R00', name: 'Transfer Timed Out', data: 'expired' }

/**
 * Encodes a program's reason.
 *
 * @param account - Who rejects, where the reason does not say.
 * @throws {InvalidFieldsError} A field is there and malformed. Nothing was rejected.
 */
export function encode(reason: unknown, account: string, now: Instant.Instant): Uint8Array {
  const fields = typeof reason === 'object' && reason !== null ? (reason as Record<string, unknown>) : {}
  const code = text('code', fields.code) ?? codeDefault
  if (!/^[A-Z][0-9A-Z]{2}$/.test(code)) throw invalid('code', 'an ILP error code, such as F00')
  const name = text('name', fields.name) ?? nameOf(code)
  if (!/^[\x20-\x7e]{1,255}$/.test(name)) throw invalid('name', 'at most 255 characters of ASCII')
  const triggeredBy = text('triggered_by', fields.triggered_by) ?? account
  if (!isDestination(triggeredBy) && !IlpAddress.isPrefix(triggeredBy)) throw invalid('triggered_by', 'an ILP address')
  return IlpPacket.encodeError({
    code,
    name,
    triggeredBy,
    forwardedBy: forwardedBy(fields.forwarded_by),
    triggeredAt: isAbsent(fields.triggered_at) ? now : Text.toInstant('reason.triggered_at', fields.triggered_at),
    data: additionalInfo(fields),
  })
}

/** Encodes the reason of an expiry. */
export function encodeTimedOut(account: string, now: Instant.Instant): Uint8Array {
  const data = new TextEncoder().encode(timedOut.data)
  return IlpPacket.encodeError({
    code: timedOut.code,
    name: timedOut.name,
    triggeredBy: account,
    forwardedBy: [],
    triggeredAt: now,
    data,
  })
}

/**
 * Reads a peer's reason.
 *
 * @param ilp - The `ilp` entry of the REJECT.
 * @param peer - Who rejected, where the packet does not say.
 */
export function decode(ilp: Uint8Array | undefined, peer: string, now: Instant.Instant): RejectionMessage {
  const packet = ilp === undefined ? undefined : tryDecode(ilp)
  if (packet?.type === 'error') {
    const forwarder = packet.forwardedBy.at(-1)
    return {
      code: packet.code,
      name: packet.name,
      ...messageAndInfo(packet.data),
      triggered_by: packet.triggeredBy,
      ...(forwarder === undefined ? undefined : { forwarded_by: forwarder }),
      triggered_at: new Date(packet.triggeredAt),
    }
  }
  if (packet?.type === 'rejection' || packet?.type === 'reject') {
    return {
      code: packet.code,
      name: nameOf(packet.code),
      ...messageAndInfo(packet.data, packet.message),
      triggered_by: packet.triggeredBy === '' ? peer : packet.triggeredBy,
      triggered_at: new Date(now),
    }
  }
  return {
    code: codeDefault,
    name: nameDefault,
    message: 'The peer gave no reason.',
    triggered_by: peer,
    triggered_at: new Date(now),
    additional_info: {},
  }
}

/** What a program is told when its own side has found the transfer expired. */
export function timedOutMessage(account: string, now: Instant.Instant): RejectionMessage {
  return {
    code: timedOut.code,
    name: timedOut.name,
    message: timedOut.data,
    triggered_by: account,
    triggered_at: new Date(now),
    additional_info: {},
  }
}

export function isTimedOut(reason: RejectionMessage): boolean {
  return reason.code === timedOut.code
}

function tryDecode(ilp: Uint8Array): IlpPacket.Packet | undefined {
  try {
    return IlpPacket.decode(ilp)
  } catch {
    return undefined
  }
}

/** The data of an error is JSON as a rule; a text that is not becomes a message, so that no word of it is lost. */
function messageAndInfo(data: Uint8Array, message?: string): Pick<RejectionMessage, 'message' | 'additional_info'> {
  const said = new TextDecoder().decode(data)
  const info = parsed(said)
  const words = message ?? messageIn(info)
  return { ...(words === undefined ? undefined : { message: words }), additional_info: info }
}

function parsed(said: string): unknown {
  if (said === '') return {}
  try {
    return JSON.parse(said) as unknown
  } catch {
    return { message: said }
  }
}

function messageIn(info: unknown): string | undefined {
  if (typeof info !== 'object' || info === null || !('message' in info)) return undefined
  return typeof info.message === 'string' ? info.message : undefined
}

function additionalInfo(fields: Record<string, unknown>): Uint8Array {
  const info = fields.additional_info ?? (isAbsent(fields.message) ? {} : { message: text('message', fields.message) })
  let said: string | undefined
  try {
    said = JSON.stringify(info)
  } catch {
    // Said below.
  }
  if (said === undefined) throw invalid('additional_info', 'a value that JSON can hold')
  const data = new TextEncoder().encode(said)
  if (data.length > infoBytesMax) throw invalid('additional_info', `at most ${infoBytesMax} bytes of JSON`)
  return data
}

function forwardedBy(value: unknown): string[] {
  if (isAbsent(value)) return []
  const addresses: unknown[] = Array.isArray(value) ? value : [value]
  if (addresses.length > IlpPacket.forwardedByMax || !addresses.every(isDestination)) {
    throw invalid('forwarded_by', `at most ${IlpPacket.forwardedByMax} ILP addresses`)
  }
  return addresses
}

function isDestination(value: unknown): value is string {
  return typeof value === 'string' && IlpAddress.isDestination(value)
}

function nameOf(code: string): string {
  return IlpPacket.errorName(code) ?? nameDefault
}

function text(field: string, value: unknown): string | undefined {
  if (isAbsent(value)) return undefined
  if (typeof value !== 'string') throw invalid(field, 'text')
  return value
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

function invalid(field: string, what: string): LedgerError.InvalidFieldsError {
  return new LedgerError.InvalidFieldsError(`The field "${field}" of the rejection must be ${what}.`)
}
