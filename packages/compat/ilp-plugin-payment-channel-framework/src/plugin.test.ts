import { type BtpFrame, IlpPacket } from '@millstream/codec'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as LedgerError from './errors.js'
import { Plugin } from './plugin.js'
import { prepareFrame } from './testing/frames.js'
import { MemorySocket } from './testing/memory-socket.js'
import {
  connectBoth,
  createCustomer,
  createShop,
  info,
  memoryStore,
  names,
  next,
  payment,
  prefix,
  record,
  type Told,
} from './testing/programs.js'
import { acceptPlugin, authentication, connectPeer, rawPeer } from './testing/raw-peer.js'

const server = `${prefix}server`
const client = `${prefix}client`

let shop: Plugin
let customer: Plugin
let atShop: Told[]
let atCustomer: Told[]

beforeEach(() => {
  shop = createShop({ minBalance: '-1000' })
  customer = createCustomer()
  atShop = record(shop)
  atCustomer = record(customer)
})

afterEach(async () => {
  vi.useRealTimers()
  await customer.disconnect()
  await shop.disconnect()
})

describe('before it is connected', () => {
  it.each([
    ['getBalance', []],
    ['getPeerBalance', []],
    ['getLimit', []],
    ['getFulfillment', ['d0b3a1b5-5a6f-4b54-9f0a-1b7f0f5c6d7e']],
    ['sendTransfer', [payment(server).transfer]],
    ['fulfillCondition', [payment(server).transfer.id, payment(server).fulfillment]],
    ['rejectIncomingTransfer', [payment(server).transfer.id, {}]],
    ['sendRequest', [{ to: server, custom: {} }]],
  ] as const)('%s rejects with UnreachableError', async (method, args) => {
    const call = (customer as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!
    await expect(call.apply(customer, [...args])).rejects.toMatchObject({
      name: 'UnreachableError',
      message: `Must be connected before ${method} can be called.`,
    })
  })

  it('throws where nothing is known of the ledger', () => {
    const plugin = new Plugin({ server: 'btp+ws://:@localhost:9/' })
    expect(() => plugin.getInfo()).toThrow(LedgerError.UnreachableError)
    expect(() => plugin.getAccount()).toThrow(LedgerError.UnreachableError)
    expect(() => plugin.getPeerAccount()).toThrow(LedgerError.UnreachableError)
    expect(plugin.isConnected()).toBe(false)
  })

  it('refuses payments, and holds nothing of them', async () => {
    const peer = await connectPeer(shop)
    expect(await peer.ask(prepareFrame(payment(server).transfer, 2))).toMatchObject({
      type: 'error',
      requestId: 2,
      code: 'T00',
      name: 'UnreachableError',
    })
  })
})

describe('connecting', () => {
  it('tells the program, and is connected once for all', async () => {
    await connectBoth(shop, customer)
    await Promise.all([customer.connect(), customer.connect()])
    expect(customer.isConnected()).toBe(true)
    expect(atCustomer.filter(({ name }) => name === 'connect')).toHaveLength(1)
    expect(atShop.filter(({ name }) => name === 'connect')).toHaveLength(1)
  })

  it('gives a copy of the info each time', async () => {
    await connectBoth(shop, customer)
    const first = customer.getInfo() as unknown as { connectors: string[] }
    first.connectors.push('g.evil')
    expect(customer.getInfo()).toEqual(info)
    expect(customer.getAccount()).toBe(client)
    expect(customer.getPeerAccount()).toBe(server)
    expect(shop.getAccount()).toBe(server)
    expect(shop.getPeerAccount()).toBe(client)
  })

  it('refuses a timeout that is not a number', async () => {
    await expect(customer.connect({ timeout: 'soon' as never })).rejects.toThrow(TypeError)
  })

  it('rejects when nobody listens', async () => {
    const plugin = new Plugin({ server: 'btp+ws://:@localhost:9/' })
    await expect(plugin.connect()).rejects.toMatchObject({ name: 'UnreachableError' })
    // And can be tried again.
    await expect(plugin.connect({ timeout: 1_000 })).rejects.toMatchObject({ name: 'UnreachableError' })
  })

  it('rejects when the port is taken', async () => {
    const options = { prefix, info, maxBalance: '1', _store: memoryStore(), incomingSecret: '' }
    const first = new Plugin({ ...options, listener: { port: 0 } })
    await first.connect()
    await first.disconnect()
    const net = await import('node:net')
    const taken = net.createServer()
    await new Promise<void>((resolve) => taken.listen(0, resolve))
    const second = new Plugin({
      ...options,
      listener: { port: (taken.address() as import('node:net').AddressInfo).port },
    })
    await expect(second.connect()).rejects.toThrow(/EADDRINUSE/)
    await second.disconnect()
    await new Promise((resolve) => taken.close(resolve))
  })

  it('tells the program when it disconnects, once', async () => {
    await connectBoth(shop, customer)
    await customer.disconnect()
    await customer.disconnect()
    expect(atCustomer.filter(({ name }) => name === 'disconnect')).toHaveLength(1)
    expect(customer.isConnected()).toBe(false)
  })
})

describe('authentication', () => {
  it('lets in who knows the secret, and nobody else', async () => {
    shop = createShop({ incomingSecret: 'sesame' })
    await shop.connect()
    await connectPeer(shop, '', 'sesame')
    for (const [username, token] of [
      ['', 'wrong'],
      ['', ''],
      ['bob', 'sesame'],
    ] as const) {
      const [here, there] = MemorySocket.pair()
      const peer = rawPeer(here)
      const added = shop.addSocket(there)
      expect(await peer.ask(authentication(username, token))).toMatchObject({ type: 'error', name: 'NotAcceptedError' })
      await expect(added).rejects.toMatchObject({ name: 'UnreachableError' })
    }
  })

  it('lets nobody in when there is no secret', async () => {
    shop = createShop({ incomingSecret: undefined as never })
    await shop.connect()
    await expect(connectPeer(shop, '', 'undefined')).rejects.toThrow(/NotAcceptedError/)
  })

  it('asks the authCheck of the program, which may take its time', async () => {
    const authCheck = vi.fn(async (username: string, token: string) => username === 'alice' && token === 'key')
    shop = createShop({ authCheck })
    await shop.connect()
    await connectPeer(shop, 'alice', 'key')
    await expect(connectPeer(shop, 'alice', 'other')).rejects.toThrow(/NotAcceptedError/)
    expect(authCheck).toHaveBeenCalledWith('alice', 'key')
  })

  it('ends nothing but the connection when nobody says anything for two seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    await shop.connect()
    const [here, there] = MemorySocket.pair()
    const peer = rawPeer(here)
    const added = shop.addSocket(there)
    vi.advanceTimersByTime(2_000)
    expect(await peer.closed).toBe(1000)
    await expect(added).rejects.toMatchObject({ name: 'UnreachableError' })
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['garbage', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ])('closes the connection on a first frame of %s', async (_what, bytes) => {
    await shop.connect()
    const [here, there] = MemorySocket.pair()
    const peer = rawPeer(here)
    shop.addSocket(there)
    here.send(bytes, {}, () => undefined)
    expect(await peer.closed).toBe(1002)
  })

  it('takes nothing that is not a socket', async () => {
    await expect(shop.addSocket({})).rejects.toThrow(TypeError)
    await expect(shop.addSocket(MemorySocket.pair()[0], { username: 'x' } as never)).rejects.toThrow(TypeError)
  })
})

describe('sendTransfer', () => {
  beforeEach(() => connectBoth(shop, customer).then(() => undefined))

  it('resolves with null when the peer holds the transfer', async () => {
    const { transfer } = payment(`${server}.user.1`, { noteToSelf: { own: true }, custom: { for: 'you' } })
    expect(await customer.sendTransfer(transfer)).toBe(null)
    expect(names(atCustomer, transfer.id)).toEqual(['outgoing_prepare'])
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare'])
    expect(last(atCustomer).args).toEqual([{ ...transfer, from: client, ledger: prefix }])
    const { to: _to, noteToSelf: _note, ...travels } = transfer
    expect(last(atShop).args).toEqual([{ ...travels, from: client, to: server, ledger: prefix }])
  })

  it.each([
    ['without an id', { id: undefined }],
    ['with an id that is not a UUID', { id: '1' }],
    ['without an amount', { amount: undefined }],
    ['with an amount that is no number', { amount: 'abc' }],
    ['with a negative amount', { amount: '-1' }],
    ['with a fraction', { amount: '1.5' }],
    ['with an exponent', { amount: '1e3' }],
    ['with an amount of 2^64', { amount: '18446744073709551616' }],
    ['without to', { to: undefined }],
    ['to somebody else', { to: 'g.other.bob' }],
    ['to an account that only begins alike', { to: `${server}2` }],
    ['from somebody else', { from: server }],
    ['without a condition', { executionCondition: undefined }],
    ['with a condition that is too short', { executionCondition: 'abcd' }],
    ['with a condition in base64', { executionCondition: `${'a'.repeat(42)}+` }],
    ['without an expiry', { expiresAt: undefined }],
    ['with an expiry that is no time', { expiresAt: 'soon' }],
    ['with a packet that is no base64', { ilp: '?' }],
    ['with custom data that is no object', { custom: 'text' }],
  ])('refuses a transfer %s', async (_what, fields) => {
    const { transfer } = payment(server, fields as never)
    await expect(customer.sendTransfer(transfer)).rejects.toMatchObject({ name: 'InvalidFieldsError' })
    expect(atCustomer.map(({ name }) => name)).toEqual(['connect'])
  })

  it('refuses what does not fit a frame', async () => {
    const tooMuch = 'A'.repeat(48_000)
    await expect(customer.sendTransfer(payment(server, { ilp: tooMuch }).transfer)).rejects.toMatchObject({
      name: 'MaximumIlpDataSizeExceededError',
    })
    const custom = { text: tooMuch }
    await expect(customer.sendTransfer(payment(server, { custom }).transfer)).rejects.toMatchObject({
      name: 'MaximumCustomDataSizeExceededError',
    })
  })

  it('takes an amount that is a whole number', async () => {
    const { transfer } = payment(server, { amount: 7 as never })
    await customer.sendTransfer(transfer)
    expect(last(atCustomer).args[0].amount).toBe('7')
    expect(last(atShop).args[0].amount).toBe('7')
  })

  it('refuses what has expired, and holds nothing', async () => {
    const { transfer } = payment(server, { expiresAt: new Date(Date.now() - 1).toISOString() })
    await expect(customer.sendTransfer(transfer)).rejects.toMatchObject({ name: 'NotAcceptedError' })
    expect(names(atShop, transfer.id)).toEqual([])
  })

  it('refuses what goes beyond the limit of the peer, and gives the amount back', async () => {
    const { transfer } = payment(server, { amount: '1001' })
    await expect(customer.sendTransfer(transfer)).rejects.toMatchObject({ name: 'InsufficientBalanceError' })
    await customer.sendTransfer(payment(server, { amount: '1000' }).transfer)
    await expect(customer.sendTransfer(payment(server, { amount: '1' }).transfer)).rejects.toMatchObject({
      name: 'InsufficientBalanceError',
    })
    expect(names(atCustomer, transfer.id)).toEqual([])
    // What was refused stays refused.
    await expect(customer.sendTransfer(transfer)).rejects.toMatchObject({ name: 'InsufficientBalanceError' })
  })

  it('refuses what goes beyond its own limit', async () => {
    await expect(shop.sendTransfer(payment(client, { amount: '1001' }).transfer)).rejects.toMatchObject({
      name: 'InsufficientBalanceError',
    })
    await shop.sendTransfer(payment(client, { amount: '1000' }).transfer)
    await expect(shop.sendTransfer(payment(client, { amount: '1' }).transfer)).rejects.toMatchObject({
      name: 'InsufficientBalanceError',
    })
  })

  it('is one transfer when it is sent again, at any time', async () => {
    const { transfer, fulfillment } = payment(server)
    await Promise.all([customer.sendTransfer(transfer), customer.sendTransfer(transfer)])
    await customer.sendTransfer(transfer)
    await shop.fulfillCondition(transfer.id, fulfillment)
    await vi.waitFor(() => expect(names(atCustomer, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill']))
    expect(await customer.sendTransfer(transfer)).toBe(null)
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare', 'incoming_fulfill'])
    expect(await shop.getBalance()).toBe('10')
  })

  it('refuses an id that was used for something else, at any time', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    const other = { ...transfer, amount: '11' }
    await expect(customer.sendTransfer(other)).rejects.toMatchObject({ name: 'DuplicateIdError' })
    await shop.fulfillCondition(transfer.id, fulfillment)
    await vi.waitFor(() => expect(names(atCustomer, transfer.id)).toContain('outgoing_fulfill'))
    await expect(customer.sendTransfer(other)).rejects.toMatchObject({ name: 'DuplicateIdError' })
  })

  it('carries any number at once, in order', async () => {
    const transfers = Array.from({ length: 3_000 }, () => payment(server, { amount: '0' }).transfer)
    shop = createShop({ acceptZeroAmounts: true })
    customer = createCustomer()
    atShop = record(shop)
    await connectBoth(shop, customer)
    await Promise.all(transfers.map((transfer) => customer.sendTransfer(transfer)))
    const prepared = atShop.filter(({ name }) => name === 'incoming_prepare').map(({ args }) => args[0].id)
    expect(prepared).toEqual(transfers.map(({ id }) => id))
  })

  it('pays nothing only to who asks for it', async () => {
    await expect(customer.sendTransfer(payment(server, { amount: '0' }).transfer)).rejects.toMatchObject({
      name: 'InvalidFieldsError',
    })
  })
})

describe('fulfillCondition', () => {
  beforeEach(() => connectBoth(shop, customer).then(() => undefined))

  it('moves the amount and tells both sides', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    const told = next(customer, 'outgoing_fulfill')
    expect(await shop.fulfillCondition(transfer.id, fulfillment)).toBe(null)
    expect(await told).toEqual([{ ...transfer, from: client, ledger: prefix }, fulfillment, undefined])
    expect(last(atShop)).toMatchObject({ name: 'incoming_fulfill', args: [{ id: transfer.id }, fulfillment] })
    expect(await shop.getBalance()).toBe('10')
    expect(await customer.getBalance()).toBe('-10')
    expect(await customer.getPeerBalance()).toBe('-10')
    expect(await shop.getFulfillment(transfer.id)).toBe(fulfillment)
    expect(await customer.getFulfillment(transfer.id)).toBe(fulfillment)
  })

  it('takes fulfillment data along', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    const told = next(customer, 'outgoing_fulfill')
    await shop.fulfillCondition(transfer.id, fulfillment, 'CQgGdGhhbmtzAA')
    expect((await told)[2]).toBe('CQgGdGhhbmtzAA')
    expect(last(atShop).args[2]).toBe('CQgGdGhhbmtzAA')
  })

  it('does nothing more when it is called again, even at the same time', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    const twice = [shop.fulfillCondition(transfer.id, fulfillment), shop.fulfillCondition(transfer.id, fulfillment)]
    expect(await Promise.all(twice)).toEqual([null, null])
    expect(await shop.fulfillCondition(transfer.id, fulfillment)).toBe(null)
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare', 'incoming_fulfill'])
    expect(await shop.getBalance()).toBe('10')
  })

  it.each([
    ['nothing', undefined],
    ['too short', 'abcd'],
    ['padded', `${'A'.repeat(43)}=`],
    ['bytes', new Uint8Array(32)],
  ])('refuses a fulfillment that is %s', async (_what, fulfillment) => {
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toMatchObject({ name: 'InvalidFieldsError' })
  })

  it('refuses a wrong fulfillment, and the transfer stays', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    await expect(shop.fulfillCondition(transfer.id, payment(server).fulfillment)).rejects.toMatchObject({
      name: 'NotAcceptedError',
    })
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(await shop.getBalance()).toBe('10')
  })

  it('does not know every transfer, and ends none of its own', async () => {
    const { transfer, fulfillment } = payment(server)
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toMatchObject({
      name: 'TransferNotFoundError',
    })
    await customer.sendTransfer(transfer)
    await expect(customer.fulfillCondition(transfer.id, fulfillment)).rejects.toMatchObject({
      name: 'NotAcceptedError',
    })
  })

  it('is too late for what was rejected', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    await shop.rejectIncomingTransfer(transfer.id, {})
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toMatchObject({
      name: 'AlreadyRolledBackError',
    })
  })

  it('waits for the payer where this side does not keep the book', async () => {
    const { transfer, fulfillment } = payment(client)
    await shop.sendTransfer(transfer)
    expect(await customer.fulfillCondition(transfer.id, fulfillment)).toBe(null)
    expect(names(atShop, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
    expect(await shop.getBalance()).toBe('-10')
    expect(await customer.getBalance()).toBe('10')
  })
})

