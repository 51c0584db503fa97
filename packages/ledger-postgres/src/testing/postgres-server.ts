/**
 * A PostgreSQL for tests, with nothing to be installed or started by hand. `usePostgres()` in a test file gives one
 * server for the file; `MILLSTREAM_TEST_POSTGRES=postgres://…` names another server instead, on which the user may make
 * databases. Where neither is to be had the tests of the file are skipped with a word why, and in CI they fail.
 *
 * The server ends with the process that started it, however that ends: a shell between them waits for the end of its
 * input. It flushes to the disk like any other.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findBinaries } from './postgres-binaries.js'

export interface PostgresServer {
  /** Of the database `postgres`, as a user who may do everything. */
  readonly url: string
  /** Makes an empty database and gives its URL. */
  createDatabase(settings?: Readonly<Record<string, string>>): Promise<string>
  /** Runs one statement as the superuser, in the database of `url` if one is given. */
  query(sql: string, values?: readonly unknown[], url?: string): Promise<readonly Record<string, unknown>[]>
  /**
   * Takes the server down as a failing machine would and brings it up again; `whileDown` runs in between. Not there for
   * a server that `MILLSTREAM_TEST_POSTGRES` names.
   */
  restart?(whileDown?: () => void | Promise<void>): Promise<void>
  stop(): Promise<void>
}

export interface PostgresServerOptions {
  readonly maxConnections?: number
}

const otherServer = 'MILLSTREAM_TEST_POSTGRES'

/** Why there is no server to test with; `undefined` when there is. */
export function whyNoPostgres(): string | undefined {
  if (process.env[otherServer] !== undefined) return undefined
  if (process.platform === 'win32') return `on Windows the tests of PostgreSQL need ${otherServer}`
  if (findBinaries() !== undefined) return undefined
  return `there is no embedded PostgreSQL for ${process.platform}-${process.arch}, and ${otherServer} is not set`
}

/**
 * Starts a server in a folder of its own: about a second and a half.
 *
 * @throws {Error} There is none for this platform: ask `whyNoPostgres` before.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const other = process.env[otherServer]
  if (other !== undefined) return { ...databasesOf(other), stop: async () => {} }
  const binaries = findBinaries()
  if (binaries === undefined) throw new Error(whyNoPostgres())

  const folder = mkdtempSync(join(tmpdir(), 'millstream-postgres-'))
  const data = join(folder, 'data')
  const log = join(folder, 'log')
  const password = randomBytes(12).toString('hex')
  const passwordFile = join(folder, 'password')
  const owner = unprivileged()
  writeFileSync(passwordFile, `${password}\n`)
  mkdirSync(data, { mode: 0o700 })
  if (owner.uid !== undefined) {
    chmodSync(folder, 0o755)
    for (const path of [folder, data, passwordFile]) chownSync(path, owner.uid, owner.gid)
  }
  const run = { ...owner, stdio: 'pipe', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } } as const
  const initdbFlags = ['--username=millstream', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
  execFileSync(binaries.initdb, ['-D', data, `--pwfile=${passwordFile}`, ...initdbFlags], run)

  const port = await freePort()
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: options.maxConnections ?? 60,
    fsync: 'on',
    log_min_messages: 'warning',
  }
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
  const control = (...words: readonly string[]) => [...words, '-D', data, '-w', '-t', '60'] as const
  const started = control('start', '-l', log, '-o', flags.join(' '))
  const stopped = control('stop', '-m', 'immediate')
  const quoted = (words: readonly string[]) => [binaries.pgCtl, ...words].map(shellQuoted).join(' ')
  const keeper = spawn(
    '/bin/sh',
    ['-c', `${quoted(started)} && echo ready; cat > /dev/null; ${quoted(stopped)}; rm -rf ${shellQuoted(data)}`],
    // In a group of its own, so that a signal to ours (Ctrl-C) leaves it the time to take the server down.
    { ...run, cwd: folder, detached: true },
  )
  await saidReady(keeper, log)
  const url = `postgres://millstream:${password}@127.0.0.1:${port}/postgres`
  const ended = new Promise<void>((resolve) => keeper.once('close', () => resolve()))
  return {
    ...databasesOf(url),
    async restart(whileDown) {
      execFileSync(binaries.pgCtl, stopped, { ...run, cwd: folder })
      await whileDown?.()
      // What pg_ctl leaves running must not hold our pipes.
      execFileSync(binaries.pgCtl, started, { ...run, cwd: folder, stdio: 'ignore' })
    },
    async stop() {
      keeper.stdin?.end()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function databasesOf(url: string) {
  const query: PostgresServer['query'] = async (sql, values = [], of = url) => {
    const client = new pg.Client({ connectionString: of })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(sql, [...values])).rows as readonly Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }
  return {
    url,
    query,
    async createDatabase(settings: Readonly<Record<string, string>> = {}) {
      const name = `test_${randomBytes(8).toString('hex')}`
      await query(`CREATE DATABASE ${name}`)
      for (const [setting, value] of Object.entries(settings)) {
        await query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`)
      }
      const its = new URL(url)
      its.pathname = `/${name}`
      return its.href
    },
  }
}

/** PostgreSQL refuses to run as root. Everybody else runs it as themselves. */
function unprivileged(): { readonly uid: number; readonly gid: number } | { readonly uid?: undefined } {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {}
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody".')
}

function saidReady(keeper: ChildProcess, log: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (chunk: Buffer) => {
      said += chunk.toString()
      if (/^ready$/m.test(said)) resolve()
    }
    keeper.stdout?.on('data', listen)
    keeper.stderr?.on('data', listen)
    keeper.once('close', () => reject(new Error(`PostgreSQL did not start: ${said} (see ${log})`)))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })
}

function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
