/** What every store does. Run it with a function that opens an empty store. */
import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { type AccountId, serverAccount } from '../account.js'
import type { Prepare } from '../command.js'
import { type Cursor, StoreClosedError } from '../store.js'
import { housekeepingScenarios } from './housekeeping-scenarios.js'
import { type OpenStore, play } from './scenario.js'
import { scenarios } from './scenarios.js'
import { assertLikeModel } from './store-property.js'
import { testEpoch, testHashes, testTransfer } from './test-hashes.js'

export interface StoreContractOptions {
  /** Random runs against the model. 100 */
  readonly runs?: number
}

/**
 * @param name - Names the store in the test report.
 * @param open - Opens an empty store. `reopen` of what it gives is tried wherever it is there.
 */
export function storeContract(name: string, open: OpenStore, options: StoreContractOptions = {}): void {
  const openNow = (limits = {}) => open({ clock: () => testEpoch, hashes: testHashes, limits })

  describe(`the store ${name}`, async () => {
    const probe = await openNow()
    const survives = probe.reopen !== undefined
    await probe.close()

    describe('scenarios', () => {
      for (const { title, script, restarts } of [...scenarios, ...housekeepingScenarios]) {
        const needsRestart = /^\s*restart/m.test(script)
        if (needsRestart && !survives) continue
        it(title, () => play(script, open))
        if (survives && restarts !== false) {
          it(`${title}, with a restart after every step`, () => play(script, open, { restarts: true }))
        }
      }
    })

    it('agrees with a plain model, whatever happens', async () => {
      await assertLikeModel(open, options.runs ?? 100)
    }, 120_000)

    it('refuses a malformed command before anything of its batch is decided', async () => {
      const { store, close } = await openNow()
      const [{ account }] = await store.apply([openCommand('alice', 100n)]).outcomes
      const good = prepareCommand('t1', account.id, 10n)
      const shapes = [
        { ...good, id: good.id.slice(1) },
        { ...good, condition: good.condition.slice(1) },
        { ...good, amount: -1n },
        { ...good, amount: 2n ** 64n },
        { ...good, amount: 10 },
        { ...good, expiresAt: 1.5 },
        { ...good, expiresAt: Number.NaN },
        { ...good, destination: 'x'.repeat(1024) },
        { type: 'fulfill', source: account.id, id: good.id, fulfillment: new Uint8Array(31) },
        { type: 'reject', source: account.id, id: new Uint8Array(15) },
        { type: 'look_up', source: account.id, id: new Uint8Array(17), contentHash: 0 },
        { type: 'deposit', account: account.id, amount: 1n, reference: '' },
        { type: 'deposit', account: account.id, amount: 1n, reference: 'x'.repeat(129) },
        { type: 'withdraw', account: account.id, amount: -1n, reference: 'x' },
        { type: 'open', name: '', kind: 'named', creditLimit: 0n },
        { type: 'open', name: 'x'.repeat(65), kind: 'named', creditLimit: 0n },
        { type: 'open', name: 'al.ice', kind: 'named', creditLimit: 0n },
        { type: 'open', name: 'server', kind: 'named', creditLimit: 0n },
        { type: 'open', name: 'bob', kind: 'named', creditLimit: -1n },
        { type: 'limit', account: account.id, creditLimit: 2n ** 64n },
      ]
      for (const shape of shapes) {
        expect(
          () => store.apply([good, shape as never]),
          JSON.stringify(shape, (_, v) => String(v)),
        ).toThrow()
      }
      expect(await store.holds()).toEqual([])
      expect((await store.account(account.id))?.heldOut).toBe(0n)
      expect((await store.apply([good]).outcomes)[0].status).toBe('prepared')
      await close()
    })

    it('gives each posted entry of the feed once and in order, with what was paid', async () => {
      const { store, close } = await openNow()
      const [{ account }] = await store.apply([openCommand('alice', 1000n)]).outcomes
      for (let i = 0; i < 10; i++) {
        const command = prepareCommand(`t${i}`, account.id, BigInt(i))
        const { id, fulfillment } = testTransfer(`t${i}`)
        const end =
          i % 3 === 0
            ? ({ type: 'reject', source: account.id, id } as const)
            : ({ type: 'fulfill', source: account.id, id, fulfillment } as const)
        await store.apply([command]).durable
        await store.apply([end]).durable
      }
      const seen: bigint[] = []
      let cursor = 0 as Cursor
      for (;;) {
        const entries = await store.posted(cursor, 2)
        expect(entries.length).toBeLessThanOrEqual(2)
        if (entries.length === 0) break
        for (const entry of entries) {
          expect(entry.cursor).toBeGreaterThan(cursor)
          cursor = entry.cursor
          seen.push(entry.amount)
        }
      }
      expect(seen).toEqual([1n, 2n, 4n, 5n, 7n, 8n])
      expect(await store.posted(cursor, 10)).toEqual([])
      const { id, fulfillment } = testTransfer('t1')
      expect((await store.posted(0 as Cursor, 1))[0]).toEqual({
        cursor: expect.any(Number),
        kind: 'transfer',
        postedAt: testEpoch,
        source: account.id,
        target: serverAccount,
        amount: 1n,
        id: same(id),
        destination: 'test.ledger.server.t1',
        fulfillment: same(fulfillment),
        expiresAt: testEpoch + 10_000,
      })
      await close()
    })

    it('tells its open holds in the order of preparing, with everything that is needed to go on', async () => {
      const { store, close } = await openNow()
      const [{ account }] = await store.apply([openCommand('alice', 1000n)]).outcomes
      const commands = ['t3', 't1', 't2'].map((id, i) => prepareCommand(id, account.id, BigInt(i)))
      await store.apply(commands).durable
      const holds = await store.holds()
      expect(holds).toHaveLength(3)
      for (const [i, { type: _, ...command }] of commands.entries()) {
        const { id, condition, ...rest } = command
        expect(holds[i]).toMatchObject({ ...rest, preparedAt: testEpoch })
        expect(holds[i]!.id).toEqual(same(id))
        expect(holds[i]!.condition).toEqual(same(condition))
      }
      await close()
    })

    it('answers a batch in the same order, and the cursor of a posted transfer is its place in the feed', async () => {
      const { store, close } = await openNow()
      const [{ account }] = await store.apply([openCommand('alice', 1000n)]).outcomes
      const { id, fulfillment } = testTransfer('t1')
      const batch = store.apply([
        prepareCommand('t1', account.id, 1n),
        { type: 'fulfill', source: account.id, id, fulfillment },
        { type: 'deposit', account: account.id, amount: 7n, reference: 'a' },
      ])
      const [prepared, fulfilled, deposited] = await batch.outcomes
      await batch.durable
      expect(prepared.status).toBe('prepared')
      if (fulfilled.status !== 'fulfilled' || deposited.status !== 'deposited') throw new Error('not posted')
      expect(fulfilled.cursor).toBeLessThan(deposited.cursor)
      const entries = await store.posted(0 as Cursor, 10)
      expect(entries.map((entry) => entry.cursor)).toEqual([fulfilled.cursor, deposited.cursor])
      await close()
    })

    it('is durable when the promise says so, for a batch that changed nothing too', async () => {
      const { store, close } = await openNow()
      const changing = store.apply([openCommand('alice', 1000n)])
      const asking = store.apply([
        { type: 'look_up', source: 16 as AccountId, id: testTransfer('x').id, contentHash: 0 },
      ])
      let changed = false
      changing.durable.then(() => {
        changed = true
      })
      await asking.durable
      expect(changed).toBe(true)
      await store.apply([]).durable
      await close()
    })

    it('takes nothing after it was closed', async () => {
      const { store, close } = await openNow()
      await store.close()
      expect(() => store.apply([])).toThrow(StoreClosedError)
      await store.close()
      await close()
    })

    it('keeps what was decided in the very tick in which it is closed', async () => {
      const opened = await openNow()
      if (opened.reopen === undefined) return expect(survives).toBe(false)
      opened.store.apply([openCommand('alice', 12n)])
      const again = await opened.reopen({})
      expect((await again.store.find('alice'))?.creditLimit).toBe(12n)
      await again.close()
    })

    it('holds thousands of transfers at once and brings them back', async () => {
      const opened = await openNow()
      const { store } = opened
      const [{ account }] = await store.apply([openCommand('alice', 2n ** 60n)]).outcomes
      const commands = Array.from({ length: 4096 }, (_, i) => prepareCommand(`t${i}`, account.id, 1n))
      const batch = store.apply(commands)
      expect((await batch.outcomes).every(({ status }) => status === 'prepared')).toBe(true)
      await batch.durable
      const outcome = await store.apply([prepareCommand('more', account.id, 1n)]).outcomes
      expect(outcome[0].status).toBe('exceeds_holds')
      const after = (await opened.reopen?.({})) ?? opened
      expect((await after.store.account(account.id))?.heldOut).toBe(4096n)
      const fulfills = commands.map(({ id, source }, i) => {
        const { fulfillment } = testTransfer(`t${i}`)
        return { type: 'fulfill', id, source, fulfillment } as const
      })
      const end = after.store.apply(fulfills)
      expect((await end.outcomes).every(({ status }) => status === 'fulfilled')).toBe(true)
      await end.durable
      expect(await after.store.check()).toMatchObject({ ok: true, entries: 4096, holds: 0, posted: 4096n })
      await after.close()
    })
  })
}

function openCommand(name: string, creditLimit: bigint) {
  return { type: 'open', name, kind: 'named', creditLimit } as const
}

function prepareCommand(name: string, source: AccountId, amount: bigint): Prepare {
  const { id, condition } = testTransfer(name)
  return {
    type: 'prepare',
    id,
    source,
    target: serverAccount,
    amount,
    condition,
    expiresAt: Instant.from(testEpoch + 10_000),
    destination: `test.ledger.server.${name}`,
    contentHash: 7,
  }
}

/** Byte strings are compared by content: stores may give them back as Buffers. */
function same(bytes: Uint8Array): unknown {
  return expect.toSatisfy((found: Uint8Array) => found.length === bytes.length && bytes.every((b, i) => found[i] === b))
}
