import { accountName } from '@millstream/btp'
import { type BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { serverAccount } from '@millstream/ledger'
import type { OutgoingTransfer, SendOutcome } from '@millstream/plugin'
import { Condition, Instant, TransferId } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { encodeRejection } from './internal/reject-packet.js'
import { errorOf, type RawCustomer } from './testing/raw-customer.js'
import { openTestHost, payment, prefix, quickPayee, type TestHost } from './testing/test-host.js'

const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(9))
const wrong = Condition.fulfillmentFrom(new Uint8Array(32).fill(8))
const id = TransferId.from(new Uint8Array(16).fill(3))

/** A customer that has paid 10, and its address. */
async function customerOf(test: TestHost, username = 'alice'): Promise<{ alice: RawCustomer; target: string }> {
  const alice = await test.connect(username)
  const { frame } = payment(username.length, 10n, test.timers.clock())
  alice.send(frame)
  await test.settle()
  let target = ''
  for await (const { name, kind } of test.store.accounts()) if (kind === 'stranger') target = prefix + name
  return { alice, target }
}

function payout(test: TestHost, target: string, change: Partial<OutgoingTransfer> = {}): OutgoingTransfer {
  return {
    id,
    target,
    amount: 4n,
    condition: Condition.from(hashes.sha256(fulfillment)),
    expiresAt: Instant.after(test.timers.clock(), 30_000),
    packet: IlpPacket.encodePayment(4n, `${target}.r1`),
    ...change,
  }
}

function prepares(customer: RawCustomer): BtpFrame.PrepareFrame[] {
  return customer.received.filter((frame) => frame.type === 'prepare')
}

async function send(test: TestHost, transfer: OutgoingTransfer): Promise<{ outcome: SendOutcome | undefined }> {
  const told: { outcome: SendOutcome | undefined } = { outcome: undefined }
  void test.host.send(transfer).then((outcome) => {
    told.outcome = outcome
  })
  await test.settle()
  return told
}

