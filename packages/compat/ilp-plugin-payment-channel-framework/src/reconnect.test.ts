import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { PluginOptions } from './options.js'
import { Plugin } from './plugin.js'
import { info, memoryStore, names, next, payment, prefix, record } from './testing/programs.js'

const server = `${prefix}server`
const client = `${prefix}client`

const open: Plugin[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((plugin) => plugin.disconnect()))
})

async function startShop(port: number, options: Partial<PluginOptions> = {}): Promise<Plugin> {
  const shop = new Plugin({
    listener: { port },
    incomingSecret: 'sesame',
    maxBalance: '1000',
    minBalance: '-1000',
    prefix,
    info,
    _store: memoryStore(),
    ...options,
  })
  open.push(shop)
  await shop.connect()
  return shop
}

async function startCustomer(port: number): Promise<Plugin> {
  const customer = new Plugin({ server: `btp+ws://:sesame@localhost:${port}/` })
  open.push(customer)
  await customer.connect()
  return customer
}

describe('a customer whose shop goes away and comes back', () => {
  it('is told, comes back by itself, and pays again', async () => {
    const port = await freePort()
    const store = memoryStore()
    const before = await startShop(port, { _store: store })
    const customer = await startCustomer(port)
    const lost = next(customer, 'disconnect')
    await before.disconnect()
    await lost
    expect(customer.isConnected()).toBe(false)
    await expect(customer.sendTransfer(payment(server).transfer)).rejects.toMatchObject({ name: 'UnreachableError' })
    // What is known of the ledger stays known.
    expect(customer.getInfo()).toEqual(info)

    const back = next(customer, 'connect')
    const after = await startShop(port, { _store: store })
    await back
    expect(customer.isConnected()).toBe(true)
    const { transfer, fulfillment } = payment(server)
    const told = next(customer, 'outgoing_fulfill')
    await customer.sendTransfer(transfer)
    await after.fulfillCondition(transfer.id, fulfillment)
    await told
    expect(await customer.getBalance()).toBe('-10')
  })

  it('learns what became of its transfers, each event once', async () => {
    const port = await freePort()
    const store = memoryStore()
    const before = await startShop(port, { _store: store })
    const customer = await startCustomer(port)
    const told = record(customer)
    const [fulfilled, rejected, held] = [payment(server), payment(server), payment(server)]
    for (const { transfer } of [fulfilled, rejected, held]) await customer.sendTransfer(transfer)
    const lost = next(customer, 'disconnect')
    await before.disconnect()
    await lost
    // Decided while the customer is away.
    const away = new Plugin({
      incomingSecret: 'sesame',
      maxBalance: '1000',
      prefix,
      info,
      _store: store,
    })
    await away.connect()
    await away.fulfillCondition(fulfilled.transfer.id, fulfilled.fulfillment)
    await away.rejectIncomingTransfer(rejected.transfer.id, {})
    await away.disconnect()

    const both = Promise.all([next(customer, 'outgoing_fulfill'), next(customer, 'outgoing_reject')])
    await startShop(port, { _store: store })
    const [[paid], [unpaid]] = await both
    expect([paid.id, unpaid.id]).toEqual([fulfilled.transfer.id, rejected.transfer.id])
    expect(names(told, fulfilled.transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
    expect(names(told, rejected.transfer.id)).toEqual(['outgoing_prepare', 'outgoing_reject'])
    expect(names(told, held.transfer.id)).toEqual(['outgoing_prepare'])
    expect(await customer.getBalance()).toBe('-10')
  })

  it('is told when the shop says something else of its ledger', async () => {
    const port = await freePort()
    const before = await startShop(port)
    const customer = await startCustomer(port)
    await before.disconnect()
    const changed = next(customer, 'info_change')
    const other = { ...info, connectors: ['g.letter-shop.mytrustline.carl'] }
    await startShop(port, { info: other })
    expect((await changed)[0]).toEqual(other)
    expect(customer.getInfo()).toEqual(other)
  })

  it('gives up when the ledger is another one', async () => {
    const port = await freePort()
    const before = await startShop(port)
    const customer = await startCustomer(port)
    await before.disconnect()
    const failed = next(customer, 'error')
    await startShop(port, { info: { ...info, currencyScale: 6 } })
    expect((await failed)[0]).toMatchObject({ name: 'NotAcceptedError' })
    expect(customer.isConnected()).toBe(false)
  })
})

describe('the listener', () => {
  it('is there before the program connects: a customer may come first', async () => {
    const port = await freePort()
    const shop = new Plugin({
      listener: { port },
      incomingSecret: 'sesame',
      maxBalance: '1000',
      prefix,
      info,
      _store: memoryStore(),
    })
    open.push(shop)
    const customer = await startCustomer(port)
    expect(customer.getInfo()).toEqual(info)
    await expect(customer.sendTransfer(payment(server).transfer)).rejects.toMatchObject({ name: 'UnreachableError' })
    await shop.connect()
    expect(await customer.sendTransfer(payment(server).transfer)).toBe(null)
  })

  it('is one account for all that come with the same secret', async () => {
    const port = await freePort()
    const shop = await startShop(port)
    const customers = await Promise.all([startCustomer(port), startCustomer(port)])
    for (const customer of customers) {
      const { transfer, fulfillment } = payment(server, { amount: '600' })
      if (customer === customers[0]) {
        await customer.sendTransfer(transfer)
        await shop.fulfillCondition(transfer.id, fulfillment)
      } else {
        await expect(customer.sendTransfer(transfer)).rejects.toMatchObject({ name: 'InsufficientBalanceError' })
      }
      expect(await customer.getBalance()).toBe('-600')
    }
  })

  it('pays the customer that is there', async () => {
    const port = await freePort()
    const shop = await startShop(port)
    const first = await startCustomer(port)
    const second = await startCustomer(port)
    const gone = record(first)
    const { transfer, fulfillment } = payment(client)
    const told = next(second, 'incoming_prepare')
    const fulfilled = next(shop, 'outgoing_fulfill')
    await shop.sendTransfer(transfer)
    await told
    await second.fulfillCondition(transfer.id, fulfillment)
    await fulfilled
    // Only one of them was paid.
    expect(names(gone, transfer.id)).toEqual([])
    expect(await shop.getBalance()).toBe('-10')
  })

  it('says of an unreadable certificate which file it is', async () => {
    const shop = new Plugin({
      listener: { port: await freePort(), cert: '/nowhere/cert.pem', key: '/nowhere/key.pem' },
      maxBalance: '1',
      prefix,
      info,
      _store: memoryStore(),
    })
    await expect(shop.connect()).rejects.toThrow(/listener\.key.*\/nowhere\/key\.pem/)
    await shop.disconnect()
  })
})

async function freePort(): Promise<number> {
  const listener = net.createServer()
  await new Promise<void>((resolve) => listener.listen(0, resolve))
  const { port } = listener.address() as net.AddressInfo
  await new Promise((resolve) => listener.close(resolve))
  return port
}