describe('rejectIncomingTransfer', () => {
  beforeEach(() => connectBoth(shop, customer).then(() => undefined))

  it('has a default for every part of the reason', async () => {
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    const told = next(customer, 'outgoing_reject')
    expect(await shop.rejectIncomingTransfer(transfer.id, {})).toBe(null)
    const reason = {
      code: 'F00',
      name: 'Bad Request',
      triggered_by: server,
      triggered_at: expect.any(Date),
      additional_info: {},
    }
    expect(await told).toEqual([{ ...transfer, from: client, ledger: prefix }, reason])
    expect(last(atShop)).toMatchObject({ name: 'incoming_reject', args: [{ id: transfer.id }, reason] })
    expect(await shop.getBalance()).toBe('0')
    expect(await customer.getBalance()).toBe('0')
    await expect(shop.getFulfillment(transfer.id)).rejects.toMatchObject({ name: 'AlreadyRolledBackError' })
  })

  it('tells what the program says', async () => {
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    const told = next(customer, 'outgoing_reject')
    await shop.rejectIncomingTransfer(transfer.id, {
      code: 'F99',
      name: 'Application Error',
      message: 'unused beside additional_info',
      triggered_by: 'g.other.bob',
      forwarded_by: ['g.other.carl', server],
      triggered_at: '2017-12-01T00:00:00.000Z',
      additional_info: { message: 'no thanks', more: 1 },
    })
    expect((await told)[1]).toEqual({
      code: 'F99',
      name: 'Application Error',
      message: 'no thanks',
      triggered_by: 'g.other.bob',
      forwarded_by: server,
      triggered_at: new Date('2017-12-01T00:00:00.000Z'),
      additional_info: { message: 'no thanks', more: 1 },
    })
  })

  it('rejects nothing for a reason that is none', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    for (const reason of [{ code: 7 }, { code: 'long' }, { triggered_at: 'soon' }, { triggered_by: 'nobody' }]) {
      await expect(shop.rejectIncomingTransfer(transfer.id, reason)).rejects.toMatchObject({
        name: 'InvalidFieldsError',
      })
    }
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(await shop.getBalance()).toBe('10')
  })

  it('does nothing more when it is called again', async () => {
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    await Promise.all([shop.rejectIncomingTransfer(transfer.id, {}), shop.rejectIncomingTransfer(transfer.id, {})])
    expect(await shop.rejectIncomingTransfer(transfer.id, {})).toBe(null)
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare', 'incoming_reject'])
  })

  it('is too late for what was fulfilled, and knows neither every transfer nor its own', async () => {
    const { transfer, fulfillment } = payment(server)
    await expect(shop.rejectIncomingTransfer(transfer.id, {})).rejects.toMatchObject({ name: 'TransferNotFoundError' })
    await customer.sendTransfer(transfer)
    await expect(customer.rejectIncomingTransfer(transfer.id, {})).rejects.toMatchObject({ name: 'NotAcceptedError' })
    await shop.fulfillCondition(transfer.id, fulfillment)
    await expect(shop.rejectIncomingTransfer(transfer.id, {})).rejects.toMatchObject({ name: 'AlreadyFulfilledError' })
  })
})

