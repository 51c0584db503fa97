/** Types 12 to 14, the functions of version 3: amounts are decimal strings, byte strings are Buffers. */
import { IlpPacket } from '@millstream/codec'
import { Amount } from '@millstream/units'
import { isValidIlpAddress } from './address.js'
import type { IlpErrorCode } from './error-code.js'
import { amountOf, bufferOf, bytesOf, bytesOfBuffer, decodeAs, fieldsOf, instantOf, textOf } from './value.js'

export interface IlpPrepare {
  readonly amount: string
  readonly executionCondition: Buffer
  readonly expiresAt: Date
  readonly destination: string
  readonly data: Buffer
}

export interface IlpFulfill {
  readonly fulfillment: Buffer
  readonly data: Buffer
}

export interface IlpReject {
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Buffer
}

export type IlpReply = IlpFulfill | IlpReject
export type IlpAny = IlpPrepare | IlpFulfill | IlpReject
export type IlpPacketHander = (packet: IlpPrepare) => Promise<IlpReply>

/** An error that knows what it is in ILP: those of `Errors`, or any other. */
export interface IlpErrorClass {
  readonly message: string
  readonly ilpErrorCode?: IlpErrorCode
  readonly ilpErrorData?: Buffer
}

export function serializeIlpPrepare(json: IlpPrepare): Buffer {
  const { amount, executionCondition, expiresAt, destination, data } = fieldsOf(json)
  return serialize({
    type: 'prepare',
    amount: amountOf(amount),
    executionCondition: bytesOf('executionCondition', executionCondition),
    expiresAt: instantOf('expiresAt', expiresAt),
    destination,
    data: bytesOfBuffer('data', data),
  })
}

export function deserializeIlpPrepare(binary: Buffer): IlpPrepare {
  const { amount, executionCondition, expiresAt, destination, data } = decodeAs('prepare', binary)
  return {
    amount: amount.toString(),
    executionCondition: bufferOf(executionCondition),
    expiresAt: new Date(expiresAt),
    destination,
    data: bufferOf(data),
  }
}

export function serializeIlpFulfill(json: IlpFulfill): Buffer {
  const { fulfillment, data } = fieldsOf(json)
  return serialize({
    type: 'fulfill',
    fulfillment: bytesOf('fulfillment', fulfillment),
    data: bytesOfBuffer('data', data),
  })
}

export function deserializeIlpFulfill(binary: Buffer): IlpFulfill {
  const { fulfillment, data } = decodeAs('fulfill', binary)
  return { fulfillment: bufferOf(fulfillment), data: bufferOf(data) }
}

export function serializeIlpReject(json: IlpReject): Buffer {
  const { code, triggeredBy, message, data } = fieldsOf(json)
  return serialize({
    type: 'reject',
    code: textOf('code', code),
    triggeredBy,
    message: textOf('message', message),
    data: bytesOfBuffer('data', data),
  })
}

export function deserializeIlpReject(binary: Buffer): IlpReject {
  const { code, triggeredBy, message, data } = decodeAs('reject', binary)
  return { code, triggeredBy, message, data: bufferOf(data) }
}

export function serializeIlpReply(packet: IlpReply): Buffer {
  return isFulfill(packet) ? serializeIlpFulfill(packet) : serializeIlpReject(packet)
}

export function deserializeIlpReply(binary: Buffer): IlpReply {
  return binary[0] === IlpPacket.typeNumbers.fulfill ? deserializeIlpFulfill(binary) : deserializeIlpReject(binary)
}

export function isPrepare(value: unknown): value is IlpPrepare {
  return (
    isObject(value) &&
    isAmount(value.amount) &&
    value.expiresAt instanceof Date &&
    !Number.isNaN(value.expiresAt.getTime()) &&
    isValidIlpAddress(value.destination) &&
    isBuffer(value.executionCondition, 32) &&
    Buffer.isBuffer(value.data)
  )
}

export function isFulfill(value: unknown): value is IlpFulfill {
  return isObject(value) && isBuffer(value.fulfillment, 32) && Buffer.isBuffer(value.data)
}

export function isReject(value: unknown): value is IlpReject {
  return (
    isObject(value) &&
    typeof value.code === 'string' &&
    (value.triggeredBy === '' || isValidIlpAddress(value.triggeredBy)) &&
    typeof value.message === 'string' &&
    Buffer.isBuffer(value.data)
  )
}

export function isIlpReply(value: unknown): value is IlpReply {
  return isFulfill(value) || isReject(value)
}

/** A REJECT packet for an error: F00, unless the error says otherwise. */
export function errorToReject(address: string, error: IlpErrorClass): Buffer {
  return serializeIlpReject(errorToIlpReject(address, error))
}

/** The fields of a REJECT packet for an error. A message that is too long for one is cut. */
export function errorToIlpReject(address: string, error: IlpErrorClass): IlpReject {
  return {
    code: error.ilpErrorCode || 'F00',
    triggeredBy: address,
    message: cut(error.message || ''),
    data: error.ilpErrorData || Buffer.alloc(0),
  }
}

function serialize(packet: IlpPacket.Packet): Buffer {
  return bufferOf(IlpPacket.encode(packet))
}

/** Well-formed, and at most as many bytes as a message may have. */
function cut(message: string): string {
  const bytes = Buffer.from(message, 'utf8')
  let end = Math.min(bytes.length, IlpPacket.messageBytesMax)
  // Not in the middle of a character.
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isBuffer(value: unknown, length: number): boolean {
  return Buffer.isBuffer(value) && value.length === length
}

function isAmount(value: unknown): boolean {
  try {
    Amount.fromText(value as string)
    return true
  } catch {
    return false
  }
}
