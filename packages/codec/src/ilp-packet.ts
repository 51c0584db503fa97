/**
 * ILP packets: types 1 to 11 of 2017, types 12 to 14 of ILPv4.
 *
 * A packet is its type, a length determinant and a content of exactly that length. Types 1 to 11 end with one
 * `extensions` byte, 00. Payments have functions of their own, because one is built and one is read for each piece that
 * is paid; everything else goes through `encode` and `decode`. Hash the bytes that were received, never a packet that
 * was decoded and encoded again.
 *
 * @see Interledger RFC 3, drafts 4 to 10; RFC 8 (quoting); RFC 27 (ILPv4)
 */
import type { Instant } from '@millstream/units'
import { CodecError } from './codec-error.js'
import * as IlpAddress from './ilp-address.js'
import { errorName } from './ilp-error-code.js'
import {
  type CurvePoint,
  type Packet,
  type Payment,
  type Reject,
  type Rejection,
  typeNumbers,
} from './ilp-packet-type.js'
import * as InterledgerTime from './interledger-time.js'
import { allocate } from './internal/slab.js'
import * as Oer from './oer.js'

export { type ErrorCode, errorName, errorNames } from './ilp-error-code.js'
export {
  type ByDestinationRequest,
  type ByDestinationResponse,
  type BySourceRequest,
  type BySourceResponse,
  type CurvePoint,
  type ErrorPacket,
  type ForwardedPayment,
  type Fulfill,
  type FulfillmentData,
  type LiquidityRequest,
  type LiquidityResponse,
  type Packet,
  type Payment,
  type Prepare,
  type Reject,
  type Rejection,
  typeNumbers,
} from './ilp-packet-type.js'

/** Bytes of `data` of payments, fulfillments, rejections and ILPv4 packets. */
export const dataBytesMax = 32_767
/** Bytes of `data` of an error (type 8). */
export const errorDataBytesMax = 8192
/** Characters of the name of an error; the RFC has no limit. */
export const errorNameCharactersMax = 255
/** UTF-8 bytes of `message` of rejections and ILPv4 rejects. */
export const messageBytesMax = 8191
/** Addresses that an error may have been forwarded by; the RFC has no limit. */
export const forwardedByMax = 255
/** Points of a liquidity curve; the RFC has no limit. */
export const curvePointsMax = 4096

const what = 'ILP packet'
const codeCharacters = 3
const hashBytes = 32
const pointBytes = 16
const empty = new Uint8Array(0)

/**
 * Encodes a payment (type 1).
 *
 * @param amount - Base units of the ledger of `account`, 0 to 2^64 - 1.
 * @param account - Destination address.
 * @param data - At most 32,767 bytes.
 * @throws {IntegerRangeError} `amount` is out of range.
 * @throws {InvalidAddressError} `account` is not a destination address.
 * @throws {FieldLengthError} `data` is too long.
 * @example
 * Hex.fromBytes(IlpPacket.encodePayment(18446744073709551615n, 'g.a.b'))
 * // '0110ffffffffffffffff05672e612e620000'
 */
export function encodePayment(amount: bigint, account: string, data: Uint8Array = empty): Uint8Array {
  Oer.assertUint64('amount', amount)
  IlpAddress.assertDestination('account', account)
  Oer.assertLength('data', data.length, 0, dataBytesMax)
  const contentLength = 8 + Oer.varSize(account.length) + Oer.varSize(data.length) + 1
  const packet = allocate(1 + Oer.varSize(contentLength))
  packet[0] = 1
  let offset = Oer.writeLength(packet, 1, contentLength)
  Oer.writeUint64(packet, offset, amount)
  offset = Oer.writeLength(packet, offset + 8, account.length)
  offset = Oer.writeAscii(packet, offset, account)
  offset = Oer.writeLength(packet, offset, data.length)
  if (data.length > 0) packet.set(data, offset)
  // The extensions byte after `data` is 00 already.
  return packet
}

/**
 * Decodes a payment (type 1).
 *
 * @param bytes - Exactly one packet.
 * @returns `data` is a view into `bytes`.
 * @throws {PacketTypeError} Another type of packet.
 * @throws {CodecError} Any other fault: see `decode`.
 */
export function decodePayment(bytes: Uint8Array): Payment {
  const reader = new Oer.Reader(bytes, what)
  const typeNumber = reader.uint8()
  if (typeNumber !== 1) throw new PacketTypeError(typeNumber)
  reader.enterLast()
  const payment = readPayment(reader)
  readExtensions(reader)
  reader.end()
  return payment
}

/**
 * Encodes a packet of any type.
 *
 * @throws {CodecError} A field is out of range, too long, or not an address, time or code.
 */
