/** Arbitrary packets and frames for property tests, and bytes that are nearly one. */
import { Instant } from '@millstream/units'
import * as fc from 'fast-check'
import type { BtpFrame, IlpPacket } from '../src/index.js'

export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
export const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n),
)
export const instant = fc.integer({ min: 0, max: Instant.instantMax }) as fc.Arbitrary<Instant.Instant>
export const octets = (lengthMax: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof({ weight: 9, arbitrary: fc.uint8Array({ maxLength: 300 }) }, fc.uint8Array({ maxLength: lengthMax }))
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const ascii = (lengthMax: number, lengthMin = 0) =>
  fc.string({ unit: 'binary-ascii', minLength: lengthMin, maxLength: lengthMax })
const segment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,20}$/)
const scheme = fc.constantFrom('g', 'private', 'example', 'peer', 'self', 'local', 'test', 'test1', 'test2', 'test3')
export const address = fc
  .tuple(scheme, fc.array(segment, { minLength: 1, maxLength: 40 }))
  .map(([name, segments]) => [name, ...segments].join('.'))
export const prefix = fc
  .tuple(scheme, fc.array(segment, { maxLength: 40 }))
  .map(([name, segments]) => `${[name, ...segments].join('.')}.`)
const curve = fc
  .tuple(fc.uniqueArray(uint64, { maxLength: 20 }), fc.array(uint64, { minLength: 20, maxLength: 20 }))
  .map(([xs, ys]) => {
    const byValue = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
    const sortedYs = [...ys].sort(byValue)
    return [...xs].sort(byValue).map((x, i) => ({ x, y: sortedYs[i]! }))
  })

const data = octets(32_767)
const reason = { code: ascii(3, 3), message: fc.string({ unit: 'grapheme', maxLength: 500 }), data }

export const packet: fc.Arbitrary<IlpPacket.Packet> = fc.oneof(
  fc.record({ type: fc.constant('payment' as const), amount: uint64, account: address, data }),
  fc.record({
    type: fc.constant('liquidity_request' as const),
    destinationAccount: address,
    destinationHoldDuration: uint32,
  }),
  fc.record({
    type: fc.constant('liquidity_response' as const),
    liquidityCurve: curve,
    appliesToPrefix: fc.oneof(address, prefix),
    sourceHoldDuration: uint32,
    expiresAt: instant,
  }),
  fc.record({
    type: fc.constant('by_source_request' as const),
    destinationAccount: address,
    sourceAmount: uint64,
    destinationHoldDuration: uint32,
  }),
  fc.record({
    type: fc.constant('by_source_response' as const),
    destinationAmount: uint64,
    sourceHoldDuration: uint32,
  }),
  fc.record({
    type: fc.constant('by_destination_request' as const),
    destinationAccount: address,
    destinationAmount: uint64,
    destinationHoldDuration: uint32,
  }),
  fc.record({
    type: fc.constant('by_destination_response' as const),
    sourceAmount: uint64,
    sourceHoldDuration: uint32,
  }),
  fc.record({
    type: fc.constant('error' as const),
    code: ascii(3, 3),
    name: ascii(255),
    triggeredBy: fc.oneof(address, prefix),
    forwardedBy: fc.array(address, { maxLength: 5 }),
    triggeredAt: instant,
    data: octets(8192),
  }),
  fc.record({ type: fc.constant('fulfillment' as const), data }),
  fc.record({ type: fc.constant('forwarded_payment' as const), account: address, data }),
  fc.record({ type: fc.constant('rejection' as const), triggeredBy: address, ...reason }),
  fc.record({
    type: fc.constant('prepare' as const),
    amount: uint64,
    expiresAt: instant,
    executionCondition: fixed(32),
    destination: address,
    data,
  }),
  fc.record({ type: fc.constant('fulfill' as const), fulfillment: fixed(32), data }),
  fc.record({
    type: fc.constant('reject' as const),
    triggeredBy: fc.oneof(address, fc.constant('')),
    ...reason,
  }),
)

const protocolData = fc.uniqueArray(
  fc.record({
    name: fc.oneof(fc.constant('ilp'), ascii(20, 1), ascii(255, 1)),
    contentType: fc.integer({ min: 0, max: 255 }),
    data: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 12, selector: ({ name }) => name },
)
const head = { requestId: uint32, protocolData }

export const frame = fc.oneof(
  fc.record({ type: fc.constant('response' as const), ...head }),
  fc.record({
    type: fc.constant('error' as const),
    code: ascii(3, 3),
    name: ascii(255),
    triggeredAt: instant,
    data: octets(8192),
    ...head,
  }),
  fc.record({
    type: fc.constant('prepare' as const),
    transferId: fixed(16),
    amount: uint64,
    condition: fixed(32),
    expiresAt: instant,
    ...head,
  }),
  fc.record({ type: fc.constant('fulfill' as const), transferId: fixed(16), fulfillment: fixed(32), ...head }),
  fc.record({ type: fc.constant('reject' as const), transferId: fixed(16), ...head }),
  fc.record({ type: fc.constant('message' as const), ...head }),
  fc.record({ type: fc.constant('transfer' as const), amount: uint64, ...head }),
) as fc.Arbitrary<BtpFrame.KnownFrame>

/** Bytes that were good, then one to three changes: a byte replaced, removed or put in, or the end cut off. */
export function damaged(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    kind: fc.constantFrom('replace', 'remove', 'insert', 'cut'),
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0x82, 0xff)),
  })
  return fc.tuple(good, fc.array(change, { minLength: 1, maxLength: 3 })).map(([bytes, changes]) => {
    let result = [...bytes]
    for (const { kind, place, byte } of changes) {
      // Most of what decides is at the beginning.
      const index = Math.floor(place ** 3 * result.length)
      if (kind === 'replace') result[index] = byte
      else if (kind === 'remove') result.splice(index, 1)
      else if (kind === 'insert') result.splice(index, 0, byte)
      else result = result.slice(0, index)
    }
    return Uint8Array.from(result)
  })
}
