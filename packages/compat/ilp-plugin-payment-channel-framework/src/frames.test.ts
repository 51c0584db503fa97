/** The frames of a trustline, sent and received by hand. */
import { type BtpFrame, IlpPacket } from '@millstream/codec'
import { Instant, TransferId } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Plugin } from './plugin.js'
import { fulfillFrame, prepareFrame, rejectFrame } from './testing/frames.js'
import { createCustomer, createShop, names, next, payment, prefix, record, type Told } from './testing/programs.js'
import { acceptPlugin, connectPeer } from './testing/raw-peer.js'

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

describe('what a payer sends', () => {
  beforeEach(() => shop.connect())

  it('is held once: a repeat is answered by what became of it', async () => {
    const peer = await connectPeer(shop)
    const { transfer, fulfillment } = payment(server)
    expect(await peer.ask(prepareFrame(transfer, 2))).toMatchObject({ type: 'response', requestId: 2 })
    expect(await peer.ask(prepareFrame(transfer, 3))).toMatchObject({ type: 'response', requestId: 3 })
    expect(await peer.ask(prepareFrame({ ...transfer, amount: '11' }, 4))).toMatchObject({ name: 'DuplicateIdError' })
    await shop.fulfillCondition(transfer.id, fulfillment)
    peer.send({ type: 'response', requestId: (await peer.expect('fulfill')).requestId, protocolData: [] })
    expect(await peer.ask(prepareFrame(transfer, 5))).toMatchObject({ code: 'F07', name: 'AlreadyFulfilledError' })
    // Who asks has not had the fulfillment.
    expect(Buffer.from((await peer.expect('fulfill')).fulfillment).toString('base64url')).toBe(fulfillment)
    expect(await peer.ask(prepareFrame({ ...transfer, amount: '11' }, 6))).toMatchObject({ name: 'DuplicateIdError' })
    expect(names(atShop, transfer.id)).toEqual(['incoming_prepare', 'incoming_fulfill'])
    const rejected = payment(server)
    await peer.ask(prepareFrame(rejected.transfer, 7))
    await shop.rejectIncomingTransfer(rejected.transfer.id, {})
    await peer.expect('reject')
    expect(await peer.ask(prepareFrame(rejected.transfer, 8))).toMatchObject({ name: 'AlreadyRolledBackError' })
    expect(await shop.getBalance()).toBe('10')
  })

  it('is refused when it has expired, before anything is held', async () => {
    const peer = await connectPeer(shop)
    const { transfer } = payment(server, { expiresAt: '2017-12-01T00:00:00.000Z' })
    expect(await peer.ask(prepareFrame(transfer, 2))).toMatchObject({ code: 'F00', name: 'NotAcceptedError' })
    expect(names(atShop, transfer.id)).toEqual([])
  })

  it('is refused beyond the limit with words that say nothing of others', async () => {
    const peer = await connectPeer(shop)
    const frame = await peer.ask(prepareFrame(payment(server, { amount: '1001' }).transfer, 2))
    expect(frame).toMatchObject({ code: 'F08', name: 'InsufficientBalanceError' })
    expect(new TextDecoder().decode((frame as BtpFrame.ErrorFrame).data)).toBe(
      '{"message":"exceeds the maximum balance"}',
    )
  })

  it('is refused with the codes of 2017 where that is asked for', async () => {
    shop = createShop({ compatibleErrorCodes: true })
    await shop.connect()
    const peer = await connectPeer(shop)
    const frame = await peer.ask(prepareFrame(payment(server, { amount: '1001' }).transfer, 2))
    expect(frame).toMatchObject({ code: 'F07', name: 'InsufficientBalanceError' })
  })

  it('ends nothing that is not its own to end', async () => {
    const peer = await connectPeer(shop)
    const { transfer, fulfillment } = payment(server)
    const transferId = TransferId.parse(transfer.id)
    const preimage = Uint8Array.from(Buffer.from(fulfillment, 'base64url')) as never
    const fulfill = { type: 'fulfill', transferId, fulfillment: preimage, protocolData: [] } as const
    const reject = { type: 'reject', transferId, protocolData: [] } as const
    expect(await peer.ask({ ...fulfill, requestId: 2 })).toMatchObject({ code: 'F03', name: 'TransferNotFoundError' })
    expect(await peer.ask({ ...reject, requestId: 3 })).toMatchObject({ code: 'F03', name: 'TransferNotFoundError' })
    await peer.ask(prepareFrame(transfer, 4))
    expect(await peer.ask({ ...fulfill, requestId: 5 })).toMatchObject({ name: 'NotAcceptedError' })
    expect(await peer.ask({ ...reject, requestId: 6 })).toMatchObject({ name: 'NotAcceptedError' })
    expect(await shop.getBalance()).toBe('0')
  })

  it('goes through whatever protocol data it has', async () => {
    const peer = await connectPeer(shop)
    const { transfer } = payment(server)
    const frame = prepareFrame(transfer, 2) as BtpFrame.PrepareFrame
    const odd = { name: 'odd', contentType: 77, data: Uint8Array.of(1) }
    expect(await peer.ask({ ...frame, protocolData: [odd] })).toMatchObject({ type: 'response' })
    expect(atShop.at(-1)!.args[0]).not.toHaveProperty('ilp')
    const custom = { name: 'custom', contentType: 2, data: new TextEncoder().encode('[1') }
    const { id } = payment(server).transfer
    const bad = { ...frame, transferId: TransferId.parse(id), requestId: 3, protocolData: [custom] }
    expect(await peer.ask(bad)).toMatchObject({ code: 'F01', name: 'InvalidFieldsError' })
  })

  it('closes the connection when it cannot be read', async () => {
    const peer = await connectPeer(shop)
    peer.socket.sendText('hello')
    expect(await peer.closed).toBe(1002)
    const other = await connectPeer(shop)
    expect(await other.ask(prepareFrame(payment(server).transfer, 2))).toMatchObject({ type: 'response' })
  })
})

