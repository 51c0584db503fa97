/** Our plugin and the one of 2017 as each other's peers: what a program sees on either side. */
import crypto from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Driver, startDriver } from './helpers/driver.js'
import { layOut, type Maker, type ModuleFolder, pluginName } from './helpers/module-folder.js'
import { freePort } from './helpers/port.js'

const prefix = 'g.letter-shop.mytrustline.'
const info = { currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] }

const folders = {} as Record<Maker, ModuleFolder>

beforeAll(async () => {
  folders.ours = await layOut('ours', [pluginName])
  folders.original = await layOut('original', [pluginName])
})

afterAll(async () => {
  await Promise.all(Object.values(folders).map((folder) => folder.remove()))
})

describe.each([
  { customer: 'ours', shop: 'original' },
  { customer: 'original', shop: 'ours' },
  { customer: 'ours', shop: 'ours' },
] as const)('$customer as the customer of $shop', (who) => {
  let shop: Driver
  let customer: Driver
  /** What the original cannot do is not asked of it, rather than skipped. */
  const itWithOurShop = who.shop === 'ours' ? it : () => undefined

  beforeEach(async () => {
    const port = await freePort()
    shop = startDriver(folders[who.shop])
    customer = startDriver(folders[who.customer])
    await shop.construct({
      listener: { port },
      incomingSecret: 'sesame',
      maxBalance: '1000',
      minBalance: '-1000',
      prefix,
      info,
      stateful: true,
    })
    await shop.call('connect')
    await customer.construct({ server: `btp+ws://:sesame@localhost:${port}/` })
    await customer.call('connect')
  })

  it('learns the ledger from the shop', async () => {
    expect(await customer.call('getInfo')).toEqual(info)
    expect(await customer.call('getAccount')).toBe(`${prefix}client`)
    expect(await customer.call('getPeerAccount')).toBe(`${prefix}server`)
    expect(await customer.call('isConnected')).toBe(true)
    expect(await customer.call('getLimit')).toBe('-1000')
    // The original says "-0" of a balance of nothing.
    expect(BigInt(await customer.call('getBalance'))).toBe(0n)
  })

  it('pays', async () => {
    const { transfer, fulfillment } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    const prepared = await shop.event('incoming_prepare', transfer.id)
    expect(prepared.args[0]).toMatchObject({
      id: transfer.id,
      amount: '10',
      executionCondition: transfer.executionCondition,
      expiresAt: transfer.expiresAt,
      from: `${prefix}client`,
      to: `${prefix}server`,
      ledger: prefix,
      ilp: transfer.ilp,
      custom: { note: 'for the shop' },
    })
    await shop.call('fulfillCondition', transfer.id, fulfillment)
    const fulfilled = await customer.event('outgoing_fulfill', transfer.id)
    expect(fulfilled.args[0]).toMatchObject({ id: transfer.id, amount: '10', noteToSelf: { own: true } })
    expect(fulfilled.args[1]).toBe(fulfillment)
    expect((await shop.event('incoming_fulfill', transfer.id)).args[1]).toBe(fulfillment)
    expect(await customer.call('getBalance')).toBe('-10')
    expect(await shop.call('getBalance')).toBe('10')
    expect(names(customer, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
    expect(names(shop, transfer.id)).toEqual(['incoming_prepare', 'incoming_fulfill'])
  })

  it('is paid', async () => {
    const { transfer, fulfillment } = payment('client', '7')
    const sent = shop.call('sendTransfer', transfer)
    await customer.event('incoming_prepare', transfer.id)
    await sent
    await customer.call('fulfillCondition', transfer.id, fulfillment)
    await shop.event('outgoing_fulfill', transfer.id)
    expect(await customer.call('getBalance')).toBe('7')
    expect(await shop.call('getBalance')).toBe('-7')
    expect(names(shop, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
    expect(names(customer, transfer.id)).toEqual(['incoming_prepare', 'incoming_fulfill'])
  })

  it('hands the packet of a fulfillment over', async () => {
    const { transfer, fulfillment } = payment('shop', '1')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('fulfillCondition', transfer.id, fulfillment, 'CQgGdGhhbmtzAA')
    expect((await customer.event('outgoing_fulfill', transfer.id)).args[2]).toBe('CQgGdGhhbmtzAA')
  })

  it('is told why it was rejected', async () => {
    const { transfer } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('rejectIncomingTransfer', transfer.id, {
      code: 'F04',
      name: 'Insufficient Destination Amount',
      triggered_by: `${prefix}server`,
      triggered_at: { $date: '2017-12-01T00:00:00.000Z' },
      additional_info: { message: 'too little' },
    })
    const rejected = await customer.event('outgoing_reject', transfer.id)
    expect(rejected.args[1]).toMatchObject({
      code: 'F04',
      name: 'Insufficient Destination Amount',
      triggered_by: `${prefix}server`,
      triggered_at: '2017-12-01T00:00:00.000Z',
      additional_info: { message: 'too little' },
    })
    expect(BigInt(await customer.call('getBalance'))).toBe(0n)
  })

  it('rejects what it is paid', async () => {
    const { transfer } = payment('client', '7')
    await shop.call('sendTransfer', transfer)
    await customer.event('incoming_prepare', transfer.id)
    await customer.call('rejectIncomingTransfer', transfer.id, {
      code: 'F99',
      name: 'Application Error',
      triggered_by: `${prefix}client`,
      triggered_at: { $date: '2017-12-01T00:00:00.000Z' },
      additional_info: {},
    })
    const rejected = await shop.event('outgoing_reject', transfer.id)
    expect(rejected.args[1]).toMatchObject({ code: 'F99', triggered_by: `${prefix}client` })
    expect(await shop.call('getBalance')).toBe('0')
  })

  // The original rejects nothing that way: it throws, and the payer never learns.
  itWithOurShop('is told when it is rejected without a word', async () => {
    const { transfer } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('rejectIncomingTransfer', transfer.id, {})
    const rejected = await customer.event('outgoing_reject', transfer.id)
    expect(rejected.args[1]).toMatchObject({ code: 'F00', name: 'Bad Request', triggered_by: `${prefix}server` })
    expect(await shop.call('getBalance')).toBe('0')
  })

  it('is refused what goes beyond the limit, and holds nothing of it', async () => {
    const { transfer } = payment('shop', '1001')
    await expect(customer.call('sendTransfer', transfer)).rejects.toThrow(/exceeds/)
    expect(names(customer, transfer.id)).toEqual([])
    const { transfer: all, fulfillment } = payment('shop', '1000')
    await customer.call('sendTransfer', all)
    await shop.event('incoming_prepare', all.id)
    await shop.call('fulfillCondition', all.id, fulfillment)
    await customer.event('outgoing_fulfill', all.id)
    expect(await customer.call('getBalance')).toBe('-1000')
    await expect(customer.call('sendTransfer', payment('shop', '1').transfer)).rejects.toThrow(/exceeds/)
  })

  it('gets its amount back when the transfer expires', async () => {
    const { transfer } = payment('shop', '10', 1_000)
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.event('incoming_cancel', transfer.id)
    const [ended] = await Promise.race([
      customer.event('outgoing_reject', transfer.id).then((event) => [event]),
      customer.event('outgoing_cancel', transfer.id).then((event) => [event]),
    ])
    expect(ended!.args[1]).toMatchObject({ code: 'R00', name: 'Transfer Timed Out' })
    expect(await shop.call('getBalance')).toBe('0')
    // The whole limit is free again.
    await customer.call('sendTransfer', payment('shop', '1000').transfer)
  })

  it('asks the program on the other side', async () => {
    await shop.answerRequests({ ilp: 'CQgGdGhhbmtzAA' })
    const response = await customer.call('sendRequest', { to: `${prefix}server`, custom: { question: 1 } })
    expect(response).toMatchObject({
      from: `${prefix}server`,
      to: `${prefix}client`,
      ledger: prefix,
      ilp: 'CQgGdGhhbmtzAA',
      custom: { heard: { question: 1 } },
    })
    for (const [driver, name] of [
      [customer, 'outgoing_request'],
      [shop, 'incoming_request'],
      [shop, 'outgoing_response'],
      [customer, 'incoming_response'],
    ] as const) {
      await driver.event(name)
    }
  })

  it('gets an answer when the program on the other side fails', async () => {
    await shop.answerRequests({ error: 'no such thing' })
    const { ilp } = await customer.call('sendRequest', { to: `${prefix}server`, custom: { question: 1 } })
    expect(Buffer.from(ilp, 'base64url').toString('latin1')).toContain('{"message":"no such thing"}')
  })

  it('does not pay twice when it sends a transfer twice', async () => {
    const { transfer, fulfillment } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await customer.call('sendTransfer', transfer)
    await expect(customer.call('sendTransfer', { ...transfer, amount: '11' })).rejects.toMatchObject({
      name: 'DuplicateIdError',
    })
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('fulfillCondition', transfer.id, fulfillment)
    await customer.event('outgoing_fulfill', transfer.id)
    expect(await shop.call('getBalance')).toBe('10')
  })

  it('leaves and comes back', async () => {
    await customer.call('disconnect')
    expect(await customer.call('isConnected')).toBe(false)
    await customer.event('disconnect')
    await customer.call('connect')
    expect(BigInt(await customer.call('getBalance'))).toBe(0n)
  })

  // The original still writes to the connection that has gone, and fails.
  itWithOurShop('pays after it has come back', async () => {
    await customer.call('disconnect')
    await customer.call('connect')
    const { transfer, fulfillment } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('fulfillCondition', transfer.id, fulfillment)
    await customer.event('outgoing_fulfill', transfer.id)
    expect(await customer.call('getBalance')).toBe('-10')
  })

  it('leaves nothing unhandled', async () => {
    const { transfer, fulfillment } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('fulfillCondition', transfer.id, fulfillment)
    await customer.event('outgoing_fulfill', transfer.id)
    expect(await customer.unhandled()).toEqual([])
    expect(await shop.unhandled()).toEqual([])
  })
})

describe('over TLS', () => {
  it.each([
    { customer: 'ours', shop: 'original' },
    { customer: 'original', shop: 'ours' },
  ] as const)('$customer pays $shop', async (who) => {
    const port = await freePort()
    const shop = startDriver(folders[who.shop])
    const customer = startDriver(folders[who.customer], { NODE_EXTRA_CA_CERTS: pem('certificate') })
    await shop.construct({
      // The original cannot do without `ca`.
      listener: { port, cert: pem('certificate'), key: pem('key'), ca: pem('certificate') },
      incomingSecret: 'sesame',
      maxBalance: '1000',
      prefix,
      info,
      stateful: true,
    })
    await shop.call('connect')
    await customer.construct({ server: `btp+wss://:sesame@localhost:${port}/` })
    await customer.call('connect')
    const { transfer, fulfillment } = payment('shop', '10')
    await customer.call('sendTransfer', transfer)
    await shop.event('incoming_prepare', transfer.id)
    await shop.call('fulfillCondition', transfer.id, fulfillment)
    await customer.event('outgoing_fulfill', transfer.id)
    expect(await customer.call('getBalance')).toBe('-10')
  })
})

describe('what the plugin of 2017 died of', () => {
  it('is survived when a wrong token is given', async () => {
    const port = await freePort()
    const shop = startDriver(folders.ours)
    const customer = startDriver(folders.ours)
    await shop.construct({
      listener: { port },
      incomingSecret: 'sesame',
      maxBalance: '1000',
      prefix,
      info,
      stateful: true,
    })
    await shop.call('connect')
    await customer.construct({ server: `btp+ws://:wrong@localhost:${port}/` })
    await expect(customer.call('connect')).rejects.toMatchObject({ name: 'NotAcceptedError' })
    expect(await customer.unhandled()).toEqual([])
    expect(await shop.unhandled()).toEqual([])
  })
})

/** A certificate for localhost that nobody trusts unless told to. */
function pem(what: 'certificate' | 'key'): string {
  return fileURLToPath(new URL(`../../packages/btp/fixtures/test-only-${what}.pem`, import.meta.url))
}

/** A payment to one of the two accounts, and what fulfills it. */
function payment(to: 'shop' | 'client', amount: string, expiresInMs = 30_000) {
  const fulfillment = crypto.randomBytes(32)
  const transfer = {
    id: crypto.randomUUID(),
    to: to === 'shop' ? `${prefix}server` : `${prefix}client`,
    amount,
    executionCondition: crypto.createHash('sha256').update(fulfillment).digest('base64url'),
    expiresAt: new Date(Date.now() + expiresInMs).toISOString(),
    ilp: 'ATgAAAAAAAAAAS1nLmxldHRlci1zaG9wLm15dHJ1c3RsaW5lLnNlcnZlci51c2VyMS5ob2xkLTYAAA',
    custom: { note: 'for the shop' },
    noteToSelf: { own: true },
  }
  return { transfer, fulfillment: fulfillment.toString('base64url') }
}

/** What a side was told of one transfer, in order. */
function names(driver: Driver, transferId: string): string[] {
  return driver.events.filter(({ args }) => args[0]?.id === transferId).map(({ name }) => name)
}
