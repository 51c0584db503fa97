/** The packet of this codec for the input of a function of the original `ilp-packet` modules. */
import type { IlpPacket } from '../src/index.js'

type Input = Record<string, never>

export function packetOf(fn: string, input: unknown): IlpPacket.Packet {
  const fields = { ...(input as Input) } as Record<string, unknown>
  for (const name of ['amount', 'sourceAmount', 'destinationAmount']) {
    if (name in fields) fields[name] = BigInt(fields[name] as string)
  }
  for (const name of ['expiresAt', 'triggeredAt']) {
    if (name in fields) fields[name] = (fields[name] as Date).getTime()
  }
  if (fn === 'serializeIlpError') fields.data = new TextEncoder().encode(fields.data as string)
  else if (!(fields.data instanceof Uint8Array)) fields.data = base64Of((fields.data as string | undefined) ?? '')
  if (!fn.startsWith('serializeIlp') || fn.startsWith('serializeIlqp')) delete fields.data
  if ('liquidityCurve' in fields) fields.liquidityCurve = curveOf(fields.liquidityCurve as Uint8Array)
  return { type: types[fn], ...fields } as unknown as IlpPacket.Packet
}

/** The type that a function of the original reads; undefined when it reads any. */
export function typeReadBy(fn: string): IlpPacket.Packet['type'] | undefined {
  return types[fn.replace('deserialize', 'serialize')]
}

const types: Readonly<Record<string, IlpPacket.Packet['type']>> = {
  serializeIlpPayment: 'payment',
  serializeIlqpLiquidityRequest: 'liquidity_request',
  serializeIlqpLiquidityResponse: 'liquidity_response',
  serializeIlqpBySourceRequest: 'by_source_request',
  serializeIlqpBySourceResponse: 'by_source_response',
  serializeIlqpByDestinationRequest: 'by_destination_request',
  serializeIlqpByDestinationResponse: 'by_destination_response',
  serializeIlpError: 'error',
  serializeIlpFulfillment: 'fulfillment',
  serializeIlpForwardedPayment: 'forwarded_payment',
  serializeIlpRejection: 'rejection',
  serializeIlpPrepare: 'prepare',
  serializeIlpFulfill: 'fulfill',
  serializeIlpReject: 'reject',
}

function base64Of(text: string): Uint8Array {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function curveOf(bytes: Uint8Array): readonly IlpPacket.CurvePoint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 16 }, (_, i) => ({
    x: view.getBigUint64(16 * i),
    y: view.getBigUint64(16 * i + 8),
  }))
}