describe('what a payee sends', () => {
  it('may be the fulfillment before the answer', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer)
    const { transfer, fulfillment } = payment(server)
    const sent = customer.sendTransfer(transfer)
    const prepare = await peer.expect('prepare')
    expect(await peer.ask(fulfillFrame(transfer.id, fulfillment, 7))).toMatchObject({ type: 'response', requestId: 7 })
    expect(await sent).toBe(null)
    peer.send({ type: 'response', requestId: prepare.requestId, protocolData: [] })
    // The same again is acknowledged again and told to nobody.
    expect(await peer.ask(fulfillFrame(transfer.id, fulfillment, 8))).toMatchObject({ type: 'response', requestId: 8 })
    expect(names(atCustomer, transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
  })

  it('must fit the condition', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer)
    const { transfer, fulfillment } = payment(server)
    const sent = customer.sendTransfer(transfer)
    const { requestId } = await peer.expect('prepare')
    peer.send({ type: 'response', requestId, protocolData: [] })
    await sent
    const wrong = fulfillFrame(transfer.id, payment(server).fulfillment, 7)
    expect(await peer.ask(wrong)).toMatchObject({ code: 'F04', name: 'InvalidFulfillmentError' })
    expect(await peer.ask(fulfillFrame(transfer.id, fulfillment, 8))).toMatchObject({ type: 'response' })
  })

  it('comes too late after a rejection, and a rejection after it', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer)
    const [first, second] = [payment(server), payment(server)]
    for (const { transfer } of [first, second]) {
      const sent = customer.sendTransfer(transfer)
      const { requestId } = await peer.expect('prepare')
      peer.send({ type: 'response', requestId, protocolData: [] })
      await sent
    }
    expect(await peer.ask(rejectFrame(first.transfer.id, 7))).toMatchObject({ type: 'response' })
    expect(await peer.ask(rejectFrame(first.transfer.id, 8))).toMatchObject({ type: 'response' })
    expect(await peer.ask(fulfillFrame(first.transfer.id, first.fulfillment, 9))).toMatchObject({
      code: 'F06',
      name: 'AlreadyRolledBackError',
    })
    await peer.ask(fulfillFrame(second.transfer.id, second.fulfillment, 10))
    expect(await peer.ask(rejectFrame(second.transfer.id, 11))).toMatchObject({
      code: 'F07',
      name: 'AlreadyFulfilledError',
    })
    expect(names(atCustomer, first.transfer.id)).toEqual(['outgoing_prepare', 'outgoing_reject'])
    expect(names(atCustomer, second.transfer.id)).toEqual(['outgoing_prepare', 'outgoing_fulfill'])
  })

  it('may give no reason, or one that cannot be read', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer)
    for (const ilp of [undefined, Uint8Array.of(1, 2, 3)]) {
      const { transfer } = payment(server)
      const sent = customer.sendTransfer(transfer)
      const { requestId } = await peer.expect('prepare')
      peer.send({ type: 'response', requestId, protocolData: [] })
      await sent
      const told = next(customer, 'outgoing_reject')
      peer.send(rejectFrame(transfer.id, 7, ilp))
      expect((await told)[1]).toMatchObject({ code: 'F00', name: 'Bad Request', triggered_by: server })
      await peer.expect('response')
    }
  })

  it('may be an expiry', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    await customer.connect()
    const peer = await acceptPlugin(customer)
    const { transfer } = payment(server)
    const sent = customer.sendTransfer(transfer)
    const { requestId } = await peer.expect('prepare')
    peer.send({ type: 'response', requestId, protocolData: [] })
    await sent
    vi.setSystemTime(Date.parse(transfer.expiresAt))
    const ilp = IlpPacket.encodeError({
      code: 'R00',
      name: 'Transfer Timed Out',
      triggeredBy: server,
      triggeredAt: Instant.from(Date.now()),
      data: new TextEncoder().encode('expired'),
    })
    const told = next(customer, 'outgoing_cancel')
    peer.send(rejectFrame(transfer.id, 7, ilp))
    expect((await told)[1]).toMatchObject({ code: 'R00', message: 'expired', additional_info: { message: 'expired' } })
  })
})

