/** The way to the database breaks, or the database does: nothing happens twice, nothing is lost. */
import { hashes } from '@millstream/hashes'
import { type AccountId, type Command, type Prepare, type Store, serverAccount } from '@millstream/ledger'
import { testTransfer } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { type OpenedPostgres, openPostgres, type PostgresEvent, type PostgresOptions } from './index.js'
import { type Cut, openCuttingProxy } from './testing/cutting-proxy.js'
import { startPostgres, usePostgres } from './testing/index.js'

const postgres = await usePostgres()

async function openAt(url: string, options: Partial<PostgresOptions> = {}): Promise<OpenedPostgres> {
  const opened = await openPostgres({ url, host: 'one', hashes, ...options })
  onTestFinished(() => opened.close())
  return opened
}

async function throughProxy(options: Partial<PostgresOptions> = {}) {
  const url = await postgres.server.createDatabase()
  const proxy = await openCuttingProxy(url)
  onTestFinished(() => proxy.close())
  const opened = await openAt(proxy.url, options)
  const alice = await open(opened.ledger, 'alice', 1_000_000n)
  return { url, proxy, ...opened, alice }
}

async function open(store: Store, name: string, creditLimit: bigint): Promise<AccountId> {
  const [{ account }] = await store.apply([{ type: 'open', name, kind: 'named', creditLimit }]).outcomes
  return account.id
}

async function apply(store: Store, commands: readonly Command[]): Promise<readonly string[]> {
  return (await store.apply(commands).outcomes).map(({ status }) => status)
}

function prepareOf(name: string, source: AccountId, now: Instant.Instant): Prepare {
  const { id, condition } = testTransfer(name)
  const expiresAt = Instant.after(now, 60_000)
  const destination = `test.server.${name}`
  return {
    type: 'prepare',
    id,
    source,
    target: serverAccount,
    amount: 1n,
    condition,
    expiresAt,
    destination,
    contentHash: 7,
  }
}

function fulfillOf(name: string, source: AccountId) {
  const { id, fulfillment } = testTransfer(name)
  return { type: 'fulfill', source, id, fulfillment } as const
}

const names = (prefix: string, count = 10) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

/** Pays so many rounds; every answer must be the one of a world without faults. */
async function payRounds({ ledger, clock }: OpenedPostgres, source: AccountId, prefix: string, rounds: number) {
  for (let round = 0; round < rounds; round++) {
    const these = names(`${prefix}-${round}`)
    const held = await apply(
      ledger,
      these.map((name) => prepareOf(name, source, clock())),
    )
    expect(new Set(held)).toEqual(new Set(['prepared']))
    const paid = await apply(
      ledger,
      these.map((name) => fulfillOf(name, source)),
    )
    expect(new Set(paid)).toEqual(new Set(['fulfilled']))
  }
}

async function assertPaid(store: Store, source: AccountId, amount: bigint): Promise<void> {
  expect(await store.account(source)).toMatchObject({ posted: -amount, heldOut: 0n })
  expect(await store.check()).toMatchObject({ ok: true, faults: [], posted: amount, entries: Number(amount), holds: 0 })
}

