// Buys three lines of the clock. `node reader.mjs http://127.0.0.1:8000/ btp+ws://me:a-token-of-16-bytes-or-more@127.0.0.1:9000/`
import { createTrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { systemClock as clock, hashes, randomBytes } from '@millstream/hashes'
import { createPayer } from '@millstream/pay'

const [url, uri] = process.argv.slice(2)
if (uri === undefined) throw new Error('usage: node reader.mjs http://HOST:PORT/ btp+ws://USER:TOKEN@HOST:PORT/')
const plugin = createTrustlineClient({ uri, connect: webSocketConnector(), clock, hashes, randomBytes })
await plugin.connect()

const limits = { budget: 1_000n, maxPrice: 100n, pieces: 3 }
const payer = createPayer({ rail: { plugin }, limits, clock, hashes, randomBytes })
const response = await payer.fetch(url)
const text = new TextDecoder()
for await (const bytes of response.body) process.stdout.write(text.decode(bytes, { stream: true }))

const { pieces, paid, stopped } = await response.summary
console.log(`${pieces} pieces for ${paid} base units: ${stopped}`)
await payer.close()
await plugin.close()