describe('getFulfillment', () => {
  it('says what there is of a transfer', async () => {
    await connectBoth(shop, customer)
    const { transfer } = payment(server)
    await expect(shop.getFulfillment(transfer.id)).rejects.toMatchObject({ name: 'TransferNotFoundError' })
    await customer.sendTransfer(transfer)
    await expect(shop.getFulfillment(transfer.id)).rejects.toMatchObject({ name: 'MissingFulfillmentError' })
    await expect(customer.getFulfillment(transfer.id)).rejects.toMatchObject({ name: 'MissingFulfillmentError' })
    await expect(shop.getFulfillment('x')).rejects.toMatchObject({ name: 'InvalidFieldsError' })
  })
})

describe('expiry', () => {
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    await connectBoth(shop, customer)
  })

  it('is told on both sides, once, with a reason', async () => {
    const { transfer } = payment(server)
    await customer.sendTransfer(transfer)
    const told = Promise.all([next(shop, 'incoming_cancel'), next(customer, 'outgoing_cancel')])
    vi.advanceTimersByTime(30_000)
    const [[ours, reason], [theirs, theirReason]] = await told
    expect(ours.id).toBe(transfer.id)
    expect(reason).toMatchObject({ code: 'R00', name: 'Transfer Timed Out', triggered_by: server })
    expect(theirs).toEqual({ ...transfer, from: client, ledger: prefix })
    expect(theirReason).toMatchObject({ code: 'R00', name: 'Transfer Timed Out', triggered_by: server })
    vi.advanceTimersByTime(60_000)
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare', 'incoming_cancel'])
    expect(names(atCustomer, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_cancel'])
  })

  it('gives the amount back', async () => {
    await customer.sendTransfer(payment(server, { amount: '1000' }).transfer)
    const told = next(shop, 'incoming_cancel')
    vi.advanceTimersByTime(30_000)
    await told
    await customer.sendTransfer(payment(server, { amount: '1000' }).transfer)
  })

  it('is at its instant: nothing can be fulfilled then', async () => {
    const { transfer, fulfillment } = payment(server)
    await customer.sendTransfer(transfer)
    vi.setSystemTime(Date.parse(transfer.expiresAt))
    await expect(shop.fulfillCondition(transfer.id, fulfillment)).rejects.toMatchObject({
      name: 'AlreadyRolledBackError',
    })
    expect(await shop.getBalance()).toBe('0')
  })

  it('ends the hold of a payer whose payee says nothing, a little later', async () => {
    const { transfer } = payment(server)
    const peer = await acceptPlugin(customer)
    const sent = customer.sendTransfer(transfer)
    const { requestId } = await peer.expect('prepare')
    peer.send({ type: 'response', requestId, protocolData: [] })
    await sent
    vi.advanceTimersByTime(31_900)
    expect(names(atCustomer, transfer.id)).toEqual(['outgoing_prepare'])
    const told = next(customer, 'outgoing_cancel')
    vi.advanceTimersByTime(200)
    await told
  })
})

