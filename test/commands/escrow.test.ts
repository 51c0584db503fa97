/** `millstream shop --escrow` and `millstream pay --xrp` as processes, on an XRP Ledger of this machine. */
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Child } from '../processes/child.js'
import * as Millstream from '../processes/millstream.js'

/** As the tutorial has printed them. */
const seeds = { shop: 'ssGjGT4sz4rp2xahcDj87P71rTYXo', tool: 'sndb5JDdyWiHZia9zv44zSr2itRy1' } as const
const addresses = { shop: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', tool: 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj' } as const

/** Two smallest payments but one piece, at this price. */
const riskDefault = 7_000

let folder: string
let ledger: string
let http: string

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
  for (const [name, seed] of Object.entries(seeds)) await writeFile(join(folder, name), `${seed}\n`, { mode: 0o600 })
  const child = Millstream.start(['sandbox', '--json', '--port', '0', '--close-every', '300'])
  await child.until(({ stdout }) => stdout.includes('\n'))
  const ready = JSON.parse(child.stdout.split('\n')[0]!) as { url: string; http: string }
  ledger = ready.url
  http = ready.http
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

const xrp = (who: keyof typeof seeds) => ['--xrp', ledger, '--seed-file', join(folder, who)]
const shopWords = (...args: string[]) => ['--escrow', '--price', '1000', ...xrp('shop'), ...args]
const payWords = (url: string, ...args: string[]) => [
  ...['pay', url, '--json', '--budget', '20000', '--max-price', '1000', '--home', join(folder, 'home')],
  ...xrp('tool'),
  ...args,
]

async function ask(method: string, params: object): Promise<Record<string, unknown>> {
  const response = await fetch(http, { method: 'POST', body: JSON.stringify({ method, params: [params] }) })
  return ((await response.json()) as { result: Record<string, unknown> }).result
}

async function balance(who: keyof typeof seeds): Promise<number> {
  const { account_data } = await ask('account_info', { account: addresses[who], ledger_index: 'validated' })
  return Number((account_data as { Balance: string }).Balance)
}

