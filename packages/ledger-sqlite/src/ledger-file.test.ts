import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { testEpoch, testHashes } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'
import Database from 'libsql'
import { describe, expect, it } from 'vitest'
import {
  DamagedFileError,
  DataFolderError,
  DataFolderInUseError,
  ForeignFileError,
  ledgerFileName,
  NewerFileError,
  openSqlite,
  type SqliteEvent,
} from './index.js'
import { openLedgerFile } from './ledger-file.js'
import { numbered, openAccount, pay } from './testing/payments.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const open = (folder: string, now = testEpoch) => openSqlite({ folder, clock: () => now, hashes: testHashes })

const packageFolder = join(import.meta.dirname, '..')

/** A closed ledger with some payments in it. */
async function makeLedger(payments = 500, more = ''): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = temporaryFolder()
  const { ledger, close } = await open(folder)
  const alice = await openAccount(ledger, 'alice')
  for (let i = 0; i < payments; i += 500) await pay(ledger, alice, numbered(`${i}-`, Math.min(500, payments - i)), more)
  await close()
  return { folder, path: join(folder, ledgerFileName) }
}

async function assertRefused(folder: string, error: new (...parameters: never[]) => Error): Promise<void> {
  const path = join(folder, ledgerFileName)
  const before = readFileSync(path)
  await expect(open(folder)).rejects.toThrow(error)
  expect(readFileSync(path).equals(before)).toBe(true)
}