postgres.describe('a broken way to the database', () => {
  const cuts: readonly (readonly [string, Cut])[] = [
    ['a group is lost on its way', 'before'],
    ['the answer to a group is lost', 'answer'],
    ['a group arrives when it has been given up', 'late'],
  ]
  for (const [what, how] of cuts) {
    it(`answers as if nothing had happened when ${what}`, async () => {
      const { proxy, ledger, streams, clock, close, facts, alice } = await throughProxy()
      const opened = { ledger, streams, clock, close, facts }
      for (let i = 0; i < 6; i++) {
        const cut = proxy.cutNext(how, 'commit')
        await payRounds(opened, alice, `${how} ${i}`, 2)
        await cut
      }
      await payRounds(opened, alice, 'after', 1)
      expect(proxy.arrivedLate).toBe(how === 'late' ? 6 : 0)
      await assertPaid(ledger, alice, 130n)
    })
  }

  for (const how of ['before', 'answer'] as const) {
    it(`knows what became of a transaction when its COMMIT is lost, ${how === 'before' ? 'on its way' : 'or the answer to it'}`, async () => {
      const { proxy, ledger } = await throughProxy()
      for (let i = 0; i < 4; i++) {
        const cut = proxy.cutNext(how, 'COMMIT')
        // The balance of the server has no version: what depends on it takes locks first.
        const deposit = { type: 'deposit', account: serverAccount, amount: 5n, reference: String(i) } as const
        expect(await apply(ledger, [deposit])).toEqual(['deposited'])
        await cut
      }
      expect(await ledger.account(serverAccount)).toMatchObject({ posted: 20n })
      expect((await ledger.check()).faults).toEqual([])
    })
  }

  it('waits for a way that is blocked, and decides at the time that it is then', async () => {
    let skipMs = 0
    const events: PostgresEvent[] = []
    const observer = (event: PostgresEvent) => void events.push(event)
    const start = Date.now()
    const ledgerClock = () => Instant.from(start + skipMs)
    const { proxy, ledger, alice } = await throughProxy({ ledgerClock, observer })
    await apply(ledger, [prepareOf('t1', alice, ledgerClock()), prepareOf('t2', alice, ledgerClock())])
    proxy.block()
    const asked = ledger.apply([fulfillOf('t1', alice)])
    while (!events.some(({ name }) => name === 'ledger_postgres.waiting')) await new Promise((r) => setImmediate(r))
    skipMs = 60_000
    proxy.unblock()
    expect(await asked.outcomes).toEqual([{ status: 'exists_expired' }])
    expect(await asked.expired).toHaveLength(2)
    expect(events.map(({ name }) => name)).toContain('ledger_postgres.reached_again')
    await assertPaid(ledger, alice, 0n)
  })

  it('fails when the database stays away, says so without a secret, and has lost nothing', async () => {
    const settings = { unreachableMsMax: 300 }
    const events: PostgresEvent[] = []
    const { proxy, url, ledger, clock, alice } = await throughProxy({
      settings,
      observer: (event) => void events.push(event),
    })
    await apply(ledger, [prepareOf('t1', alice, clock())])
    proxy.block()
    const asked = ledger.apply([fulfillOf('t1', alice)])
    const error = await Promise.resolve(asked.outcomes).then(
      () => undefined,
      (error) => error,
    )
    expect(error.message).toMatch(/could not be used for too long .* See to the database and the way to it/s)
    await expect(asked.durable).rejects.toBe(error)
    await expect(asked.expired).rejects.toBe(error)
    expect(() => ledger.apply([])).toThrow(error)
    const { password } = new URL(url)
    expect(password.length).toBeGreaterThan(10)
    expect(`${error.stack} ${JSON.stringify(error)} ${JSON.stringify(events)}`).not.toContain(password)
    const again = await openAt(url)
    expect(await again.ledger.holds()).toHaveLength(1)
    expect(await apply(again.ledger, [fulfillOf('t1', alice)])).toEqual(['fulfilled'])
    await assertPaid(again.ledger, alice, 1n)
  })
})