describe('handlers of the program', () => {
  it('harm nobody when they throw or reject', async () => {
    await connectBoth(shop, customer)
    const { transfer, fulfillment } = payment(server)
    shop.on('incoming_prepare', () => {
      throw new Error('a bug')
    })
    shop.on('incoming_prepare', () => Promise.reject(new Error('a bug that takes its time')))
    const heard = next(shop, 'incoming_prepare')
    await customer.sendTransfer(transfer)
    await heard
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(await shop.getBalance()).toBe('10')
  })

  it('may change what they are given', async () => {
    await connectBoth(shop, customer)
    const { transfer, fulfillment } = payment(server)
    shop.on('incoming_prepare', (given) => {
      given.amount = '1000000'
      given.id = 'x'
    })
    await customer.sendTransfer(transfer)
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(last(atShop)).toMatchObject({
      name: 'incoming_fulfill',
      args: [{ id: transfer.id, amount: '10' }, fulfillment],
    })
  })

  it('that are registered when connect has resolved miss nothing', async () => {
    const [here, there] = MemorySocket.pair()
    await Promise.all([shop.addSocket(here), customer.addSocket(there, { username: '', token: '' })])
    await customer.connect()
    const heard: string[] = []
    const { transfer } = payment(server)
    const connected = shop.connect().then(() => {
      shop.on('incoming_prepare', ({ id }) => heard.push(id))
    })
    const sent = connected.then(() => customer.sendTransfer(transfer))
    await Promise.all([connected, sent])
    expect(heard).toEqual([transfer.id])
  })
})

