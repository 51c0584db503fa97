import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashes, randomBytes } from '@millstream/hashes'
import { Base64Url } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDrivenTime } from '../internal/testing/driven-time.js'
import { CrashError, createSimulatedDisk, type SimulatedDisk } from '../internal/testing/simulated-disk.js'
import { acquire, isAlive, type Owner, thisProcess } from './account-lock.js'
import { nodeFiles } from './files.js'
import { openPayerState, type PayerStateOptions } from './payer-state.js'

const ledger = 'btp+ws://localhost:9000'
const account = 'alice'
const address = 'g.letter-shop.mytrustline.server.UUxOFrawp0A'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'payer-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const time = createDrivenTime()

function open(options: Partial<PayerStateOptions> = {}) {
  return openPayerState({ folder, clock: time.clock, hashes, randomBytes, ...options })
}

async function pathOfBook(): Promise<string> {
  const [name] = await readdir(join(folder, 'ledgers'))
  return join(folder, 'ledgers', name!, 'book')
}

describe('the key', () => {
  it('is made once, for its owner only', async () => {
    const first = (await open()).token(ledger)
    expect((await open()).token(ledger)).toBe(first)
    const { mode } = await stat(join(folder, 'payer-key'))
    expect(mode & 0o777).toBe(0o600)
  })

  it('makes a folder that is for its owner only', async () => {
    const inner = join(folder, 'a', 'b')
    await open({ folder: inner })
    expect((await stat(inner)).mode & 0o777).toBe(0o700)
  })

  it('gives each ledger a token of its own, of 32 bytes', async () => {
    const state = await open()
    const tokens = [ledger, 'btp+wss://localhost:9000', 'btp+ws://localhost:9001'].map((origin) => state.token(origin))
    expect(new Set(tokens).size).toBe(3)
    for (const token of tokens) expect(Base64Url.toBytes(token)).toHaveLength(32)
  })

  it('is the label, a zero byte and the origin under the key', async () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => i)
    await writeFile(join(folder, 'payer-key'), Base64Url.fromBytes(key), { mode: 0o600 })
    const expected = hashes.hmac(key)(new TextEncoder().encode(`millstream ledger token\0${ledger}`))
    expect((await open()).token(ledger)).toBe(Base64Url.fromBytes(expected))
  })

  it('is the same for processes that make it at the same time', async () => {
    const states = await Promise.all(Array.from({ length: 10 }, () => open()))
    expect(new Set(states.map((state) => state.token(ledger))).size).toBe(1)
  })

  it('is not used when others may read it', async () => {
    await open()
    await chmod(join(folder, 'payer-key'), 0o640)
    await expect(open()).rejects.toMatchObject({ code: 'PAY_KEY_EXPOSED' })
  })

  it.each(['', 'short', 'A'.repeat(43), `${'*'.repeat(43)}`])('is not made of %j', async (text) => {
    await writeFile(join(folder, 'payer-key'), text, { mode: 0o600 })
    await expect(open()).rejects.toMatchObject({ code: 'PAY_KEY_INVALID' })
    expect(await readFile(join(folder, 'payer-key'), 'utf8')).toBe(text)
  })
})

describe('the book', () => {
  it('is as it was left', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    await book.reconcile(100n)
    const stream = await book.open(address, 2n)
    await stream.reserve(11, { next: 1, posted: 0n, unresolved: 0n })
    await stream.close({ next: 6, posted: 8n, unresolved: 2n })
    await state.close()
    const again = await (await open()).book(ledger, account)
    expect([again.spent(), again.unresolved()]).toEqual([8n, 2n])
    expect((await again.open(address, 2n)).first).toBe(6)
  })

  it('is written by nobody who has given it back', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    const stream = await book.open(address, 1n)
    // Three that want to write at once: one is writing, the others wait for their turn.
    const writes = [5, 6, 7].map((end) => stream.reserve(end, { next: 1, posted: 0n, unresolved: 0n }))
    await book.close()
    await Promise.all(writes)
    const again = await (await open()).book(ledger, account)
    expect((await again.open(address, 1n)).first).toBe(7)
    await expect(stream.reserve(99, { next: 1, posted: 0n, unresolved: 0n })).rejects.toMatchObject({
      code: 'PAY_STATE_UNUSABLE',
    })
  })

  it('is one for each account and ledger', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    await (await book.open(address, 1n)).reserve(5, { next: 1, posted: 0n, unresolved: 0n })
    const other = await state.book(ledger, 'bob')
    expect((await other.open(address, 1n)).first).toBe(1)
    const elsewhere = await state.book('btp+ws://localhost:9001', account)
    expect((await elsewhere.open(address, 1n)).first).toBe(1)
  })

  it('that is damaged is left alone, whatever is wrong with it', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    await (await book.open(address, 1n)).reserve(5, { next: 1, posted: 0n, unresolved: 0n })
    await state.close()
    const path = await pathOfBook()
    const text = await readFile(path, 'utf8')
    const damaged = [
      '',
      '\n',
      text.slice(0, -1),
      text.slice(0, text.length >> 1),
      text.replace('"next":5', '"next":1'),
      text.replace('millstream payer book', 'something else'),
      `${text}more`,
    ]
    for (const bytes of damaged) {
      await writeFile(path, bytes)
      await expect((await open()).book(ledger, account)).rejects.toMatchObject({ code: 'PAY_STATE_CORRUPTED' })
      expect(await readFile(path, 'utf8')).toBe(bytes)
    }
    await writeFile(path, text)
    const whole = await (await open()).book(ledger, account)
    expect((await whole.open(address, 1n)).first).toBe(5)
  })

  it('of a newer version is left alone', async () => {
    const state = await open()
    await (await state.book(ledger, account)).reconcile(5n)
    await state.close()
    const path = await pathOfBook()
    const newer = (await readFile(path, 'utf8')).replace('"version":1', '"version":2')
    await writeFile(path, newer)
    await expect((await open()).book(ledger, account)).rejects.toMatchObject({ code: 'PAY_STATE_NEWER' })
    expect(await readFile(path, 'utf8')).toBe(newer)
  })

  it('is made in folders whose names would survive a power cut, its own folder among them', async () => {
    const inner = join(folder, 'payer')
    const synced: string[] = []
    const files = {
      ...nodeFiles,
      async syncFolder(path: string) {
        await nodeFiles.syncFolder(path)
        synced.push(path)
      },
    }
    const state = await open({ folder: inner, files })
    await state.book(ledger, account)
    expect(synced).toEqual(expect.arrayContaining([join(inner, 'ledgers'), inner, folder]))
    await state.close()
  })

  it('that cannot be written says so', async () => {
    const files = { ...nodeFiles, write: () => Promise.reject(new Error('ENOSPC: no space left on device')) }
    await open()
    await expect(open({ files }).then((state) => state.book(ledger, account))).rejects.toMatchObject({
      code: 'PAY_STATE_UNUSABLE',
    })
  })
})

