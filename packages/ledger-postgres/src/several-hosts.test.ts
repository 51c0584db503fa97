/** Several hosts over one ledger: what none of them may do alone must not be done by all of them together. */
import { hashes } from '@millstream/hashes'
import {
  type AccountId,
  type Command,
  type Cursor,
  type Hold,
  type Outcome,
  type Prepare,
  type Store,
  serverAccount,
} from '@millstream/ledger'
import { testTransfer } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import { expect, it } from 'vitest'
import { type OpenedPostgres, openPostgres, type PostgresOptions } from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()

const epoch = 1_800_000_000_000 as Instant.Instant

async function withHosts<const Names extends readonly string[]>(
  names: Names,
  options: Partial<PostgresOptions>,
  use: (hosts: { readonly [I in keyof Names]: OpenedPostgres }, url: string) => Promise<void>,
): Promise<void> {
  const url = await postgres.server.createDatabase()
  const hosts: OpenedPostgres[] = []
  for (const host of names) hosts.push(await openPostgres({ url, host, hashes, ledgerClock: () => epoch, ...options }))
  try {
    await use(hosts as never, url)
    expect((await hosts[0]!.ledger.check()).faults).toEqual([])
  } finally {
    await Promise.all(hosts.map((host) => host.close()))
  }
}

async function apply(store: Store, commands: readonly Command[]): Promise<readonly string[]> {
  const batch = store.apply(commands)
  await batch.durable
  return (await batch.outcomes).map(({ status }) => status)
}

async function open(store: Store, name: string, kind: 'named' | 'stranger' | 'passing', creditLimit: bigint) {
  const [{ account }] = await store.apply([{ type: 'open', name, kind, creditLimit }]).outcomes
  return account.id
}

function prepareOf(name: string, source: AccountId, amount: bigint, more: Partial<Prepare> = {}): Prepare {
  const { id, condition } = testTransfer(name)
  return {
    type: 'prepare',
    id,
    source,
    target: serverAccount,
    amount,
    condition,
    expiresAt: Instant.from(epoch + 30_000),
    destination: `test.server.${name}`,
    contentHash: 7,
    ...more,
  }
}

function fulfillOf(name: string, source: AccountId) {
  const { id, fulfillment } = testTransfer(name)
  return { type: 'fulfill', source, id, fulfillment } as const
}

const count = (outcomes: readonly (string | Outcome)[], status: string) =>
  outcomes.filter((outcome) => (typeof outcome === 'string' ? outcome : outcome.status) === status).length