describe('requests', () => {
  beforeEach(() => connectBoth(shop, customer).then(() => undefined))

  it('are answered by the handler of the other side', async () => {
    shop.registerRequestHandler(async (message) => {
      return { to: message.from, from: message.to, ledger: message.ledger, custom: { heard: message.custom } }
    })
    const response = await customer.sendRequest({ id: 'mine', to: server, ilp: 'AAAA', custom: { question: 1 } })
    expect(response).toEqual({
      id: 'mine',
      from: server,
      to: client,
      ledger: prefix,
      custom: { heard: { question: 1 } },
    })
    expect(atShop.slice(1).map(({ name }) => name)).toEqual(['incoming_request', 'outgoing_response'])
    expect(atCustomer.slice(1).map(({ name }) => name)).toEqual(['outgoing_request', 'incoming_response'])
    expect(atShop[1]!.args[0]).toEqual({
      id: expect.any(Number),
      from: client,
      to: server,
      ledger: prefix,
      ilp: 'AAAA',
      custom: { question: 1 },
    })
  })

  it.each([
    ['without to', { custom: {} }],
    ['to somebody else', { to: 'g.other.bob', custom: {} }],
    ['without content', { to: server }],
    ['with a packet that is none', { to: server, ilp: 7 }],
    ['of another ledger', { to: server, ledger: 'g.other.', custom: {} }],
  ])('are refused %s', async (_what, message) => {
    await expect(customer.sendRequest(message)).rejects.toMatchObject({ name: 'InvalidFieldsError' })
  })

  it('are refused when nobody handles them', async () => {
    await expect(customer.sendRequest({ to: server, custom: {} })).rejects.toMatchObject({ name: 'NotAcceptedError' })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such thing')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such thing'))],
  ])('are answered with an ILP error when the handler %s', async (_what, handler) => {
    shop.registerRequestHandler(handler)
    const { ilp } = await customer.sendRequest({ to: server, custom: {} })
    expect(IlpPacket.decode(Buffer.from(ilp!, 'base64url'))).toMatchObject({
      type: 'error',
      code: 'F00',
      name: 'Bad Request',
      triggeredBy: server,
      data: new TextEncoder().encode('{"message":"no such thing"}'),
    })
  })

  it('have one handler at a time', () => {
    const handler = () => undefined
    shop.registerRequestHandler(handler)
    expect(() => shop.registerRequestHandler(handler)).toThrow(LedgerError.RequestHandlerAlreadyRegisteredError)
    shop.deregisterRequestHandler()
    shop.deregisterRequestHandler()
    shop.registerRequestHandler(handler)
    shop.deregisterRequestHandler()
    expect(() => shop.registerRequestHandler('no function' as never)).toThrow(LedgerError.InvalidFieldsError)
  })
})