export function encode(packet: Packet): Uint8Array {
  switch (packet.type) {
    case 'payment':
      return encodePayment(packet.amount, packet.account, packet.data)
    case 'liquidity_request':
      return envelope(packet, (content) => {
        writeAccount(content, 'destinationAccount', packet.destinationAccount)
        content.uint32('destinationHoldDuration', packet.destinationHoldDuration)
      })
    case 'liquidity_response':
      return envelope(packet, (content) => {
        writeCurve(content, packet.liquidityCurve)
        IlpAddress.assertAddressOrPrefix('appliesToPrefix', packet.appliesToPrefix)
        content.ascii('appliesToPrefix', packet.appliesToPrefix, IlpAddress.charactersMax, 1)
        content.uint32('sourceHoldDuration', packet.sourceHoldDuration)
        writeTime(content, packet.expiresAt)
      })
    case 'by_source_request':
      return envelope(packet, (content) => {
        writeAccount(content, 'destinationAccount', packet.destinationAccount)
        content.uint64('sourceAmount', packet.sourceAmount)
        content.uint32('destinationHoldDuration', packet.destinationHoldDuration)
      })
    case 'by_source_response':
      return envelope(packet, (content) => {
        content.uint64('destinationAmount', packet.destinationAmount)
        content.uint32('sourceHoldDuration', packet.sourceHoldDuration)
      })
    case 'by_destination_request':
      return envelope(packet, (content) => {
        writeAccount(content, 'destinationAccount', packet.destinationAccount)
        content.uint64('destinationAmount', packet.destinationAmount)
        content.uint32('destinationHoldDuration', packet.destinationHoldDuration)
      })
    case 'by_destination_response':
      return envelope(packet, (content) => {
        content.uint64('sourceAmount', packet.sourceAmount)
        content.uint32('sourceHoldDuration', packet.sourceHoldDuration)
      })
    case 'error':
      return envelope(packet, (content) => {
        content.fixedAscii('code', packet.code, codeCharacters)
        content.ascii('name', packet.name, errorNameCharactersMax)
        IlpAddress.assertAddressOrPrefix('triggeredBy', packet.triggeredBy)
        content.ascii('triggeredBy', packet.triggeredBy, IlpAddress.charactersMax, 1)
        Oer.assertUint('forwardedBy', packet.forwardedBy.length, forwardedByMax)
        content.count('forwardedBy', packet.forwardedBy.length)
        for (const forwarder of packet.forwardedBy) writeAccount(content, 'forwardedBy', forwarder)
        writeTime(content, packet.triggeredAt)
        content.varOctets('data', packet.data, errorDataBytesMax)
      })
    case 'fulfillment':
      return envelope(packet, (content) => content.varOctets('data', packet.data, dataBytesMax))
    case 'forwarded_payment':
      return envelope(packet, (content) => {
        writeAccount(content, 'account', packet.account)
        content.varOctets('data', packet.data, dataBytesMax)
      })
    case 'rejection':
      return envelope(packet, (content) => {
        IlpAddress.assertDestination('triggeredBy', packet.triggeredBy)
        writeReason(content, packet)
      })
    case 'prepare':
      return envelope(packet, (content) => {
        content.uint64('amount', packet.amount)
        content.room(InterledgerTime.fixedBytes, (target, offset) =>
          InterledgerTime.encodeFixed(packet.expiresAt, target, offset),
        )
        content.octets('executionCondition', packet.executionCondition, hashBytes)
        writeAccount(content, 'destination', packet.destination)
        content.varOctets('data', packet.data, dataBytesMax)
      })
    case 'fulfill':
      return envelope(packet, (content) => {
        content.octets('fulfillment', packet.fulfillment, hashBytes)
        content.varOctets('data', packet.data, dataBytesMax)
      })
    case 'reject':
      return envelope(packet, (content) => {
        if (packet.triggeredBy !== '') IlpAddress.assertDestination('triggeredBy', packet.triggeredBy)
        writeReason(content, packet)
      })
    default:
      throw new PacketTypeError((packet as { readonly type: unknown }).type)
  }
}

/**
 * Decodes a packet of any type.
 *
 * @param bytes - Exactly one packet.
 * @returns Byte strings in it are views into `bytes`.
 * @throws {PacketTypeError} The type is not 1 to 14.
 * @throws {TruncatedError} The bytes end before the packet does.
 * @throws {TrailingBytesError} Bytes follow the packet, or the last field inside it.
 * @throws {ExtensionsError} The `extensions` byte is not 00.
 * @throws {CodecError} Any other field that does not have the form it must have.
 */
export function decode(bytes: Uint8Array): Packet {
  const reader = new Oer.Reader(bytes, what)
  const typeNumber = reader.uint8()
  if (typeNumber < 1 || typeNumber > 14) throw new PacketTypeError(typeNumber)
  reader.enterLast()
  const packet = readContent(typeNumber, reader)
  if (typeNumber < 12) readExtensions(reader)
  reader.end()
  return packet
}

