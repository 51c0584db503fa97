/** Copies that are made while the ledger is written to. */
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type AccountId, type Store, StoreClosedError } from '@millstream/ledger'
import { testEpoch, testHashes, testTransfer } from '@millstream/ledger/testing'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  assertPages,
  type BackupBatch,
  BackupCutError,
  BackupTooSlowError,
  BackupUnderWayError,
  backupNote,
  DamagedFileError,
  ledgerFileName,
  type OpenedSqlite,
  openSqlite,
  receiveBackup,
  setBackupNote,
} from './index.js'
import { logFileName } from './ledger-file.js'
import { numbered, openAccount, pay, prepareOf } from './testing/payments.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const open = (folder: string) => openSqlite({ folder, clock: () => testEpoch, hashes: testHashes })
const long = `.${'x'.repeat(400)}`

let folder: string
let opened: OpenedSqlite
let alice: AccountId
let bob: AccountId

async function begin(thousands: number): Promise<void> {
  folder = temporaryFolder()
  opened = await open(folder)
  alice = await openAccount(opened.ledger, 'alice')
  bob = await openAccount(opened.ledger, 'bob')
  for (let i = 0; i < thousands; i++) await pay(opened.ledger, alice, numbered(`${i}-`, 1000), long)
}

/** Everything that a copy must have: ended records, balances, open holds, streams. */
async function contents({ ledger, streams }: OpenedSqlite, through = Number.POSITIVE_INFINITY): Promise<unknown> {
  const records: unknown[] = []
  for await (const { cursor, amount, source, destination, reference } of ledger.transfers()) {
    if (cursor !== undefined && cursor <= through)
      records.push(`${cursor} ${source} ${amount} ${destination} ${reference}`)
  }
  const found: unknown[] = []
  for await (const { userId, pieces } of streams.all()) found.push([userId, pieces])
  return { records, holds: (await ledger.holds()).length, streams: found }
}

async function lastOf(ledger: Store): Promise<number> {
  for await (const { cursor } of ledger.transfers({ newestFirst: true })) if (cursor !== undefined) return cursor
  return 0
}

async function put(pieces: number): Promise<void> {
  await opened.streams.put({
    userId: 's'.repeat(22),
    kid: 0,
    price: 1n,
    unit: 'letter',
    resource: '/',
    createdAt: testEpoch,
    cursor: 0 as never,
    pieces: BigInt(pieces),
    floor: 0,
    numbers: new Uint8Array(0),
  })
}

/** Lets something happen before each batch is written. */
async function* meanwhile(batches: AsyncIterable<BackupBatch>, act: (part: number) => Promise<void>) {
  let count = 0
  for await (const batch of batches) {
    await act(count++)
    yield batch
  }
}

