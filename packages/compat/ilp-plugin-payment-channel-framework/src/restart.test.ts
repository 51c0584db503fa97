import { TransferId } from '@millstream/units'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PluginOptions, ProgramStore } from './options.js'
import type { Plugin } from './plugin.js'
import { prepareFrame } from './testing/frames.js'
import {
  connectBoth,
  createCustomer,
  createShop,
  memoryStore,
  names,
  next,
  payment,
  prefix,
  record,
} from './testing/programs.js'
import { connectPeer } from './testing/raw-peer.js'

const server = `${prefix}server`
const client = `${prefix}client`

const open = new Set<Plugin>()

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all([...open].map((plugin) => plugin.disconnect()))
  open.clear()
})

function shopWith(store: ProgramStore, options: Partial<PluginOptions> = {}): Plugin {
  const shop = createShop({ _store: store, authCheck: () => true, minBalance: '-1000', ...options })
  open.add(shop)
  return shop
}

async function customerOf(shop: Plugin): Promise<Plugin> {
  const customer = createCustomer()
  open.add(customer)
  await connectBoth(shop, customer, 'alice', 'key')
  return customer
}

describe('a plugin that comes back with the same store', () => {
  it('keeps its sums, and the limit they count against', async () => {
    const store = memoryStore()
    const before = shopWith(store)
    const customer = await customerOf(before)
    const { transfer, fulfillment } = payment(server, { amount: '600' })
    await customer.sendTransfer(transfer)
    await before.fulfillCondition(transfer.id, fulfillment)
    await customer.sendTransfer(payment(server, { amount: '300' }).transfer)
    await before.disconnect()

    const after = shopWith(store)
    await after.connect()
    expect(await after.getBalance()).toBe('600')
    const again = await customerOf(after)
    await expect(again.sendTransfer(payment(server, { amount: '101' }).transfer)).rejects.toMatchObject({
      name: 'InsufficientBalanceError',
    })
    expect(await again.sendTransfer(payment(server, { amount: '100' }).transfer)).toBe(null)
  })

  it('keeps the ids that were used, and what became of them', async () => {
    const store = memoryStore()
    const before = shopWith(store)
    const customer = await customerOf(before)
    const [fulfilled, rejected] = [payment(server), payment(server)]
    await customer.sendTransfer(fulfilled.transfer)
    await customer.sendTransfer(rejected.transfer)
    // Held in one write and ended in the next: so that there is something to remember.
    await before.fulfillCondition(fulfilled.transfer.id, fulfilled.fulfillment)
    await before.rejectIncomingTransfer(rejected.transfer.id, {})
    await before.disconnect()

    const after = shopWith(store)
    const told = record(after)
    await after.connect()
    const peer = await connectPeer(after, 'alice', 'key')
    expect(await peer.ask(prepareFrame(fulfilled.transfer, 2))).toMatchObject({ name: 'AlreadyFulfilledError' })
    expect(await peer.next()).toMatchObject({ type: 'fulfill' })
    expect(await peer.ask(prepareFrame(rejected.transfer, 3))).toMatchObject({ name: 'AlreadyRolledBackError' })
    const other = { ...fulfilled.transfer, amount: '11' }
    expect(await peer.ask(prepareFrame(other, 4))).toMatchObject({ name: 'DuplicateIdError' })
    expect(names(told, fulfilled.transfer.id)).toEqual([])
    expect(await after.getFulfillment(fulfilled.transfer.id)).toBe(fulfilled.fulfillment)
    expect(await after.fulfillCondition(fulfilled.transfer.id, fulfilled.fulfillment)).toBe(null)
    expect(await after.rejectIncomingTransfer(rejected.transfer.id, {})).toBe(null)
    await expect(after.rejectIncomingTransfer(fulfilled.transfer.id, {})).rejects.toMatchObject({
      name: 'AlreadyFulfilledError',
    })
    expect(await after.getBalance()).toBe('10')
  })

  it('is told again of what it holds, and can end it', async () => {
    const store = memoryStore()
    const before = shopWith(store)
    const customer = await customerOf(before)
    const { transfer, fulfillment } = payment(server, { custom: { note: 'kept' } })
    const told = next(before, 'incoming_prepare')
    await customer.sendTransfer(transfer)
    const [seen] = await told
    await before.disconnect()

    const after = shopWith(store)
    const again = next(after, 'incoming_prepare')
    await after.connect()
    expect((await again)[0]).toEqual(seen)
    await after.fulfillCondition(transfer.id, fulfillment)
    expect(await after.getBalance()).toBe('10')
    // The payer hears of it as soon as it is back, and nobody else does.
    const other = await connectPeer(after, 'bob', 'key')
    expect(await other.ask(prepareFrame(payment(server).transfer, 2))).toMatchObject({ type: 'response' })
    const peer = await connectPeer(after, 'alice', 'key')
    expect(TransferId.format((await peer.expect('fulfill')).transferId)).toBe(transfer.id)
  })

  it('ends what has expired meanwhile, and says so', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const store = memoryStore()
    const before = shopWith(store)
    const customer = await customerOf(before)
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    await before.disconnect()

    vi.setSystemTime(Date.parse(transfer.expiresAt))
    const after = shopWith(store)
    const told = record(after)
    const cancelled = next(after, 'incoming_cancel')
    await after.connect()
    expect((await cancelled)[0]).toMatchObject({ id: transfer.id, amount: '10' })
    expect(names(told, transfer.id)).toEqual(['incoming_cancel'])
  })

  it('sends again what it fulfilled shortly before, where only one user can come back', async () => {
    const store = memoryStore()
    const oneUser = { authCheck: undefined as never, incomingSecret: 'key' }
    const before = shopWith(store, oneUser)
    const customer = createCustomer()
    open.add(customer)
    await connectBoth(before, customer, '', 'key')
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    await before.fulfillCondition(transfer.id, fulfillment)
    await before.disconnect()

    const after = shopWith(store, oneUser)
    await after.connect()
    const peer = await connectPeer(after, '', 'key')
    expect(TransferId.format((await peer.expect('fulfill')).transferId)).toBe(transfer.id)
  })

  it('keeps what it pays, and its notes to itself', async () => {
    const store = memoryStore()
    const before = shopWith(store)
    const peer = await connectPeer(before, 'alice', 'key')
    await before.connect()
    const { transfer, fulfillment } = payment(client, { noteToSelf: { why: 'change' } })
    const sent = before.sendTransfer(transfer)
    peer.send({ type: 'response', requestId: (await peer.expect('prepare')).requestId, protocolData: [] })
    await sent
    await before.disconnect()

    const after = shopWith(store)
    await after.connect()
    const told = next(after, 'outgoing_fulfill')
    const again = await connectPeer(after, 'alice', 'key')
    // The same transfer, to find out what became of it.
    const { transferId } = await again.expect('prepare')
    again.send({
      type: 'fulfill',
      requestId: 5,
      transferId: transferId.slice() as never,
      fulfillment: Uint8Array.from(Buffer.from(fulfillment, 'base64url')) as never,
      protocolData: [],
    })
    expect((await told)[0]).toEqual({ ...transfer, from: server, ledger: prefix })
    expect(await after.getBalance()).toBe('-10')
  })

  it('may come back with another limit', async () => {
    const store = memoryStore()
    const before = shopWith(store, { maxBalance: '10' })
    await before.connect()
    await before.disconnect()
    const after = shopWith(store, { maxBalance: '20' })
    const customer = await customerOf(after)
    expect(await customer.getLimit()).toBe('-20')
    expect(await customer.sendTransfer(payment(server, { amount: '20' }).transfer)).toBe(null)
  })

  it('goes on after disconnect and connect of the same object', async () => {
    const shop = shopWith(memoryStore())
    const customer = await customerOf(shop)
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    await shop.fulfillCondition(transfer.id, fulfillment)
    await shop.disconnect()
    await shop.connect()
    expect(await shop.getBalance()).toBe('10')
    // A customer without a store remembers as long as it lives.
    await customer.disconnect()
    await connectBoth(shop, customer, 'alice', 'key')
    expect(await customer.sendTransfer(transfer)).toBe(null)
    expect(await shop.getBalance()).toBe('10')
  })
})

