import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { AccountId, Cursor, Store } from '@millstream/ledger'
import { StoreFailedError } from '@millstream/ledger'
import { testEpoch, testHashes } from '@millstream/ledger/testing'
import type { StreamRecord } from '@millstream/shop'
import { describe, expect, it } from 'vitest'
import { DiskFullError, openSqlite, type SqliteEvent } from './index.js'
import { numbered, openAccount, pay } from './testing/payments.js'
import { smallDisk } from './testing/small-disk.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const clock = () => testEpoch

/** Pays until a write fails; gives the number of payments that were promised. */
async function payUntilFailure(store: Store, account: AccountId): Promise<{ promised: number; failure: unknown }> {
  for (let promised = 0; ; promised += 100) {
    try {
      await pay(store, account, numbered(`${promised}-`, 100))
    } catch (failure) {
      return { promised, failure }
    }
  }
}

async function countPosted(store: Store): Promise<number> {
  let count = 0
  for (let cursor = 0 as Cursor; ; ) {
    const entries = await store.posted(cursor, 10_000)
    if (entries.length === 0) return count
    count += entries.length
    cursor = entries.at(-1)!.cursor
  }
}

describe('a write that fails', () => {
  it('stops the ledger when the file is full, and nothing that was promised is lost', async () => {
    const folder = temporaryFolder()
    const events: SqliteEvent[] = []
    const { ledger, streams, close } = await openSqlite({
      folder,
      clock,
      hashes: testHashes,
      fileBytesMax: 1_000_000,
      observer: (event) => events.push(event),
    })
    const alice = await openAccount(ledger, 'alice')
    const { promised, failure } = await payUntilFailure(ledger, alice)
    expect(failure).toBeInstanceOf(DiskFullError)
    expect(failure).toBeInstanceOf(StoreFailedError)
    expect((failure as Error).message).toMatch(/no room left.*promised is safe.*undone when it starts again. Make room/)
    expect(promised).toBeGreaterThan(1000)
    expect(() => ledger.apply([])).toThrow(DiskFullError)
    await expect(ledger.check()).rejects.toThrow(DiskFullError)
    await expect(streams.put(stream('a'))).rejects.toThrow(DiskFullError)
    await close()
    expect(events.map(({ name }) => name)).toEqual([
      'ledger_sqlite.opened',
      'ledger_sqlite.failed',
      'ledger_sqlite.closed',
    ])

    const again = await openSqlite({ folder, clock, hashes: testHashes })
    expect(await countPosted(again.ledger)).toBe(promised)
    expect(await again.ledger.check()).toMatchObject({ ok: true, entries: promised, holds: 0 })
    expect((await again.ledger.account(alice))?.posted).toBe(BigInt(-promised))
    await pay(again.ledger, alice, ['one more'])
    await again.close()
  })

  it('tells all that waited for it, and who asks afterwards', async () => {
    const { ledger, close } = await openSqlite({
      folder: temporaryFolder(),
      clock,
      hashes: testHashes,
      fileBytesMax: 100_000,
    })
    const alice = await openAccount(ledger, 'alice')
    const waiting = numbered('', 30).map((name) => pay(ledger, alice, numbered(`${name}-`, 100)))
    const results = await Promise.allSettled(waiting)
    expect(new Set(results.map((result) => result.status))).toEqual(new Set(['rejected']))
    expect(await ledger.account(alice)).toBeDefined()
    await close()
  })

  it('stops the ledger when the disk is full', async (context) => {
    const disk = smallDisk(context, 3)
    const { folder } = disk
    disk.fill(2_000_000)
    const { ledger, close } = await openSqlite({ folder, clock, hashes: testHashes })
    const alice = await openAccount(ledger, 'alice')
    const { promised, failure } = await payUntilFailure(ledger, alice)
    expect(failure).toBeInstanceOf(StoreFailedError)
    expect((failure as Error).message).toMatch(disk.error)
    expect(promised).toBeGreaterThan(1000)
    await close()
    disk.makeRoom()
    // Where the log could not be taken into the file on a full disk, the lock is held until the process ends.
    const program = `
      import { openSqlite } from '@millstream/ledger-sqlite'
      import { hashes } from '@millstream/hashes'
      const { ledger, close } = await openSqlite({ folder: process.argv[1], clock: () => ${testEpoch}, hashes })
      const { ok, entries } = await ledger.check()
      process.stdout.write(JSON.stringify({ ok, entries }))
      await close()
    `
    const copy = temporaryFolder()
    execFileSync('cp', ['-a', `${folder}/.`, copy])
    const found = execFileSync(process.execPath, ['--input-type=module', '-e', program, copy], {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
    })
    expect(JSON.parse(found)).toEqual({ ok: true, entries: promised })
  })

  it('loses the stream that was to be written with the money, and only that', async () => {
    const folder = temporaryFolder()
    const opened = await openSqlite({ folder, clock, hashes: testHashes, fileBytesMax: 200_000 })
    const alice = await openAccount(opened.ledger, 'alice')
    await opened.streams.put(stream('a'))
    const money = pay(opened.ledger, alice, numbered('', 3000))
    const lost = opened.streams.put(stream('b'))
    await expect(money).rejects.toThrow(DiskFullError)
    await expect(lost).rejects.toThrow(DiskFullError)
    await opened.close()
    const again = await openSqlite({ folder, clock, hashes: testHashes })
    expect(await again.streams.get(stream('a').userId)).toEqual(stream('a'))
    expect(await again.streams.get(stream('b').userId)).toBeUndefined()
    expect(await again.ledger.check()).toMatchObject({ ok: true, entries: 0 })
    await again.close()
  })
})

function stream(name: string): StreamRecord {
  return {
    userId: name.padEnd(22, 'A'),
    kid: 0,
    price: 1n,
    unit: 'letter',
    resource: '/',
    createdAt: testEpoch,
    cursor: 0 as StreamRecord['cursor'],
    pieces: 0n,
    floor: 0,
    numbers: new Uint8Array(0),
  }
}
