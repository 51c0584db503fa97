/** `millstream deposit`, `settle` and `withdraw` as processes, against a shop and an XRP Ledger on this machine. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Millstream from '../processes/millstream.js'

/** As the tutorial has printed them. */
const seeds = { shop: 'ssGjGT4sz4rp2xahcDj87P71rTYXo', tool: 'sndb5JDdyWiHZia9zv44zSr2itRy1' } as const
const [shopAddress, toolAddress] = ['rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj']

let folder: string
let ledger: string

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
  for (const [name, seed] of Object.entries(seeds)) await writeFile(join(folder, name), `${seed}\n`, { mode: 0o600 })
  const child = Millstream.start(['sandbox', '--json', '--port', '0', '--close-every', '50'])
  await child.until(({ stdout }) => stdout.includes('\n'))
  ledger = (JSON.parse(child.stdout.split('\n')[0]!) as { url: string }).url
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

const data = () => join(folder, 'data')
const xrp = (who: keyof typeof seeds) => ['--xrp', ledger, '--seed-file', join(folder, who)]

async function openShop(...options: string[]): Promise<{ readonly http: string; stop(): Promise<string> }> {
  const { child, ready } = await Millstream.shop(data(), [...xrp('shop'), ...options])
  return {
    http: ready.http,
    async stop() {
      process.kill(ready.pid, 'SIGTERM')
      const { code, stderr } = await child.ended
      expect(code, stderr).toBe(0)
      return stderr
    },
  }
}

async function run(command: string, ...args: string[]) {
  const ended = await Millstream.run([command, ...args, '--home', join(folder, 'home'), '--json'])
  expect(ended.code, ended.stderr).toBe(0)
  return JSON.parse(ended.stdout || ended.stderr.trimEnd().split('\n').at(-1)!) as Record<string, string>
}

async function check(): Promise<Record<string, unknown>> {
  const { code, stdout } = await Millstream.run(['ledger', 'check', '--json', '--data', data()])
  expect(code, stdout).toBe(0)
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('the tutorial, with its money', () => {
  it('deposits 1000 XRP, buys 1000 letters and gets the rest back', async () => {
    const shop = await openShop('--letters', '5000')
    const deposited = await run('deposit', '1000', '--to', shop.http, ...xrp('tool'))
    expect(deposited).toMatchObject({ address: shopAddress, source: toolAddress, balance: '1000000000000' })
    expect(deposited.xrp).toBe('8999999990')
    const bought = await Millstream.run([
      ...['pay', shop.http, '--pieces', '1000', '--json', '--home', join(folder, 'home')],
    ])
    expect(bought.stdout).toHaveLength(1000)
    const withdrawn = await run('withdraw', '--from', shop.http)
    expect(withdrawn).toMatchObject({ address: toolAddress, drops: '999999999', balance: '0' })
    const held = { deposited: '1000000000', withdrawn: '999999999', claimed: '0', unknown: 0, underWay: 0 }
    expect(await check()).toMatchObject({ ok: true, xrp: held })
    const logs = await shop.stop()
    expect(await check()).toMatchObject({ ok: true, xrp: held })
    const home = await readFile(join(folder, 'home', 'xrp', toolAddress, 'journal.jsonl'), 'utf8')
    for (const seed of Object.values(seeds)) expect(logs + home).not.toContain(seed)
  })

  it('pays beyond its credit while it signs claims, and closes its channel', async () => {
    const shop = await openShop('--price', '1000', '--strangers', 'credit:600000')
    const limits = ['--budget', '100000000', '--max-price', '1000', '--quiet', '--json', '--home', join(folder, 'home')]
    const seed = ['--seed-file', join(folder, 'tool')]
    const before = await Millstream.run(['pay', shop.http, '--pieces', '1', ...limits, ...seed])
    expect(before.stderr).toContain('settle --to')
    await run('settle', '--to', shop.http, '--channel', '20', ...xrp('tool'))
    // The limit is worth more than a second of it.
    const pace = ['--rate', '500', '--window', '50']
    const bought = await Millstream.run(['pay', shop.http, '--pieces', '1500', ...limits, ...seed, ...pace])
    expect({ code: bought.code, letters: bought.stdout.length }, bought.stderr).toEqual({ code: 0, letters: 1500 })
    const settled = await run('settle', '--to', shop.http, ...seed)
    expect(settled.balance).toBe('0')
    const withdrawn = await run('withdraw', '--from', shop.http)
    expect(withdrawn.channels).toHaveLength(1)
    const { claimed, unredeemed } = (await check()).xrp as Record<string, string>
    expect({ claimed, unredeemed }).toEqual({ claimed: '1500', unredeemed: '0' })
    await shop.stop()
  })

  it('says what is wrong with a seed, and shows none of it', async () => {
    const file = join(folder, 'wrong')
    await writeFile(file, 'snotaseed12345\n')
    const shop = await openShop()
    const to = ['--to', shop.http, '--home', join(folder, 'home')]
    const wrong = await Millstream.run(['deposit', '1', ...to, '--xrp', ledger, '--seed-file', file])
    expect(wrong.code).toBe(2)
    expect(wrong.stdout + wrong.stderr).not.toContain('snotaseed')
    const none = await Millstream.run(['deposit', '1', ...to, '--xrp', ledger])
    expect({ code: none.code, says: none.stderr.includes('MILLSTREAM_XRP_SEED') }).toEqual({ code: 2, says: true })
    await shop.stop()
  })

  it('says that a shop takes no XRP', async () => {
    const { ready } = await Millstream.shop(data(), [])
    const ended = await Millstream.run([
      ...['deposit', '1', '--to', ready.http, '--home', join(folder, 'home'), ...xrp('tool')],
    ])
    expect(ended.code).toBe(6)
    expect(ended.stderr).toContain('unsupported sub-protocol')
  })
})