describe('a payment of the host', () => {
  it('is held, sent, and posted when the customer fulfills', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const transfer = payout(test, target)
    const told = await send(test, transfer)
    const [prepare] = prepares(alice)
    expect(prepare).toMatchObject({ transferId: id, amount: 4n, expiresAt: transfer.expiresAt })
    expect(prepare!.protocolData).toEqual([{ name: 'ilp', contentType: 0, data: transfer.packet }])
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(alice.answersTo(50)).toMatchObject([{ type: 'response' }])
    expect(told.outcome).toEqual({ status: 'fulfilled', fulfillment })
    expect(await test.balance()).toBe(6n)
    expect(await test.store.check()).toMatchObject({ ok: true })
    expect(test.host.stats()).toMatchObject({ paidOut: 1, heldOut: 0 })
  })

  it('may be fulfilled before its PREPARE is answered', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    alice.acknowledges = false
    const told = await send(test, payout(test, target))
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'fulfilled' })
  })

  it('is given back when the customer rejects, with the customer’s code and words', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const told = await send(test, payout(test, target))
    const protocolData = encodeRejection({ code: 'F99', message: 'no thanks' }, target, test.timers.clock())
    alice.send({ type: 'reject', requestId: 50, transferId: id, protocolData })
    await test.settle()
    expect(alice.answersTo(50)).toMatchObject([{ type: 'response' }])
    expect(told.outcome).toEqual({ status: 'rejected', by: 'payee', code: 'F99', message: 'no thanks' })
    expect(await test.balance()).toBe(10n)
    alice.send({ type: 'reject', requestId: 51, transferId: id, protocolData })
    alice.send({ type: 'fulfill', requestId: 52, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(alice.answersTo(51)).toMatchObject([{ type: 'response' }])
    expect(errorOf(alice.answersTo(52)[0]).name).toBe('AlreadyRolledBackError')
  })

  it('may be rejected without a reason', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const told = await send(test, payout(test, target))
    alice.send({ type: 'reject', requestId: 50, transferId: id, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'rejected', by: 'payee', code: 'F00' })
  })

  it('is given back when the customer does not accept its PREPARE', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    alice.acknowledges = false
    const told = await send(test, payout(test, target))
    alice.send({
      type: 'error',
      requestId: prepares(alice)[0]!.requestId,
      code: 'F00',
      name: 'NotAcceptedError',
      triggeredAt: test.timers.clock(),
      data: new TextEncoder().encode('{"message":"not now"}'),
      protocolData: [],
    })
    await test.settle()
    expect(told.outcome).toEqual({ status: 'rejected', by: 'ledger', code: 'F00', message: 'not now' })
    expect(test.host.stats().heldOut).toBe(0)
  })

  it('stays held when its fulfillment is wrong', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const told = await send(test, payout(test, target))
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment: wrong, protocolData: [] })
    await test.settle()
    expect(errorOf(alice.answersTo(50)[0])).toMatchObject({ code: 'F04', name: 'InvalidFulfillmentError' })
    expect(told.outcome).toBeUndefined()
    alice.send({ type: 'fulfill', requestId: 51, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'fulfilled' })
  })

  it('is posted once, however often its FULFILL comes', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    await send(test, payout(test, target))
    for (const requestId of [50, 51, 52]) {
      alice.send({ type: 'fulfill', requestId, transferId: id, fulfillment, protocolData: [] })
    }
    await test.settle()
    for (const requestId of [50, 51, 52]) expect(alice.answersTo(requestId)).toMatchObject([{ type: 'response' }])
    alice.send({ type: 'reject', requestId: 53, transferId: id, protocolData: [] })
    await test.settle()
    expect(errorOf(alice.answersTo(53)[0]).name).toBe('AlreadyFulfilledError')
    expect(await test.balance()).toBe(6n)
  })

  it('expires by the host’s clock, and a later FULFILL is refused', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const told = await send(test, payout(test, target))
    await test.advance(30_000)
    expect(told.outcome).toEqual({ status: 'expired' })
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(errorOf(alice.answersTo(50)[0]).name).toBe('AlreadyRolledBackError')
    expect(await test.balance()).toBe(10n)
  })

  it('can be ended by nobody but the customer that it is for', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { target } = await customerOf(test)
    const bob = await test.connect('bob')
    const told = await send(test, payout(test, target))
    bob.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    bob.send({ type: 'reject', requestId: 51, transferId: id, protocolData: [] })
    await test.settle()
    expect(errorOf(bob.answersTo(50)[0])).toMatchObject({ code: 'F03', name: 'TransferNotFoundError' })
    expect(errorOf(bob.answersTo(51)[0]).name).toBe('TransferNotFoundError')
    expect(told.outcome).toBeUndefined()
  })

  it('goes to nobody who is not connected, and is not held', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    alice.cut()
    const told = await send(test, payout(test, target))
    expect(told.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T01' })
    expect((await test.store.check()).holds).toBe(0)
  })

  it.each(['nobody', 'server', 'server.x', '__proto__'])('goes to no account named %j', async (name) => {
    const test = openTestHost({ payee: quickPayee() })
    const told = await send(test, payout(test, prefix + name, { packet: IlpPacket.encodePayment(4n, `${prefix}a.b`) }))
    expect(told.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F02' })
  })

  it('goes to a connected customer that the ledger has never seen', async () => {
    const test = openTestHost({ strangers: { policy: 'prefunded' } })
    const alice = await test.connect()
    const account = accountName(hashes, 'alice', 'a token of sixteen bytes')
    const told = await send(test, payout(test, prefix + account))
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'fulfilled' })
    expect((await test.store.find(account))?.posted).toBe(4n)
    expect((await test.store.account(serverAccount))?.posted).toBe(-4n)
  })

  it('is sent again when the customer comes back', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const told = await send(test, payout(test, target))
    alice.cut()
    await test.settle()
    const again = await test.connect()
    expect(prepares(again)).toMatchObject([{ transferId: id, amount: 4n }])
    again.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'fulfilled' })
  })

  it('that is sent twice is one payment, and its outcome is known afterwards', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const { alice, target } = await customerOf(test)
    const transfer = payout(test, target)
    const first = await send(test, transfer)
    const second = await send(test, transfer)
    expect(prepares(alice)).toHaveLength(1)
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(first.outcome).toEqual({ status: 'fulfilled', fulfillment })
    expect(second.outcome).toEqual(first.outcome)
    expect((await send(test, transfer)).outcome).toEqual(first.outcome)
    alice.cut()
    expect((await send(test, transfer)).outcome).toEqual(first.outcome)
    expect((await send(test, { ...transfer, amount: 5n })).outcome).toMatchObject({ status: 'rejected', code: 'F05' })
    await test.advance(3_600_000)
    expect((await send(test, transfer)).outcome).toMatchObject({ status: 'fulfilled' })
    expect(await test.balance()).toBe(6n)
  })

  it('survives a restart: whoever sends it again waits for the same transfer', async () => {
    const first = openTestHost({ payee: quickPayee() })
    const { target } = await customerOf(first)
    const transfer = payout(first, target)
    await send(first, transfer)
    first.kill()
    const { store, timers } = first
    const test = openTestHost({ store, timers, payee: quickPayee() })
    const alice = await test.connect()
    expect(prepares(alice)).toHaveLength(0)
    const told = await send(test, transfer)
    expect(prepares(alice)).toMatchObject([{ transferId: id }])
    alice.send({ type: 'fulfill', requestId: 50, transferId: id, fulfillment, protocolData: [] })
    await test.settle()
    expect(told.outcome).toMatchObject({ status: 'fulfilled' })
    expect(await test.balance()).toBe(6n)
  })

  it('is told to nobody as a promise that rejects', async () => {
    const test = openTestHost()
    const changes: Partial<OutgoingTransfer>[] = [
      { amount: -1n },
      { amount: 2n ** 64n },
      { packet: new Uint8Array() },
      { id: new Uint8Array(3) as TransferId.TransferId },
    ]
    for (const change of changes) {
      const outcome = await test.host.send(payout(test, `${prefix}x`, change))
      expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F01' })
    }
  })
})

describe('FULFILL and REJECT of the payer', () => {
  it('are refused: F00 while the transfer is held, F03 when nobody knows it', async () => {
    const test = openTestHost()
    test.host.receive({ check: () => undefined, fulfill: () => new Promise(() => {}), settled: () => {} })
    const alice = await test.connect()
    const own = payment(1, 1n, test.timers.clock())
    alice.send(own.frame)
    await test.settle()
    alice.send({ type: 'fulfill', requestId: 50, transferId: own.id, fulfillment: own.fulfillment, protocolData: [] })
    alice.send({ type: 'reject', requestId: 51, transferId: own.id, protocolData: [] })
    alice.send({ type: 'fulfill', requestId: 52, transferId: id, fulfillment, protocolData: [] })
    alice.send({ type: 'reject', requestId: 53, transferId: id, protocolData: [] })
    await test.settle()
    expect([50, 51, 52, 53].map((requestId) => errorOf(alice.answersTo(requestId)[0]).name)).toEqual([
      'NotAcceptedError',
      'NotAcceptedError',
      'TransferNotFoundError',
      'TransferNotFoundError',
    ])
    expect(test.host.stats().held).toBe(1)
  })
})
