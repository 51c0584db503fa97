/** Packets of any type, 1 to 14. */
import { IlpPacket as Codec, Oer } from '@millstream/codec'
import * as V1 from './packet-2017.js'
import { Type } from './packet-type.js'
import * as V4 from './packet-v4.js'
import { bufferOf, bytesOf, fieldsOf } from './value.js'

/** One row for each type: how it is read and written, and what its type is called. */
const rows = {
  [Type.TYPE_ILP_PAYMENT]: ['ilp_payment', V1.serializeIlpPayment, V1.deserializeIlpPayment],
  [Type.TYPE_ILQP_LIQUIDITY_REQUEST]: [
    'ilqp_liquidity_request',
    V1.serializeIlqpLiquidityRequest,
    V1.deserializeIlqpLiquidityRequest,
  ],
  [Type.TYPE_ILQP_LIQUIDITY_RESPONSE]: [
    'ilqp_liquidity_response',
    V1.serializeIlqpLiquidityResponse,
    V1.deserializeIlqpLiquidityResponse,
  ],
  [Type.TYPE_ILQP_BY_SOURCE_REQUEST]: [
    'ilqp_by_source_request',
    V1.serializeIlqpBySourceRequest,
    V1.deserializeIlqpBySourceRequest,
  ],
  [Type.TYPE_ILQP_BY_SOURCE_RESPONSE]: [
    'ilqp_by_source_response',
    V1.serializeIlqpBySourceResponse,
    V1.deserializeIlqpBySourceResponse,
  ],
  [Type.TYPE_ILQP_BY_DESTINATION_REQUEST]: [
    'ilqp_by_destination_request',
    V1.serializeIlqpByDestinationRequest,
    V1.deserializeIlqpByDestinationRequest,
  ],
  [Type.TYPE_ILQP_BY_DESTINATION_RESPONSE]: [
    'ilqp_by_destination_response',
    V1.serializeIlqpByDestinationResponse,
    V1.deserializeIlqpByDestinationResponse,
  ],
  [Type.TYPE_ILP_ERROR]: ['ilp_error', V1.serializeIlpError, V1.deserializeIlpError],
  [Type.TYPE_ILP_FULFILLMENT]: ['ilp_fulfillment', V1.serializeIlpFulfillment, V1.deserializeIlpFulfillment],
  [Type.TYPE_ILP_FORWARDED_PAYMENT]: [
    'ilp_forwarded_payment',
    V1.serializeIlpForwardedPayment,
    V1.deserializeIlpForwardedPayment,
  ],
  [Type.TYPE_ILP_REJECTION]: ['ilp_rejection', V1.serializeIlpRejection, V1.deserializeIlpRejection],
  [Type.TYPE_ILP_PREPARE]: ['ilp_prepare', V4.serializeIlpPrepare, V4.deserializeIlpPrepare],
  [Type.TYPE_ILP_FULFILL]: ['ilp_fulfill', V4.serializeIlpFulfill, V4.deserializeIlpFulfill],
  [Type.TYPE_ILP_REJECT]: ['ilp_reject', V4.serializeIlpReject, V4.deserializeIlpReject],
} as const

type Rows = typeof rows

/** A packet with its type; `typeString` is there when it was read. */
export type IlpPacket = {
  [Number in keyof Rows]: {
    readonly type: Number
    readonly typeString?: Rows[Number][0]
    readonly data: Parameters<Rows[Number][1]>[0]
  }
}[keyof Rows]

/** @throws {PacketTypeError} The type is not 1 to 14. */
export function serializeIlpPacket(obj: IlpPacket): Buffer {
  const { type, data } = fieldsOf(obj)
  if (!Object.hasOwn(rows, type)) throw new Codec.PacketTypeError(type)
  return (rows[type][1] as (json: typeof data) => Buffer)(data)
}

/** @throws {PacketTypeError} The type is not 1 to 14. */
export function deserializeIlpPacket(binary: Buffer): IlpPacket & { readonly typeString: string } {
  const type = bytesOf('The packet', binary)[0] as keyof Rows
  if (type === undefined) throw new Oer.TruncatedError({ what: 'ILP packet', offset: 0, needed: 1, left: 0 })
  if (!Object.hasOwn(rows, type)) throw new Codec.PacketTypeError(type)
  const [typeString, , deserialize] = rows[type]
  return { type, typeString, data: deserialize(binary) } as IlpPacket & { readonly typeString: string }
}

/** The type and the bytes of the content, of any type. */
export function deserializeEnvelope(binary: Buffer): { type: number; contents: Buffer } {
  const reader = new Oer.Reader(bytesOf('The packet', binary), 'ILP packet')
  const type = reader.uint8()
  const contents = reader.varOctets('contents', Oer.uint32Max)
  reader.end()
  return { type, contents: bufferOf(contents) }
}
