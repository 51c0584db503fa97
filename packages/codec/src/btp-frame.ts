/**
 * BTP 1.0 frames: one WebSocket message each. Also TRANSFER of BTP 2.0, so that it can be recognised.
 *
 * A frame is its type, a request id, a length determinant and a body: fields of the type, then protocol data.
 *
 * | type | name     | body before the protocol data                       |
 * | ---- | -------- | --------------------------------------------------- |
 * | 1    | RESPONSE |                                                     |
 * | 2    | ERROR    | code, name, triggeredAt, data                       |
 * | 3    | PREPARE  | transferId, amount, executionCondition, expiresAt   |
 * | 4    | FULFILL  | transferId, fulfillment                             |
 * | 5    | REJECT   | transferId                                          |
 * | 6    | MESSAGE  |                                                     |
 * | 7    | TRANSFER | amount (BTP 2.0)                                    |
 *
 * @see Interledger RFC 23, draft 2; asn1/BilateralTransferProtocol.asn
 */
import type { Condition, Instant, TransferId } from '@millstream/units'
import { CodecError } from './codec-error.js'
import * as InterledgerTime from './interledger-time.js'
import { allocate } from './internal/slab.js'
import * as Oer from './oer.js'

export { type ErrorName, errorCodes, errorCodesOf2017, errorNameOf } from './btp-error-code.js'

/** Largest frame that is read or written, unless the caller says otherwise: 64 KiB of data and 4 KiB around it. */
export const frameBytesMax = 69_632
/** Entries of protocol data in one frame; the RFC has no limit, and nobody is known to send more than four. */
export const protocolEntriesMax = 256
/** Characters of the name of a protocol; the RFC has no limit. */
export const protocolNameCharactersMax = 255
/** Characters of the name of an error; the RFC has no limit. */
export const errorNameCharactersMax = 255
/** Bytes of the data of an error. */
export const errorDataBytesMax = 8192

/** Content types of protocol data; 3 to 255 are not assigned. */
export const contentType = Object.freeze({ octets: 0, text: 1, json: 2 } as const)

const what = 'BTP frame'
const headBytes = 5
const idBytes = 16
const hashBytes = 32
const codeCharacters = 3
const timeBytes = InterledgerTime.generalizedBytes

/** A name of one character, the content type and a length of zero. */
const entryBytesMin = 4

/** Up to here names are compared one by one, beyond it in a set. */
const comparedEntriesMax = 8

const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const noProtocolData: ProtocolData = Object.freeze([])

export interface ProtocolEntry {
  /** 1 to 255 ASCII characters, unique in its frame. */
  readonly name: string
  readonly contentType: number
  readonly data: Uint8Array
}

/** The first entry is the primary one: it alone decides what a MESSAGE asks and whether a RESPONSE means success. */
export type ProtocolData = readonly ProtocolEntry[]

export interface ResponseFrame {
  readonly type: 'response'
  readonly requestId: number
  readonly protocolData: ProtocolData
}

export interface ErrorFrame {
  readonly type: 'error'
  readonly requestId: number
  /** Three ASCII characters; see `errorNameOf`. */
  readonly code: string
  readonly name: string
  readonly triggeredAt: Instant.Instant
  readonly data: Uint8Array
  readonly protocolData: ProtocolData
}

export interface PrepareFrame {
  readonly type: 'prepare'
  readonly requestId: number
  readonly transferId: TransferId.TransferId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly protocolData: ProtocolData
}

export interface FulfillFrame {
  readonly type: 'fulfill'
  readonly requestId: number
  readonly transferId: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment
  readonly protocolData: ProtocolData
}

export interface RejectFrame {
  readonly type: 'reject'
  readonly requestId: number
  readonly transferId: TransferId.TransferId
  readonly protocolData: ProtocolData
}

export interface MessageFrame {
  readonly type: 'message'
  readonly requestId: number
  readonly protocolData: ProtocolData
}

export interface TransferFrame {
  readonly type: 'transfer'
  readonly requestId: number
  readonly amount: bigint
  readonly protocolData: ProtocolData
}

/** A frame of a type that BTP does not know, whose envelope is sound. It is ignored, as the standard says. */
export interface UnknownFrame {
  readonly type: 'unknown'
  readonly requestId: number
  readonly typeNumber: number
}

