/** What `millstream` says of a database that it cannot use, and what it never says: the password. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { usePostgres } from '../../packages/ledger-postgres/src/testing/index.js'
import * as Millstream from '../processes/millstream.js'

vi.setConfig({ testTimeout: Millstream.timeoutMs, hookTimeout: Millstream.timeoutMs })
const postgres = await usePostgres()
afterEach(Millstream.cleanUp)

const password = 'S3cret-Passw0rd'
const shopWords = (keyFile: string) => ['shop', '--port', '0', '--btp-port', '0', '--key-file', keyFile]

/** Starts a shop that must not start, and gives what it said. */
async function refused(store: string, words: readonly string[]) {
  const ended = await Millstream.run(words, { env: { MILLSTREAM_STORE: store } })
  for (const text of [ended.stdout, ended.stderr]) expect(text).not.toContain(password)
  return ended
}

async function started(store: string, keyFile: string) {
  const child = Millstream.start([...shopWords(keyFile), '--json'], { env: { MILLSTREAM_STORE: store } })
  await child.until(({ stdout }) => stdout.includes('\n'))
  return child
}

postgres.describe('a shop on a database', () => {
  it('says that it cannot be reached, with the exit code for that', async () => {
    const folder = await Millstream.temporaryFolder()
    const { code, stderr } = await refused(
      `postgres://shop:${password}@127.0.0.1:1/shop`,
      shopWords(join(folder, 'key')),
    )
    expect(stderr).toContain('LEDGER_DATABASE_UNREACHABLE')
    expect(stderr).toContain('127.0.0.1:1/shop')
    expect(code).toBe(13)
    await expect(stat(join(folder, 'key'))).rejects.toThrow('ENOENT')
  })

  it('says that it is not let in', async () => {
    const url = new URL(await postgres.server.createDatabase())
    url.password = password
    const folder = await Millstream.temporaryFolder()
    const { code, stderr } = await refused(url.href, shopWords(join(folder, 'key')))
    expect(stderr).toContain('password authentication failed')
    expect(code).toBe(13)
  })

  it('does not repeat a URL that it cannot read', async () => {
    const folder = await Millstream.temporaryFolder()
    const words = [...shopWords(join(folder, 'key')), '--store', `mysql://shop:${password}@host/shop`]
    const { code, stderr } = await refused('sqlite', words)
    expect(stderr).toContain('postgres://USER:PASSWORD@HOST:PORT/DATABASE')
    expect(code).toBe(2)
  })

  it('refuses tables of a later version, and leaves them alone', async () => {
    const store = await postgres.server.createDatabase()
    expect((await Millstream.run(['ledger', 'migrate'], { env: { MILLSTREAM_STORE: store } })).code).toBe(0)
    await postgres.server.query("UPDATE millstream.meta SET value = '999' WHERE name = 'schema_version'", [], store)
    const folder = await Millstream.temporaryFolder()
    const { code, stderr } = await refused(store, shopWords(join(folder, 'key')))
    expect(stderr).toContain('LEDGER_SCHEMA_NEWER')
    expect(code).toBe(13)
  })

  it('makes a key for its owner alone, and takes no other one beside it', async () => {
    const store = await postgres.server.createDatabase()
    const folder = await Millstream.temporaryFolder()
    const key = join(folder, 'shop-key')
    const first = await started(store, key)
    expect(first.stderr).toContain('cli.key_made')
    expect((await stat(key)).mode & 0o777).toBe(0o600)

    const missing = await refused(store, shopWords(join(folder, 'none')))
    expect({ code: missing.code, text: missing.stderr }).toMatchObject({
      code: 9,
      text: expect.stringContaining('KEY_FILE_MISSING'),
    })
    const other = join(folder, 'other')
    await writeFile(other, `${'A'.repeat(42)}E\n`, { mode: 0o600 })
    const different = await refused(store, shopWords(other))
    expect({ code: different.code, text: different.stderr }).toMatchObject({
      code: 9,
      text: expect.stringContaining('KEY_FILE_DIFFERS'),
    })
    const open = join(folder, 'open')
    await writeFile(open, await readFile(key), { mode: 0o644 })
    expect((await refused(store, shopWords(open))).stderr).toContain('KEY_FILE_EXPOSED')

    const copy = join(folder, 'copy')
    await writeFile(copy, await readFile(key), { mode: 0o600 })
    const second = await started(store, copy)
    for (const child of [first, second]) child.kill('SIGTERM')
    for (const child of [first, second]) expect((await child.ended).code).toBe(0)
  })

  it('refuses to keep books under another name', async () => {
    const store = await postgres.server.createDatabase()
    const folder = await Millstream.temporaryFolder()
    const key = join(folder, 'key')
    const child = await started(store, key)
    child.kill('SIGTERM')
    await child.ended
    const { code, stderr } = await refused(store, [...shopWords(key), '--prefix', 'g.other.'])
    expect(stderr).toContain('--prefix g.letter-shop.mytrustline.')
    expect(code).toBe(13)
  })

  it('gives way to a shop that is started under its name, and says so', async () => {
    const store = await postgres.server.createDatabase()
    const folder = await Millstream.temporaryFolder()
    const words = [...shopWords(join(folder, 'key')), '--json', '--node', 'one']
    const env = { MILLSTREAM_STORE: store }
    const first = Millstream.start(words, { env })
    await first.until(({ stdout }) => stdout.includes('\n'))
    const second = Millstream.start(words, { env })
    await second.until(({ stdout }) => stdout.includes('\n'))
    const ended = await first.ended
    expect({ code: ended.code, text: ended.stderr }).toMatchObject({
      code: 13,
      text: expect.stringContaining('give every shop of the fleet its own --node'),
    })
    second.kill('SIGTERM')
    expect((await second.ended).code).toBe(0)
  })
})

postgres.describe('`millstream ledger` on a database', () => {
  it('needs no shop to see and change the books', async () => {
    const store = await postgres.server.createDatabase()
    const env = { MILLSTREAM_STORE: store }
    const before = await Millstream.run(['ledger', 'check'], { env })
    expect({ code: before.code, text: before.stderr }).toMatchObject({
      code: 13,
      text: expect.stringContaining('LEDGER_SCHEMA_OLDER'),
    })
    const folder = await Millstream.temporaryFolder()
    const child = await started(store, join(folder, 'key'))
    const funded = await Millstream.run(['ledger', 'fund', 'alice', '500', '--json'], { env })
    expect(JSON.parse(funded.stdout)).toMatchObject({ status: 'done', account: { id: 'alice', balance: '500' } })
    child.kill('SIGTERM')
    await child.ended
    const check = await Millstream.run(['ledger', 'check', '--json', '--store', store], {})
    expect({ code: check.code, row: JSON.parse(check.stdout) }).toMatchObject({ code: 0, row: { ok: true } })
    const backup = await Millstream.run(['ledger', 'backup', join(folder, 'copy')], { env })
    expect({ code: backup.code, text: backup.stderr }).toMatchObject({
      code: 12,
      text: expect.stringContaining('pg_dump'),
    })
  })
})