async function escrows(): Promise<unknown[]> {
  const found = await ask('account_objects', { account: addresses.tool, type: 'escrow', ledger_index: 'validated' })
  return found.account_objects as unknown[]
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

async function killed(child: Child): Promise<void> {
  process.kill(child.pid, 'SIGKILL')
  await child.ended
}

describe('a price paid by escrows', () => {
  it('buys ten letters, the last of which are too few for a payment of their own', async () => {
    const shop = await Millstream.shop(join(folder, 'data'), shopWords('--letters', '10'))
    const [shopBefore, toolBefore] = [await balance('shop'), await balance('tool')]
    const ended = await Millstream.run(payWords(shop.ready.http))
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).toMatch(/^[A-Z]{10}$/)
    const summary = Millstream.summary(ended)
    expect(summary).toMatchObject({ stopped: 'content_ended', paid: '10000', asset: { code: 'XRP', scale: 6 } })
    expect(summary.account).toBe(addresses.tool)
    // Two payments: a fee of 10 drops each for the payer, of 350 for the shop.
    expect((await balance('tool')) - toolBefore).toBe(-10_020)
    expect((await balance('shop')) - shopBefore).toBe(10_000 - 700)
    process.kill(shop.ready.pid, 'SIGTERM')
    const { stderr } = await shop.child.ended
    const kept = await keptIn(folder)
    for (const seed of Object.values(seeds)) expect(stderr + ended.stderr + kept).not.toContain(seed)
  })

  it('is shown in a dry run, with what the ledger keeps back', async () => {
    const { ready } = await Millstream.shop(join(folder, 'data'), shopWords())
    const before = await balance('tool')
    const ended = await Millstream.run(payWords(ready.http, '--dry-run'))
    expect(ended.code, ended.stderr).toBe(0)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      price: '1000',
      paymentMin: '3500',
      balance: '10000000000',
      xrp: { reserve: '1000000', held: '0', spendable: '9998799990', fee: '10' },
      allowed: true,
    })
    const poor = await Millstream.run(payWords(ready.http, '--dry-run', '--risk', '3000'))
    expect([poor.code, JSON.parse(poor.stdout).error]).toEqual([3, 'PAY_RISK_BELOW_PRICE'])
    expect(await balance('tool')).toBe(before)
  })

  it('needs limits that are meant for drops', async () => {
    const ended = await Millstream.run(['pay', 'http://127.0.0.1:1/', ...xrp('tool'), '--home', join(folder, 'home')])
    expect([ended.code, ended.stderr]).toEqual([3, expect.stringContaining('PAY_LIMITS_INCOMPLETE')])
  })

  it('is not paid by an account that is not funded, nor over a server that is not there', async () => {
    const { ready } = await Millstream.shop(join(folder, 'data'), shopWords())
    const file = join(folder, 'nobody')
    await writeFile(file, 'sEdTM1uX8pu2do5XvTnutH6HsouMaM2\n', { mode: 0o600 })
    const unfunded = await Millstream.run(payWords(ready.http, '--seed-file', file))
    expect(unfunded.code, unfunded.stderr).toBe(4)
    expect(Millstream.summary(unfunded)).toMatchObject({ error: 'XRP_ACCOUNT_NOT_FUNDED', paid: '0' })
    const away = await Millstream.run(payWords(ready.http, '--xrp', 'ws://127.0.0.1:1'))
    expect(away.code, away.stderr).toBe(6)
    expect(Millstream.summary(away)).toMatchObject({ error: 'XRP_UNREACHABLE', paid: '0' })
  })

  it('is not paid with a seed that others may read, and no word of it is shown', async () => {
    const { ready } = await Millstream.shop(join(folder, 'data'), shopWords())
    await chmod(join(folder, 'tool'), 0o644)
    const ended = await Millstream.run(payWords(ready.http))
    expect(ended.code).toBe(2)
    expect(Millstream.summary(ended)).toMatchObject({ error: 'XRP_SEED_EXPOSED', paid: '0' })
    expect(ended.stderr).not.toContain(seeds.tool)
  })

  it.each([
    ['with its first escrow open', async () => (await escrows()).length > 0],
    ['with letters in its hands', async (payer: Child) => payer.stdout.length > 0],
  ] as const)(
    'survives a payer and a shop that are killed %s: nothing is paid twice, all comes back',
    async (_, isTime) => {
      const shop = await Millstream.shop(join(folder, 'data'), shopWords())
      const before = await balance('tool')
      const payer = Millstream.start(payWords(shop.ready.http))
      await until(() => isTime(payer))
      await killed(payer)
      await killed(shop.child)
      const again = await Millstream.shop(join(folder, 'data'), shopWords('--letters', '4'))
      const letters = payer.stdout.length
      const held = (await escrows()).reduce((sum: number, one) => sum + Number((one as { Amount: string }).Amount), 0)
      const ended = await Millstream.run(payWords(again.ready.http))
      expect(ended.code, ended.stderr).toBe(0)
      expect(ended.stdout).toMatch(/^[A-Z]{4}$/)
      // What the first run held comes back once it has expired, with the next run that looks: time is driven there.
      await ask('sandbox_advance', { seconds: 200 })
      const last = await Millstream.run(payWords(again.ready.http, '--dry-run'))
      expect(last.code, last.stderr).toBe(0)
      expect(await escrows()).toEqual([])
      const firstRun = before - (await balance('tool')) - Number(Millstream.summary(ended).paid)
      // What arrived was paid. Beyond it what the killed shop was owed, at most; and fees.
      expect(firstRun).toBeGreaterThanOrEqual(letters * 1_000)
      expect(firstRun).toBeLessThanOrEqual(letters * 1_000 + riskDefault + 200)
      expect(held).toBeLessThanOrEqual(riskDefault)
    },
  )
})

describe('the demonstration on the XRP Ledger', () => {
  it('shows both books and both balances, and that they agree', async () => {
    const demo = await Millstream.run(['demo', '--xrp'])
    expect(demo.code, demo.stderr).toBe(0)
    expect(demo.stdout).toMatch(/letters +1000, paid 1 XRP\n/)
    expect(demo.stdout).toMatch(/ledger check +ok: every sum holds, on the trustline and on XRP\n/)
    expect(demo.stdout).toMatch(/both books +agree\n/)
    expect(demo.stdout).toMatch(/letters +10 in [0-9.]+ s: [A-Z]{10}\n/)
    expect(demo.stdout).toMatch(/XRP Ledger +agrees\n$/)
  })
})

/** All that shop and payer have written down, but for the seeds' own files. */
async function keptIn(place: string): Promise<string> {
  const names = await readdir(place, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile() && entry.parentPath !== place)
  return (await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))).join('')
}