postgres.describe('a database in trouble', () => {
  it('whose connections are cut again and again loses no group and applies none twice', async () => {
    const url = await postgres.server.createDatabase()
    const hosts = [await openAt(url), await openAt(url, { host: 'two' })]
    const alice = await open(hosts[0]!.ledger, 'alice', 1_000_000n)
    let cuts = 0
    for (let round = 0; round < 20; round++) {
      const paying = hosts.map((host, i) => payRounds(host, alice, `host ${i} round ${round}`, 1))
      const rows = await postgres.server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millstream%'",
        [],
        url,
      )
      cuts += rows.length
      await Promise.all(paying)
    }
    expect(cuts).toBeGreaterThan(5)
    await assertPaid(hosts[0]!.ledger, alice, 400n)
  })

  it('whose rules for transactions are others than ours, and whose commits are lazy, changes nothing', async () => {
    const url = await postgres.server.createDatabase({
      default_transaction_isolation: 'serializable',
      synchronous_commit: 'off',
      default_transaction_read_only: 'on',
    })
    const hosts = [await openAt(url), await openAt(url, { host: 'two' })]
    const alice = await open(hosts[0]!.ledger, 'alice', 1_000_000n)
    await Promise.all(hosts.map((host, i) => payRounds(host, alice, `host ${i}`, 10)))
    await assertPaid(hosts[0]!.ledger, alice, 200n)
  })

  it('in which somebody else locks in another order ends one of them, and we try again', async () => {
    const url = await postgres.server.createDatabase({ deadlock_timeout: '50ms' })
    const opened = await openAt(url)
    const alice = await open(opened.ledger, 'alice', 1_000_000n)
    const other = new pg.Client({ connectionString: url })
    other.on('error', () => {})
    await other.connect()
    for (let i = 0; i < 3; i++) {
      await other.query('BEGIN')
      await other.query('SELECT * FROM millstream.feed FOR UPDATE')
      const paying = payRounds(opened, alice, `round ${i}`, 1)
      const waiting = async () =>
        (await postgres.server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'", [], url)).length
      while ((await waiting()) === 0);
      await other
        .query('SELECT * FROM millstream.accounts FOR UPDATE')
        .catch((error) => expect(error.code).toBe('40P01'))
      await other.query('ROLLBACK')
      await paying
    }
    await other.end()
    await assertPaid(opened.ledger, alice, 30n)
  })
})

postgres.describe('a server of its own', () => {
  it('that is restarted under load goes on where it was', async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    if (server.restart === undefined) return expect(process.env.MILLSTREAM_TEST_POSTGRES).toBeDefined()
    const url = await server.createDatabase()
    const hosts = [await openAt(url), await openAt(url, { host: 'two' })]
    const alice = await open(hosts[0]!.ledger, 'alice', 1_000_000n)
    const paid: number[] = []
    let isOver = false
    const paying = Promise.all(
      hosts.map(async (host, i) => {
        for (let round = 0; !isOver; round++) {
          await payRounds(host, alice, `host ${i} round ${round}`, 1)
          paid[i] = round + 1
        }
      }),
    )
    for (let i = 0; i < 3; i++) {
      const before = paid.reduce((sum, rounds) => sum + rounds, 0)
      while (paid.reduce((sum, rounds) => sum + rounds, 0) < before + 6) await new Promise((r) => setTimeout(r, 5))
      await server.restart()
    }
    isOver = true
    await paying
    await assertPaid(hosts[0]!.ledger, alice, BigInt(10 * paid.reduce((sum, rounds) => sum + rounds, 0)))
  })

  it('that has no connection left makes a host wait for one', async () => {
    const maxConnections = 14
    const server = await startPostgres({ maxConnections })
    onTestFinished(() => server.stop())
    if (server.restart === undefined) return expect(process.env.MILLSTREAM_TEST_POSTGRES).toBeDefined()
    const url = await server.createDatabase()
    const events: PostgresEvent[] = []
    const opened = await openAt(url, { poolMax: 2, observer: (event) => void events.push(event) })
    const alice = await open(opened.ledger, 'alice', 1_000_000n)
    const killer = new pg.Client({ connectionString: url })
    killer.on('error', () => {})
    await killer.connect()
    const others: pg.Client[] = []
    const fill = async () => {
      for (;;) {
        const client = new pg.Client({ connectionString: url })
        client.on('error', () => {})
        try {
          await client.connect()
        } catch (error) {
          return expect((error as { code: string }).code).toBe('53300')
        }
        others.push(client)
      }
    }
    const ours = "FROM pg_stat_activity WHERE application_name LIKE 'millstream%'"
    await killer.query(`SELECT pg_terminate_backend(pid, 10000) ${ours}`)
    // The place of a process becomes free some time after it was ended.
    const taken = async () =>
      (await killer.query("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")).rows.length
    while ((await taken()) < maxConnections) await fill()
    await expect(openPostgres({ url, hashes, host: 'two' })).rejects.toThrow(/cannot be used: .*(53300)/)
    const paying = payRounds(opened, alice, 'waiting', 2)
    while (!events.some((event) => event.name === 'ledger_postgres.waiting')) await new Promise((r) => setImmediate(r))
    await Promise.all(others.map((client) => client.end()))
    await paying
    await killer.end()
    await assertPaid(opened.ledger, alice, 20n)
  })
})
