// A customer in the style of the tutorial that buys a number of letters, one at a time or many at once, and then tells
// what it has: `node buy.cjs 200`.
'use strict'

const crypto = require('node:crypto')
const fetch = require('node-fetch')
const uuid = require('uuid/v4')
const IlpPacket = require('ilp-packet')
const Plugin = require('ilp-plugin-payment-channel-framework')

const wanted = Number(process.argv[2])
const base64url = (bytes) => bytes.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const plugin = new Plugin({ server: 'btp+ws://:@localhost:9000/' })

async function main() {
  await plugin.connect()
  const balanceBefore = await plugin.getBalance()
  const response = await fetch('http://localhost:8000/')
  const [amount, address, secret] = response.headers.get('Pay').split(' ')
  let letters = ''
  let fulfilled = 0
  const done = new Promise((resolve) => {
    const look = () => {
      if (letters.length >= wanted && fulfilled === wanted) resolve()
    }
    response.body.on('data', (bytes) => {
      letters += bytes.toString('utf8')
      look()
    })
    plugin.on('outgoing_fulfill', () => {
      fulfilled++
      look()
    })
  })
  const events = []
  for (const name of ['outgoing_prepare', 'outgoing_fulfill', 'outgoing_reject', 'outgoing_cancel']) {
    plugin.on(name, (transfer) => events.push([name, transfer.id]))
  }
  const sent = []
  for (let n = 1; n <= wanted; n++) {
    const account = `${address}.${n}`
    const fulfillment = crypto.createHmac('sha256', Buffer.from(secret, 'base64')).update(account).digest()
    sent.push(
      plugin.sendTransfer({
        id: uuid(),
        to: address,
        amount,
        executionCondition: base64url(crypto.createHash('sha256').update(fulfillment).digest()),
        expiresAt: new Date(Date.now() + 60000).toISOString(),
        ilp: base64url(IlpPacket.serializeIlpPayment({ account, amount, data: '' })),
      }),
    )
  }
  await Promise.all(sent)
  await done
  const result = {
    letters,
    fulfilled,
    balanceBefore,
    balance: await plugin.getBalance(),
    limit: await plugin.getLimit(),
    events,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