describe('a backup', () => {
  beforeEach(() => begin(20))

  it('is the ledger as it was at one moment, while payments went on', async () => {
    const moments = new Map<number, unknown>()
    let batches = 0
    const act = async (part: number) => {
      if (part > 60) return
      for (let i = 0; i < 10; i++) {
        await pay(opened.ledger, part % 2 === 0 ? alice : bob, numbered(`during ${batches++} `, 100), long)
      }
      await put(batches)
      moments.set(await lastOf(opened.ledger), batches)
    }
    const copy = temporaryFolder()
    await receiveBackup(meanwhile(opened.backup(), act), join(copy, ledgerFileName))
    expect(statSync(join(copy, ledgerFileName)).size % 4096).toBe(0)

    assertPages(copy)
    const restored = await open(copy)
    expect((await restored.ledger.check()).faults).toEqual([])
    const last = await lastOf(restored.ledger)
    expect([...moments.keys()]).toContain(last)
    const { records, holds } = (await contents(opened, last)) as { records: unknown[]; holds: number }
    expect(await contents(restored)).toEqual({
      records,
      holds,
      streams: [['s'.repeat(22), BigInt(moments.get(last) as number)]],
    })
    // It is a ledger like any other.
    await pay(restored.ledger, alice, ['more'])
    await restored.close()
    await pay(opened.ledger, alice, ['and here'])
    expect((await opened.ledger.check()).faults).toEqual([])
    await opened.close()
  }, 60_000)

  it('says of which moment it is, however long it takes to be written', async () => {
    await opened.close()
    let now: number = testEpoch
    opened = await openSqlite({ folder, clock: () => now as never, hashes: testHashes })
    const batches: BackupBatch[] = []
    for await (const batch of opened.backup()) batches.push(batch)
    now += 5_000
    await opened.ledger.apply([{ type: 'deposit', account: alice, amount: 1n, reference: 'a moment later' }]).durable
    now += 5_000
    const slowly = async function* () {
      yield* batches
    }
    expect(await receiveBackup(slowly(), join(temporaryFolder(), ledgerFileName))).toBe(testEpoch)
    await opened.close()
  })

  it('has nothing of a write that a power cut tore, though its end is in the log', async () => {
    await opened.close()
    opened = await open(folder)
    await pay(opened.ledger, alice, numbered('whole ', 100), long)
    const log = join(folder, logFileName)
    const torn = statSync(log).size
    await pay(opened.ledger, alice, numbered('torn ', 100), long)
    // What the disk had of it: all but some of its second page.
    const copy = temporaryFolder()
    for (const name of [ledgerFileName, logFileName]) copyFileSync(join(folder, name), join(copy, name))
    const file = openSync(join(copy, logFileName), 'r+')
    writeSync(file, new Uint8Array(512).fill(255), 0, 512, torn + 4120 + 2000)
    closeSync(file)
    await opened.close()

    const after = await open(copy)
    const last = await lastOf(after.ledger)
    expect(last).toBe(20_100)
    const backup = temporaryFolder()
    await receiveBackup(after.backup(), join(backup, ledgerFileName))
    await after.close()
    assertPages(backup)
    const restored = await open(backup)
    expect(await lastOf(restored.ledger)).toBe(last)
    expect((await restored.ledger.check()).faults).toEqual([])
    await restored.close()
  })

  it('can be made while records are removed', async () => {
    const close = opened.close
    await close()
    opened = await openSqlite({ folder, clock: () => (testEpoch + 3_600_000) as never, hashes: testHashes })
    let pruned: Promise<unknown> | undefined
    const act = async () => {
      pruned ??= opened.ledger.prune({ before: (testEpoch + 3_600_000) as never })
      await new Promise((resolve) => setImmediate(resolve))
    }
    const copy = temporaryFolder()
    await receiveBackup(meanwhile(opened.backup(), act), join(copy, ledgerFileName))
    await pruned
    const restored = await open(copy)
    expect((await restored.ledger.check()).faults).toEqual([])
    expect((await restored.ledger.account(alice))?.posted).toBe(-20_000n)
    await restored.close()
    await opened.close()
  })

  it('is refused while another one is made, and may be made again after that has been given up', async () => {
    const parts = opened.backup()
    await parts.next()
    await expect(opened.backup().next()).rejects.toThrow(BackupUnderWayError)
    await parts.return(undefined)
    const copy = temporaryFolder()
    await receiveBackup(opened.backup(), join(copy, ledgerFileName))
    assertPages(copy)
    await opened.close()
  })

  it('is given up, and not the ledger, when nobody takes it away', async () => {
    await opened.close()
    opened = await openSqlite({
      folder,
      clock: () => testEpoch,
      hashes: testHashes,
      backupWaitingBytesMax: 2 ** 20,
    })
    const parts = opened.backup()
    await parts.next()
    for (let i = 0; i < 5; i++) await pay(opened.ledger, bob, numbered(`fast ${i} `, 1000), long)
    await expect(parts.next()).rejects.toThrow(BackupTooSlowError)
    await pay(opened.ledger, alice, ['after'])
    expect((await opened.ledger.check()).faults).toEqual([])
    await opened.close()
  }, 60_000)

  it('ends with the ledger', async () => {
    const parts = opened.backup()
    await parts.next()
    await opened.close()
    await expect(parts.next()).rejects.toThrow(StoreClosedError)
    await expect(opened.backup().next()).rejects.toThrow(StoreClosedError)
    const again = await open(folder)
    expect((await again.ledger.check()).faults).toEqual([])
    await again.close()
  })

  it('that was cut is told from a whole one', async () => {
    const cut = (async function* () {
      for await (const batch of opened.backup()) if (batch[0]?.type !== 'end') yield batch
    })()
    await expect(receiveBackup(cut, join(temporaryFolder(), 'x'))).rejects.toThrow(BackupCutError)
    await opened.close()
  })

  it('is written to a new file only', async () => {
    const copy = temporaryFolder()
    writeFileSync(join(copy, 'x'), 'mine')
    await expect(receiveBackup(opened.backup(), join(copy, 'x'))).rejects.toThrow(/EEXIST/)
    expect(readdirSync(copy)).toEqual(['x'])
    await opened.close()
  })

  it('carries a note', async () => {
    const copy = temporaryFolder()
    await receiveBackup(opened.backup(), join(copy, ledgerFileName))
    expect(backupNote(copy)).toBeUndefined()
    setBackupNote(copy, '{"a":"é"}')
    expect(backupNote(copy)).toBe('{"a":"é"}')
    setBackupNote(copy, undefined)
    expect(backupNote(copy)).toBeUndefined()
    await opened.close()
  })

  it('with a damaged page is found out', async () => {
    const copy = temporaryFolder()
    const damaged = (async function* () {
      let count = 0
      for await (const batch of opened.backup()) {
        yield batch.map((part) =>
          part.type === 'bytes' && count++ === 3 ? { ...part, bytes: part.bytes.slice().fill(7, 4096, 8192) } : part,
        )
      }
    })()
    await receiveBackup(damaged, join(copy, ledgerFileName))
    expect(() => assertPages(copy)).toThrow(DamagedFileError)
    await opened.close()
  })
})

describe('backups at random moments', () => {
  it('always prove, and have what was durable when they began', async () => {
    await begin(4)
    const step = fc.record({ names: fc.integer({ min: 1, max: 200 }), hold: fc.boolean(), put: fc.boolean() })
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const atFirst = await lastOf(opened.ledger)
        const copy = join(temporaryFolder(), 'copy')
        mkdirSync(copy)
        const act = async (part: number) => {
          if (part >= steps.length) return
          const { names, hold, put: puts } = steps[part]!
          count++
          if (hold) opened.ledger.apply([prepareOf(`held ${count}`, bob)])
          await pay(opened.ledger, alice, numbered(`${count} `, names), long)
          if (hold) {
            const { id, fulfillment } = testTransfer(`held ${count}`)
            opened.ledger.apply([{ type: 'fulfill', source: bob, id, fulfillment }])
          }
          if (puts) void put(count)
        }
        await receiveBackup(meanwhile(opened.backup(), act), join(copy, ledgerFileName))
        assertPages(copy)
        const restored = await open(copy)
        expect((await restored.ledger.check()).faults).toEqual([])
        expect(await lastOf(restored.ledger)).toBeGreaterThanOrEqual(atFirst)
        await restored.close()
      }),
      { numRuns: 12 },
    )
    await opened.close()
  }, 120_000)
})