export type KnownFrame =
  | ResponseFrame
  | ErrorFrame
  | PrepareFrame
  | FulfillFrame
  | RejectFrame
  | MessageFrame
  | TransferFrame

export type Frame = KnownFrame | UnknownFrame

/**
 * Decodes one BTP frame.
 *
 * | part        | shape                            | bytes     |
 * | ----------- | -------------------------------- | --------- |
 * | `type`      | uint8, 1 to 6 (7 in BTP 2.0)     | 1         |
 * | `requestId` | uint32, big-endian               | 4         |
 * | `contents`  | C-OER length prefix, then octets | 1 or more |
 *
 * @param bytes - Exactly one frame. Bytes after its end are an error.
 * @returns The frame; byte strings in it are views into `bytes`, not copies.
 * @throws {FrameTooLargeError} More than `bytesMax` bytes.
 * @throws {TruncatedError} `bytes` ends before the frame does.
 * @throws {NonCanonicalLengthError} A length prefix is longer than it needs to be.
 * @throws {TrailingBytesError} Bytes remain after the frame, or after the last field in it.
 * @throws {CountError} More protocol entries are announced than could be in the bytes left, or more than 256.
 * @throws {DuplicateProtocolError} Two entries have one name.
 * @throws {CodecError} Any other field that does not have the form it must have.
 * @see Interledger RFC 23; asn1/BilateralTransferProtocol.asn
 * @example
 * BtpFrame.decode(Hex.toBytes('0100000001020100'))
 * // { type: 'response', requestId: 1, protocolData: [] }
 */
export function decode(bytes: Uint8Array, bytesMax: number = frameBytesMax): Frame {
  if (bytes.length > bytesMax) throw new FrameTooLargeError(bytes.length, bytesMax)
  const reader = new Oer.Reader(bytes, what)
  const typeNumber = reader.uint8()
  const requestId = reader.uint32()
  reader.enterLast()
  switch (typeNumber) {
    case 1:
      return { type: 'response', requestId, protocolData: readProtocolData(reader) }
    case 2: {
      const code = reader.fixedAscii('code', codeCharacters)
      const name = reader.ascii('name', errorNameCharactersMax)
      const triggeredAt = InterledgerTime.read(reader)
      const data = reader.varOctets('data', errorDataBytesMax)
      return { type: 'error', requestId, code, name, triggeredAt, data, protocolData: readProtocolData(reader) }
    }
    case 3: {
      const transferId = reader.octets(idBytes) as TransferId.TransferId
      const amount = reader.uint64()
      const condition = reader.octets(hashBytes) as Condition.Condition
      const expiresAt = InterledgerTime.read(reader)
      const protocolData = readProtocolData(reader)
      return { type: 'prepare', requestId, transferId, amount, condition, expiresAt, protocolData }
    }
    case 4: {
      const transferId = reader.octets(idBytes) as TransferId.TransferId
      const fulfillment = reader.octets(hashBytes) as Condition.Fulfillment
      return { type: 'fulfill', requestId, transferId, fulfillment, protocolData: readProtocolData(reader) }
    }
    case 5: {
      const transferId = reader.octets(idBytes) as TransferId.TransferId
      return { type: 'reject', requestId, transferId, protocolData: readProtocolData(reader) }
    }
    case 6:
      return { type: 'message', requestId, protocolData: readProtocolData(reader) }
    case 7: {
      const amount = reader.uint64()
      return { type: 'transfer', requestId, amount, protocolData: readProtocolData(reader) }
    }
    default:
      return { type: 'unknown', requestId, typeNumber }
  }
}

/**
 * Encodes one BTP frame.
 *
 * @returns The frame, often a view into a larger buffer. It belongs to the caller.
 * @throws {IntegerRangeError} `requestId`, `amount` or a content type is out of range.
 * @throws {FieldLengthError} An id, condition, fulfillment, name, code or data has the wrong length.
 * @throws {CountError} More than 256 protocol entries.
 * @throws {DuplicateProtocolError} Two entries have one name.
 * @throws {FrameTooLargeError} More than `bytesMax` bytes.
 * @throws {TimeRangeError} A time is not between 1970 and 9999.
 */