describe('the file of a ledger', () => {
  it('is made with its folder, for its owner only', async () => {
    const folder = join(temporaryFolder(), 'a', 'b')
    const { close } = await open(folder)
    await close()
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, ledgerFileName)).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual([ledgerFileName])
  })

  it('is written ahead, flushed at each commit, and locked', async () => {
    const { database, close } = openLedgerFile(temporaryFolder())
    expect(database.value('PRAGMA journal_mode')).toBe('wal')
    expect(database.value('PRAGMA synchronous')).toBe(2)
    expect(database.value('PRAGMA locking_mode')).toBe('exclusive')
    close()
  })

  it('cannot be opened twice, and the first one goes on', async () => {
    const folder = temporaryFolder()
    const first = await open(folder)
    const alice = await openAccount(first.ledger, 'alice')
    await expect(open(folder)).rejects.toThrow(DataFolderInUseError)
    await expect(open(folder)).rejects.toThrow(/open already.*Nothing was changed/)
    await pay(first.ledger, alice, ['t1'])
    expect(await first.ledger.check()).toMatchObject({ ok: true, entries: 1 })
    await first.close()
    const second = await open(folder)
    expect(await second.ledger.check()).toMatchObject({ ok: true, entries: 1 })
    await second.close()
  })

  it('stays held against other processes after this one has tried to open it again', async () => {
    const folder = temporaryFolder()
    const first = await open(folder)
    await expect(open(folder)).rejects.toThrow(DataFolderInUseError)
    const other = spawnSync(process.execPath, ['--input-type=module', '-e', holdProgram, folder], {
      cwd: packageFolder,
      encoding: 'utf8',
    })
    expect(other.stderr).toMatch(/DataFolderInUseError/)
    await first.close()
  })

  it('cannot be opened while another process holds it, and can as soon as that one is dead', async () => {
    const folder = temporaryFolder()
    const holder = spawn(process.execPath, ['--input-type=module', '-e', holdProgram, folder], {
      cwd: packageFolder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    await expect(open(folder)).rejects.toThrow(DataFolderInUseError)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const { ledger, close } = await open(folder)
    expect((await ledger.find('alice'))?.creditLimit).toBe(5n)
    await close()
  })

  it('is one file again after closing', async () => {
    const { folder } = await makeLedger()
    expect(readdirSync(folder)).toEqual([ledgerFileName])
  })

  it('becomes a ledger when it is empty, or was cut short before it held anything', async () => {
    for (const content of ['nothing', 'no tables']) {
      const folder = temporaryFolder()
      const path = join(folder, ledgerFileName)
      if (content === 'nothing') writeFileSync(path, '')
      else {
        const database = new Database(path)
        database.exec('PRAGMA journal_mode = WAL')
        database.exec('PRAGMA user_version = 0')
        database.exec('PRAGMA journal_mode = DELETE')
        database.close()
      }
      const { ledger, close } = await open(folder)
      expect(await ledger.check()).toMatchObject({ ok: true, entries: 0, accounts: 4 })
      await close()
    }
  })

  it('is left as it is when a later version made it', async () => {
    const { folder, path } = await makeLedger()
    const database = new Database(path)
    database.exec('PRAGMA user_version = 9999')
    database.close()
    await assertRefused(folder, NewerFileError)
    await expect(open(folder)).rejects.toThrow(/later version of Millstream \(form 9999.*Install that version/)
  })

  it('is left as it is when it belongs to another program', async () => {
    for (const journal of ['delete', 'wal']) {
      const folder = temporaryFolder()
      const database = new Database(join(folder, ledgerFileName))
      database.exec(`PRAGMA journal_mode = ${journal}`)
      database.exec('CREATE TABLE songs (title TEXT)')
      database.exec("INSERT INTO songs VALUES ('Greensleeves')")
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      await assertRefused(folder, ForeignFileError)
      database.exec('PRAGMA application_id = 77')
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      await assertRefused(folder, ForeignFileError)
      database.close()
    }
  })

  it('is left as it is when it is no database', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, ledgerFileName), 'my shopping list: flour, water')
    await assertRefused(folder, ForeignFileError)
    writeFileSync(join(folder, ledgerFileName), Buffer.alloc(100_000, 7))
    await assertRefused(folder, ForeignFileError)
  })

  it('is refused when its end is missing', async () => {
    const { folder, path } = await makeLedger()
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)
    await assertRefused(folder, DamagedFileError)
    await expect(open(folder)).rejects.toThrow(/damaged.*Nothing in it was changed.*copy from before/)
  })

  it('is refused when it is damaged in the middle', async () => {
    const { folder, path } = await makeLedger()
    const bytes = readFileSync(path)
    // The heads of all pages but the first: what kind of page it is.
    for (let page = 1; page < bytes.length / 4096; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 12)
    writeFileSync(path, bytes)
    await assertRefused(folder, DamagedFileError)
  })

  it('is found to be damaged by check when it was too large to go through at the start', async () => {
    const { folder, path } = await makeLedger(9_500, `.${'x'.repeat(900)}`)
    const bytes = readFileSync(path)
    const pages = bytes.length / 4096
    expect(pages).toBeGreaterThan(2048)
    const middle = Math.floor(pages / 2)
    for (let page = middle; page < middle + 20; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 12)
    writeFileSync(path, bytes)
    await expect(open(folder)).rejects.toThrow(DamagedFileError)
    // When nothing of it may be repeated any more, a start does not go through the records.
    const { ledger, close } = await open(folder, Instant.after(testEpoch, 3_600_000))
    const report = await ledger.check()
    expect(report.ok).toBe(false)
    expect(report.faults.join()).toContain('cannot be read')
    await close()
  })

  it('says so when the folder cannot be made or is none', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    await expect(open(join(folder, 'file'))).rejects.toThrow(DataFolderError)
    await expect(open(join(folder, 'file', 'deeper'))).rejects.toThrow(DataFolderError)
    const taken = join(folder, 'taken')
    mkdirSync(join(taken, ledgerFileName), { recursive: true })
    await expect(open(taken)).rejects.toThrow(/cannot be opened.*Nothing was changed/)
  })

  it.skipIf(process.platform === 'win32')('says so when the folder or the file may not be written', async () => {
    const { folder, path } = await makeLedger()
    // The superuser may write anywhere: a process of somebody else tries.
    const attempt = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', attemptProgram, folder], {
        cwd: packageFolder,
        encoding: 'utf8',
      })
    chmodSync(path, 0o444)
    chmodSync(folder, 0o777)
    expect(attempt()).toBe('LEDGER_FOLDER')
    chmodSync(path, 0o666)
    chmodSync(folder, 0o555)
    expect(attempt()).toBe('LEDGER_FOLDER')
    chmodSync(folder, 0o777)
    expect(attempt()).toBe('opened')
    expect(existsSync(path)).toBe(true)
  })

  it('tells an observer what happened', async () => {
    const { folder } = await makeLedger(3)
    const events: SqliteEvent[] = []
    const observer = (event: SqliteEvent) => events.push(event)
    const earlier = () => (testEpoch - 5000) as typeof testEpoch
    const { close } = await openSqlite({ folder, clock: earlier, hashes: testHashes, observer })
    await close()
    expect(events).toEqual([
      {
        name: 'ledger_sqlite.opened',
        level: 'info',
        folder,
        accounts: 1,
        holds: 0,
        ids: 3,
        ms: expect.any(Number),
      },
      { name: 'ledger_sqlite.clock_behind', level: 'warn', ms: 5000 },
      { name: 'ledger_sqlite.closed', level: 'info', folder },
    ])
  })
})

const holdProgram = `
  import { openSqlite } from '@millstream/ledger-sqlite'
  import { hashes, systemClock } from '@millstream/hashes'
  const { ledger } = await openSqlite({ folder: process.argv[1], clock: systemClock, hashes })
  await ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 5n }]).durable
  console.log('ready')
  setInterval(() => {}, 1000)
`

const attemptProgram = `
  import { openSqlite } from '@millstream/ledger-sqlite'
  import { hashes, systemClock } from '@millstream/hashes'
  if (process.getuid() === 0) process.setuid(65534)
  try {
    const { close } = await openSqlite({ folder: process.argv[1], clock: systemClock, hashes })
    await close()
    process.stdout.write('opened')
  } catch (error) {
    process.stdout.write(error.code)
  }
`
