// Sells a clock: one line a second for as long as somebody pays. `node shop.mjs [http port] [ledger port]`
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock as clock, hashes, randomBytes } from '@millstream/hashes'
import { openSqlite } from '@millstream/ledger-sqlite'
import { createShop, serveNode } from '@millstream/shop'
import { createTrustlineHost, listenTrustline, parseStrangers, strangersTotal } from '@millstream/trustline'

const [httpPort = 8000, btpPort = 9000] = process.argv.slice(2).map(Number)

// The ledger: every account may owe 1,000,000 billionths of an XRP, all strangers together 100 times that.
const strangers = parseStrangers('credit:1000000')
const limits = { strangersCreditMax: strangersTotal(strangers) }
const { ledger, streams, close } = await openSqlite({ folder: './clock-data', clock, hashes, randomBytes, limits })
const host = createTrustlineHost({
  store: ledger,
  prefix: 'g.clock.',
  asset: { code: 'XRP', scale: 9 },
  strangers,
  clock,
  hashes,
  randomBytes,
})
await host.ready

// The shop. A key that is kept would let streams outlive this process; this one sells moments.
const shop = await createShop({ plugin: host, streams, key: randomBytes(32), clock, hashes, randomBytes })
const listener = await listenTrustline(host, { host: '127.0.0.1', port: btpPort })

const server = createServer((request, response) => {
  serveNode(shop, request, response, {
    price: 100n, // base units for one piece
    piece: 'line',
    pieces: Number.POSITIVE_INFINITY,
    content: ticks, // a function: called when the first payment is held, never for somebody who does not pay
    headers: { 'content-type': 'text/plain' },
    endpoint: { port: listener.port },
  })
})
server.listen(httpPort, '127.0.0.1', () => {
  console.log(`ready http://127.0.0.1:${server.address().port}/ btp+ws://127.0.0.1:${listener.port}/`)
})

async function* ticks() {
  for (;;) {
    yield `${new Date().toISOString()}\n`
    await delay(1000)
  }
}

process.once('SIGTERM', stop)
process.once('SIGINT', stop)

async function stop() {
  server.close()
  await shop.close() // what is fulfilled is still delivered
  await host.drain() // what is held is settled
  await listener.close()
  await close()
}