export function encode(frame: KnownFrame, bytesMax: number = frameBytesMax): Uint8Array {
  const { requestId, protocolData } = frame
  Oer.assertUint('requestId', requestId, Oer.uint32Max)
  const bodyLength = fieldsSize(frame) + protocolDataSize(protocolData)
  const size = headBytes + Oer.varSize(bodyLength)
  if (size > bytesMax) throw new FrameTooLargeError(size, bytesMax)
  const bytes = allocate(size)
  bytes[1] = requestId >>> 24
  bytes[2] = requestId >>> 16
  bytes[3] = requestId >>> 8
  bytes[4] = requestId
  let offset = Oer.writeLength(bytes, headBytes, bodyLength)
  switch (frame.type) {
    case 'response':
      bytes[0] = 1
      break
    case 'error':
      bytes[0] = 2
      offset = Oer.writeAscii(bytes, offset, frame.code)
      offset = Oer.writeAscii(bytes, Oer.writeLength(bytes, offset, frame.name.length), frame.name)
      offset = writeTime(bytes, offset, frame.triggeredAt)
      offset = writeOctets(bytes, Oer.writeLength(bytes, offset, frame.data.length), frame.data)
      break
    case 'prepare':
      bytes[0] = 3
      offset = writeOctets(bytes, offset, frame.transferId)
      Oer.writeUint64(bytes, offset, frame.amount)
      offset = writeOctets(bytes, offset + 8, frame.condition)
      offset = writeTime(bytes, offset, frame.expiresAt)
      break
    case 'fulfill':
      bytes[0] = 4
      offset = writeOctets(bytes, offset, frame.transferId)
      offset = writeOctets(bytes, offset, frame.fulfillment)
      break
    case 'reject':
      bytes[0] = 5
      offset = writeOctets(bytes, offset, frame.transferId)
      break
    case 'message':
      bytes[0] = 6
      break
    case 'transfer':
      bytes[0] = 7
      Oer.writeUint64(bytes, offset, frame.amount)
      offset += 8
      break
  }
  writeProtocolData(bytes, offset, protocolData)
  return bytes
}

/** The entry of a name, if there is one. */
export function entry(protocolData: ProtocolData, name: string): ProtocolEntry | undefined {
  for (const candidate of protocolData) if (candidate.name === name) return candidate
  return undefined
}

function readProtocolData(reader: Oer.Reader): ProtocolData {
  const count = reader.count('protocol data', entryBytesMin)
  if (count > protocolEntriesMax) throw new Oer.CountError({ field: 'protocol data', countMax: protocolEntriesMax })
  let protocolData = noProtocolData
  if (count > 0) {
    const entries: ProtocolEntry[] = []
    for (let i = 0; i < count; i++) {
      const name = readProtocolName(reader)
      const contentType = reader.uint8()
      entries.push({ name, contentType, data: reader.varOctets('protocol data', Oer.uint32Max) })
    }
    if (count > 1) assertUniqueNames(entries)
    protocolData = entries
  }
  reader.end()
  return protocolData
}

function readProtocolName(reader: Oer.Reader): string {
  const name = reader.varOctets('protocol name', protocolNameCharactersMax, 1)
  // Every PREPARE names this one.
  if (name.length === 3 && name[0] === 0x69 && name[1] === 0x6c && name[2] === 0x70) return 'ilp'
  const text = utf8Decoder.decode(name)
  Oer.assertAscii('protocol name', text)
  return text
}

// RFC 23: names "MUST be unique" within one frame.
function assertUniqueNames(protocolData: ProtocolData): void {
  if (protocolData.length > comparedEntriesMax) {
    if (new Set(protocolData.map(({ name }) => name)).size !== protocolData.length) throw new DuplicateProtocolError()
    return
  }
  for (let i = 1; i < protocolData.length; i++) {
    for (let j = 0; j < i; j++) {
      if (protocolData[i]!.name === protocolData[j]!.name) throw new DuplicateProtocolError()
    }
  }
}

