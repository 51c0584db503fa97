/** `millstream pay` as a process, against a shop as a process: every way to end, and what it costs. */
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openCutProxy } from '../../packages/trustline/src/testing/cut-proxy.js'
import * as Millstream from '../processes/millstream.js'

let folder: string
let home: string

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
  home = join(folder, 'me')
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

const credit = ['--strangers', 'credit:1000000']

function pay(url: string, ...args: string[]) {
  return Millstream.run(['pay', url, '--json', '--home', home, ...args])
}

/** What the shop’s ledger says was paid to it. */
async function income(data: string): Promise<number> {
  const { stdout } = await Millstream.run(['ledger', 'accounts', '--json', '--data', data])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return Number(rows.find((row) => row.id === 'server').balance)
}

describe('a payer', () => {
  it('stops at its budget, to the last base unit', async () => {
    const { ready } = await Millstream.shop(folder, [...credit, '--price', '3'])
    const ended = await pay(ready.http, '--budget', '100')
    expect(ended.code).toBe(0)
    expect(Millstream.summary(ended)).toMatchObject({ stopped: 'budget', pieces: 33, paid: '99' })
    expect(ended.stdout).toHaveLength(33)
    expect(await income(folder)).toBe(99)
  })

  it('buys a file to its end, byte for byte', async () => {
    const story = join(folder, 'story.txt')
    await writeFile(story, 'line one\nline two\nand a third without an end')
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, '--content', story, '--piece', 'line'])
    const ended = await pay(ready.http)
    expect(ended.code).toBe(0)
    expect(Millstream.summary(ended)).toMatchObject({ stopped: 'content_ended', ended: true, pieces: 3, paid: '3' })
    expect(ended.stdout).toBe(await readFile(story, 'utf8'))
  })

  it('stops at Ctrl-C, once what is in flight is settled', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    payer.kill('SIGINT')
    const ended = await payer.ended
    expect(ended.code).toBe(0)
    const summary = Millstream.summary(ended)
    expect(summary).toMatchObject({ stopped: 'stopped', unknown: '0', held: '0', lost: '0' })
    expect(ended.stdout).toHaveLength(Number(summary.pieces))
    expect(summary.paid).toBe(String(summary.pieces))
    expect(await income(folder)).toBe(summary.pieces)
  })

  it('ends at once at the second Ctrl-C, and says what is not known', async () => {
    const { child, ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--home', home, '--quiet'])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    // Nobody answers any more, so the payer waits for what is in flight.
    child.kill('SIGSTOP')
    payer.kill('SIGINT')
    const waits = payer.until(({ stderr }) => stderr.includes('in flight; press Ctrl-C again'))
    waits.then(
      () => payer.kill('SIGINT'),
      () => {},
    )
    const ended = await payer.ended
    child.kill('SIGCONT')
    expect(ended.code).toBe(8)
    expect(ended.stderr).toMatch(/ code +PAY_UNRESOLVED\n/)
    expect(ended.stderr).toMatch(/ held: you ended it at once\n$| held in .*: you ended it at once\n$/)
  })

  it('says what it waits for when the shop has died with payments in flight', async () => {
    const { child, ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--home', home, '--quiet'])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    child.kill('SIGSTOP')
    child.kill('SIGKILL')
    await payer.until(({ stderr }) => /The stream is over.* \d+ payments/.test(stderr))
    payer.kill('SIGINT')
    await payer.until(({ stderr }) => stderr.includes('press Ctrl-C again'))
    payer.kill('SIGINT')
    expect((await payer.ended).code).toBe(8)
  })

  it('stops when the reader of its stdout goes', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home], { unread: true })
    const stdout = payer.process.stdout!
    await once(stdout, 'readable')
    stdout.destroy()
    const ended = await payer.ended
    expect(ended.code).toBe(0)
    expect(Millstream.summary(ended)).toMatchObject({ stopped: 'reader_left', unknown: '0', held: '0' })
    expect(await income(folder)).toBe(Number(Millstream.summary(ended).paid))
  })

  it('says what became of the money when its folder is taken away while it pays', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    await rm(home, { recursive: true })
    const ended = await payer.ended
    expect(ended.code).toBe(9)
    const summary = Millstream.summary(ended)
    expect(summary).toMatchObject({ error: 'PAY_BOOK_FAILED', unknown: '0', held: '0', lost: '0' })
    expect(await income(folder)).toBe(Number(summary.paid))
  })

  it('pays no more than what its reader takes', async () => {
    const { ready } = await Millstream.shop(folder, ['--strangers', 'credit:100000000'])
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home, '--budget', '50000000'], {
      unread: true,
    })
    await once(payer.process.stdout!, 'readable')
    // The pipe and the buffers on the way fill up, and then nothing moves any more.
    let paid = -1
    for (let now = 0; now !== paid; now = await income(folder)) paid = now
    payer.kill('SIGINT')
    payer.process.stdout!.resume()
    const ended = await payer.ended
    expect(ended.code).toBe(0)
    expect(Number(Millstream.summary(ended).paid)).toBeLessThan(1_500_000)
  })

  it('shows the terms in a dry run and pays nothing', async () => {
    const { ready } = await Millstream.shop(folder, [...credit, '--price', '7'])
    const json = await pay(ready.http, '--dry-run')
    expect(json.code).toBe(0)
    const terms = JSON.parse(json.stdout)
    expect(terms).toMatchObject({
      price: '7',
      unit: 'letter',
      asset: { code: 'XRP', scale: 9 },
      balance: '0',
      allowed: true,
    })
    expect(terms.account).toMatch(/^[\w-]{22}$/)
    expect(Millstream.summary(json)).toMatchObject({ stopped: 'dry_run', pieces: 0, paid: '0', account: terms.account })
    const text = await Millstream.run(['pay', ready.http, '--home', home, '--dry-run'])
    expect(text.stdout).toContain('price    7 (0.000000007 XRP) for 1 letter\n')
    expect(text.stdout).toContain(`account  ${terms.account}\n`)
    expect(await income(folder)).toBe(0)
  })

  it('says in a dry run what the ledger would say, and pays nothing', async () => {
    const { ready } = await Millstream.shop(folder, ['--strangers', 'prefunded', '--price', '7'])
    const poor = await pay(ready.http, '--dry-run')
    expect(poor.code).toBe(4)
    const terms = JSON.parse(poor.stdout)
    expect(terms).toMatchObject({ allowed: false, error: 'PAY_LEDGER_REFUSED', balance: '0' })
    expect(terms.next).toContain(`millstream ledger fund ${terms.account} `)
    await Millstream.run(['ledger', 'fund', terms.account, '6', '--data', folder])
    expect((await pay(ready.http, '--dry-run')).code).toBe(4)
    await Millstream.run(['ledger', 'fund', terms.account, '1', '--data', folder])
    expect(JSON.parse((await pay(ready.http, '--dry-run')).stdout)).toMatchObject({ allowed: true, balance: '7' })
    expect(await income(folder)).toBe(0)
  })

  it('says to whom an operator must give money, and goes on once it has', async () => {
    const { ready } = await Millstream.shop(folder, ['--strangers', 'prefunded'])
    const poor = await Millstream.run(['pay', ready.http, '--home', home, '--budget', '500'])
    expect(poor.code).toBe(4)
    expect(poor.stdout).toBe('')
    const command = /^ +(millstream ledger fund \S+ 500)$/m.exec(poor.stderr)?.[1]
    expect(command).toBeDefined()

    const funded = await Millstream.run([...command!.split(' ').slice(1), '--data', folder])
    expect(funded.stdout).toMatch(/^balance +500 /m)
    const rich = await pay(ready.http, '--budget', '1000')
    expect(rich.code).toBe(4)
    expect(Millstream.summary(rich)).toMatchObject({ stopped: 'ledger_refused', pieces: 500, paid: '500' })
    expect(rich.stdout).toHaveLength(500)
    expect(await income(folder)).toBe(500)
  })

  it('pays nothing above its limits, and says which one', async () => {
    const { ready } = await Millstream.shop(folder, [...credit, '--price', '1001'])
    const dear = await Millstream.run(['pay', ready.http, '--home', home])
    expect(dear.code).toBe(3)
    expect(dear.stdout).toBe('')
    expect(dear.stderr).toMatch(/ code +PAY_PRICE_ABOVE_LIMIT\n/)
    expect(dear.stderr).toMatch(/ next +.*--max-price 1001/)
    expect((await pay(ready.http, '--max-price', '1001', '--risk', '1000')).code).toBe(3)
    expect((await pay(ready.http, '--max-price', '1001', '--budget', '1000')).code).toBe(3)
    expect(await income(folder)).toBe(0)
  })

  it('tells an unreachable shop from an unreachable ledger', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    // A port that was free a moment ago.
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    const noShop = await pay(`http://127.0.0.1:${port}/`)
    expect(noShop.code).toBe(5)
    expect(Millstream.summary(noShop)).toMatchObject({ stopped: 'failed', error: 'PAY_SHOP_UNREACHABLE', paid: '0' })
    const noLedger = await pay(ready.http, '--ledger', `btp+ws://me:0123456789abcdef0123@127.0.0.1:${port}/`)
    expect(noLedger.code).toBe(6)
    expect(Millstream.summary(noLedger)).toMatchObject({ stopped: 'failed', error: 'BTP_CONNECT', paid: '0' })
    expect(noLedger.stderr).not.toContain('0123456789abcdef0123')
  })

  it('reads what costs nothing, and fails on what is not there', async () => {
    const free = createServer((request, response) => {
      response.statusCode = request.url === '/' ? 200 : 404
      response.end('free')
    }).listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    const found = await pay(`http://127.0.0.1:${port}/`)
    expect(found).toMatchObject({ code: 0, stdout: 'free' })
    expect(Millstream.summary(found)).toMatchObject({ stopped: 'free', paid: '0' })
    expect(await pay(`http://127.0.0.1:${port}/other`)).toMatchObject({ code: 5, stdout: '' })
    free.closeAllConnections()
    free.close()
  })

  it('pays from the account that it is told to, by option or environment', async () => {
    const { ready } = await Millstream.shop(folder, ['--strangers', 'refuse'])
    const ledger = ready.btp.replace('//', '//alice:correct-horse-battery-staple@')
    const dry = await pay(ready.http, '--ledger', ledger, '--dry-run')
    const { account } = JSON.parse(dry.stdout)
    const stranger = await pay(ready.http, '--ledger', ledger, '--pieces', '1')
    expect(stranger.code).toBe(6)
    expect(Millstream.summary(stranger)).toMatchObject({ error: 'BTP_REFUSED' })
    await Millstream.run(['ledger', 'limit', account, '50', '--data', folder])
    expect(await pay(ready.http, '--ledger', ledger, '--pieces', '20')).toMatchObject({ code: 0 })
    const env = { MILLSTREAM_LEDGER: ledger, MILLSTREAM_HOME: home }
    const again = await Millstream.run(['pay', ready.http, '--pieces', '20', '--json'], { env })
    expect(Millstream.summary(again)).toMatchObject({ account, pieces: 20 })
    expect(await income(folder)).toBe(40)
  })

  it('waits for another run on the same account, or says that there is one', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    const first = Millstream.start(['pay', ready.http, '--json', '--home', home, '--rate', '50'])
    await first.until(({ stdoutBytes }) => stdoutBytes > 0)
    const second = await pay(ready.http, '--pieces', '5')
    expect(second.code).toBe(9)
    expect(Millstream.summary(second)).toMatchObject({ error: 'PAY_ACCOUNT_IN_USE', paid: '0' })
    first.kill('SIGINT')
    expect((await first.ended).code).toBe(0)
    expect((await pay(ready.http, '--pieces', '5')).code).toBe(0)
  })

  it('ends a stream with the connection of an account without credentials, and counts what is unresolved as spent', async () => {
    const { ready } = await Millstream.shop(folder, credit)
    const proxy = await openCutProxy(Number(new URL(ready.btp.replace(/^btp\+/, '')).port))
    const passing = ['--ledger', `btp+ws://:@127.0.0.1:${proxy.port}/`]
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home, ...passing])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    proxy.cut()
    const ended = await payer.ended
    const summary = Millstream.summary(ended)
    expect(summary).toMatchObject({ stopped: 'account_ended', error: 'PAY_ACCOUNT_ENDED', held: '0' })
    expect(ended.code).toBe(summary.unknown === '0' ? 6 : 8)
    const total = await income(folder)
    expect(total).toBeGreaterThanOrEqual(Number(summary.paid))
    expect(total).toBeLessThanOrEqual(Number(summary.paid) + Number(summary.unknown))
    expect(await pay(ready.http, '--pieces', '5', ...passing)).toMatchObject({ code: 0 })
    expect(await income(folder)).toBe(total + 5)
    await proxy.close()
  })

  it('says that content broke off, and is no further than its risk behind', async () => {
    const { child, ready } = await Millstream.shop(folder, credit)
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', home, '--risk', '64'])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    child.kill('SIGTERM')
    const ended = await payer.ended
    const summary = Millstream.summary(ended)
    expect((await child.ended).code).toBe(0)
    expect(ended.code).toBe(7)
    expect(summary).toMatchObject({ error: 'PAY_CONTENT_BROKEN', unknown: '0', held: '0' })
    expect(Number(summary.lost)).toBeLessThanOrEqual(64)
    expect(await income(folder)).toBe(Number(summary.paid))
  })
})
