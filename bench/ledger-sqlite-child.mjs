// One process of the measurement of the store alone: `node ledger-sqlite-child.mjs MODE FOLDER [COUNT]`. Prints one JSON
// line.
//
// | mode    | does                                                                                              |
// | ------- | ------------------------------------------------------------------------------------------------- |
// | `one`   | COUNT two-phase transfers, 256 a batch, prepared and fulfilled in one durable write                 |
// | `two`   | the same, each batch held durably before it is fulfilled                                          |
// | `bare`  | appends two rows per transfer to a table of its own, 256 transfers a durable write                |
// | `bare2` | the same with a durable write for the first rows of a batch and one for the second                |
// | `fill`  | COUNT transfers as fast as may be, to have a large ledger                                         |
// | `hold`  | holds COUNT transfers                                                                             |
// | `open`  | opens, and tells how long it took                                                                 |
// | `check` | opens and proves                                                                                  |
import { createHash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import path from 'node:path'
import { hashes, systemClock } from '../packages/hashes/dist/index.js'
import { openSqlite } from '../packages/ledger-sqlite/dist/index.js'

/** The binding that the store uses, and no other. */
const Database = createRequire(new URL('../packages/ledger-sqlite/package.json', import.meta.url))('libsql')

const [mode, folder, countText = '0'] = process.argv.slice(2)
const count = Number(countText)
const batch = 256
/** Customers; all pay the server. */
const customers = 8
const holdsPerAccount = 4_096
/** Of a large ledger only the finished transfers shall count, not ids that can still be repeated. */
const expiresInMs = mode === 'fill' ? 2_000 : 30_000
const destination = 'g.letter-shop.mytrustline.server.AAECAwQFBgcICQoLDA0ODw.'

// What a payer computes is not the store's work: fulfillments and conditions are made before, and used in turns.
const secrets = Array.from({ length: 4_096 }, () => Uint8Array.from(randomBytes(32)))
const conditions = secrets.map((secret) => Uint8Array.from(createHash('sha256').update(secret).digest()))
let pool = randomBytes(65_536)
let poolAt = 0
function randomId() {
  if (poolAt === pool.length) {
    pool = randomBytes(65_536)
    poolAt = 0
  }
  poolAt += 16
  return Uint8Array.prototype.slice.call(pool, poolAt - 16, poolAt)
}

const report = (facts) => console.log(JSON.stringify({ mode, count, ...facts }))
const rssBytes = () => process.memoryUsage.rss()

if (mode === 'bare' || mode === 'bare2') bare()
else await store()

async function store() {
  const began = performance.now()
  const { ledger, close } = await openSqlite({ folder, clock: systemClock, hashes })
  const openMs = performance.now() - began
  const names = Array.from({ length: customers }, (_, i) => `customer${i}`)
  const opening = ledger.apply(names.map((name) => ({ type: 'open', name, kind: 'named', creditLimit: 2n ** 62n })))
  const accounts = opening.outcomes.map(({ account }) => account.id)
  await opening.durable
  let made = 0

  function prepares(size, expiresAt = systemClock() + expiresInMs) {
    return Array.from({ length: size }, () => {
      const n = made++
      return {
        type: 'prepare',
        id: randomId(),
        source: accounts[Math.floor(n / batch) % customers],
        target: 1,
        amount: 1n,
        condition: conditions[n % conditions.length],
        expiresAt,
        destination: destination + n,
        contentHash: (n * 7_919) >>> 0,
        n,
      }
    })
  }
  const fulfills = (commands) =>
    commands.map(({ id, source, n }) => ({ type: 'fulfill', source, id, fulfillment: secrets[n % secrets.length] }))

  async function pay(size, isHeldFirst) {
    const commands = prepares(size)
    const { outcomes, durable } = ledger.apply(commands)
    if (isHeldFirst) await durable
    const end = ledger.apply(fulfills(commands))
    if (outcomes.at(-1).status !== 'prepared' || end.outcomes.at(-1).status !== 'fulfilled') throw new Error('not paid')
    await end.durable
  }

  if (mode === 'one' || mode === 'two') {
    for (let i = 0; i < 20; i++) await pay(batch, mode === 'two')
    const [cpu, start] = [process.cpuUsage(), performance.now()]
    for (let i = 0; i < count; i += batch) await pay(batch, mode === 'two')
    const seconds = (performance.now() - start) / 1_000
    const { user, system } = process.cpuUsage(cpu)
    report({ perSecond: count / seconds, cpuUs: (user + system) / count, rssBytes: rssBytes() })
  } else if (mode === 'fill') {
    for (let i = 0; i < count; i += 4_096) await pay(Math.min(4_096, count - i), false)
    report({})
  } else if (mode === 'hold') {
    const expiresAt = systemClock() + 3_000_000
    for (let i = 0; i < count; i += batch) {
      const source = accounts[Math.floor(i / (holdsPerAccount - batch))]
      const commands = prepares(Math.min(batch, count - i), expiresAt)
      await ledger.apply(commands.map((command) => ({ ...command, source }))).durable
    }
    report({ holds: ledger.holds().length })
  } else if (mode === 'open') {
    report({ ms: openMs, holds: ledger.holds().length, rssBytes: rssBytes() })
  } else if (mode === 'check') {
    const start = performance.now()
    const { ok, entries } = await ledger.check()
    report({ ms: performance.now() - start, ok, entries, rssBytes: rssBytes() })
  }
  await close()
}

/** The same binding and durability, many rows to a statement as the store does it, and nothing but appending. */
function bare() {
  const rowsPerStatement = 32
  const database = new Database(path.join(folder, 'bare.sqlite'))
  for (const pragma of ['locking_mode = EXCLUSIVE', 'journal_mode = WAL', 'synchronous = FULL', 'cache_size = 2048']) {
    database.exec(`PRAGMA ${pragma}`)
  }
  database.exec(
    'CREATE TABLE rows (seq INTEGER PRIMARY KEY, at INTEGER, state INTEGER, source INTEGER, target INTEGER, amount INTEGER, id BLOB, hash BLOB, destination TEXT, expires_at INTEGER)',
  )
  const row = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
  const insert = database.prepare(`INSERT INTO rows VALUES ${Array(rowsPerStatement).fill(row).join(', ')}`)
  const [begin, commit] = [database.prepare('BEGIN'), database.prepare('COMMIT')]
  const values = new Array(10 * rowsPerStatement)
  let seq = 0
  const append = (transfers) => {
    begin.run([])
    const now = Date.now()
    const ids = Array.from({ length: transfers }, randomId)
    for (const state of [0, 1]) {
      if (state === 1 && mode === 'bare2') {
        commit.run([])
        begin.run([])
      }
      for (let i = 0; i < transfers; i++) {
        const at = (i % rowsPerStatement) * 10
        values[at] = ++seq
        values[at + 1] = now
        values[at + 2] = state
        values[at + 3] = 16
        values[at + 4] = 1
        values[at + 5] = 1
        values[at + 6] = ids[i]
        values[at + 7] = (state === 0 ? conditions : secrets)[seq % secrets.length]
        values[at + 8] = state === 0 ? destination + seq : null
        values[at + 9] = now + expiresInMs
        if (at === 10 * (rowsPerStatement - 1)) insert.run(values)
      }
    }
    commit.run([])
  }
  for (let i = 0; i < 20; i++) append(batch)
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  for (let i = 0; i < count; i += batch) append(batch)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  report({ perSecond: count / seconds, cpuUs: (user + system) / count, rssBytes: rssBytes() })
}
