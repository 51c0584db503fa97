// Pays, removes old records and copies the ledger, all at once, until it is killed. A line on stdout says what has become
// durable. Runs on what `npm run build` made.
import { createHash } from 'node:crypto'
import { rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { hashes, systemClock } from '@millstream/hashes'
import { openSqlite, receiveBackup } from '@millstream/ledger-sqlite'

const [folder, round] = process.argv.slice(2)
const hash = (label, n) => Uint8Array.from(createHash('sha256').update(`${label} ${round} ${n}`).digest())
const say = (line) => writeSync(1, `${line}\n`)

const { ledger, backup } = await openSqlite({ folder, clock: systemClock, hashes })
const opening = ledger.apply(
  ['alice', 'bob'].map((name) => ({ type: 'open', name, kind: 'named', creditLimit: 2n ** 60n })),
)
const accounts = opening.outcomes.map((outcome) => outcome.account.id)
await opening.durable
say('ready')

/** They can be repeated for so long, so they can be removed soon. */
const expiresInMs = 300
const batch = 200

async function pay() {
  for (let n = 0; ; ) {
    const numbers = Array.from({ length: batch }, () => n++)
    const source = accounts[Math.floor(n / batch) % accounts.length]
    ledger.apply(
      numbers.map((number) => ({
        type: 'prepare',
        id: hash('id', number).slice(0, 16),
        source,
        target: 1,
        amount: 1n,
        condition: hashes.sha256(hash('fulfillment', number)),
        expiresAt: systemClock() + expiresInMs,
        destination: `test.ledger.server.${round}.${number}`,
        contentHash: number,
      })),
    )
    const fulfills = numbers.map((number) => ({
      type: 'fulfill',
      source,
      id: hash('id', number).slice(0, 16),
      fulfillment: hash('fulfillment', number),
    }))
    const deposit = { type: 'deposit', account: source, amount: 3n, reference: `${round} ${n}` }
    const { durable } = ledger.apply([...fulfills, deposit])
    await durable
    say(JSON.stringify({ paid: n, deposit: [source, `${round} ${n}`] }))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function prune() {
  for (;;) {
    const { records } = await ledger.prune({ before: systemClock() })
    if (records > 0) say(JSON.stringify({ removed: records }))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function copy() {
  for (;;) {
    const path = join(folder, 'copy')
    rmSync(path, { force: true })
    await receiveBackup(backup(), path)
  }
}

await Promise.all([pay(), prune(), copy()])