describe('a connection that is lost', () => {
  it('leaves what was sent held, and tells the program so', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer, 'alice', 'key')
    const { transfer } = payment(server)
    const sent = customer.sendTransfer(transfer)
    await peer.expect('prepare')
    peer.socket.close(1006)
    await expect(sent).rejects.toMatchObject({ name: 'UnreachableError' })
    // The same transfer goes out again, without being asked for, by the next connection of the same user.
    const again = await acceptPlugin(customer, 'alice', 'key')
    const { requestId, transferId } = await again.expect('prepare')
    expect(TransferId.format(transferId)).toBe(transfer.id)
    const told = next(customer, 'outgoing_prepare')
    again.send({ type: 'response', requestId, protocolData: [] })
    await told
  })

  it('ends what empty credentials began: nothing is sent again', async () => {
    await customer.connect()
    const peer = await acceptPlugin(customer)
    const { transfer } = payment(server)
    const sent = customer.sendTransfer(transfer)
    await peer.expect('prepare')
    peer.socket.close(1006)
    await expect(sent).rejects.toMatchObject({ name: 'UnreachableError' })
    const again = await acceptPlugin(customer)
    const other = payment(server).transfer
    void customer.sendTransfer(other)
    expect(TransferId.format((await again.expect('prepare')).transferId)).toBe(other.id)
  })

  it('sends a fulfillment again until it is acknowledged', async () => {
    shop = createShop({ authCheck: () => true })
    await shop.connect()
    const peer = await connectPeer(shop, 'alice', 'key')
    const { transfer, fulfillment } = payment(server)
    await peer.ask(prepareFrame(transfer, 2))
    await shop.fulfillCondition(transfer.id, fulfillment)
    await peer.expect('fulfill')
    peer.socket.close(1006)
    await peer.closed
    const other = await connectPeer(shop, 'bob', 'key')
    const again = await connectPeer(shop, 'alice', 'key')
    const { requestId, transferId } = await again.expect('fulfill')
    expect(TransferId.format(transferId)).toBe(transfer.id)
    again.send({ type: 'response', requestId, protocolData: [] })
    // Somebody else hears nothing of it.
    expect(await other.ask(prepareFrame(payment(server).transfer, 2))).toMatchObject({ type: 'response' })
  })

  it('sends what is fulfilled afterwards by another connection of the same user', async () => {
    await shop.connect()
    const peer = await connectPeer(shop)
    const { transfer, fulfillment } = payment(server)
    await peer.ask(prepareFrame(transfer, 2))
    const other = await connectPeer(shop)
    peer.socket.close(1006)
    await peer.closed
    await shop.fulfillCondition(transfer.id, fulfillment)
    expect(TransferId.format((await other.expect('fulfill')).transferId)).toBe(transfer.id)
    expect(await shop.getBalance()).toBe('10')
  })

  it('lets only the user that was paid reject', async () => {
    shop = createShop({ authCheck: () => true, minBalance: '-1000' })
    await shop.connect()
    const alice = await connectPeer(shop, 'alice', 'key')
    const { transfer } = payment(client)
    const sent = shop.sendTransfer(transfer)
    const { requestId } = await alice.expect('prepare')
    alice.send({ type: 'response', requestId, protocolData: [] })
    await sent
    const bob = await connectPeer(shop, 'bob', 'key')
    expect(await bob.ask(rejectFrame(transfer.id, 7))).toMatchObject({ name: 'TransferNotFoundError' })
    expect(await alice.ask(rejectFrame(transfer.id, 7))).toMatchObject({ type: 'response' })
  })
})
