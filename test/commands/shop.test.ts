/** `millstream shop` as a process: what it sells, to whom, and how it comes back. */
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { openSqlite } from '@millstream/ledger-sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Millstream from '../processes/millstream.js'

let folder: string
const credit = ['--strangers', 'credit:1000000']

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

async function pay(url: string, who: string, ...args: string[]) {
  const ended = await Millstream.run(['pay', url, '--json', '--home', join(folder, who), ...args])
  return { ...ended, summary: Millstream.summary(ended) }
}

async function accounts(data: string): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await Millstream.run(['ledger', 'accounts', '--json', '--data', data])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return new Map(rows.map((row) => [row.id, Number(row.balance)]))
}

describe('what a shop sells', () => {
  it('is letters, as many as it is told', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, '--letters', '250'])
    const { code, stdout, summary } = await pay(ready.http, 'me')
    expect({ code, letters: stdout.length }).toEqual({ code: 0, letters: 250 })
    expect(summary).toMatchObject({ stopped: 'content_ended', ended: true, paid: '250' })
  })

  it('is the files of a folder, in pieces of so many bytes', async () => {
    await mkdir(join(folder, 'site'))
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7) % 128))
    await writeFile(join(folder, 'site', 'data.bin'), bytes)
    await writeFile(join(folder, 'secret'), 'not for sale')
    const content = ['--content', join(folder, 'site'), '--piece', 'bytes:1000', '--price', '2']
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, ...content])
    const bought = await pay(`${ready.http}data.bin`, 'me')
    expect(bought.summary).toMatchObject({ stopped: 'content_ended', pieces: 10, paid: '20', unit: 'bytes:1000' })
    expect(Buffer.from(bought.stdout)).toEqual(bytes)
    expect((await fetch(`${ready.http}..%2fsecret`)).status).toBe(404)
    expect((await fetch(`${ready.http}nothing`)).status).toBe(404)
  })

  it('is what an upstream serves', async () => {
    const upstream = createServer((request, response) => {
      response.setHeader('content-type', 'text/event-stream')
      response.end(`data: one\n\ndata: two\n\ndata: ${request.url}\n\n`)
    }).listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, '--content', url, '--piece', 'event'])
    const bought = await pay(`${ready.http}feed?x=1`, 'me')
    expect(bought.stdout).toBe('data: one\n\ndata: two\n\ndata: /feed?x=1\n\n')
    expect(bought.summary).toMatchObject({ pieces: 3, paid: '3' })
    upstream.closeAllConnections()
    upstream.close()
  })

  it('costs nothing to ask about', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), credit)
    const head = await fetch(ready.http, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.headers.get('pay')).toBeNull()
    expect(head.headers.get('pay-terms')).toBe('unit=letter, asset="XRP", scale=9, ledger="g.letter-shop.mytrustline."')
    expect(head.headers.get('pay-endpoint')).toBe(`"${ready.btp}"`)
    const options = await fetch(ready.http, { method: 'OPTIONS' })
    expect(options.status).toBe(204)
    expect(options.headers.get('access-control-allow-origin')).toBe('*')
    expect((await fetch(ready.http, { method: 'POST' })).status).toBe(405)
    expect(await (await fetch(`${ready.http}healthz`)).text()).toBe('ok\n')
    // The older way to ask: no Host, and a connection for each question.
    expect(await ask(ready.http, 'HEAD / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
    expect((await accounts(join(folder, 'shop'))).get('server')).toBe(0)
  })
})

describe('a shop with a certificate', () => {
  it('sells over https and is paid over btp+wss', async () => {
    const pem = (name: string) =>
      fileURLToPath(new URL(`../../packages/btp/fixtures/test-only-${name}.pem`, import.meta.url))
    const tls = ['--tls-cert', pem('certificate'), '--tls-key', pem('key')]
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, ...tls])
    expect(ready.http).toMatch(/^https:/)
    expect(ready.btp).toMatch(/^btp\+wss:/)
    const args = ['pay', ready.http, '--json', '--pieces', '10', '--home', join(folder, 'me')]
    const trusting = await Millstream.run(args, { env: { NODE_EXTRA_CA_CERTS: pem('certificate') } })
    expect(trusting).toMatchObject({ code: 0 })
    expect(trusting.stdout).toMatch(/^[A-Z]{10}$/)
    const careful = await Millstream.run(args)
    expect(careful).toMatchObject({ code: 5, stdout: '' })
    const inTheClear = await Millstream.run(
      args.map((word) => (word === ready.http ? word.replace('https', 'http') : word)),
    )
    expect(inTheClear).toMatchObject({ code: 5, stdout: '' })
    expect(Millstream.summary(inTheClear).message).toMatch(/try https:/)
  })

  it('is not looked for where none is, in words that a person can act on', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), credit)
    const args = ['--json', '--home', join(folder, 'me')]
    const noShop = await Millstream.run(['pay', ready.http.replace('http', 'https'), ...args])
    expect(noShop.code).toBe(5)
    expect(Millstream.summary(noShop).message).toMatch(/does not speak TLS; try http:/)
    const ledger = ready.btp.replace('btp+ws://', 'btp+wss://:a-token-of-sixteen-bytes@')
    const noLedger = await Millstream.run(['pay', ready.http, '--ledger', ledger, ...args])
    expect(noLedger.code).toBe(6)
    expect(Millstream.summary(noLedger).message).toMatch(/does not speak TLS \(btp\+ws may be meant\)/)
  })
})