/**
 * Decodes a packet that must be of one type.
 *
 * @throws {PacketTypeError} Another type of packet.
 * @throws {CodecError} Any other fault: see `decode`.
 * @example
 * IlpPacket.decodeAs('fulfillment', Hex.toBytes('09050304104100')).data // Uint8Array(3) [ 4, 16, 65 ]
 */
export function decodeAs<Type extends Packet['type']>(
  type: Type,
  bytes: Uint8Array,
): Extract<Packet, { readonly type: Type }> {
  if (bytes.length > 0 && bytes[0] !== typeNumbers[type]) throw new PacketTypeError(bytes[0])
  return decode(bytes) as Extract<Packet, { readonly type: Type }>
}

/**
 * Encodes an error (type 8), with the usual values for what is left out.
 *
 * @param options - `name` belongs to the code unless it is given; `forwardedBy` and `data` are empty.
 */
export function encodeError(options: {
  readonly code: string
  readonly name?: string
  readonly triggeredBy: string
  readonly forwardedBy?: readonly string[]
  readonly triggeredAt: Instant.Instant
  readonly data?: Uint8Array
}): Uint8Array {
  const { code, name = errorName(code) ?? '', triggeredBy, forwardedBy = [], triggeredAt, data = empty } = options
  return encode({ type: 'error', code, name, triggeredBy, forwardedBy, triggeredAt, data })
}

function readContent(typeNumber: number, reader: Oer.Reader): Packet {
  switch (typeNumber) {
    case 1:
      return readPayment(reader)
    case 2:
      return {
        type: 'liquidity_request',
        destinationAccount: readAccount(reader, 'destinationAccount'),
        destinationHoldDuration: reader.uint32(),
      }
    case 3:
      return {
        type: 'liquidity_response',
        liquidityCurve: readCurve(reader),
        appliesToPrefix: readAddressOrPrefix(reader, 'appliesToPrefix'),
        sourceHoldDuration: reader.uint32(),
        expiresAt: InterledgerTime.read(reader),
      }
    case 4:
      return {
        type: 'by_source_request',
        destinationAccount: readAccount(reader, 'destinationAccount'),
        sourceAmount: reader.uint64(),
        destinationHoldDuration: reader.uint32(),
      }
    case 5:
      return { type: 'by_source_response', destinationAmount: reader.uint64(), sourceHoldDuration: reader.uint32() }
    case 6:
      return {
        type: 'by_destination_request',
        destinationAccount: readAccount(reader, 'destinationAccount'),
        destinationAmount: reader.uint64(),
        destinationHoldDuration: reader.uint32(),
      }
    case 7:
      return { type: 'by_destination_response', sourceAmount: reader.uint64(), sourceHoldDuration: reader.uint32() }
    case 8:
      return {
        type: 'error',
        code: reader.fixedAscii('code', codeCharacters),
        name: reader.ascii('name', errorNameCharactersMax),
        triggeredBy: readAddressOrPrefix(reader, 'triggeredBy'),
        forwardedBy: readForwardedBy(reader),
        triggeredAt: InterledgerTime.read(reader),
        data: reader.varOctets('data', errorDataBytesMax),
      }
    case 9:
      return { type: 'fulfillment', data: reader.varOctets('data', dataBytesMax) }
    case 10:
      return {
        type: 'forwarded_payment',
        account: readAccount(reader, 'account'),
        data: reader.varOctets('data', dataBytesMax),
      }
    case 11:
      return {
        type: 'rejection',
        code: reader.fixedAscii('code', codeCharacters),
        triggeredBy: readAccount(reader, 'triggeredBy'),
        message: reader.utf8('message', messageBytesMax),
        data: reader.varOctets('data', dataBytesMax),
      }
    case 12:
      return {
        type: 'prepare',
        amount: reader.uint64(),
        expiresAt: InterledgerTime.readFixed(reader),
        executionCondition: reader.octets(hashBytes),
        destination: readAccount(reader, 'destination'),
        data: reader.varOctets('data', dataBytesMax),
      }
    case 13:
      return {
        type: 'fulfill',
        fulfillment: reader.octets(hashBytes),
        data: reader.varOctets('data', dataBytesMax),
      }
    default:
      return {
        type: 'reject',
        code: reader.fixedAscii('code', codeCharacters),
        triggeredBy: readAccountOrNothing(reader, 'triggeredBy'),
        message: reader.utf8('message', messageBytesMax),
        data: reader.varOctets('data', dataBytesMax),
      }
  }
}