/** Checks the fields of a frame and tells how many bytes they take. */
function fieldsSize(frame: KnownFrame): number {
  switch (frame.type) {
    case 'response':
    case 'message':
      return 0
    case 'error':
      Oer.assertLength('code', frame.code.length, codeCharacters, codeCharacters)
      Oer.assertAscii('code', frame.code)
      Oer.assertLength('name', frame.name.length, 0, errorNameCharactersMax)
      Oer.assertAscii('name', frame.name)
      Oer.assertLength('data', frame.data.length, 0, errorDataBytesMax)
      return codeCharacters + Oer.varSize(frame.name.length) + 1 + timeBytes + Oer.varSize(frame.data.length)
    case 'prepare':
      Oer.assertLength('transferId', frame.transferId.length, idBytes, idBytes)
      Oer.assertUint64('amount', frame.amount)
      Oer.assertLength('condition', frame.condition.length, hashBytes, hashBytes)
      return idBytes + 8 + hashBytes + 1 + timeBytes
    case 'fulfill':
      Oer.assertLength('transferId', frame.transferId.length, idBytes, idBytes)
      Oer.assertLength('fulfillment', frame.fulfillment.length, hashBytes, hashBytes)
      return idBytes + hashBytes
    case 'reject':
      Oer.assertLength('transferId', frame.transferId.length, idBytes, idBytes)
      return idBytes
    case 'transfer':
      Oer.assertUint64('amount', frame.amount)
      return 8
    default:
      throw new FrameTypeError()
  }
}

function protocolDataSize(protocolData: ProtocolData): number {
  if (protocolData.length > protocolEntriesMax) {
    throw new Oer.CountError({ field: 'protocol data', countMax: protocolEntriesMax })
  }
  let size = protocolData.length > 0xff ? 3 : 2
  for (let i = 0; i < protocolData.length; i++) {
    const { name, contentType, data } = protocolData[i]!
    Oer.assertLength('protocol name', name.length, 1, protocolNameCharactersMax)
    Oer.assertAscii('protocol name', name)
    Oer.assertUint('contentType', contentType, Oer.uint8Max)
    size += Oer.varSize(name.length) + 1 + Oer.varSize(data.length)
  }
  if (protocolData.length > 1) assertUniqueNames(protocolData)
  return size
}

function writeProtocolData(bytes: Uint8Array, offset: number, protocolData: ProtocolData): void {
  const count = protocolData.length
  if (count > 0xff) {
    bytes[offset++] = 2
    bytes[offset++] = count >>> 8
  } else {
    bytes[offset++] = 1
  }
  bytes[offset++] = count
  for (let i = 0; i < count; i++) {
    const { name, contentType, data } = protocolData[i]!
    offset = Oer.writeAscii(bytes, Oer.writeLength(bytes, offset, name.length), name)
    bytes[offset] = contentType
    offset = writeOctets(bytes, Oer.writeLength(bytes, offset + 1, data.length), data)
  }
}

function writeTime(bytes: Uint8Array, offset: number, instant: Instant.Instant): number {
  bytes[offset] = timeBytes
  InterledgerTime.encode(instant, bytes, offset + 1)
  return offset + 1 + timeBytes
}

function writeOctets(bytes: Uint8Array, offset: number, octets: Uint8Array): number {
  const length = octets.length
  // For short byte strings a loop is cheaper than the call of `set`.
  if (length <= 64) for (let i = 0; i < length; i++) bytes[offset + i] = octets[i]!
  else bytes.set(octets, offset)
  return offset + length
}

export class FrameTooLargeError extends CodecError {
  override readonly name = 'BtpFrame.FrameTooLargeError'
  readonly code = 'BTP_FRAME_TOO_LARGE'
  constructor(length: number, max: number) {
    super(`BTP frame has ${length} bytes, but at most ${max} are allowed.`)
  }
}

export class DuplicateProtocolError extends CodecError {
  override readonly name = 'BtpFrame.DuplicateProtocolError'
  readonly code = 'BTP_DUPLICATE_PROTOCOL'
  constructor() {
    super('BTP frame has two protocol data entries of one name.')
  }
}

export class FrameTypeError extends CodecError {
  override readonly name = 'BtpFrame.FrameTypeError'
  readonly code = 'BTP_FRAME_TYPE'
  constructor() {
    super('Frames of unknown type cannot be written.')
  }
}
