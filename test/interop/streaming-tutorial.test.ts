/**
 * The programs of the tutorial, byte for byte. They use the ports 8000 and 9000, so everything that runs them stands in
 * this one file, whose tests run one after the other.
 */
import crypto from 'node:crypto'
import fs from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSandbox } from '@millstream/xrp-sandbox'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { escrowPluginName, layOut, type Maker, type ModuleFolder } from './helpers/module-folder.js'
import { isListening } from './helpers/port.js'
import { type Program, start } from './helpers/program.js'
import { askBalance, connectRaw } from './helpers/raw-client.js'

const fixtures = fileURLToPath(new URL('./fixtures/streaming-tutorial/', import.meta.url))
const cli = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const httpPort = 8000
const btpPort = 9000

const folders = {} as Record<Maker, ModuleFolder>

beforeAll(async () => {
  folders.ours = await layOut('ours')
  folders.original = await layOut('original')
})

afterAll(async () => {
  await Promise.all(Object.values(folders).map((folder) => folder.remove()))
})

beforeEach(async ({ skip }) => {
  for (const port of [httpPort, btpPort]) {
    if (!(await isListening(port))) continue
    const message = `The tutorial's programs need port ${port}, on which somebody listens already.`
    if (process.env.CI !== undefined) throw new Error(message)
    skip(message)
  }
})

describe('the fixtures', () => {
  it.each(['shop2.js', 'tool.js', 'shop3.js', 'tool2.js'])('%s is the program that was printed', async (name) => {
    const readme = await fs.readFile(`${fixtures}README.md`, 'utf8')
    const hash = crypto
      .createHash('sha256')
      .update(await fs.readFile(`${fixtures}${name}`))
      .digest('hex')
    expect(readme).toContain(`| \`${name}\` | \`${hash}\` |`)
  })
})

