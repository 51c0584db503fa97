/** What a host that lies sends in place of its frames, and what a shop that lies lets through of its bodies. */
import { BtpFrame } from '@millstream/codec'
import type { HostLie, ShopLie } from './plan.js'
import type { Random } from './random.js'

export function frames(lie: HostLie, random: Random, bytes: Uint8Array): readonly Uint8Array[] {
  if (random.below(lie.oneIn) > 0) return [bytes]
  const frame = BtpFrame.decode(bytes)
  const { requestId } = frame
  switch (lie.kind) {
    case 'wrong_fulfillment':
      if (frame.type !== 'fulfill') return [bytes]
      return [BtpFrame.encode({ ...frame, fulfillment: random.bytes(32) as never })]
    case 'denies':
      if (frame.type !== 'fulfill') return [bytes]
      return [BtpFrame.encode({ type: 'reject', requestId, transferId: frame.transferId, protocolData: [] })]
    case 'repeats':
      if (frame.type !== 'fulfill' && frame.type !== 'reject') return [bytes]
      return random.chance(0.5)
        ? [bytes, bytes, bytes]
        : [bytes, BtpFrame.encode({ type: 'reject', requestId, transferId: frame.transferId, protocolData: [] })]
    case 'silent':
      return frame.type === 'fulfill' || frame.type === 'reject' ? [] : [bytes]
    case 'already_fulfilled':
      if (frame.type !== 'response' || frame.protocolData.length > 0) return [bytes]
      return [
        BtpFrame.encode({
          type: 'error',
          requestId,
          code: BtpFrame.errorCodes.AlreadyFulfilledError,
          name: 'AlreadyFulfilledError',
          triggeredAt: 0 as never,
          data: new Uint8Array(),
          protocolData: [],
        }),
      ]
  }
}

export function bytes(lie: ShopLie | undefined, sent: number, chunk: Uint8Array): Uint8Array {
  if (lie === undefined || sent + chunk.length <= lie.fromBytes) return chunk
  const honest = Math.max(0, lie.fromBytes - sent)
  if (lie.kind === 'keeps') return chunk.subarray(0, honest)
  return lie.kind === 'garbles' ? chunk.map((byte, i) => (i < honest ? byte : byte ^ 1)) : chunk
}
