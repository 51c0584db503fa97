/**
 * The 32-bit hash of what a PREPARE says, by which a repeat is told from another transfer of the same id. It is stored
 * with the hold, so it must never change. Not a defence: ids are each payer's own, so whoever finds two contents of one
 * hash has fooled nobody else.
 *
 * FNV-1a over condition, amount, expiry and protocol data in their order.
 */
import type { BtpFrame } from '@millstream/codec'
import type { Instant } from '@millstream/units'

const offsetBasis = 0x811c9dc5
const prime = 0x01000193

export function contentHash(
  amount: bigint,
  condition: Uint8Array,
  expiresAt: Instant.Instant,
  protocolData: BtpFrame.ProtocolData,
): number {
  let hash = hashBytes(offsetBasis, condition)
  hash = hashNumber(hash, Number(BigInt.asUintN(32, amount)))
  hash = hashNumber(hash, Number(amount >> 32n))
  hash = hashNumber(hash, expiresAt % 0x1_0000_0000)
  hash = hashNumber(hash, Math.floor(expiresAt / 0x1_0000_0000))
  for (let i = 0; i < protocolData.length; i++) {
    const { name, contentType, data } = protocolData[i]!
    hash = hashNumber(hash, name.length)
    for (let j = 0; j < name.length; j++) hash = Math.imul(hash ^ name.charCodeAt(j), prime)
    hash = hashNumber(hash, contentType)
    hash = hashNumber(hash, data.length)
    hash = hashBytes(hash, data)
  }
  return hash >>> 0
}

function hashBytes(start: number, bytes: Uint8Array): number {
  let hash = start
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, prime)
  return hash
}

function hashNumber(start: number, value: number): number {
  let hash = Math.imul(start ^ (value & 0xff), prime)
  hash = Math.imul(hash ^ ((value >>> 8) & 0xff), prime)
  hash = Math.imul(hash ^ ((value >>> 16) & 0xff), prime)
  return Math.imul(hash ^ (value >>> 24), prime)
}