describe('shop3.js and tool2.js on our modules', () => {
  it('streams letters as they are paid', async () => {
    const shop = await startShop('ours')
    const customer = start('tool2.js', { cwd: folders.ours.path })
    await customer.until('200 letters', () => letters(customer).length >= 200)
    await customer.kill('SIGINT')
    expect(letters(customer)).toMatch(/^[A-Z]{200,}$/)
    expect(customer.stderr).toBe('')
    expect(shop.stderr).toBe('')
    expect(shop.exit).toBeUndefined()
    // What was in flight when the customer left was paid and not read.
    expect(await askBalance(btpPort)).toBeGreaterThanOrEqual(BigInt(letters(customer).length))
  })

  it('counts alike on both sides', async () => {
    await startShop('ours')
    const first = await buy('ours', 200)
    expect(first).toMatchObject({ fulfilled: 200, balanceBefore: '0', balance: '-200', limit: '-1000000000' })
    expect(first.letters).toMatch(/^[A-Z]{200}$/)
    expect(await askBalance(btpPort)).toBe(200n)
    const second = await buy('ours', 10)
    expect(second).toMatchObject({ fulfilled: 10, balanceBefore: '-200', balance: '-210' })
    expect(await askBalance(btpPort)).toBe(210n)
  })

  it('tells each event of a transfer once and in order', async () => {
    await startShop('ours')
    const { events } = await buy('ours', 50)
    expect(told(events)).toEqual(Array.from({ length: 50 }, () => ['outgoing_prepare', 'outgoing_fulfill']))
  })

  it('outlives a customer who presses Ctrl-C, and serves the next', async () => {
    const shop = await startShop('ours')
    for (let visit = 0; visit < 3; visit++) {
      const customer = start('tool2.js', { cwd: folders.ours.path })
      await customer.until('50 letters', () => letters(customer).length >= 50)
      await customer.kill('SIGINT')
      expect(letters(customer)).toMatch(/^[A-Z]+$/)
    }
    expect(shop.exit).toBeUndefined()
    expect(await buy('ours', 20)).toMatchObject({ fulfilled: 20 })
    expect(shop.stderr).toBe('')
  })

  it('gives two customers at once their own letters', async () => {
    const shop = await startShop('ours')
    const customers = [1, 2].map(() => start('tool2.js', { cwd: folders.ours.path }))
    await Promise.all(customers.map((one) => one.until('100 letters', () => letters(one).length >= 100)))
    await customers[0]!.kill('SIGINT')
    const before = letters(customers[1]!).length
    await customers[1]!.until('100 letters more', (one) => letters(one).length >= before + 100)
    await customers[1]!.kill('SIGINT')
    const total = letters(customers[0]!).length + letters(customers[1]!).length
    expect(await askBalance(btpPort)).toBeGreaterThanOrEqual(BigInt(total))
    for (const one of customers) expect(one.stderr).toBe('')
    expect(shop.exit).toBeUndefined()
  })

  it('outlives everything that can be said to its ports before authentication', async () => {
    const shop = await startShop('ours')
    const bad = [new Uint8Array(0), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), new Uint8Array(100_000), 'hello']
    for (const message of bad) {
      const client = await connectRaw(btpPort)
      client.send(message)
      expect([1000, 1002, 1006, 1009]).toContain(await client.closed)
    }
    for (const text of [
      '\0\0\0\0\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n',
      '',
    ]) {
      await sayAndLeave(text)
    }
    // Two seconds of silence.
    const silent = await connectRaw(btpPort)
    expect(await silent.closed).toBe(1000)
    expect(await buy('ours', 5)).toMatchObject({ fulfilled: 5, balance: '-5' })
    expect(shop.exit).toBeUndefined()
    expect(shop.stderr).toBe('')
  })

  it('outlives garbage from a customer', async () => {
    const shop = await startShop('ours')
    for (const message of ['hello', new Uint8Array(0), Uint8Array.of(3, 0, 0, 0, 1, 5, 1, 2, 3, 4, 5)]) {
      const client = await connectRaw(btpPort)
      await client.authenticate()
      client.send(message)
      expect(await client.closed).toBe(1002)
    }
    expect(await buy('ours', 5)).toMatchObject({ fulfilled: 5, balance: '-5' })
    expect(shop.exit).toBeUndefined()
  })
})

describe('shop2.js and tool.js on our modules', () => {
  it('print a letter for each escrow that was finished', async () => {
    const { sandbox, folder, created, shopAddress, toolAddress } = await openEscrowWorld()
    const before = { shop: sandbox.balanceOf(shopAddress), tool: sandbox.balanceOf(toolAddress) }
    const shop = await startEscrowShop(folder)
    const customer = start('tool.js', { cwd: folder.path })
    await customer.until('6 letters', () => letters(customer).length >= 6)
    await customer.kill('SIGINT')
    expect(letters(customer)).toMatch(/^[A-Z]{6,}$/)
    expect(customer.stderr).toBe('')
    expect(shop.stderr).toBe('')
    expect(shop.exit).toBeUndefined()
    const finished = created.get('EscrowFinish tesSUCCESS') ?? 0
    expect(finished).toBeGreaterThanOrEqual(letters(customer).length)
    expect([...created.keys()].sort()).toEqual(['EscrowCreate tesSUCCESS', 'EscrowFinish tesSUCCESS'])
    // The shop pays 350 drops for each drop that it takes; the tool its drop and the fee, and the drops still held.
    expect(sandbox.balanceOf(shopAddress)).toBe(before.shop - BigInt(finished) * 349n)
    const escrows = BigInt(created.get('EscrowCreate tesSUCCESS') ?? 0)
    expect(sandbox.balanceOf(toolAddress)).toBe(before.tool - escrows * 11n)
  })

  it('go on when the server cuts every connection', async () => {
    const { sandbox, folder } = await openEscrowWorld()
    const shop = await startEscrowShop(folder)
    const customer = start('tool.js', { cwd: folder.path })
    await customer.until('2 letters', () => letters(customer).length >= 2)
    sandbox.disconnectAll()
    const had = letters(customer).length
    await customer.until('4 letters more', () => letters(customer).length >= had + 4)
    await customer.kill('SIGINT')
    expect(customer.stderr).toBe('')
    expect(shop.stderr).toBe('')
    expect(shop.exit).toBeUndefined()
  })
})

