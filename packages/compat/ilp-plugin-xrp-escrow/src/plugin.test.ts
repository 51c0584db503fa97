import crypto from 'node:crypto'
import { IlpPacket } from '@millstream/codec'
import { createSandbox, type Sandbox } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Plugin } from './plugin.js'

const shopSecret = 'ssGjGT4sz4rp2xahcDj87P71rTYXo'
const toolSecret = 'sndb5JDdyWiHZia9zv44zSr2itRy1'
const prefix = 'test.crypto.xrp.'
const shopAccount = `${prefix}rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW`
const toolAccount = `${prefix}rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj`

const named = (name: string) => expect.objectContaining({ name })
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

let sandbox: Sandbox
let shop: Plugin
let tool: Plugin

beforeEach(async () => {
  // A second of the ledger passes with each: twenty times as fast as elsewhere.
  sandbox = await createSandbox({ closeEveryMs: 50 })
  shop = new Plugin({ secret: shopSecret, server: sandbox.url, prefix })
  tool = new Plugin({ secret: toolSecret, server: sandbox.url, prefix })
})

afterEach(async () => {
  await Promise.all([shop.disconnect(), tool.disconnect()])
  await sandbox.close()
})

const connectBoth = () => Promise.all([shop.connect(), tool.connect()])

function transferOf(change: Record<string, unknown> = {}) {
  const fulfillment = crypto.randomBytes(32)
  const transfer = {
    id: crypto.randomUUID(),
    from: toolAccount,
    to: `${shopAccount}.user`,
    ledger: prefix,
    amount: '3',
    executionCondition: base64url(crypto.createHash('sha256').update(fulfillment).digest()),
    expiresAt: new Date(Date.now() + 1_000_000).toISOString(),
    ilp: base64url(IlpPacket.encodePayment(3n, `${shopAccount}.user.1`)),
    ...change,
  }
  return { transfer, fulfillment: base64url(fulfillment) }
}

/** Every event of a plugin, with the id of its transfer. */
function record(plugin: Plugin): string[] {
  const log: string[] = []
  for (const direction of ['incoming', 'outgoing']) {
    for (const what of ['prepare', 'fulfill', 'reject', 'cancel', 'transfer']) {
      const event = `${direction}_${what}`
      plugin.on(event, (transfer: { id: string }) => log.push(`${event} ${transfer.id}`))
    }
  }
  return log
}

const once = (plugin: Plugin, event: string) =>
  new Promise<unknown[]>((resolve) => plugin.once(event, (...args: unknown[]) => resolve(args)))

