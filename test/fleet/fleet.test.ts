/** Three shops behind one name and one PostgreSQL: one of them is killed under load, then the database. */
import { accountName } from '@millstream/btp'
import { hashes } from '@millstream/hashes'
import { afterAll, afterEach, expect, it, vi } from 'vitest'
import { usePostgres } from '../../packages/ledger-postgres/src/testing/index.js'
import * as Audit from '../faults/audit.js'
import * as Millstream from '../processes/millstream.js'
import { Fleet } from './fleet.js'

vi.setConfig({ testTimeout: Millstream.timeoutMs, hookTimeout: Millstream.timeoutMs })
const postgres = await usePostgres()
afterEach(Millstream.cleanUp)
afterAll(Millstream.cleanUp)

const homes = ['anna', 'bert', 'carl', 'dora'] as const
const nodes = ['node-1', 'node-2', 'node-3'] as const
const sharedToken = 'a token of sixteen bytes and more'
const sharedLimit = 3_000n
/** What is told to have expired was forgotten. */
const longerThanTheTest = 600_000

postgres.describe('a fleet', () => {
  it('loses a shop under load, and its customers go on at the others', async () => {
    const fleet = await Fleet.start(await postgres.server.createDatabase(), ...nodes)
    const victim = 'node-1'

    // One customer at two shops at once, beyond what it may owe.
    const shared = accountName(hashes, '', sharedToken)
    expect((await fleet.ledger('limit', shared, String(sharedLimit))).code).toBe(0)
    const pair = await Promise.all(['node-2', 'node-3'].map((node) => fleet.openStream(node, sharedToken)))
    // What it pays at the shop that will die, used numbers among it, and what waits there because nobody reads.
    const own = 'another token of sixteen bytes'
    const read = await fleet.openStream(victim, own)
    for (const number of [1, 2, 3, 7]) expect(await read.pay(number)).toMatchObject({ status: 'fulfilled' })
    const unread = await fleet.openStream(victim, own, false)
    const waiting = Array.from({ length: 2_000 }, (_, i) => unread.pay(i + 1, 16_384, longerThanTheTest))
    expect(await waiting[0]).toMatchObject({ status: 'fulfilled' })

    const payers = homes.map((home) => fleet.startPayer(home, '--budget', '1000000000', '--risk', '256'))
    await Promise.all(payers.map((payer) => payer.until(({ stdoutBytes }) => stdoutBytes >= 500)))
    const burst = pair.flatMap((stream) => Array.from({ length: 2_500 }, (_, i) => stream.pay(i + 1)))
    await fleet.kill(victim)

    // Everybody is told what became of everything, long before it expires.
    const outcomes = await Promise.all(waiting)
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']))
    for (const number of [1, 2, 3, 7]) {
      expect(await read.pay(number)).toMatchObject({ status: 'rejected', message: 'number was used' })
    }
    expect(await read.pay(4)).toMatchObject({ status: 'rejected', code: 'F06' })

    // Customers of the shop that died have lost their streams, the others read on; who asks again is served elsewhere.
    const sizes = payers.map(({ stdoutBytes }) => stdoutBytes)
    await Promise.all(
      payers.map((payer, i) => payer.until(({ stdoutBytes }) => stdoutBytes >= sizes[i]! + 500).catch(() => {})),
    )
    for (const payer of payers) payer.kill('SIGINT')
    const codes = new Map<string, number | null>()
    for (const [i, payer] of payers.entries()) codes.set(homes[i]!, (await payer.ended).code)
    expect([...new Set(codes.values())].toSorted()).toEqual([0, 7])
    for (const [home, code] of codes) {
      if (code === 0) continue
      const again = await fleet.startPayer(home, '--pieces', '300').ended
      expect({ code: again.code, letters: again.stdout.length }, again.stderr).toEqual({ code: 0, letters: 300 })
    }

    const paid = (await Promise.all(burst)).filter(({ status }) => status === 'fulfilled')
    expect(BigInt(paid.length)).toBe(sharedLimit)
    expect(pair.every(({ letters }) => letters > 0)).toBe(true)
    expect((await fleet.accounts()).get(shared)).toMatchObject({ balance: String(-sharedLimit), held: '0' })

    // The shop comes back, ends what it had left open, and its customers are at home again.
    await fleet.startShop(victim)
    await fleet.isBack(victim)
    expect((await (await fleet.openStream(victim, own)).pay(1)).status).toBe('fulfilled')

    const accounts = await fleet.accounts()
    for (const home of homes) {
      const { account, spent, doubt } = await fleet.payerBook(home)
      expect({ home, balance: accounts.get(account)?.balance, held: accounts.get(account)?.held, doubt }).toEqual({
        home,
        balance: String(-spent),
        held: '0',
        doubt: 0n,
      })
    }
    expect((await fleet.ledger('check')).code).toBe(0)
    await fleet.open(async ({ ledger, streams }) => {
      expect(await Audit.create().auditBooks(ledger, streams)).toEqual([])
      const record = await streams.get(read.userId)
      expect(record).toMatchObject({ pieces: 4n, floor: 3, ending: 'shop_closed' })
    })
    await Promise.all([...pair, read, unread].map(({ client }) => client.close()))
    for (const shop of fleet.shops.values()) expect(shop.stderr).not.toContain('"level":"error"')
  })

  it('waits for a database that is killed under load, and goes on', async () => {
    const { restart } = postgres.server
    if (restart === undefined) {
      console.warn('Skipped: a server of somebody else is not restarted.')
      return
    }
    const fleet = await Fleet.start(await postgres.server.createDatabase(), ...nodes)
    const payers = homes.slice(0, 3).map((home) => fleet.startPayer(home, '--budget', '1000000000', '--risk', '256'))
    await Promise.all(payers.map((payer) => payer.until(({ stdoutBytes }) => stdoutBytes >= 500)))
    await restart()
    const before = payers.map(({ stdoutBytes }) => stdoutBytes)
    await Promise.all(payers.map((payer, i) => payer.until(({ stdoutBytes }) => stdoutBytes >= before[i]! + 500)))
    for (const payer of payers) payer.kill('SIGINT')
    const accounts = new Map<string, bigint>()
    for (const [i, payer] of payers.entries()) {
      const end = await payer.ended
      expect(end.code, end.stderr).toBe(0)
      const { paid, unknown, lost } = Millstream.summary(end)
      expect({ unknown, lost }).toEqual({ unknown: '0', lost: '0' })
      accounts.set(homes[i]!, BigInt(String(paid)))
    }
    for (const [home, paid] of accounts) {
      const { account, spent } = await fleet.payerBook(home)
      expect({ home, spent }).toEqual({ home, spent: paid })
      expect((await fleet.accounts()).get(account)?.balance).toBe(String(-paid))
    }
    await fleet.open(async ({ ledger, streams }) => {
      expect(await Audit.create().auditBooks(ledger, streams)).toEqual([])
    })
    for (const shop of fleet.shops.values()) {
      shop.kill('SIGTERM')
      expect((await shop.ended).code).toBe(0)
    }
  })
})
