// A host that pays out of one account until it is killed, and says what it was told. Runs from what was built.
import { createHash } from 'node:crypto'
import { hashes } from '@millstream/hashes'
import { serverAccount } from '@millstream/ledger'
import { openPostgres } from '@millstream/ledger-postgres'

const [url, host, run, creditLimit, batchSize] = process.argv.slice(2)
const { ledger, clock } = await openPostgres({ url, host, hashes })
const [{ account }] = await ledger.apply([
  { type: 'open', name: 'shared', kind: 'named', creditLimit: BigInt(creditLimit) },
]).outcomes
const hash = (text) => Uint8Array.from(createHash('sha256').update(text).digest())
const say = (report) => process.stdout.write(`${JSON.stringify(report)}\n`)

for (let n = 0; ; n += Number(batchSize)) {
  const numbers = Array.from({ length: Number(batchSize) }, (_, i) => n + i)
  const nameOf = (number) => `${run}.${number}`
  const idOf = (number) => hash(`id ${nameOf(number)}`).slice(0, 16)
  const fulfillmentOf = (number) => hash(`fulfillment ${nameOf(number)}`)
  const held = await ledger.apply(
    numbers.map((number) => ({
      type: 'prepare',
      id: idOf(number),
      source: account.id,
      target: serverAccount,
      amount: 1n,
      condition: hashes.sha256(fulfillmentOf(number)),
      expiresAt: clock() + 60_000,
      destination: `test.server.${nameOf(number)}`,
      contentHash: number,
    })),
  ).outcomes
  const prepared = numbers.filter((_, i) => held[i].status === 'prepared')
  say({ prepared, statuses: [...new Set(held.map(({ status }) => status))] })
  if (prepared.length === 0) continue
  const ended = await ledger.apply(
    prepared.map((number) => {
      const key = { source: account.id, id: idOf(number) }
      return number % 5 === 0
        ? { type: 'reject', ...key }
        : { type: 'fulfill', ...key, fulfillment: fulfillmentOf(number) }
    }),
  ).outcomes
  const those = (status) => prepared.filter((_, i) => ended[i].status === status)
  say({
    fulfilled: those('fulfilled'),
    rejected: those('rejected'),
    strange: ended.map(({ status }) => status).filter((status) => status !== 'fulfilled' && status !== 'rejected'),
  })
}
