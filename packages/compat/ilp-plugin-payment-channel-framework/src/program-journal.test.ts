import { hashes, randomBytes } from '@millstream/hashes'
import { Condition, Instant, TransferId } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createEndedTransfers } from './ended-transfers.js'
import * as Options from './options.js'
import { info, memoryStore, prefix } from './testing/programs.js'
import { openTrustlineLedger, type TrustlineLedger } from './trustline-ledger.js'

const start = Date.parse('2017-10-25T12:00:00.000Z')

/** A ledger over a store, at a time of the test's choice. */
async function open(contents: Record<string, string>, clock: { now: number }): Promise<TrustlineLedger> {
  return openTrustlineLedger({
    settings: Options.parse({ prefix, info, maxBalance: '1000000', _store: memoryStore(contents) }),
    clock: () => Instant.from(clock.now),
    hashes,
    randomBytes,
    ended: createEndedTransfers(),
    expired: () => undefined,
    failed: (error) => {
      throw error
    },
  })
}

function transferOf(number: number, expiresAt: number) {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32(12, number)
  const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(number % 256))
  return {
    fulfillment,
    contentHash: number,
    wire: {
      id: TransferId.from(id),
      amount: 1n,
      condition: Condition.from(hashes.sha256(fulfillment)),
      expiresAt: Instant.from(expiresAt),
      protocolData: [],
    },
    program: {
      id: TransferId.format(TransferId.from(id)),
      from: `${prefix}client`,
      to: `${prefix}server`,
      ledger: prefix,
      amount: '1',
      executionCondition: Buffer.from(hashes.sha256(fulfillment)).toString('base64url'),
      expiresAt: new Date(expiresAt).toISOString(),
      ilp: 'A'.repeat(80),
    },
  }
}

async function pay(
  ledger: TrustlineLedger,
  { wire, contentHash, program, fulfillment }: ReturnType<typeof transferOf>,
) {
  const held = ledger.prepare('incoming', wire, contentHash, { program, user: undefined })
  expect(held.status).toBe('prepared')
  await held.durable
  const ended = ledger.fulfill('incoming', wire.id, fulfillment)
  expect(ended.status).toBe('fulfilled')
  await ended.durable
}

describe('the journal in the program’s store', () => {
  it('is whole after every single put and del, whenever the process ends', async () => {
    const contents: Record<string, string> = {}
    const clock = { now: start }
    const snapshots: Record<string, string>[] = []
    const settings = Options.parse({
      prefix,
      info,
      maxBalance: '1000000',
      _store: {
        get: (key) => contents[key],
        put: async (key, value) => {
          contents[key] = value
          snapshots.push({ ...contents })
        },
        del: (key) => {
          delete contents[key]
          snapshots.push({ ...contents })
        },
      },
    })
    const ledger = await openTrustlineLedger({
      settings,
      clock: () => Instant.from(clock.now),
      hashes,
      randomBytes,
      ended: createEndedTransfers(),
      expired: () => undefined,
      failed: () => undefined,
    })
    const count = 150
    /** How much was answered for when a snapshot was taken. */
    const promised: number[] = []
    for (let number = 0; number < count; number++) {
      clock.now += 10
      await pay(ledger, transferOf(number, clock.now + 600_000))
      while (promised.length < snapshots.length) promised.push(number)
    }
    await ledger.close()
    expect(Object.keys(contents).some((key) => key.startsWith(':tl:journal:base:'))).toBe(true)

    let balanceBefore = 0n
    for (const [i, snapshot] of snapshots.entries()) {
      const restored = await open(snapshot, clock)
      const balance = restored.balance()
      // What was answered is there; what was not may be.
      expect(balance).toBeGreaterThanOrEqual(BigInt(promised[i]!))
      expect(balance).toBeGreaterThanOrEqual(balanceBefore)
      balanceBefore = balance
      // No id that was used is free.
      for (const number of [0, Math.floor(promised[i]! / 2), promised[i]! - 1]) {
        if (number < 0 || number >= promised[i]!) continue
        const { wire, contentHash, program } = transferOf(number, start + (number + 1) * 10 + 600_000)
        expect(restored.prepare('incoming', wire, contentHash, { program, user: undefined }).status).toBe(
          'exists_fulfilled',
        )
      }
      await restored.close()
    }
    expect(balanceBefore).toBe(BigInt(count))
  })

  it('does not grow with the history of the ledger', async () => {
    const contents: Record<string, string> = {}
    const clock = { now: start }
    const ledger = await open(contents, clock)
    const sizes: number[] = []
    for (let number = 0; number < 8_000; number++) {
      clock.now += 10
      await pay(ledger, transferOf(number, clock.now + 5_000))
      if ((number + 1) % 2_000 === 0) sizes.push(JSON.stringify(contents).length)
    }
    await ledger.close()
    expect(Math.max(...sizes.slice(1))).toBeLessThan(sizes[0]! * 1.5 + 100_000)
    expect(Math.max(...sizes)).toBeLessThan(500_000)
    const restored = await open(contents, clock)
    expect(restored.balance()).toBe(8_000n)
    await restored.close()
  })

  it('keeps every open transfer through all bases', async () => {
    const contents: Record<string, string> = {}
    const clock = { now: start }
    const ledger = await open(contents, clock)
    const held = Array.from({ length: 50 }, (_, i) => transferOf(100_000 + i, start + 3_600_000))
    for (const { wire, contentHash, program } of held)
      ledger.prepare('incoming', wire, contentHash, { program, user: undefined })
    for (let number = 0; number < 1_000; number++) {
      clock.now += 10
      await pay(ledger, transferOf(number, clock.now + 5_000))
    }
    await ledger.close()
    const restored = await open(contents, clock)
    expect(restored.held('incoming').map(({ program }) => program)).toEqual(held.map(({ program }) => program))
    for (const { wire, fulfillment } of held) {
      expect(restored.fulfill('incoming', wire.id, fulfillment).status).toBe('fulfilled')
    }
    expect(restored.balance()).toBe(1_050n)
    await restored.close()
  })
})