describe('the lock', () => {
  it('lets one process pay from an account', async () => {
    const state = await open()
    await state.book(ledger, account)
    const error = await (await open()).book(ledger, account).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'PAY_ACCOUNT_IN_USE' })
    expect((error as Error).message).toContain(String(process.pid))
  })

  it('is given back, and taken again, many times over', async () => {
    for (let i = 0; i < 30; i++) {
      const state = await open()
      await state.book(ledger, account)
      await state.close()
    }
    const names = await readdir(join(await pathOfBook(), '..'))
    // Each has a second name once it is given back.
    expect(names.filter((name) => name.startsWith('lock.')).length).toBeLessThanOrEqual(2 * 9)
    expect(names.filter((name) => name.startsWith('draft.'))).toEqual([])
  })

  it('is given back on a disk that is full', async () => {
    let isFull = false
    const noRoom = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const files: typeof nodeFiles = {
      ...nodeFiles,
      write: (path, bytes) => (isFull ? Promise.reject(noRoom) : nodeFiles.write(path, bytes)),
    }
    const state = await open({ files })
    await state.book(ledger, account)
    isFull = true
    await state.close()
    await expect((await open()).book(ledger, account)).resolves.toBeDefined()
  })

  it('says what became of it when it cannot be given back, and gives back the others', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    await state.book(ledger, 'bob')
    await rm(join(await pathOfBook(), '..'), { recursive: true })
    await expect(state.close()).rejects.toMatchObject({ code: 'PAY_STATE_UNUSABLE' })
    await book.close()
    const next = await open()
    for (const name of [account, 'bob']) await expect(next.book(ledger, name)).resolves.toBeDefined()
  })

  it('is waited for as long as was asked', async () => {
    const state = await open()
    const book = await state.book(ledger, account)
    const waiting = (await open({ lockWaitMs: 20_000 })).book(ledger, account)
    await book.close()
    expect((await waiting).spent()).toBe(0n)
  })

  it('of a process that was killed is taken over', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const owner = { ...(await thisProcess()), pid: child.pid!, startedAt: await startOf(child.pid!) }
    await (await open({ owner })).book(ledger, account)
    await expect((await open()).book(ledger, account)).rejects.toMatchObject({ code: 'PAY_ACCOUNT_IN_USE' })
    const gone = new Promise((resolve) => child.on('exit', resolve))
    child.kill('SIGKILL')
    await gone
    await (await open()).book(ledger, account)
  })

  it('of a pid that came back belongs to nobody', async () => {
    const me = await thisProcess()
    expect(await isAlive(me)).toBe(true)
    expect(await isAlive({ ...me, startedAt: '1' })).toBe(me.startedAt === '')
    expect(await isAlive({ ...me, boot: 'another run of the machine' })).toBe(false)
    expect(await isAlive({ ...me, host: 'another machine' })).toBe(true)
  })

  it('that cannot be read is not taken over', async () => {
    const state = await open()
    await (await state.book(ledger, account)).close()
    const [name] = await readdir(join(folder, 'ledgers'))
    await writeFile(join(folder, 'ledgers', name!, 'lock.9'), 'garbage')
    await expect((await open()).book(ledger, account)).rejects.toMatchObject({ code: 'PAY_LOCK_UNREADABLE' })
  })

  it('is not taken over by one who looked long ago, when the owner that was dead then has had successors', async () => {
    const files = createSimulatedDisk()
    const me = await thisProcess()
    const options = { files, folder: '/lock', isAlive: async (owner: Owner) => owner.pid !== 1, randomBytes }
    const dead = await acquire({ ...options, owner: { ...me, pid: 1 } })
    expect(dead).toHaveProperty('release')
    let looked = () => {}
    let goOn = () => {}
    const hasLooked = new Promise<void>((resolve) => {
      looked = resolve
    })
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const slow = {
      ...files,
      async link(from: string, to: string) {
        looked()
        await mayGoOn
        return files.link(from, to)
      },
    }
    const late = acquire({ ...options, files: slow, owner: { ...me, pid: 2 } })
    await hasLooked
    for (let i = 0; i < 20; i++) {
      const lock = await acquire({ ...options, owner: { ...me, pid: 3 } })
      if ('release' in lock) await lock.release()
    }
    expect(await files.list('/lock')).not.toContain('lock.2')
    const holder = await acquire({ ...options, owner: { ...me, pid: 4 } })
    expect(holder).toHaveProperty('release')
    goOn()
    expect(await late).toMatchObject({ heldBy: { pid: 4 } })
    expect(await files.list('/lock')).not.toContain('lock.2')
  })

  it('goes to exactly one of many who want it, at every point at which they can get in each other’s way', async () => {
    const me = await thisProcess()
    for (let round = 0; round < 50; round++) {
      const disk = createSimulatedDisk()
      const dead = { ...me, pid: 1 }
      const lives = (owner: Owner) => Promise.resolve(owner.pid !== 1)
      const options = { files: disk, isAlive: lives, folder: '/payer' }
      await (await open({ ...options, owner: dead })).book(ledger, account)
      const taken: unknown[] = []
      await Promise.all(
        Array.from({ length: 5 }, async (_, i) => {
          const state = await open({ ...options, owner: { ...me, pid: 100 + i } })
          for (let turn = 0; turn < (i * 7 + round) % 11; turn++) await Promise.resolve()
          await state.book(ledger, account).then(
            () => taken.push(i),
            (error: unknown) => expect(error).toMatchObject({ code: 'PAY_ACCOUNT_IN_USE' }),
          )
        }),
      )
      expect(taken).toHaveLength(1)
    }
  })
})

