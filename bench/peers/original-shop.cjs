// The tutorial's shop on the modules of 2017, in memory, for one paying reader. Prints its ports when ready.
const crypto = require('node:crypto')
const http = require('node:http')
const IlpPacket = require('ilp-packet')
const Plugin = require('ilp-plugin-payment-channel-framework')

const [, , btpPort, httpPort] = process.argv
const prefix = 'g.letter-shop.mytrustline.'
const toText = (bytes) => bytes.toString('base64url')
const readers = new Map()
const store = new Map()
const plugin = new Plugin({
  listener: { port: Number(btpPort) },
  incomingSecret: '',
  maxBalance: '1000000000',
  prefix,
  info: { currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] },
  _store: { get: (key) => store.get(key), put: (key, value) => store.set(key, value), del: (key) => store.delete(key) },
})

plugin.connect().then(() => {
  plugin.on('incoming_prepare', (transfer) => {
    const packet = IlpPacket.deserializeIlpPayment(Buffer.from(transfer.ilp, 'base64'))
    const reader = readers.get(packet.account.split('.')[4])
    const fulfillment = crypto.createHmac('sha256', reader.secret).update(packet.account).digest()
    const condition = crypto.createHash('sha256').update(fulfillment).digest()
    if (transfer.executionCondition !== toText(condition)) throw new Error('condition')
    plugin.fulfillCondition(transfer.id, toText(fulfillment)).then(() => {
      reader.res.write('ABCDEFGHIJKLMNOPQRSTUVWXYZ'[Math.floor(Math.random() * 26)])
    })
  })
  http
    .createServer((_req, res) => {
      const secret = crypto.randomBytes(32)
      const user = toText(crypto.randomBytes(8))
      readers.set(user, { secret, res })
      res.writeHead(200, { Pay: `1 ${plugin.getAccount()}.${user} ${toText(secret)}` })
      res.flushHeaders()
    })
    .listen(Number(httpPort), () => console.log('ready'))
})