postgres.describe('several hosts over one ledger', () => {
  it('never let an account beyond its limit together', () =>
    withHosts(['a', 'b', 'c'], {}, async (hosts) => {
      const alice = await open(hosts[0].ledger, 'alice', 'named', 1_000n)
      const outcomes = await Promise.all(
        hosts.flatMap(({ ledger }, host) =>
          Array.from({ length: 20 }, (_, i) =>
            apply(
              ledger,
              Array.from({ length: 25 }, (_, j) => prepareOf(`${host} ${i} ${j}`, alice, 1n)),
            ),
          ),
        ),
      )
      expect(count(outcomes.flat(), 'prepared')).toBe(1_000)
      expect(count(outcomes.flat(), 'exceeds_balance')).toBe(500)
      expect(await hosts[2].ledger.account(alice)).toMatchObject({ posted: 0n, heldOut: 1_000n })
    }))

  it('never let strangers beyond what they may owe together', () =>
    withHosts(['a', 'b'], { limits: { strangersCreditMax: 100n } }, async (hosts) => {
      const outcomes = await Promise.all(
        hosts.flatMap(({ ledger }, host) =>
          Array.from({ length: 30 }, async (_, i) => {
            const stranger = await open(ledger, `s${host}-${i}`, 'stranger', 10n)
            return apply(ledger, [prepareOf(`${host} ${i}`, stranger, 7n)])
          }),
        ),
      )
      expect(count(outcomes.flat(), 'prepared')).toBe(14)
      expect(count(outcomes.flat(), 'exceeds_strangers')).toBe(46)
      const [first] = hosts
      const freed = outcomes.findIndex(([status]) => status === 'prepared')
      const host = freed < 30 ? 0 : 1
      const i = freed % 30
      const payer = (await first.ledger.find(`s${host}-${i}`))!
      expect(
        await apply(hosts[1].ledger, [{ type: 'reject', source: payer.id, id: testTransfer(`${host} ${i}`).id }]),
      ).toEqual(['rejected'])
      const again = await open(first.ledger, 'again', 'stranger', 10n)
      expect(await apply(first.ledger, [prepareOf('again', again, 8n)])).toEqual(
        ['exceeds_strangers'].slice(0, 0).concat('prepared'),
      )
    }))

  it('fulfill a transfer once, whoever prepared it, and know it when it is repeated elsewhere', () =>
    withHosts(['a', 'b'], {}, async ([a, b]) => {
      const alice = await open(a.ledger, 'alice', 'named', 100n)
      const transfer = prepareOf('t1', alice, 10n)
      expect(await apply(a.ledger, [transfer])).toEqual(['prepared'])
      expect(await apply(b.ledger, [transfer, { ...transfer, contentHash: 8 }])).toEqual(['exists', 'exists_different'])
      const both = await Promise.all([a, b, a, b].map(({ ledger }) => apply(ledger, [fulfillOf('t1', alice)])))
      expect(count(both.flat(), 'fulfilled')).toBe(1)
      expect(count(both.flat(), 'exists_fulfilled')).toBe(3)
      expect(await apply(b.ledger, [transfer])).toEqual(['exists_fulfilled'])
      expect(await apply(a.ledger, [{ type: 'reject', source: alice, id: transfer.id }])).toEqual(['exists_fulfilled'])
      expect(await b.ledger.posted(0 as Cursor, 10)).toHaveLength(1)
    }))

  it('open a name once, and a deposit counts once', () =>
    withHosts(['a', 'b', 'c'], {}, async (hosts) => {
      const opened = await Promise.all(
        hosts.map(
          ({ ledger }) => ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 5n }]).outcomes,
        ),
      )
      expect(new Set(opened.map(([{ account }]) => account.id)).size).toBe(1)
      expect(count(opened.flat(), 'opened')).toBe(1)
      const alice = opened[0]![0].account.id
      const deposit = { type: 'deposit', account: alice, amount: 9n, reference: 'tx' } as const
      const deposited = await Promise.all(hosts.map(({ ledger }) => apply(ledger, [deposit])))
      expect(count(deposited.flat(), 'deposited')).toBe(1)
      expect(count(deposited.flat(), 'exists')).toBe(2)
      expect((await hosts[1].ledger.account(alice))?.posted).toBe(9n)
    }))

  it('give a stranger one account; who was told another id is told that it is none', () =>
    withHosts(['a', 'b'], { limits: { strangersCreditMax: 100n } }, async ([a, b]) => {
      const here = await open(a.ledger, 's1', 'stranger', 10n)
      const there = await open(b.ledger, 's1', 'stranger', 10n)
      expect(here).not.toBe(there)
      expect(await apply(a.ledger, [prepareOf('t1', here, 1n)])).toEqual(['prepared'])
      expect(await apply(b.ledger, [prepareOf('t2', there, 1n)])).toEqual(['account_not_found'])
      expect(await open(b.ledger, 's1', 'stranger', 10n)).toBe(here)
      expect(await apply(b.ledger, [prepareOf('t2', here, 1n)])).toEqual(['prepared'])
    }))

  it('agree about limits, balances and merged accounts that others have changed', () =>
    withHosts(['a', 'b'], { limits: { strangersCreditMax: 100n } }, async ([a, b]) => {
      const alice = await open(a.ledger, 'alice', 'named', 10n)
      expect(await apply(b.ledger, [prepareOf('t1', alice, 11n)])).toEqual(['exceeds_balance'])
      await apply(a.ledger, [{ type: 'limit', account: alice, creditLimit: 20n }])
      expect(await apply(b.ledger, [prepareOf('t1', alice, 11n)])).toEqual(['prepared'])
      const p1 = await open(a.ledger, 'p1', 'passing', 10n)
      const all = await open(a.ledger, 'all', 'passing', 0n)
      await apply(a.ledger, [prepareOf('t2', p1, 1n)])
      await apply(b.ledger, [fulfillOf('t2', p1)])
      expect(await apply(a.ledger, [{ type: 'merge', from: p1, into: all }])).toEqual(['merged'])
      expect(await apply(b.ledger, [prepareOf('t3', p1, 1n)])).toEqual(['account_not_found'])
      expect(await b.ledger.find('p1')).toBeUndefined()
    }))

  it('leave overdue holds to their host for a while, and end them when it does not', async () => {
    let now = epoch as number
    const settings = { overdueGraceMs: 3_000 }
    await withHosts(['a', 'b'], { ledgerClock: () => now as Instant.Instant, settings }, async ([a, b]) => {
      const alice = await open(a.ledger, 'alice', 'named', 10n)
      await apply(a.ledger, [prepareOf('t1', alice, 1n), prepareOf('t2', alice, 1n)])
      expect(await apply(b.ledger, [prepareOf('t1', alice, 1n)])).toEqual(['exists'])
      now += 30_000
      expect(await b.ledger.apply([]).expired).toEqual([])
      // What is asked about is judged at once.
      expect(await apply(b.ledger, [fulfillOf('t1', alice)])).toEqual(['exists_expired'])
      now += 3_000
      expect(await b.ledger.apply([]).expired).toHaveLength(1)
      expect((await b.ledger.account(alice))?.heldOut).toBe(0n)
      // Their own host, which was slow, learns of both.
      const late = a.ledger.apply([fulfillOf('t1', alice)])
      expect((await late.outcomes)[0].status).toBe('exists_expired')
      expect(await late.expired).toHaveLength(2)
    })
  })

  it('take over the holds of a host that has died, once, and tell them', () =>
    withHosts(['a'], {}, async ([a], url) => {
      const settings = { heartbeatMs: 50, silentMsMax: 300 }
      const dying = await openPostgres({ url, host: 'dying', hashes, ledgerClock: () => epoch, settings })
      const alice = await open(dying.ledger, 'alice', 'named', 10n)
      await apply(dying.ledger, [prepareOf('t1', alice, 1n), prepareOf('t2', alice, 2n)])
      const b = await openPostgres({ url, host: 'b', hashes, ledgerClock: () => epoch, settings })
      const told: Hold[] = []
      const isTold = new Promise<void>((resolve) => {
        b.ledger.onAdopted!((holds) => {
          told.push(...holds)
          resolve()
        })
      })
      expect(await apply(b.ledger, [prepareOf('t1', alice, 1n)])).toEqual(['exists'])
      expect(told).toEqual([])
      await dying.close()
      await isTold
      expect(told.map(({ amount }) => amount)).toEqual([1n, 2n])
      expect(await apply(b.ledger, [fulfillOf('t1', alice), fulfillOf('t2', alice)])).toEqual([
        'fulfilled',
        'fulfilled',
      ])
      await apply(b.ledger, [prepareOf('t3', alice, 1n)])
      expect(told).toHaveLength(2)
      // A host that comes back under the name of one that has ended gets what is still open.
      await b.close()
      const again = await openPostgres({ url, host: 'b', hashes, ledgerClock: () => epoch, settings })
      expect((await again.ledger.holds()).map(({ amount }) => amount)).toEqual([1n])
      await again.close()
      expect((await a.ledger.account(alice))?.heldOut).toBe(1n)
    }))

  it('put a host out of work when another takes its name', () =>
    withHosts(['a'], {}, async ([a], url) => {
      const first = await openPostgres({ url, host: 'twin', hashes, ledgerClock: () => epoch })
      const alice = await open(first.ledger, 'alice', 'named', 10n)
      const second = await openPostgres({ url, host: 'twin', hashes, ledgerClock: () => epoch })
      await expect(apply(first.ledger, [prepareOf('t1', alice, 1n)])).rejects.toThrow(/under the name of this host/)
      expect(() => first.ledger.apply([])).toThrow(/Give every host a name of its own/)
      expect(await apply(second.ledger, [prepareOf('t1', alice, 1n)])).toEqual(['prepared'])
      await first.close()
      await second.close()
      expect((await a.ledger.account(alice))?.heldOut).toBe(1n)
    }))

  it('has a feed without gaps in which each host sees what the others posted', () =>
    withHosts(['a', 'b'], {}, async (hosts) => {
      const seen: number[] = []
      let isDone = false
      const reading = (async () => {
        let cursor = 0 as Cursor
        for (;;) {
          const wasDone = isDone
          const entries = await hosts[0].ledger.posted(cursor, 50)
          for (const entry of entries) {
            seen.push(entry.cursor)
            cursor = entry.cursor
          }
          if (wasDone && entries.length === 0) return
        }
      })()
      await Promise.all(
        hosts.map(async ({ ledger }, host) => {
          const account = await open(ledger, `account-${host}`, 'named', 10_000n)
          for (let i = 0; i < 20; i++) {
            const names = Array.from({ length: 10 }, (_, j) => `${host} ${i} ${j}`)
            await apply(
              ledger,
              names.map((name) => prepareOf(name, account, 1n)),
            )
            await apply(
              ledger,
              names.map((name) => fulfillOf(name, account)),
            )
          }
        }),
      )
      isDone = true
      await reading
      expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
    }))
})
