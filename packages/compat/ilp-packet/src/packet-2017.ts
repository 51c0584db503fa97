/** Types 1 to 11, the functions of version 1: amounts are decimal strings, `data` is base64url text. */
import { IlpPacket } from '@millstream/codec'
import {
  amountOf,
  bufferOf,
  bytesOf,
  bytesOfBase64,
  bytesOfBuffer,
  bytesOfText,
  decodeAs,
  fieldsOf,
  IlpPacketValueError,
  instantOf,
  textOf,
} from './value.js'

export interface IlpPayment {
  readonly amount: string
  readonly account: string
  readonly data?: string
}

export interface IlpForwardedPayment {
  readonly account: string
  readonly data?: string
}

export interface IlqpLiquidityRequest {
  readonly destinationAccount: string
  /** Milliseconds, here and below. */
  readonly destinationHoldDuration: number
}

export interface IlqpLiquidityResponse {
  /** 16 bytes for each point. */
  readonly liquidityCurve: Buffer
  readonly appliesToPrefix: string
  readonly sourceHoldDuration: number
  readonly expiresAt: Date
}

export interface IlqpBySourceRequest {
  readonly destinationAccount: string
  readonly sourceAmount: string
  readonly destinationHoldDuration: number
}

export interface IlqpBySourceResponse {
  readonly destinationAmount: string
  readonly sourceHoldDuration: number
}

export interface IlqpByDestinationRequest {
  readonly destinationAccount: string
  readonly destinationAmount: string
  readonly destinationHoldDuration: number
}

export interface IlqpByDestinationResponse {
  readonly sourceAmount: string
  readonly sourceHoldDuration: number
}

export interface IlpErrorPacket {
  readonly code: string
  readonly name: string
  readonly triggeredBy: string
  readonly forwardedBy: string[]
  readonly triggeredAt: Date
  readonly data: string
}

export interface IlpFulfillment {
  readonly data?: string
}

export interface IlpRejection {
  readonly code: string
  readonly triggeredBy: string
  readonly message: string
  readonly data: Buffer
}

const pointBytes = 16

export function serializeIlpPayment(json: IlpPayment): Buffer {
  const { amount, account, data } = fieldsOf(json)
  return bufferOf(IlpPacket.encodePayment(amountOf(amount), textOf('account', account), bytesOfBase64('data', data)))
}

export function deserializeIlpPayment(binary: Buffer): Required<IlpPayment> {
  const { amount, account, data } = IlpPacket.decodePayment(bytesOf('The packet', binary))
  return { amount: amount.toString(), account, data: bufferOf(data).toString('base64url') }
}

export function serializeIlpForwardedPayment(json: IlpForwardedPayment): Buffer {
  const { account, data } = fieldsOf(json)
  return serialize({
    type: 'forwarded_payment',
    account: textOf('account', account),
    data: bytesOfBase64('data', data),
  })
}

export function deserializeIlpForwardedPayment(binary: Buffer): Required<IlpForwardedPayment> {
  const { account, data } = decodeAs('forwarded_payment', binary)
  return { account, data: bufferOf(data).toString('base64url') }
}

export function serializeIlqpLiquidityRequest(json: IlqpLiquidityRequest): Buffer {
  const { destinationAccount, destinationHoldDuration } = fieldsOf(json)
  return serialize({ type: 'liquidity_request', destinationAccount, destinationHoldDuration })
}

export function deserializeIlqpLiquidityRequest(binary: Buffer): IlqpLiquidityRequest {
  const { destinationAccount, destinationHoldDuration } = decodeAs('liquidity_request', binary)
  return { destinationAccount, destinationHoldDuration }
}

export function serializeIlqpLiquidityResponse(json: IlqpLiquidityResponse): Buffer {
  const { liquidityCurve, appliesToPrefix, sourceHoldDuration, expiresAt } = fieldsOf(json)
  return serialize({
    type: 'liquidity_response',
    liquidityCurve: pointsOf(liquidityCurve),
    appliesToPrefix,
    sourceHoldDuration,
    expiresAt: instantOf('expiresAt', expiresAt),
  })
}

export function deserializeIlqpLiquidityResponse(binary: Buffer): IlqpLiquidityResponse {
  const { liquidityCurve, appliesToPrefix, sourceHoldDuration, expiresAt } = decodeAs('liquidity_response', binary)
  return {
    liquidityCurve: bufferOfPoints(liquidityCurve),
    appliesToPrefix,
    sourceHoldDuration,
    expiresAt: new Date(expiresAt),
  }
}

export function serializeIlqpBySourceRequest(json: IlqpBySourceRequest): Buffer {
  const { destinationAccount, sourceAmount, destinationHoldDuration } = fieldsOf(json)
  return serialize({
    type: 'by_source_request',
    destinationAccount,
    sourceAmount: amountOf(sourceAmount),
    destinationHoldDuration,
  })
}

