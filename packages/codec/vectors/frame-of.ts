/** The frame of this codec for what `btp-packet` decoded. */
import { Base64Url, type Instant, TransferId } from '@millstream/units'
import type { BtpFrame } from '../src/index.js'

export interface DecodedByOriginal {
  readonly type: number
  readonly requestId: number
  readonly protocolData: readonly {
    readonly protocolName: string
    readonly contentType: number
    readonly data: Uint8Array
  }[]
  readonly transferId?: string
  readonly amount?: string
  readonly executionCondition?: string
  readonly fulfillment?: string
  readonly expiresAt?: string
  readonly code?: string
  readonly name?: string
  readonly triggeredAt?: string
  readonly data?: string
}

const types = ['', 'response', 'error', 'prepare', 'fulfill', 'reject', 'message', 'transfer'] as const

export function frameOf(decoded: DecodedByOriginal): BtpFrame.KnownFrame {
  const { type, requestId, protocolData, transferId, amount, executionCondition, fulfillment, expiresAt } = decoded
  const { code, name, triggeredAt, data } = decoded
  return {
    type: types[type],
    requestId,
    ...(code === undefined ? {} : { code, name }),
    ...(triggeredAt === undefined ? {} : { triggeredAt: Date.parse(triggeredAt) as Instant.Instant }),
    ...(data === undefined ? {} : { data: new TextEncoder().encode(data) }),
    ...(transferId === undefined ? {} : { transferId: TransferId.parse(transferId) }),
    ...(amount === undefined ? {} : { amount: BigInt(amount) }),
    ...(executionCondition === undefined ? {} : { condition: Base64Url.toBytes(executionCondition) }),
    ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) as Instant.Instant }),
    ...(fulfillment === undefined ? {} : { fulfillment: Base64Url.toBytes(fulfillment) }),
    protocolData: protocolData.map(({ protocolName, contentType, data }) => ({
      name: protocolName,
      contentType,
      data,
    })),
  } as BtpFrame.KnownFrame
}
