// One process of the measurement of the PostgreSQL store: `node ledger-postgres-child.mjs MODE URL HOST ACCOUNT COUNT
// [LIMIT]`. Prints `ready`, waits for a line of input, works, prints one JSON line.
//
// | mode   | does                                                                                                     |
// | ------ | -------------------------------------------------------------------------------------------------------- |
// | `host` | COUNT two-phase transfers of ACCOUNT with random ids, 256 a batch, each batch held durably before it is fulfilled |
// | `bare` | inserts the same rows, a hold and a transfer each, 256 a statement, into tables with nothing but a key    |
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { hashes } from '../packages/hashes/dist/index.js'
import { serverAccount } from '../packages/ledger/dist/index.js'
import { openPostgres } from '../packages/ledger-postgres/dist/index.js'

/** The driver that the store uses, and no other. */
const pg = createRequire(new URL('../packages/ledger-postgres/package.json', import.meta.url))('pg')

const [mode, url, host, name, count, limit = String(2n ** 60n)] = process.argv.slice(2)
const batchSize = 256
const warmUpBatches = 20
const destination = 'g.letter-shop.mytrustline.server.AAAAAAAAAAAAAAAAAAAAAA.'
const fulfillment = Buffer.alloc(32, 7)
const condition = hashes.sha256(fulfillment)

const { batch, close, paid } = mode === 'host' ? await openHost() : await openBare()
for (let i = 0; i < warmUpBatches; i++) await batch()
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const before = paid()
const began = process.hrtime.bigint()
const cpu = process.cpuUsage()
for (let i = 0; i < Number(count) / batchSize; i++) await batch()
const seconds = Number(process.hrtime.bigint() - began) / 1e9
const { user, system } = process.cpuUsage(cpu)
const done = paid() - before
const { rss: rssBytes } = process.memoryUsage()
process.stdout.write(
  `${JSON.stringify({ paid: done, seconds, perSecond: done / seconds, cpuUs: (user + system) / Math.max(1, done), rssBytes })}\n`,
)
await close()
process.stdin.destroy()

async function openHost() {
  const { ledger, clock, close } = await openPostgres({ url, host, hashes })
  const opening = ledger.apply([{ type: 'open', name, kind: 'named', creditLimit: BigInt(limit) }])
  const [{ account }] = await opening.outcomes
  const source = account.id
  let paid = 0
  let number = 0
  return {
    close,
    paid: () => paid,
    async batch() {
      const ids = Array.from({ length: batchSize }, () => randomFillSync(new Uint8Array(16)))
      const expiresAt = clock() + 30_000
      const prepares = ids.map((id) => {
        number += 1
        const rest = { destination: destination + number, contentHash: number }
        return { type: 'prepare', id, source, target: serverAccount, amount: 1n, condition, expiresAt, ...rest }
      })
      const held = await ledger.apply(prepares).outcomes
      const fulfills = ids
        .filter((_, i) => held[i].status === 'prepared')
        .map((id) => ({ type: 'fulfill', source, id, fulfillment }))
      const ended = await ledger.apply(fulfills).outcomes
      for (const { status } of ended) if (status === 'fulfilled') paid += 1
    },
  }
}

async function openBare() {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE TABLE IF NOT EXISTS bare_holds (serial bigint PRIMARY KEY, source bigint, target bigint,
    expires_at bigint, prepared_at bigint, content_hash bigint, host bigint, amount numeric, id bytea, condition bytea,
    destination text)`)
  await client.query(`CREATE TABLE IF NOT EXISTS bare_transfers (seq bigint PRIMARY KEY, at bigint, source bigint,
    target bigint, expires_at bigint, content_hash bigint, kind smallint, amount numeric, id bytea, destination text,
    fulfillment bytea)`)
  let rows = 0
  const all = (value) => new Array(batchSize).fill(value)
  return {
    close: () => client.end(),
    paid: () => rows,
    async batch() {
      const ids = Array.from({ length: batchSize }, () => randomFillSync(Buffer.alloc(16)))
      const serials = ids.map((_, i) => rows + i + 1)
      const destinations = serials.map((n) => destination + n)
      const now = Date.now()
      const [ones, expires] = [all(1), all(now + 30_000)]
      await client.query({
        name: 'holds',
        text: `INSERT INTO bare_holds SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
          $5::bigint[], $6::bigint[], $7::bigint[], $8::numeric[], $9::bytea[], $10::bytea[], $11::text[])`,
        values: [
          ...[serials, all(16), ones, expires, all(now), serials, ones, ones, ids],
          ...[all(Buffer.from(condition)), destinations],
        ],
      })
      await client.query({
        name: 'transfers',
        text: `INSERT INTO bare_transfers SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
          $5::bigint[], $6::bigint[], $7::smallint[], $8::numeric[], $9::bytea[], $10::text[], $11::bytea[])`,
        values: [
          ...[serials, all(now), all(16), ones, expires, serials, ones, ones, ids],
          ...[destinations, all(fulfillment)],
        ],
      })
      rows += batchSize
    },
  }
}
