/** The first minutes of somebody who has just built it: a shop, a payer, the operator's tools, the demonstration. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Millstream from '../processes/millstream.js'

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

describe('a newcomer', () => {
  it('sells letters to somebody, sees it in the books, and ends the shop', async () => {
    const folder = await Millstream.temporaryFolder()
    const { child, ready } = await Millstream.shop(join(folder, 'shop'), ['--strangers', 'credit:1000000'])

    const paid = await Millstream.run(['pay', ready.http, '--pieces', '100', '--json', '--home', join(folder, 'me')])
    expect(paid.code).toBe(0)
    expect(paid.stdout).toMatch(/^[A-Z]{100}$/)
    const summary = Millstream.summary(paid)
    expect(summary).toMatchObject({ stopped: 'pieces', pieces: 100, paid: '100', unknown: '0', held: '0', lost: '0' })

    const data = ['--data', join(folder, 'shop')]
    const accounts = await Millstream.run(['ledger', 'accounts', ...data])
    expect(accounts.stdout).toMatch(/^id +kind +balance +held +incoming +limit\n/)
    expect(accounts.stdout).toMatch(/^server +system +100 +0 +0 +0$/m)
    expect(accounts.stdout).toMatch(new RegExp(`^${summary.account} +stranger +-100 +0 +0 +1000000$`, 'm'))

    const transfers = await Millstream.run(['ledger', 'transfers', '--limit', '3', '--json', ...data])
    const rows = transfers.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const numbers = rows.map((row) => /\.(\d+)$/.exec(row.destination)?.[1])
    expect(numbers).toEqual(['100', '99', '98'])

    const check = await Millstream.run(['ledger', 'check', ...data])
    expect(check).toMatchObject({ code: 0, stderr: '' })
    expect(check.stdout).toMatch(/^ok: every sum holds\n/)

    child.kill('SIGTERM')
    expect((await child.ended).code).toBe(0)
    const after = await Millstream.run(['ledger', 'check', '--json', ...data])
    expect(after.code).toBe(0)
    expect(JSON.parse(after.stdout)).toMatchObject({ ok: true, entries: 100, posted: '100', total: '0' })
    expect((await readdir(join(folder, 'shop'))).toSorted()).toEqual(['ledger.sqlite', 'shop-key', 'shop.json'])
  })

  it('reads what the shop prints without --json too', async () => {
    const folder = await Millstream.temporaryFolder()
    const child = Millstream.start(['shop', '--port', '0', '--btp-port', '0', '--data', folder])
    await child.until(({ stdout }) => stdout.includes('\n'))
    expect(child.stdout).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/ btp\+ws:\/\/127\.0\.0\.1:\d+\/\n$/)
    child.kill('SIGINT')
    expect((await child.ended).code).toBe(0)
  })

  it('watches the demonstration, which cleans up after itself', async () => {
    const temporary = await Millstream.temporaryFolder()
    const demo = await Millstream.run(['demo', '--letters', '2000'], { env: { TMPDIR: temporary } })
    expect(demo.stderr).toBe('')
    expect(demo.code).toBe(0)
    expect(demo.stdout).toMatch(/letters +2060\n/)
    expect(demo.stdout).toMatch(/ledger check +ok: every sum holds\n/)
    expect(demo.stdout).toMatch(/both books +agree\n$/)
    expect(await readdir(temporary)).toEqual([])
  })

  it('may end the demonstration at any time', async () => {
    const temporary = await Millstream.temporaryFolder()
    const demo = Millstream.start(['demo'], { env: { TMPDIR: temporary } })
    await demo.until(({ stdout }) => /\n {2}[A-Z]{5}/.test(stdout))
    const ports = Array.from(demo.stdout.matchAll(/127\.0\.0\.1:(\d+)/g), (match) => match[1]!)
    expect(ports).toHaveLength(2)
    demo.kill('SIGINT')
    expect((await demo.ended).code).toBe(130)
    expect(await readdir(temporary)).toEqual([])
    for (const port of ports) await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })
})
