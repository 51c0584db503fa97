// A host on a ledger in PostgreSQL: two-phase transfers with random ids, in batches. Says how many there were a second.
import { randomFillSync } from 'node:crypto'
import { hashes } from '@millstream/hashes'
import { serverAccount } from '@millstream/ledger'
import { openPostgres } from '@millstream/ledger-postgres'

const [url, host, name, batches, batchSize, limit] = process.argv.slice(2)
const { ledger, clock, close } = await openPostgres({ url, host, hashes })
const creditLimit = limit === undefined ? 2n ** 60n : BigInt(limit)
const [{ account }] = await ledger.apply([{ type: 'open', name, kind: 'named', creditLimit }]).outcomes
const fulfillment = new Uint8Array(32).fill(7)
const condition = hashes.sha256(fulfillment)
let paid = 0

async function payBatch() {
  const ids = Array.from({ length: Number(batchSize) }, () => randomFillSync(new Uint8Array(16)))
  const expiresAt = clock() + 30_000
  const prepares = ids.map((id, i) => ({
    type: 'prepare',
    id,
    source: account.id,
    target: serverAccount,
    amount: 1n,
    condition,
    expiresAt,
    destination: `g.letter-shop.mytrustline.server.AAAAAAAAAAAAAAAAAAAAAA.${paid + i}`,
    contentHash: i,
  }))
  const held = await ledger.apply(prepares).outcomes
  const commands = ids
    .filter((_, i) => held[i].status === 'prepared')
    .map((id) => ({ type: 'fulfill', source: account.id, id, fulfillment }))
  if (commands.length === 0) return
  const done = await ledger.apply(commands).outcomes
  paid += done.filter(({ status }) => status === 'fulfilled').length
}

for (let i = 0; i < 20; i++) await payBatch()
process.send?.('ready')
if (process.send !== undefined) await new Promise((resolve) => process.once('message', resolve))
paid = 0
const began = process.hrtime.bigint()
const cpu = process.cpuUsage()
for (let i = 0; i < Number(batches); i++) await payBatch()
const seconds = Number(process.hrtime.bigint() - began) / 1e9
const { user, system } = process.cpuUsage(cpu)
const result = { paid, seconds, perSecond: paid / seconds, us: (user + system) / Math.max(1, paid) }
if (process.send === undefined) console.log(result)
else process.send(result)
await close()
process.disconnect?.()