describe('a crash between any two steps', () => {
  /** One life: pays in two streams, block by block, as the engine does. Tells what was granted and what was posted. */
  async function live(disk: SimulatedDisk, known: { granted: number; posted: bigint; sent: bigint }) {
    const state = await open({ files: disk, folder: '/payer', isAlive: () => Promise.resolve(false) })
    const book = await state.book(ledger, account)
    await book.reconcile(-known.posted)
    for (let i = 0; i < 2; i++) {
      const stream = await book.open(address, 1n)
      expect(stream.first).toBeGreaterThanOrEqual(known.granted)
      let next = stream.first
      let posted = 0n
      for (let block = 0; block < 2; block++) {
        const end = next + 4
        await stream.reserve(end, { next, posted, unresolved: 0n })
        known.granted = Math.max(known.granted, end)
        // Three of four are paid; the last one is given back.
        posted += 3n
        known.posted += 3n
        known.sent += 4n
        next = end
      }
      await stream.close({ next, posted, unresolved: 0n })
    }
    await state.close()
  }

  it.each(['kill', 'power'] as const)('loses no number and no spending (%s)', async (how) => {
    const steps = await (async () => {
      const disk = createSimulatedDisk()
      await live(disk, { granted: 1, posted: 0n, sent: 0n })
      return disk.steps
    })()
    expect(steps).toBeGreaterThan(40)
    let seed = 1
    const choose = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % 3 > 0
    }
    for (let crash = 0; crash <= steps; crash++) {
      for (let variant = 0; variant < (how === 'kill' ? 1 : 6); variant++) {
        const known = { granted: 1, posted: 0n, sent: 0n }
        let disk = createSimulatedDisk()
        // Two lives that crash, each where the sweep says, then one that does not.
        for (const at of [crash, (crash * 7) % (steps + 1)]) {
          disk.crashAt(at)
          await live(disk, known).catch((error: unknown) => {
            if (!(error instanceof CrashError) && !((error as Error).cause instanceof CrashError)) throw error
          })
          disk = disk.afterCrash(how, choose)
        }
        const state = await open({ files: disk, folder: '/payer', isAlive: () => Promise.resolve(false) })
        const book = await state.book(ledger, account)
        expect(book.spent() + book.unresolved()).toBeGreaterThanOrEqual(known.posted)
        await time.advance(45_000)
        expect(await book.reconcile(-known.posted)).toMatchObject({ status: 'agrees' })
        // Spending may be counted twice over where nobody can tell, never too little.
        expect(book.spent()).toBeGreaterThanOrEqual(known.posted)
        expect(book.spent()).toBeLessThanOrEqual(known.sent + 8n)
        expect((await book.open(address, 1n)).first).toBeGreaterThanOrEqual(known.granted)
      }
    }
  })
})

async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}