describe('the options', () => {
  it('are checked at once, and no error quotes the secret', () => {
    const good = { secret: shopSecret, server: 'wss://example.org', prefix }
    const bad = [
      {},
      { ...good, secret: undefined },
      { ...good, secret: `${shopSecret}x` },
      { ...good, server: 'http://example.org' },
      { ...good, prefix: 'test' },
      { ...good, account: 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj' },
      { ...good, address: 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj' },
      { ...good, folder: '' },
    ]
    for (const options of bad) {
      let thrown: unknown
      try {
        new Plugin(options as never)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toEqual(named('InvalidFieldsError'))
      expect(String(thrown)).not.toContain(shopSecret)
    }
    expect(new Plugin({ ...good, account: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW' }).getAccount()).toBe(shopAccount)
  })

  it('tell the account and the ledger before there is a connection, with the prefix of 2017 when they have none', () => {
    expect(shop.getInfo()).toEqual({ prefix, currencyCode: 'XRP', currencyScale: 6 })
    const plain = new Plugin({ secret: shopSecret, server: 'wss://example.org' })
    expect(plain.getAccount()).toBe('g.crypto.ripple.escrow.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW')
    expect(plain.isConnected()).toBe(false)
  })
})

describe('before connect', () => {
  it('everything else is unreachable', async () => {
    const calls = [
      shop.getBalance(),
      shop.sendTransfer(transferOf().transfer),
      shop.fulfillCondition(crypto.randomUUID(), transferOf().fulfillment),
      shop.rejectIncomingTransfer(crypto.randomUUID(), {}),
      shop.getFulfillment(crypto.randomUUID()),
    ]
    for (const call of calls) await expect(call).rejects.toEqual(named('UnreachableError'))
  })

  it('a server that is not there is unreachable, an account that is not there is not found', async () => {
    const nowhere = new Plugin({ secret: shopSecret, server: 'ws://127.0.0.1:1', prefix })
    await expect(nowhere.connect()).rejects.toEqual(named('UnreachableError'))
    const nobody = new Plugin({ secret: 'sEdSJHS4oiAdz7w2X2ni1gFiqtbJHqE', server: sandbox.url, prefix })
    await expect(nobody.connect()).rejects.toEqual(named('AccountNotFoundError'))
    await expect(shop.connect({ timeout: '5' as never })).rejects.toThrow(TypeError)
  })
})

describe('a transfer', () => {
  it('is told to both sides once and in order, with the fulfillment', async () => {
    await connectBoth()
    const logs = { shop: record(shop), tool: record(tool) }
    const { transfer, fulfillment } = transferOf()
    const prepared = once(shop, 'incoming_prepare')
    const [outgoing, incoming] = [once(tool, 'outgoing_fulfill'), once(shop, 'incoming_fulfill')]
    expect(await tool.sendTransfer(transfer)).toBeNull()
    expect(logs.tool).toEqual([`outgoing_prepare ${transfer.id}`])
    const [seen] = await prepared
    expect(seen).toMatchObject({
      id: transfer.id,
      from: toolAccount,
      to: shopAccount,
      ledger: prefix,
      amount: '3',
      executionCondition: transfer.executionCondition,
      ilp: transfer.ilp,
      direction: 'incoming',
    })
    await expect(shop.getFulfillment(transfer.id)).rejects.toEqual(named('MissingFulfillmentError'))
    expect(await shop.fulfillCondition(transfer.id, fulfillment)).toBeNull()
    expect((await outgoing)[1]).toBe(fulfillment)
    expect((await incoming)[1]).toBe(fulfillment)
    expect(await shop.getFulfillment(transfer.id)).toBe(fulfillment)
    expect(await tool.getFulfillment(transfer.id)).toBe(fulfillment)
    // Again is the same.
    expect(await shop.fulfillCondition(transfer.id, fulfillment)).toBeNull()
    expect(await tool.sendTransfer(transfer)).toBeNull()
    expect(logs).toEqual({
      shop: [`incoming_prepare ${transfer.id}`, `incoming_fulfill ${transfer.id}`],
      tool: [`outgoing_prepare ${transfer.id}`, `outgoing_fulfill ${transfer.id}`],
    })
    expect(await tool.getBalance()).toBe(String(10_000_000_000 - 3 - 10))
    expect(await shop.getBalance()).toBe(String(10_000_000_000 + 3 - 350))
  })

  it('that is rejected comes back when it has expired, and then the rejection resolves', async () => {
    await connectBoth()
    const { transfer, fulfillment } = transferOf({ expiresAt: new Date(Date.now() + 40_000).toISOString() })
    const prepared = once(shop, 'incoming_prepare')
    const [outgoing, incoming] = [once(tool, 'outgoing_cancel'), once(shop, 'incoming_cancel')]
    await tool.sendTransfer(transfer)
    await prepared
    expect(await shop.rejectIncomingTransfer(transfer.id, {})).toBeNull()
    expect((await outgoing)[1]).toMatchObject({ code: 'R00', name: 'Transfer Timed Out' })
    expect((await incoming)[1]).toMatchObject({ code: 'R00' })
    expect(await shop.rejectIncomingTransfer(transfer.id, {})).toBeNull()
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toEqual(named('AlreadyRolledBackError'))
    await expect(tool.getFulfillment(transfer.id)).rejects.toEqual(named('AlreadyRolledBackError'))
  })

  it('that cannot be sent is refused by the name that the specification has for it', async () => {
    await connectBoth()
    const cases: [name: string, change: Record<string, unknown>][] = [
      ['InvalidFieldsError', { id: 'no uuid' }],
      ['InvalidFieldsError', { amount: undefined }],
      ['InvalidFieldsError', { amount: '0' }],
      ['InvalidFieldsError', { amount: '1.5' }],
      ['InvalidFieldsError', { to: 'g.elsewhere.alice' }],
      ['InvalidFieldsError', { from: shopAccount }],
      ['InvalidFieldsError', { executionCondition: 'short' }],
      ['InvalidFieldsError', { expiresAt: 'tomorrow' }],
      ['InvalidFieldsError', { ilp: undefined }],
      ['MaximumIlpDataSizeExceededError', { ilp: base64url(new Uint8Array(682)) }],
      ['InsufficientBalanceError', { amount: '10000000000' }],
      ['AccountNotFoundError', { to: `${prefix}rPoFe66ieZQxLTQ5pvkdMXdf2Buk85Je2B` }],
      ['AccountNotFoundError', { to: `${prefix}nobody` }],
      ['NotAcceptedError', { expiresAt: new Date(Date.now() - 1000).toISOString() }],
      ['NotAcceptedError', { expiresAt: new Date(Date.now() + 86_400_000).toISOString() }],
    ]
    for (const [name, change] of cases) {
      await expect(tool.sendTransfer(transferOf(change).transfer)).rejects.toEqual(named(name))
    }
    await expect(tool.sendTransfer(null)).rejects.toEqual(named('InvalidFieldsError'))
  })

  it('with the id of another is a duplicate, and ids and fulfillments that fit nothing are refused', async () => {
    await connectBoth()
    const { transfer } = transferOf()
    const prepared = once(shop, 'incoming_prepare')
    await tool.sendTransfer(transfer)
    await prepared
    await expect(tool.sendTransfer({ ...transfer, amount: '4' })).rejects.toEqual(named('DuplicateIdError'))
    const other = transferOf()
    await expect(shop.fulfillCondition(transfer.id, other.fulfillment)).rejects.toEqual(named('NotAcceptedError'))
    await expect(shop.fulfillCondition(transfer.id, 'short')).rejects.toEqual(named('InvalidFieldsError'))
    await expect(shop.fulfillCondition(other.transfer.id, other.fulfillment)).rejects.toEqual(
      named('TransferNotFoundError'),
    )
    await expect(shop.rejectIncomingTransfer(other.transfer.id)).rejects.toEqual(named('TransferNotFoundError'))
  })

  it('is not harmed by a handler that throws', async () => {
    await connectBoth()
    for (const plugin of [shop, tool]) {
      for (const event of ['incoming_prepare', 'outgoing_prepare', 'incoming_fulfill', 'outgoing_fulfill']) {
        plugin.on(event, () => {
          throw new Error('a bug of the program')
        })
        plugin.on(event, () => Promise.reject(new Error('another')))
      }
    }
    const { transfer, fulfillment } = transferOf()
    const [prepared, told] = [once(shop, 'incoming_prepare'), once(tool, 'outgoing_fulfill')]
    await tool.sendTransfer(transfer)
    await prepared
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect((await told)[1]).toBe(fulfillment)
  })

  it('that was made before the payee came is told when it comes', async () => {
    await tool.connect()
    const { transfer, fulfillment } = transferOf()
    await tool.sendTransfer(transfer)
    const prepared = once(shop, 'incoming_prepare')
    await shop.connect()
    await prepared
    expect(await shop.fulfillCondition(transfer.id, fulfillment)).toBeNull()
  })
})

describe('the connection', () => {
  it('is told when it is there, is lost and is back', async () => {
    const log: string[] = []
    for (const event of ['connect', 'disconnect']) shop.on(event, () => log.push(event))
    await shop.connect()
    const back = once(shop, 'connect')
    sandbox.disconnectAll()
    await back
    expect(shop.isConnected()).toBe(true)
    await shop.disconnect()
    expect(shop.isConnected()).toBe(false)
    expect(log).toEqual(['connect', 'disconnect', 'connect', 'disconnect'])
  })
})

describe('messages', () => {
  it('are not carried over XRP', async () => {
    await expect(shop.sendRequest({})).rejects.toEqual(named('NotAcceptedError'))
    shop.registerRequestHandler(() => ({}))
    expect(() => shop.registerRequestHandler(() => ({}))).toThrow(Plugin.errors.RequestHandlerAlreadyRegisteredError)
    shop.deregisterRequestHandler()
    expect(() => shop.registerRequestHandler(() => ({}))).not.toThrow()
  })
})
