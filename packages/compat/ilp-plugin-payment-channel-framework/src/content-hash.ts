import type { WireTransfer } from './transfer.js'

const prime = 0x01000193
const basis = 0x811c9dc5

/**
 * FNV-1a, 32 bits, of everything that makes a transfer what it is apart from its id: amount, condition, expiry and
 * protocol data, and for an outgoing one where it goes. Two transfers of one id are one transfer if it is equal.
 */
export function contentHash(transfer: WireTransfer, to = ''): number {
  let hash = basis
  const bytes = (data: Uint8Array) => {
    for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ data[i]!, prime)
    // The length too, so that bytes cannot move from one field to the next.
    hash = Math.imul(hash ^ data.length, prime)
  }
  const encoder = new TextEncoder()
  bytes(encoder.encode(`${transfer.amount} ${transfer.expiresAt} ${to}`))
  bytes(transfer.condition)
  for (const entry of transfer.protocolData) {
    bytes(encoder.encode(`${entry.contentType} ${entry.name}`))
    bytes(entry.data)
  }
  return hash >>> 0
}
