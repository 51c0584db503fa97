/** The housekeeping of a ledger as processes: history, exports, backups, with a running shop and without one. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as SmallDisk from '../faults/small-disk.js'
import * as Millstream from '../processes/millstream.js'

let folder: string
let data: string

beforeEach(async () => {
  folder = await Millstream.temporaryFolder()
  data = join(folder, 'shop')
})

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

function ledger(...args: string[]) {
  return Millstream.run(['ledger', ...args, '--data', data])
}

async function rows(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await ledger(...args)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** Pays so many letters as a customer with credit. */
async function pay(shop: Millstream.Shop, pieces: number): Promise<void> {
  const home = join(folder, 'home')
  const args = ['pay', shop.ready.http, '--pieces', String(pieces), '--json', '--quiet', '--home', home]
  const { code, stderr } = await Millstream.run(args)
  expect({ code, stderr }).toMatchObject({ code: 0 })
}

const credit = ['--strangers', 'credit:1000000']
/** The beginning of tomorrow: an hour in which nothing has been posted yet. */
const later = new Date(Date.now() + 90_000_000).toISOString()

describe.each(['while the shop runs', 'without a shop'])('%s', (when) => {
  beforeEach(async () => {
    const shop = await Millstream.shop(data, credit)
    expect((await ledger('fund', 'alice', '1000', '--reference', '=cmd|"/c calc"!A1')).code).toBe(0)
    expect((await ledger('fund', '-1', '7', '--reference', 'ж,\n"x"')).code).toBe(0)
    await pay(shop, 40)
    if (when === 'while the shop runs') return
    shop.child.kill('SIGTERM')
    await shop.child.ended
  })

  it('accounts and transfers are exported, whole and in order', async () => {
    const transfers = await rows('export', 'transfers', '--format', 'jsonl')
    expect(transfers).toHaveLength(42)
    expect(transfers.map(({ cursor }) => cursor)).toEqual(Array.from({ length: 42 }, (_, i) => i + 1))
    expect(transfers[0]).toMatchObject({ kind: 'deposit', amount: '1000', reference: '=cmd|"/c calc"!A1' })
    const accounts = await rows('export', 'accounts', '--format', 'jsonl')
    expect(accounts.map(({ balance }) => BigInt(balance as string)).reduce((a, b) => a + b)).toBe(0n)

    const out = join(folder, 'out.csv')
    expect(await ledger('export', 'transfers', '-o', out)).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const csv = await readFile(out, 'utf8')
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    expect(csv.split('\r\n')[0]).toBe('cursor,at,kind,state,source,target,amount,id,destination,reference')
    expect(csv).toMatch(/^1,[^,]*,deposit,posted,settlement,alice,1000,,,"'=cmd\|""\/c calc""!A1"\r\n/m)
    expect(csv).toMatch(/,settlement,'-1,7,,,"ж,\n""x"""\r\n/)
    expect((await readdir(folder)).filter((name) => name.includes('.part-'))).toEqual([])
    expect(await ledger('export', 'transfers', '-o', out)).toMatchObject({ code: 9, stdout: '' })
    expect(await readFile(out, 'utf8')).toBe(csv)
  })

  it('a range of time has its beginning and not its end', async () => {
    const all = await rows('export', 'transfers', '--format', 'jsonl')
    const at = all[20]!.at as string
    const before = await rows('export', 'transfers', '--format', 'jsonl', '--to', at)
    const after = await rows('export', 'transfers', '--format', 'jsonl', '--from', at)
    expect([...before, ...after]).toEqual(all)
    expect(after.length).toBeGreaterThan(0)
    expect(await rows('export', 'transfers', '--format', 'jsonl', '--from', later)).toEqual([])
    const alice = await rows('export', 'transfers', '--format', 'jsonl', '--account', 'alice')
    expect(alice).toHaveLength(1)
  })

  it('balances and statements are of their time', async () => {
    const [first] = await rows('export', 'transfers', '--format', 'jsonl')
    const at = first!.at as string
    const balances = await rows('balances', '--at', at, '--json')
    expect(balances.find(({ id }) => id === 'alice')).toEqual({ id: 'alice', balance: '1000' })
    expect(balances.find(({ id }) => id === 'server')).toEqual({ id: 'server', balance: '0' })
    const statement = await rows('statement', 'server', '--json')
    expect(statement).toHaveLength(42)
    expect(statement.at(-1)).toMatchObject({ what: 'closing', balance: '40' })
    expect((await ledger('statement', 'alice')).stdout).toMatch(/closing +1000/)
    expect((await ledger('statement', 'nobody')).code).toBe(12)
    expect((await ledger('balances', '--at', later)).code).toBe(2)
  })

  it('a backup is proved, never in the place of another file, and restored it is the same ledger', async () => {
    const file = join(folder, 'backup.sqlite')
    const backup = await ledger('backup', file, '--json')
    expect(backup).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(backup.stdout)).toMatchObject({ file, records: 42, holds: 0 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await ledger('backup', file)).toMatchObject({ code: 9, stdout: '' })
    expect((await readdir(folder)).filter((name) => name.includes('.part-'))).toEqual([])

    const expected = (await ledger('export', 'transfers')).stdout
    const again = join(folder, 'again')
    const restored = await Millstream.run(['ledger', 'restore', file, '--data', again])
    expect(restored).toMatchObject({ code: 0, stderr: '' })
    expect(restored.stdout).toMatch(/records +42\n/)
    expect(restored.stdout).toMatch(/Deposits and withdrawals made since must be entered again/)
    expect((await readdir(again)).sort()).toEqual(['ledger.sqlite', 'shop-key', 'shop.json'])
    for (const name of ['shop-key', 'shop.json']) {
      expect(await readFile(join(again, name), 'utf8')).toBe(await readFile(join(data, name), 'utf8'))
    }
    const found = await Millstream.run(['ledger', 'export', 'transfers', '--data', again])
    expect(found.stdout).toBe(expected)
    expect((await Millstream.run(['ledger', 'restore', file, '--data', again])).code).toBe(9)

    // The restored ledger is sold from and paid to like any other.
    const shop = await Millstream.shop(again, credit)
    await pay(shop, 5)
    expect((await Millstream.run(['ledger', 'check', '--data', again])).code).toBe(0)
  })

  it('records that may still be repeated, or that a stream needs, are not pruned', async () => {
    const [row] = await rows('prune', '--keep', '1s', '--json')
    expect(row!.records as number).toBeLessThan(42)
    expect(await ledger('check')).toMatchObject({ code: 0 })
    expect((await ledger('fund', 'alice', '1000', '--reference', '=cmd|"/c calc"!A1')).stdout).toMatch(
      /nothing changed/,
    )
    expect((await ledger('fund', 'alice', '1001', '--reference', '=cmd|"/c calc"!A1')).code).toBe(12)
  })

  it('what makes no sense is refused', async () => {
    for (const args of [
      ['export', 'everything'],
      ['export', 'transfers', '--format', 'xml'],
      ['export', 'transfers', '--from', 'yesterday'],
      ['export', 'accounts', '--from', '2026-01-01'],
      ['balances'],
      ['balances', '--at', '2026-02-30'],
      ['prune'],
      ['prune', '--keep', '1d', '--before', '2026-01-01'],
      ['prune', '--keep', '0d'],
      ['prune', '--before', later],
      ['backup'],
      ['restore'],
    ]) {
      expect([args, (await ledger(...args)).code]).toEqual([args, 2])
    }
    expect((await ledger('export', 'transfers', '--account', 'nobody')).code).toBe(12)
    expect((await ledger('backup', join(folder, 'no', 'such', 'folder'))).code).toBe(9)
    expect((await ledger('restore', join(folder, 'none'))).code).toBe(9)
  })
})

describe('a shop that is being paid', () => {
  it('is copied, proved, listed and pruned meanwhile, and every payment arrives', async () => {
    const shop = await Millstream.shop(data, credit)
    const paying = pay(shop, 20_000)
    const file = join(folder, 'backup')
    for (const args of [
      ['backup', file],
      ['check'],
      ['export', 'transfers'],
      ['prune', '--keep', '1s'],
      ['backup', `${file}2`],
    ]) {
      expect([args, (await ledger(...args)).code]).toEqual([args, 0])
    }
    await paying
    expect((await ledger('check')).code).toBe(0)
    const again = join(folder, 'again')
    expect((await Millstream.run(['ledger', 'restore', `${file}2`, '--data', again])).code).toBe(0)
    expect((await Millstream.run(['ledger', 'check', '--data', again])).code).toBe(0)
  })
})

describe('what a backup cannot have', () => {
  beforeEach(async () => {
    const { child } = await Millstream.shop(data)
    child.kill('SIGTERM')
    await child.ended
  })

  it('a key that cannot be read is no reason to go on without it', async () => {
    const key = join(data, 'shop-key')
    await rm(key)
    await mkdir(key)
    const backup = await ledger('backup', join(folder, 'backup'))
    expect([backup.code, backup.stderr]).toEqual([9, expect.stringContaining('shop-key')])
    expect(await readdir(folder)).not.toContain('backup')
  })

  it('says that what is settled on the XRP Ledger is not in it', async () => {
    await mkdir(join(data, 'xrp'))
    expect((await ledger('backup', join(folder, 'backup'))).stdout).toContain('`xrp` of the shop is not in it')
    const { stdout } = await ledger('backup', join(folder, 'another'), '--json')
    expect(JSON.parse(stdout)).toMatchObject({ key: true, without: ['xrp'] })
  })
})

describe('a backup that is killed', () => {
  it('leaves no file of its name or a whole one, and the shop as it was', async () => {
    const shop = await Millstream.shop(data, credit)
    await pay(shop, 2_000)
    for (let round = 0; round < 8; round++) {
      const file = join(folder, `backup${round}`)
      const child = Millstream.start(['ledger', 'backup', file, '--data', data])
      await new Promise((resolve) => setTimeout(resolve, 200 + round * 40))
      child.kill('SIGKILL')
      await child.ended
      const again = join(folder, `again${round}`)
      if ((await readdir(folder)).includes(`backup${round}`)) {
        expect((await Millstream.run(['ledger', 'restore', file, '--data', again])).code).toBe(0)
      }
      await pay(shop, 10)
    }
    expect((await ledger('backup', join(folder, 'last'))).code).toBe(0)
    expect((await ledger('check')).code).toBe(0)
  })
})

describe('a shop with --keep', () => {
  it('removes old records in the background', async () => {
    const shop = await Millstream.shop(data, [...credit, '--keep', '1s'])
    for (let i = 0; i < 3; i++) await ledger('fund', 'alice', '5', '--reference', `d${i}`)
    await pay(shop, 5)
    await shop.child.until(({ stderr }) => stderr.includes('cli.pruned'))
    expect(await ledger('check')).toMatchObject({ code: 0 })
    expect((await ledger('fund', 'alice', '5', '--reference', 'd0')).stdout).toMatch(/nothing changed/)
    const exported = await ledger('export', 'transfers')
    for (const { stderr } of [exported, await ledger('transfers'), await ledger('statement', 'alice')]) {
      expect(stderr).toMatch(/^The kept history begins after record [1-9]/)
    }
    expect((await ledger('balances', '--at', '2026-01-01')).code).toBe(9)
    shop.child.kill('SIGTERM')
    expect((await shop.child.ended).code).toBe(0)
  })
})

describe('a restore', () => {
  let file: string

  beforeEach(async () => {
    const { child } = await Millstream.shop(data)
    await ledger('fund', 'alice', '1000', '--reference', 'a')
    child.kill('SIGTERM')
    await child.ended
    file = join(folder, 'backup')
    expect((await ledger('backup', file)).code).toBe(0)
    await rm(data, { recursive: true })
  })

  it('refuses a folder with a ledger, or a part of one, and changes nothing in it', async () => {
    for (const name of ['ledger.sqlite', 'ledger.sqlite-wal', 'ledger.sqlite-journal']) {
      const other = join(folder, name)
      await mkdir(other)
      await writeFile(join(other, name), 'mine')
      const { code, stderr } = await Millstream.run(['ledger', 'restore', file, '--data', other])
      expect([code, stderr]).toEqual([9, expect.stringContaining('left as it is')])
      expect(await readdir(other)).toEqual([name])
      expect(await readFile(join(other, name), 'utf8')).toBe('mine')
    }
  })

  it('goes into a folder that has lost its ledger alone, but not into that of another shop', async () => {
    expect((await ledger('restore', file)).code).toBe(0)
    await rm(join(data, 'ledger.sqlite'))
    expect((await ledger('restore', file)).code).toBe(0)
    expect((await ledger('check')).code).toBe(0)
    await rm(join(data, 'ledger.sqlite'))
    await writeFile(join(data, 'shop-key'), `${'A'.repeat(43)}\n`)
    expect(await ledger('restore', file)).toMatchObject({ code: 9, stdout: '' })
    expect((await readdir(data)).sort()).toEqual(['shop-key', 'shop.json'])
  })

  it('refuses what is no backup, one that is damaged, and one whose books do not hold', async () => {
    const none = join(folder, 'none')
    await writeFile(none, 'not a database at all, and not a short text either\n'.repeat(100))
    const damaged = join(folder, 'damaged')
    const bytes = await readFile(file)
    await writeFile(damaged, Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(4096, 7), bytes.subarray(12_288)]))
    const cut = join(folder, 'cut')
    await writeFile(cut, bytes.subarray(0, bytes.length - 4096))
    for (const path of [none, damaged, cut]) {
      const { code, stdout, stderr } = await ledger('restore', path)
      expect([code, stdout]).toEqual([9, ''])
      expect(stderr).toContain('Nothing was')
      expect(stderr).toContain(path)
      expect(await readdir(data)).toEqual([])
    }
  })

  it('that is killed at any moment leaves no ledger or a whole one, and can be done again', async () => {
    for (let round = 0; round < 12; round++) {
      const child = Millstream.start(['ledger', 'restore', file, '--data', data])
      await new Promise((resolve) => setTimeout(resolve, 150 + round * 25))
      child.kill('SIGKILL')
      await child.ended
      const names: readonly string[] = await readdir(data).catch(() => [])
      if (names.includes('ledger.sqlite')) {
        expect((await ledger('check')).code).toBe(0)
        await rm(data, { recursive: true })
        continue
      }
      if (names.length > 0)
        expect((await Millstream.run(['shop', '--port', '0', '--btp-port', '0', '--data', data])).code).toBe(9)
      expect((await ledger('restore', file)).code).toBe(0)
      expect((await ledger('check')).code).toBe(0)
      expect((await readdir(data)).sort()).toEqual(['ledger.sqlite', 'shop-key', 'shop.json'])
      await rm(data, { recursive: true })
    }
  })
})