describe('our payer, at shop2.js on our modules', () => {
  it('buys letters by escrows', async () => {
    const { sandbox, folder, toolAddress } = await openEscrowWorld()
    const shop = await startEscrowShop(folder)
    const home = await scratch()
    const seed = await seedFile(home, 'sndb5JDdyWiHZia9zv44zSr2itRy1')
    const args = ['pay', 'http://localhost:8000/', '--xrp', sandbox.url, '--seed-file', seed, '--home', home, '--json']
    const before = sandbox.balanceOf(toolAddress)
    const payer = start(cli, { cwd: home, args: [...args, '--pieces', '3', '--budget', '3', '--max-price', '1'] })
    expect(await payer.ended()).toEqual({ code: 0, signal: null })
    expect(payer.stdout).toMatch(/^[A-Z]{3}$/)
    expect(JSON.parse(payer.stderr.trim().split('\n').at(-1)!)).toMatchObject({ pieces: 3, paid: '3', held: '0' })
    // A drop for each letter and a fee for each escrow.
    expect(sandbox.balanceOf(toolAddress)).toBe(before - 33n)
    expect(shop.stderr).toBe('')
  })
})

describe('tool2.js on the original modules, in our shop', () => {
  it('streams letters as they are paid', async () => {
    const data = await scratch()
    const shop = start(cli, { cwd: data, args: ['shop', '--strangers', 'credit:1000000', '--data', data, '--json'] })
    await shop.until('ready', ({ stdout }) => stdout.includes('"ready"'))
    const customer = start('tool2.js', { cwd: folders.original.path })
    await customer.until('200 letters', () => letters(customer).length >= 200)
    await customer.kill('SIGINT')
    expect(letters(customer)).toMatch(/^[A-Z]{200,}$/)
    expect(customer.stderr).toBe('')
    // The next customer is another account.
    expect(await buy('original', 100)).toMatchObject({
      fulfilled: 100,
      balance: '-100',
      limit: '-1000000',
      letters: expect.stringMatching(/^[A-Z]{100}$/),
    })
    expect(shop.exit).toBeUndefined()
    expect(await shop.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    const check = start(cli, { cwd: data, args: ['ledger', 'check', '--data', data] })
    expect(await check.ended()).toEqual({ code: 0, signal: null })
  })

  it('tells each event of a transfer once and in order', async () => {
    const data = await scratch()
    const shop = start(cli, { cwd: data, args: ['shop', '--strangers', 'credit:1000000', '--data', data, '--json'] })
    await shop.until('ready', ({ stdout }) => stdout.includes('"ready"'))
    const { events } = await buy('original', 50)
    expect(told(events)).toEqual(Array.from({ length: 50 }, () => ['outgoing_prepare', 'outgoing_fulfill']))
  })
})

describe('our payer, at shop3.js on the original modules', () => {
  it.each([1, 100])('buys %i letters and no more', async (count) => {
    const shop = await startShop('original')
    const home = await scratch()
    const payer = start(cli, { cwd: home, args: pay(count, home) })
    expect(await payer.ended()).toEqual({ code: 0, signal: null })
    expect(payer.stdout).toMatch(new RegExp(`^[A-Z]{${count}}$`))
    expect(JSON.parse(payer.stderr.trim().split('\n').at(-1)!)).toMatchObject({ pieces: count, paid: String(count) })
    // It dies of a payer that is simply gone.
    expect(await askBalance(btpPort)).toBe(BigInt(count))
    expect(shop.exit).toBeUndefined()
  })

  it('leaves it alive when it is stopped in mid-stream', async () => {
    const shop = await startShop('original')
    const home = await scratch()
    const payer = start(cli, { cwd: home, args: pay(100_000, home) })
    await payer.until('50 letters', ({ stdout }) => stdout.length >= 50)
    expect(await payer.kill('SIGINT')).toEqual({ code: 0, signal: null })
    const { pieces, paid } = JSON.parse(payer.stderr.trim().split('\n').at(-1)!) as { pieces: number; paid: string }
    expect(payer.stdout).toMatch(new RegExp(`^[A-Z]{${pieces}}$`))
    expect(await askBalance(btpPort)).toBe(BigInt(paid))
    expect(shop.exit).toBeUndefined()
  })
})

function pay(count: number, home: string): string[] {
  return [
    ...['pay', 'http://localhost:8000/', '--ledger', 'btp+ws://:@localhost:9000/'],
    ...['--pieces', String(count), '--home', home, '--json'],
  ]
}

/** A folder of its own for a process. */
async function scratch(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'millstream-interop-data-'))
  onTestFinished(() => fs.rm(folder, { recursive: true, force: true }))
  return folder
}

