import { createHash, createHmac } from 'node:crypto'
import { type Condition, type Hashes, type Instant, TransferId } from '@millstream/units'

/** Plain and slow. */
export const testHashes: Hashes = {
  sha256: (message) => Uint8Array.from(createHash('sha256').update(message).digest()),
  hmac: (key) => (message) => Uint8Array.from(createHmac('sha256', key).update(message).digest()),
}

export interface TestTransfer {
  readonly id: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment
  readonly condition: Condition.Condition
}

/** Id, fulfillment and condition made of a name. */
export function testTransfer(name: string): TestTransfer {
  const hash = (label: string) => testHashes.sha256(new TextEncoder().encode(`${label} ${name}`))
  const fulfillment = hash('fulfillment') as Condition.Fulfillment
  return {
    id: TransferId.from(hash('id').slice(0, 16)),
    fulfillment,
    condition: testHashes.sha256(fulfillment) as Condition.Condition,
  }
}

/** 32 bits that differ when what they stand for differs. */
export function testContentHash(...content: readonly unknown[]): number {
  const hash = testHashes.sha256(new TextEncoder().encode(JSON.stringify(content, (_, value) => String(value))))
  return new DataView(hash.buffer).getUint32(0)
}

/** The beginning of time in tests: 2017-10-25T12:00:00Z, a whole second. */
export const testEpoch = 1_508_932_800_000 as Instant.Instant