describe('a store', () => {
  it('is waited for: nobody is told what is not stored', async () => {
    const kept = memoryStore()
    let release = () => {}
    let isHeld = false
    const shop = shopWith({
      ...kept,
      async put(key, value) {
        if (isHeld) await new Promise<void>((resolve) => (release = resolve))
        kept.put(key, value)
      },
      get: async (key) => kept.get(key),
      del: async (key) => void kept.del(key),
    })
    const told = record(shop)
    await shop.connect()
    const peer = await connectPeer(shop, 'alice', 'key')
    const { transfer, fulfillment } = payment(server)
    isHeld = true
    peer.send(prepareFrame(transfer, 2))
    // An answer to something else overtakes: it needs no store.
    peer.send({
      type: 'message',
      requestId: 3,
      protocolData: [{ name: 'limit', contentType: 0, data: Uint8Array.of(0) }],
    })
    expect(await peer.next()).toMatchObject({ type: 'response', requestId: 3 })
    expect(names(told, transfer.id)).toEqual([])
    release()
    expect(await peer.next()).toMatchObject({ type: 'response', requestId: 2 })
    const fulfilled = shop.fulfillCondition(transfer.id, fulfillment)
    peer.send({
      type: 'message',
      requestId: 4,
      protocolData: [{ name: 'limit', contentType: 0, data: Uint8Array.of(0) }],
    })
    expect(await peer.next()).toMatchObject({ type: 'response', requestId: 4 })
    expect(names(told, transfer.id)).toEqual(['incoming_prepare'])
    release()
    await fulfilled
    expect(await peer.next()).toMatchObject({ type: 'fulfill' })
    isHeld = false
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('that %s stops the plugin, and what it kept is what counts', async (_what, fail) => {
    const kept = memoryStore()
    let put: ProgramStore['put'] = kept.put
    const store = { ...kept, put: (key: string, value: string) => put(key, value) }
    const shop = shopWith(store)
    const customer = await customerOf(shop)
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    put = fail
    const told = next(shop, 'error')
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toThrow(/disk full/)
    expect((await told)[0].message).toMatch(/disk full/)
    expect(shop.isConnected()).toBe(false)
    expect(names(record(customer), transfer.id)).toEqual([])
    put = kept.put
    await shop.connect()
    expect(await shop.getBalance()).toBe('0')
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(await shop.getBalance()).toBe('10')
  })

  it('belongs to one plugin at a time', async () => {
    const store = memoryStore()
    const first = shopWith(store)
    await first.connect()
    const second = shopWith(store)
    await expect(second.connect()).rejects.toThrow(/another plugin of this process/)
    await first.disconnect()
    await second.connect()
  })

  it.each([
    ['a batch that is no JSON', { ':tl:journal:0': '{' }],
    ['a batch that was changed', { ':tl:journal:0': '{"changes":"AAAA"}' }],
    ['a value that is no text', { ':tl:journal:0': 7 as never }],
    ['a head that is damaged', { ':tl:journal': '{"format":1,"base":-1}' }],
    ['a base that is missing', { ':tl:journal': '{"format":1,"base":3,"batch":9,"idsFrom":0,"idsTo":0}' }],
    ['what a newer version wrote', { ':tl:journal': '{"format":2}' }],
  ])('with %s is refused, and left as it is', async (_what, contents: Record<string, string>) => {
    const before = { ...contents }
    const shop = shopWith(memoryStore(contents))
    await expect(shop.connect()).rejects.toMatchObject({ name: 'ProgramJournalError' })
    expect(contents).toEqual(before)
    expect(shop.isConnected()).toBe(false)
  })

  it('of the plugin of 2017 gives its sums over', async () => {
    const contents: Record<string, string> = { ':tl:balance:if': '1.5e+21', ':tl:balance:of': '7', ':tl:maximum': '5' }
    const before = shopWith(memoryStore(contents), { maxBalance: 'Infinity' })
    await before.connect()
    expect(await before.getBalance()).toBe('1499999999999999999993')
    await before.disconnect()
    const after = shopWith(memoryStore(contents), { maxBalance: 'Infinity' })
    await after.connect()
    expect(await after.getBalance()).toBe('1499999999999999999993')
  })
})