describe('a shop behind a proxy that it trusts', () => {
  it('bounds readers by what the proxy says, and others by where they come from', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), [...credit, '--trust-proxy', '127.0.0.1,::1'])
    const leave = new AbortController()
    const statusFor = async (reader: string) => {
      const headers = { 'x-forwarded-for': `198.51.100.1, ${reader}` }
      const { status } = await fetch(ready.http, { headers, signal: leave.signal })
      return status
    }
    const unpaid = await Promise.all(Array.from({ length: 256 }, () => statusFor('203.0.113.9')))
    expect(new Set(unpaid)).toEqual(new Set([200]))
    expect(await statusFor('203.0.113.9')).toBe(429)
    expect(await statusFor('203.0.113.10')).toBe(200)
    leave.abort()
    expect((await pay(ready.http, 'me', '--pieces', '5')).summary).toMatchObject({ paid: '5' })
  })

  it('does not start when it cannot tell whom to trust', async () => {
    const ended = await Millstream.run(['shop', '--data', join(folder, 'shop'), '--trust-proxy', 'proxy.example'])
    expect(ended).toMatchObject({ code: 2 })
    expect(ended.stderr).toContain('10.0.0.0/8')
  })
})

describe('the customers of a shop', () => {
  it('get their own letters and have their own balance, at the same time', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), credit)
    const [one, two] = await Promise.all([
      pay(ready.http, 'one', '--pieces', '3000'),
      pay(ready.http, 'two', '--pieces', '2000'),
    ])
    expect([one.stdout.length, two.stdout.length]).toEqual([3000, 2000])
    expect(one.stdout.slice(0, 100)).not.toBe(two.stdout.slice(0, 100))
    const balances = await accounts(join(folder, 'shop'))
    expect(balances.get(String(one.summary.account))).toBe(-3000)
    expect(balances.get(String(two.summary.account))).toBe(-2000)
    expect(balances.get('server')).toBe(5000)
  })

  it('are not hurt by one that dies', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), credit)
    const dying = Millstream.start(['pay', ready.http, '--json', '--home', join(folder, 'one')])
    await dying.until(({ stdoutBytes }) => stdoutBytes > 200)
    const other = pay(ready.http, 'two', '--pieces', '5000')
    dying.kill('SIGKILL')
    expect((await other).summary).toMatchObject({ stopped: 'pieces', pieces: 5000, paid: '5000' })
    const check = await Millstream.run(['ledger', 'check', '--data', join(folder, 'shop')])
    expect(check.code).toBe(0)
  })

  it('stay within their credit, however often they ask', async () => {
    const { ready } = await Millstream.shop(join(folder, 'shop'), ['--strangers', 'credit:300,total:400'])
    const first = await pay(ready.http, 'one')
    expect({ code: first.code, paid: first.summary.paid }).toEqual({ code: 4, paid: '300' })
    expect(await pay(ready.http, 'one')).toMatchObject({ code: 4, summary: { paid: '0' } })
    expect(await pay(ready.http, 'two')).toMatchObject({ code: 4, summary: { paid: '100' } })
    expect((await accounts(join(folder, 'shop'))).get('server')).toBe(400)
  })
})

describe('a shop that comes back', () => {
  it('has its books and its key, and takes what the same customer pays', async () => {
    const data = join(folder, 'shop')
    const first = await Millstream.shop(data, credit)
    const before = await pay(first.ready.http, 'me', '--pieces', '100')
    first.child.kill('SIGTERM')
    expect((await first.child.ended).code).toBe(0)
    const key = await readFile(join(data, 'shop-key'), 'utf8')

    const second = await Millstream.shop(data, credit, first.ready)
    expect(second.ready).toMatchObject({ http: first.ready.http, btp: first.ready.btp })
    const after = await pay(second.ready.http, 'me', '--pieces', '50')
    expect(after.summary.account).toBe(before.summary.account)
    expect((await accounts(data)).get(String(after.summary.account))).toBe(-150)
    expect(await readFile(join(data, 'shop-key'), 'utf8')).toBe(key)
  })

  it('comes back after a kill without being cleaned up after', async () => {
    const data = join(folder, 'shop')
    const first = await Millstream.shop(data, credit)
    await pay(first.ready.http, 'me', '--pieces', '10')
    first.child.kill('SIGKILL')
    await first.child.ended
    const offline = await Millstream.run(['ledger', 'check', '--data', data])
    expect(offline.code).toBe(0)
    await Millstream.shop(data, credit)
    expect((await accounts(data)).get('server')).toBe(10)
  })

  it('forgets everything with a store in memory, and has tools all the same', async () => {
    const data = join(folder, 'shop')
    const first = await Millstream.shop(data, [...credit, '--store', 'memory'])
    await pay(first.ready.http, 'me', '--pieces', '10')
    expect((await accounts(data)).get('server')).toBe(10)
    first.child.kill('SIGTERM')
    await first.child.ended
    const gone = await Millstream.run(['ledger', 'accounts', '--data', data])
    expect(gone.code).toBe(9)
    const second = await Millstream.shop(data, [...credit, '--store', 'memory'])
    expect((await accounts(data)).get('server')).toBe(0)
    // The payer notices that its ledger has forgotten, and pays all the same.
    expect((await pay(second.ready.http, 'me', '--pieces', '10')).summary).toMatchObject({ pieces: 10 })
  })
})

