// Buys letters from the original shop on the modules of 2017, with a fixed number of payments in flight.
// Prints one JSON line: letters, seconds.
const crypto = require('node:crypto')
const http = require('node:http')
const IlpPacket = require('ilp-packet')
const Plugin = require('ilp-plugin-payment-channel-framework')

const [, , btpPort, httpPort, lettersText, windowText] = process.argv
const letters = Number(lettersText)
const toText = (bytes) => bytes.toString('base64url')
const plugin = new Plugin({ server: `btp+ws://:@localhost:${btpPort}/` })

plugin.connect().then(() => {
  http.get(`http://localhost:${httpPort}/`, (res) => {
    const [, address, secretText] = res.headers.pay.split(' ')
    const secret = Buffer.from(secretText, 'base64url')
    let sent = 0
    let received = 0
    let startedAt = 0
    const send = () => {
      sent++
      const account = `${address}.${sent}`
      const fulfillment = crypto.createHmac('sha256', secret).update(account).digest()
      plugin
        .sendTransfer({
          id: crypto.randomUUID(),
          from: plugin.getAccount(),
          to: address,
          ledger: plugin.getInfo().prefix,
          amount: '1',
          executionCondition: toText(crypto.createHash('sha256').update(fulfillment).digest()),
          expiresAt: new Date(Date.now() + 1_000_000).toISOString(),
          ilp: toText(IlpPacket.serializeIlpPayment({ account, amount: '1', data: '' })),
        })
        .catch((error) => {
          console.error(error.message)
          process.exit(1)
        })
    }
    res.on('data', (chunk) => {
      received += chunk.length
      if (received >= letters) {
        console.log(JSON.stringify({ letters: received, seconds: (performance.now() - startedAt) / 1000 }))
        process.exit(0)
      }
      for (let i = 0; i < chunk.length && sent < letters; i++) send()
    })
    startedAt = performance.now()
    for (let i = 0; i < Number(windowText) && sent < letters; i++) send()
  })
})