describe('where there is no room', () => {
  const small = '/dev/full'

  it('an export to a full device says so', async () => {
    const { child } = await Millstream.shop(data)
    await ledger('fund', 'alice', '1000', '--reference', 'a')
    child.kill('SIGTERM')
    await child.ended
    // A device is there already, so it is never written to.
    expect(await ledger('export', 'transfers', '-o', small)).toMatchObject({ code: 9 })
  })

  it('a backup and a restore to a full disk leave nothing behind', async (context) => {
    const disk = await SmallDisk.create(join(folder, 'disk'), 1)
    if (typeof disk === 'string') {
      if (process.env.CI) throw new Error(`No small disk can be mounted: ${disk}`)
      return context.skip(`no small disk can be mounted here: ${disk}`)
    }
    const { path, outsidePath, inside } = disk
    try {
      await disk.fill(24_576)
      const { child } = await Millstream.shop(data)
      await ledger('fund', 'alice', '1000', '--reference', 'a')
      const backup = await Millstream.run(['ledger', 'backup', join(path, 'backup'), '--data', data], { inside })
      expect([backup.code, backup.stderr]).toEqual([9, expect.stringContaining('ENOSPC')])
      expect(await readdir(outsidePath)).toEqual(['filler'])
      const file = join(folder, 'backup')
      expect((await ledger('backup', file)).code).toBe(0)
      const restore = await Millstream.run(['ledger', 'restore', file, '--data', join(path, 'data')], { inside })
      expect([restore.code, restore.stderr]).toEqual([9, expect.stringContaining('ENOSPC')])
      expect(await readdir(join(outsidePath, 'data'))).toEqual([])
      expect((await ledger('check')).code).toBe(0)
      child.kill('SIGTERM')
      await child.ended
    } finally {
      disk.close()
    }
  })
})