describe('a shop that is asked to end', () => {
  it('ends at once when it is asked again', async () => {
    const data = join(folder, 'shop')
    const { child, ready } = await Millstream.shop(data, credit)
    const payer = Millstream.start(['pay', ready.http, '--json', '--home', join(folder, 'me')])
    await payer.until(({ stdoutBytes }) => stdoutBytes > 500)
    // Who does not say goodbye is waited for, for a while.
    payer.kill('SIGSTOP')
    child.kill('SIGTERM')
    await child.until(({ stderr }) => stderr.includes('cli.draining'))
    child.kill('SIGTERM')
    expect((await child.ended).code).toBe(130)
    expect((await Millstream.run(['ledger', 'check', '--data', data])).code).toBe(0)
  })

  it('goes on when nobody reads its logs any more', async () => {
    const { child, ready } = await Millstream.shop(join(folder, 'shop'), [...credit, '--log-level', 'debug'])
    child.process.stderr!.destroy()
    child.process.stdout!.destroy()
    expect((await pay(ready.http, 'me', '--pieces', '10')).summary).toMatchObject({ pieces: 10, paid: '10' })
    child.kill('SIGTERM')
    expect((await child.ended).code).toBe(0)
  })

  it('ends by itself when the program that started it has gone', async () => {
    const { child } = await Millstream.shop(join(folder, 'shop'), credit)
    child.process.disconnect()
    expect((await child.ended).code).toBe(0)
  })
})

describe('a shop that cannot start', () => {
  it('says which address is taken', async () => {
    const { ready } = await Millstream.shop(join(folder, 'one'), credit)
    const [port, btpPort] = [new URL(ready.http).port, new URL(ready.btp.replace('btp+', '')).port]
    const free = ['--data', join(folder, 'two')]
    const http = await Millstream.run(['shop', '--port', port, '--btp-port', '0', ...free])
    expect(http).toMatchObject({ code: 11, stdout: '' })
    const btp = await Millstream.run(['shop', '--port', '0', '--btp-port', btpPort, ...free])
    expect(btp).toMatchObject({ code: 11, stdout: '' })
  })

  it('leaves a folder alone that another one holds, or that is of another ledger', async () => {
    const data = join(folder, 'shop')
    const { child } = await Millstream.shop(data, credit)
    const second = ['shop', '--port', '0', '--btp-port', '0', '--data', data]
    expect((await Millstream.run(second)).code).toBe(9)
    expect((await Millstream.run([...second, '--store', 'memory'])).code).toBe(9)
    child.kill('SIGTERM')
    await child.ended
    const other = await Millstream.run([...second, '--prefix', 'g.other.'])
    expect(other.code).toBe(9)
    expect(other.stderr).toContain('--prefix g.letter-shop.mytrustline.')
  })

  it.each([
    [['--content', '/nowhere/at/all']],
    [['--content', 'ftp://example.org/']],
    [['--tls-cert', '/nowhere']],
    [['--price', '0']],
    [['--piece', 'word']],
    [['--strangers', 'maybe']],
    [['--port', '99999']],
    [['--prefix', 'shop']],
    [['surplus']],
  ])('says what is wrong with %j and does nothing', async (args) => {
    const data = join(folder, 'shop')
    const ended = await Millstream.run(['shop', '--port', '0', '--btp-port', '0', '--data', data, ...args])
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).not.toBe('')
    await expect(readFile(join(data, 'shop.json'))).rejects.toThrow()
  })
})

/** Sends bytes over a connection of its own and gives what comes back. */
async function ask(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

describe('the folder of a shop', () => {
  it('is waited for while an operator’s command holds it', async () => {
    const holder = await openSqlite({ folder, clock: systemClock, hashes, randomBytes })
    const child = Millstream.start(['shop', '--port', '0', '--btp-port', '0', '--data', folder])
    await child.until(({ stderr }) => stderr.includes('cli.data_folder_held'))
    expect(child.stdout).toBe('')
    await holder.close()
    await child.until(({ stdout }) => stdout.startsWith('ready '))
    child.kill('SIGTERM')
    expect((await child.ended).code).toBe(0)
  })

  it('is refused at once while another shop has it', async () => {
    await Millstream.shop(folder)
    const second = await Millstream.run(['shop', '--port', '0', '--btp-port', '0', '--data', folder])
    expect(second).toMatchObject({ code: 9, stdout: '' })
    expect(second.stderr).toMatch(/ code +LEDGER_FOLDER_IN_USE\n/)
    expect(second.stderr).not.toContain('cli.data_folder_held')
  })
})