export function deserializeIlqpBySourceRequest(binary: Buffer): IlqpBySourceRequest {
  const { destinationAccount, sourceAmount, destinationHoldDuration } = decodeAs('by_source_request', binary)
  return { destinationAccount, sourceAmount: sourceAmount.toString(), destinationHoldDuration }
}

export function serializeIlqpBySourceResponse(json: IlqpBySourceResponse): Buffer {
  const { destinationAmount, sourceHoldDuration } = fieldsOf(json)
  return serialize({ type: 'by_source_response', destinationAmount: amountOf(destinationAmount), sourceHoldDuration })
}

export function deserializeIlqpBySourceResponse(binary: Buffer): IlqpBySourceResponse {
  const { destinationAmount, sourceHoldDuration } = decodeAs('by_source_response', binary)
  return { destinationAmount: destinationAmount.toString(), sourceHoldDuration }
}

export function serializeIlqpByDestinationRequest(json: IlqpByDestinationRequest): Buffer {
  const { destinationAccount, destinationAmount, destinationHoldDuration } = fieldsOf(json)
  return serialize({
    type: 'by_destination_request',
    destinationAccount,
    destinationAmount: amountOf(destinationAmount),
    destinationHoldDuration,
  })
}

export function deserializeIlqpByDestinationRequest(binary: Buffer): IlqpByDestinationRequest {
  const { destinationAccount, destinationAmount, destinationHoldDuration } = decodeAs('by_destination_request', binary)
  return { destinationAccount, destinationAmount: destinationAmount.toString(), destinationHoldDuration }
}

export function serializeIlqpByDestinationResponse(json: IlqpByDestinationResponse): Buffer {
  const { sourceAmount, sourceHoldDuration } = fieldsOf(json)
  return serialize({ type: 'by_destination_response', sourceAmount: amountOf(sourceAmount), sourceHoldDuration })
}

export function deserializeIlqpByDestinationResponse(binary: Buffer): IlqpByDestinationResponse {
  const { sourceAmount, sourceHoldDuration } = decodeAs('by_destination_response', binary)
  return { sourceAmount: sourceAmount.toString(), sourceHoldDuration }
}

/** `data` is written as UTF-8; the original cuts characters to seven bits. */
export function serializeIlpError(json: IlpErrorPacket): Buffer {
  const { code, name, triggeredBy, forwardedBy, triggeredAt, data } = fieldsOf(json)
  if (!Array.isArray(forwardedBy)) throw new IlpPacketValueError('forwardedBy', 'an array')
  return serialize({
    type: 'error',
    code: textOf('code', code),
    name: textOf('name', name),
    triggeredBy,
    forwardedBy,
    triggeredAt: instantOf('triggeredAt', triggeredAt),
    data: bytesOfText('data', data),
  })
}

export function deserializeIlpError(binary: Buffer): IlpErrorPacket {
  const { code, name, triggeredBy, forwardedBy, triggeredAt, data } = decodeAs('error', binary)
  return {
    code,
    name,
    triggeredBy,
    forwardedBy: [...forwardedBy],
    triggeredAt: new Date(triggeredAt),
    data: bufferOf(data).toString('utf8'),
  }
}

export function serializeIlpFulfillment(json: IlpFulfillment): Buffer {
  return serialize({ type: 'fulfillment', data: bytesOfBase64('data', fieldsOf(json).data) })
}

export function deserializeIlpFulfillment(binary: Buffer): Required<IlpFulfillment> {
  return { data: bufferOf(decodeAs('fulfillment', binary).data).toString('base64url') }
}

export function serializeIlpRejection(json: IlpRejection): Buffer {
  const { code, triggeredBy, message, data } = fieldsOf(json)
  return serialize({
    type: 'rejection',
    code: textOf('code', code),
    triggeredBy,
    message: textOf('message', message),
    data: bytesOfBuffer('data', data),
  })
}

export function deserializeIlpRejection(binary: Buffer): IlpRejection {
  const { code, triggeredBy, message, data } = decodeAs('rejection', binary)
  return { code, triggeredBy, message, data: bufferOf(data) }
}

function serialize(packet: IlpPacket.Packet): Buffer {
  return bufferOf(IlpPacket.encode(packet))
}

function pointsOf(curve: Buffer): readonly IlpPacket.CurvePoint[] {
  const bytes = bytesOf('liquidityCurve', curve)
  if (bytes.length % pointBytes !== 0)
    throw new IlpPacketValueError('liquidityCurve', `a multiple of ${pointBytes} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / pointBytes }, (_, i) => ({
    x: view.getBigUint64(pointBytes * i),
    y: view.getBigUint64(pointBytes * i + 8),
  }))
}

function bufferOfPoints(points: readonly IlpPacket.CurvePoint[]): Buffer {
  const buffer = Buffer.alloc(points.length * pointBytes)
  points.forEach(({ x, y }, i) => {
    buffer.writeBigUInt64BE(x, pointBytes * i)
    buffer.writeBigUInt64BE(y, pointBytes * i + 8)
  })
  return buffer
}
