/** Hashes of the XRP Ledger: the first half of SHA-512 over a prefix of four bytes and the content. */
import { createHash } from 'node:crypto'

export const prefixes = {
  transaction: Buffer.from('TXN\0', 'latin1'),
  transactionWithMetadata: Buffer.from('SND\0', 'latin1'),
  stateEntry: Buffer.from('MLN\0', 'latin1'),
  innerNode: Buffer.from('MIN\0', 'latin1'),
  ledger: Buffer.from('LWR\0', 'latin1'),
} as const

export const zero256 = '0'.repeat(64)

export function sha512Half(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest().subarray(0, 32)
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex').toUpperCase()
}