function readPayment(reader: Oer.Reader): Payment {
  const amount = reader.uint64()
  const account = readAccount(reader, 'account')
  const data = reader.varOctets('data', dataBytesMax)
  return { type: 'payment', amount, account, data }
}

function readAccount(reader: Oer.Reader, field: string): string {
  const text = reader.uncheckedText(field, IlpAddress.charactersMax, 1)
  IlpAddress.assertDestination(field, text)
  return text
}

function readAccountOrNothing(reader: Oer.Reader, field: string): string {
  const text = reader.uncheckedText(field, IlpAddress.charactersMax)
  if (text !== '') IlpAddress.assertDestination(field, text)
  return text
}

function readAddressOrPrefix(reader: Oer.Reader, field: string): string {
  const text = reader.uncheckedText(field, IlpAddress.charactersMax, 1)
  IlpAddress.assertAddressOrPrefix(field, text)
  return text
}

function readForwardedBy(reader: Oer.Reader): readonly string[] {
  const count = reader.count('forwardedBy', 2)
  if (count > forwardedByMax) throw new Oer.CountError({ field: 'forwardedBy', countMax: forwardedByMax })
  const forwarders: string[] = []
  for (let i = 0; i < count; i++) forwarders.push(readAccount(reader, 'forwardedBy'))
  return forwarders
}

function readCurve(reader: Oer.Reader): readonly CurvePoint[] {
  const count = reader.count('liquidityCurve', pointBytes)
  if (count > curvePointsMax) throw new Oer.CountError({ field: 'liquidityCurve', countMax: curvePointsMax })
  const curve: CurvePoint[] = []
  for (let i = 0; i < count; i++) curve.push({ x: reader.uint64(), y: reader.uint64() })
  assertCurve(curve)
  return curve
}

function readExtensions(reader: Oer.Reader): void {
  if (reader.uint8() !== 0) throw new ExtensionsError()
}

function envelope(packet: Packet, write: (content: Oer.Writer) => void): Uint8Array {
  const typeNumber = typeNumbers[packet.type]
  const content = new Oer.Writer()
  write(content)
  if (typeNumber < 12) content.uint8('extensions', 0)
  const contentBytes = content.finish()
  const whole = new Uint8Array(1 + Oer.varSize(contentBytes.length))
  whole[0] = typeNumber
  whole.set(contentBytes, Oer.writeLength(whole, 1, contentBytes.length))
  return whole
}

function writeAccount(content: Oer.Writer, field: string, account: string): void {
  IlpAddress.assertDestination(field, account)
  content.ascii(field, account, IlpAddress.charactersMax, 1)
}

function writeCurve(content: Oer.Writer, curve: readonly CurvePoint[]): void {
  Oer.assertUint('liquidityCurve', curve.length, curvePointsMax)
  assertCurve(curve)
  content.count('liquidityCurve', curve.length)
  for (const { x, y } of curve) {
    content.uint64('liquidityCurve', x)
    content.uint64('liquidityCurve', y)
  }
}

function writeTime(content: Oer.Writer, instant: Instant.Instant): void {
  content.uint8('time', InterledgerTime.generalizedBytes)
  content.room(InterledgerTime.generalizedBytes, (target, offset) => InterledgerTime.encode(instant, target, offset))
}

function writeReason(content: Oer.Writer, packet: Rejection | Reject): void {
  content.fixedAscii('code', packet.code, codeCharacters)
  content.ascii('triggeredBy', packet.triggeredBy, IlpAddress.charactersMax)
  content.utf8('message', packet.message, messageBytesMax)
  content.varOctets('data', packet.data, dataBytesMax)
}

// RFC 8: each point's x is greater than that of the point before it, and its y is not smaller.
function assertCurve(curve: readonly CurvePoint[]): void {
  for (let i = 1; i < curve.length; i++) {
    if (curve[i]!.x <= curve[i - 1]!.x || curve[i]!.y < curve[i - 1]!.y) throw new CurveError(i)
  }
}

export class PacketTypeError extends CodecError {
  override readonly name = 'IlpPacket.PacketTypeError'
  readonly code = 'ILP_PACKET_TYPE'
  constructor(type: unknown) {
    super(
      `${typeof type === 'number' ? `Type ${type}` : 'A type'} is not the type of ILP packet that is expected here.`,
    )
  }
}

export class ExtensionsError extends CodecError {
  override readonly name = 'IlpPacket.ExtensionsError'
  readonly code = 'ILP_PACKET_EXTENSIONS'
  constructor() {
    super('ILP packet has an extensions byte that is not 00.')
  }
}

export class CurveError extends CodecError {
  override readonly name = 'IlpPacket.CurveError'
  readonly code = 'ILP_PACKET_CURVE'
  constructor(index: number) {
    super(`Point ${index} of a liquidity curve does not lie to the right of, or lies below, the point before it.`)
  }
}
