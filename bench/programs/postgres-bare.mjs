// What the same rows cost without a ledger: a hold and a transfer each, two statements for a batch, over one connection.
import { randomFillSync } from 'node:crypto'
import pg from 'pg'

const [url, batches, batchSize] = process.argv.slice(2)
const client = new pg.Client({ connectionString: url })
await client.connect()
await client.query(`CREATE TABLE IF NOT EXISTS bare_holds (serial bigint PRIMARY KEY, source bigint, target bigint,
  expires_at bigint, prepared_at bigint, content_hash bigint, host bigint, amount numeric, id bytea, condition bytea,
  destination text)`)
await client.query(`CREATE TABLE IF NOT EXISTS bare_transfers (seq bigint PRIMARY KEY, at bigint, source bigint,
  target bigint, expires_at bigint, content_hash bigint, kind smallint, amount numeric, id bytea, destination text,
  fulfillment bytea)`)
await client.query('TRUNCATE bare_holds, bare_transfers')
const condition = Buffer.alloc(32, 9)
const fulfillment = Buffer.alloc(32, 7)
let rows = 0

async function insertBatch() {
  const size = Number(batchSize)
  const ids = Array.from({ length: size }, () => randomFillSync(Buffer.alloc(16)))
  const all = (value) => new Array(size).fill(value)
  const serials = ids.map((_, i) => rows + i + 1)
  const destinations = serials.map((n) => `g.letter-shop.mytrustline.server.AAAAAAAAAAAAAAAAAAAAAA.${n}`)
  const now = Date.now()
  await client.query({
    name: 'holds',
    text: `INSERT INTO bare_holds SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
      $5::bigint[], $6::bigint[], $7::bigint[], $8::numeric[], $9::bytea[], $10::bytea[], $11::text[])`,
    values: [
      serials,
      all(16),
      all(1),
      all(now + 30_000),
      all(now),
      serials,
      all(1),
      all('1'),
      ids,
      all(condition),
      destinations,
    ],
  })
  await client.query({
    name: 'transfers',
    text: `INSERT INTO bare_transfers SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
      $5::bigint[], $6::bigint[], $7::smallint[], $8::numeric[], $9::bytea[], $10::text[], $11::bytea[])`,
    values: [
      serials,
      all(now),
      all(16),
      all(1),
      all(now + 30_000),
      serials,
      all(1),
      all('1'),
      ids,
      destinations,
      all(fulfillment),
    ],
  })
  rows += size
}

for (let i = 0; i < 20; i++) await insertBatch()
rows = 20 * Number(batchSize)
const began = process.hrtime.bigint()
const cpu = process.cpuUsage()
for (let i = 0; i < Number(batches); i++) await insertBatch()
const seconds = Number(process.hrtime.bigint() - began) / 1e9
const { user, system } = process.cpuUsage(cpu)
const paid = Number(batches) * Number(batchSize)
const result = { paid, seconds, perSecond: paid / seconds, us: (user + system) / paid }
if (process.send === undefined) console.log(result)
else process.send(result)
await client.end()
process.disconnect?.()
