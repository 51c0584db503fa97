// Pays, rejects, leaves open, until it is killed. A line on stdout says what has become durable; the parent holds the
// ledger to every word of it. Runs on what `npm run build` made.
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { hashes, systemClock } from '@millstream/hashes'
import { openSqlite } from '@millstream/ledger-sqlite'

const [folder, round, accountCount] = process.argv.slice(2)

const hash = (label, n) => Uint8Array.from(createHash('sha256').update(`${label} ${round} ${n}`).digest())
const pick = (n) => Math.floor(Math.random() * n)

const { ledger, streams } = await openSqlite({ folder, clock: systemClock, hashes })
const names = Array.from({ length: Number(accountCount) }, (_, i) => `account${i}`)
const opening = ledger.apply(names.map((name) => ({ type: 'open', name, kind: 'named', creditLimit: 2n ** 60n })))
const accounts = opening.outcomes.map((outcome) => outcome.account.id)
await opening.durable

// Written at once and in one piece: what the parent reads was durable, what it does not read may have been.
const say = (line) => writeSync(1, `${line}\n`)
say('ready')

let n = 0
let open = []
for (;;) {
  const prepared = Array.from({ length: 1 + pick(40) }, () => {
    const number = n++
    const fulfillment = hash('fulfillment', number)
    return { number, fulfillment, source: accounts[number % accounts.length], id: hash('id', number).slice(0, 16) }
  })
  const prepares = prepared.map(({ number, fulfillment, source, id }) => ({
    type: 'prepare',
    id,
    source,
    target: 1,
    amount: BigInt(1 + (number % 9)),
    condition: hashes.sha256(fulfillment),
    expiresAt: systemClock() + 600_000,
    destination: `test.ledger.server.${round}.${number}`,
    contentHash: number,
  }))
  ledger.apply(prepares)
  // Some end with the write that holds them, some later, some never.
  const before = open
  const ending = [...before.splice(0, pick(before.length + 1)), ...prepared.splice(0, pick(prepared.length + 1))]
  open = [...before, ...prepared].slice(-200)
  const commands = ending.map(({ number, source, id, fulfillment }) =>
    number % 7 === 0 ? { type: 'reject', source, id } : { type: 'fulfill', source, id, fulfillment },
  )
  const deposit = { type: 'deposit', account: accounts[pick(accounts.length)], amount: 3n, reference: `${round} ${n}` }
  const { durable } = ledger.apply([...commands, deposit])
  const stream = streams.put({
    userId: `stream${round}`.padEnd(22, 'A'),
    kid: 0,
    price: 1n,
    unit: 'letter',
    resource: '/',
    createdAt: 0,
    cursor: n,
    pieces: BigInt(n),
    floor: n,
    numbers: new Uint8Array(0),
  })
  await Promise.all([durable, stream])
  const ended = ending.map(({ number }) => number)
  say(JSON.stringify({ n, fulfilled: ended.filter((i) => i % 7 !== 0), rejected: ended.filter((i) => i % 7 === 0) }))
  if (pick(4) === 0) await new Promise((resolve) => setImmediate(resolve))
}