async function seedFile(folder: string, seed: string): Promise<string> {
  const file = path.join(folder, 'seed')
  await fs.writeFile(file, `${seed}\n`, { mode: 0o600 })
  return file
}

/** The names of the events of each transfer, in order. */
function told(events: Bought['events']): string[][] {
  const byTransfer = new Map<string, string[]>()
  for (const [name, id] of events) byTransfer.set(id, [...(byTransfer.get(id) ?? []), name])
  return [...byTransfer.values()]
}

/** Starts the tutorial's shop and waits until both of its ports are open. */
async function startShop(maker: Maker): Promise<Program> {
  const shop = start('shop3.js', { cwd: folders[maker].path })
  // The program says nothing when it is ready, so its ports are asked.
  while (!((await isListening(httpPort)) && (await isListening(btpPort)))) {
    if (shop.exit !== undefined) throw new Error(`The shop has ended: ${shop.stderr}`)
  }
  return shop
}

/** The first half of the tutorial: each letter is an escrow of one drop, on a ledger of this machine. */
async function openEscrowWorld() {
  const sandbox = await createSandbox({ closeEveryMs: 200 })
  const folder = await layOut('ours', ['ilp-packet', escrowPluginName], sandbox.url)
  onTestFinished(async () => {
    await sandbox.close()
    await folder.remove()
  })
  const created = new Map<string, number>()
  sandbox.listen({
    closed(ledger) {
      for (const { transaction, metadata } of ledger.transactions) {
        const type = `${transaction.fields.TransactionType} ${metadata.TransactionResult}`
        created.set(type, (created.get(type) ?? 0) + 1)
      }
    },
  })
  // Of the seeds that the programs have printed.
  const shopAddress = 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW'
  const toolAddress = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'
  return { sandbox, folder, created, shopAddress, toolAddress }
}

async function startEscrowShop(folder: ModuleFolder): Promise<Program> {
  const shop = start('shop2.js', { cwd: folder.path })
  while (!(await isListening(httpPort))) {
    if (shop.exit !== undefined) throw new Error(`The shop has ended: ${shop.stderr}`)
  }
  return shop
}

/** What a customer has printed after its two lines of talk. */
function letters(customer: Program): string {
  const start = customer.stdout.indexOf(']\n')
  return start === -1 ? '' : customer.stdout.slice(start + 2)
}

interface Bought {
  readonly letters: string
  readonly fulfilled: number
  readonly balanceBefore: string
  readonly balance: string
  readonly limit: string
  readonly events: readonly [string, string][]
}

async function buy(maker: Maker, count: number): Promise<Bought> {
  const buyer = start('buy.cjs', { cwd: folders[maker].path, args: [String(count)] })
  const { code } = await buyer.ended()
  if (code !== 0) throw new Error(`The customer failed: ${buyer.stderr}`)
  return JSON.parse(buyer.stdout) as Bought
}

function sayAndLeave(text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(btpPort, 'localhost', () => {
      socket.write(text)
      socket.end()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.resume()
  })
}
