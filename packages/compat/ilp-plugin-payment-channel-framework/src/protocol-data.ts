/**
 * Protocol data of BTP frames and the fields of 2017 programs that travel in it: `ilp` first, `custom` last, each at
 * most once, other names between them (IL-RFC-23 draft 2).
 */
import { BtpFrame } from '@millstream/codec'
import * as LedgerError from './errors.js'
import * as Text from './text.js'

/** Longest ILP packet: a payment of the longest address and 32,767 bytes of data, and some. */
export const ilpBytesMax = 33_856
/** Longest `custom`, as JSON. With the longest packet it still fits a frame. */
export const customBytesMax = 33_856

export interface ProgramData {
  readonly ilp?: Uint8Array
  readonly custom?: Record<string, unknown>
}

/**
 * Takes the fields `ilp` and `custom` of a transfer or message out of a program's hands.
 *
 * @throws {InvalidFieldsError} One of them is malformed.
 * @throws {MaximumIlpDataSizeExceededError} `ilp` is longer than `ilpBytesMax`.
 * @throws {MaximumCustomDataSizeExceededError} `custom` is longer than `customBytesMax`.
 */
export function fromProgram(fields: { readonly ilp?: unknown; readonly custom?: unknown }): BtpFrame.ProtocolData {
  const entries: BtpFrame.ProtocolEntry[] = []
  if (isGiven(fields.ilp)) {
    const data = Text.toBytes('ilp', fields.ilp)
    if (data.length > ilpBytesMax) {
      throw new LedgerError.MaximumIlpDataSizeExceededError(
        `The ILP packet has ${data.length} bytes; at most ${ilpBytesMax} are taken.`,
      )
    }
    entries.push({ name: 'ilp', contentType: BtpFrame.contentType.octets, data })
  }
  if (isGiven(fields.custom)) {
    const entry = jsonEntry('custom', Text.toPlainObject('custom', fields.custom))
    if (entry.data.length > customBytesMax) {
      throw new LedgerError.MaximumCustomDataSizeExceededError(
        `The field "custom" has ${entry.data.length} bytes; at most ${customBytesMax} are taken.`,
      )
    }
    entries.push(entry)
  }
  return entries
}

/** @throws {InvalidFieldsError} The peer's `custom` is not a JSON object. */
export function toProgram(protocolData: BtpFrame.ProtocolData): ProgramData {
  const ilp = BtpFrame.entry(protocolData, 'ilp')
  const custom = BtpFrame.entry(protocolData, 'custom')
  return {
    // Copied: the frame is a view into a buffer that is used again.
    ...(ilp === undefined ? undefined : { ilp: Uint8Array.from(ilp.data) }),
    ...(custom === undefined ? undefined : { custom: Text.toPlainObject('custom', jsonOf(custom)) }),
  }
}

export function jsonEntry(name: string, value: unknown): BtpFrame.ProtocolEntry {
  return { name, contentType: BtpFrame.contentType.json, data: new TextEncoder().encode(JSON.stringify(value)) }
}

/** The value of an entry that should be JSON. @throws {InvalidFieldsError} It is not. */
export function jsonOf(entry: BtpFrame.ProtocolEntry): unknown {
  try {
    return JSON.parse(textOf(entry)) as unknown
  } catch {
    throw new LedgerError.InvalidFieldsError(`The entry "${entry.name}" is not JSON.`)
  }
}

export function textOf(entry: BtpFrame.ProtocolEntry): string {
  return new TextDecoder().decode(entry.data)
}

/** 2017 programs leave a field out, set it to undefined or null, or to an empty text. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}