describe('the balance and the limits', () => {
  it('are asked of the side that keeps the book', async () => {
    await connectBoth(shop, customer)
    expect(await customer.getBalance()).toBe('0')
    expect(await customer.getLimit()).toBe('-1000')
    expect(await shop.getBalance()).toBe('0')
    // A customer without a book allows everything.
    expect(await shop.getLimit()).toBe('-Infinity')
    expect(await shop.getPeerBalance()).toBe('0')
  })

  it('are said in both dialects', async () => {
    await shop.connect()
    const peer = await connectPeer(shop)
    const json = (name: string) => ({ name, contentType: 2, data: new TextEncoder().encode('[]') })
    const octets = (name: string, ...bytes: number[]) => ({ name, contentType: 0, data: Uint8Array.from(bytes) })
    const ask = async (entry: BtpFrame.ProtocolEntry) => {
      const frame = await peer.ask({ type: 'message', requestId: 9, protocolData: [entry] })
      if (frame.type === 'error') return `${frame.code} ${frame.name}`
      const [answer] = (frame as BtpFrame.ResponseFrame).protocolData
      const { name, contentType, data } = answer!
      return [name, contentType, contentType === 0 ? [...data] : new TextDecoder().decode(data)]
    }
    expect(await ask(octets('info', 2))).toEqual(['info', 2, JSON.stringify(info)])
    expect(await ask(octets('info', 0))).toEqual(['info', 1, server])
    expect(await ask(octets('info'))).toBe('F01 InvalidFieldsError')
    expect(await ask(octets('balance', 0))).toEqual(['balance', 0, [0, 0, 0, 0, 0, 0, 0, 0]])
    expect(await ask(octets('limit', 0))).toEqual(['limit', 2, '"1000"'])
    expect(await ask(json('get_info'))).toEqual(['get_info', 2, JSON.stringify(info)])
    expect(await ask(json('get_balance'))).toEqual(['get_balance', 2, '"0"'])
    expect(await ask(json('get_limit'))).toEqual(['get_limit', 2, '"1000"'])
    expect(await ask(json('get_fulfillment'))).toBe('F00 NotAcceptedError')
    expect(await ask({ ...json('custom'), data: new TextEncoder().encode('{') })).toBe('F01 InvalidFieldsError')
    expect(await ask(octets('auth'))).toBe('F00 NotAcceptedError')
  })
})

describe('what the module of 2017 has and this one has not', () => {
  it('is refused in words', () => {
    expect(() => Plugin.makePaymentChannelPlugin()).toThrow(/not supported/)
    expect(() => createShop({ _backend: () => undefined })).toThrow(/"_store"/)
  })
})

function last(told: readonly Told[]): Told {
  return told.at(-1)!
}
