import { createHash, createHmac } from 'node:crypto'
import { Condition, type Hashes, Instant, TransferId } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import type { IncomingTransfer, OutgoingTransfer, Payee, SendOutcome } from '../index.js'
import { createManualClock, createPluginPair, decodePayment, encodePayment, pluginContract } from './index.js'

const hashes: Hashes = {
  sha256: (message) => new Uint8Array(createHash('sha256').update(message).digest()),
  hmac: (key) => (message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
}

pluginContract(
  'a pair in memory',
  async () => {
    const clock = createManualClock()
    const pair = createPluginPair({ clock: clock.now, hashes, credit: 1_000_000n })
    return {
      payer: pair.payer,
      payee: pair.payee,
      hashes,
      clock: clock.now,
      spendable: 1_000_000n,
      advance(ms) {
        clock.advance(ms)
        pair.sweep()
      },
    }
  },
  { cut: false },
)

pluginContract(
  'a pair in memory with a slow disk',
  async () => {
    const clock = createManualClock()
    const commit = () => new Promise<void>((resolve) => setImmediate(resolve))
    const pair = createPluginPair({ clock: clock.now, hashes, credit: 1_000_000n, commit })
    return {
      payer: pair.payer,
      payee: pair.payee,
      hashes,
      clock: clock.now,
      spendable: 1_000_000n,
      advance(ms) {
        clock.advance(ms)
        pair.sweep()
      },
    }
  },
  { cut: false },
)

describe('createPluginPair', () => {
  const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(7))
  const clock = createManualClock()
  let made = 0

  function transfer(amount: bigint): OutgoingTransfer {
    return {
      id: TransferId.from(new Uint8Array(16).fill(++made)),
      amount,
      condition: Condition.from(hashes.sha256(fulfillment)),
      expiresAt: Instant.after(clock.now(), 1000),
      packet: encodePayment(amount, 'g.letter-shop.mytrustline.server.user.1'),
    }
  }

  const generous: Payee = { check: () => undefined, fulfill: () => fulfillment, settled: () => {} }

  it('keeps each customer’s own balance', async () => {
    const pair = createPluginPair({ clock: clock.now, hashes })
    pair.payee.receive(generous)
    await pair.payer.send(transfer(2n))
    await pair.customer('bob').send(transfer(3n))
    expect(await pair.payer.balance()).toBe(-2n)
    expect(await pair.customer('bob').balance()).toBe(-3n)
    expect(await pair.payee.balance()).toBe(5n)
  })

  it('hands what is held to a payee that takes the place of another', async () => {
    const pair = createPluginPair({ clock: clock.now, hashes })
    const held: IncomingTransfer[] = []
    let settledAtFirst = 0
    pair.payee.receive({
      check: () => undefined,
      fulfill: (incoming) => {
        held.push(incoming)
        return new Promise(() => {})
      },
      settled: () => settledAtFirst++,
    })
    const sent = pair.payer.send(transfer(2n))
    await new Promise((resolve) => setImmediate(resolve))
    expect(pair.held()).toBe(1)
    pair.payee.receive({
      ...generous,
      fulfill: (incoming) => {
        held.push(incoming)
        return fulfillment
      },
    })
    expect(await sent).toMatchObject({ status: 'fulfilled' })
    expect(held[0]).toBe(held[1])
    expect(settledAtFirst).toBe(0)
  })

  it('lets a test lose the answer of the ledger on its way', async () => {
    const lost: SendOutcome = { status: 'unknown', reason: 'lost' }
    const carry = (_: OutgoingTransfer, deliver: () => Promise<SendOutcome>) => deliver().then(() => lost)
    const pair = createPluginPair({ clock: clock.now, hashes, carry })
    pair.payee.receive(generous)
    expect(await pair.payer.send(transfer(2n))).toEqual(lost)
    expect(await pair.payer.balance()).toBe(-2n)
  })

  it('looks at the clock by itself while something is held', async () => {
    const pair = createPluginPair({ clock: clock.now, hashes })
    pair.payee.receive({ ...generous, fulfill: () => new Promise(() => {}) })
    const sent = pair.payer.send(transfer(2n))
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1000)
    expect(await sent).toEqual({ status: 'expired' })
  })
})

describe('encodePayment', () => {
  it('writes the packets of RFC 3 and reads them back', () => {
    const short = encodePayment(1n, 'g.letter-shop.mytrustline.server.UUxOFrawp0A.1')
    expect(Buffer.from(short).toString('hex')).toBe(
      '013900000000000000012e672e6c65747465722d73686f702e6d7974727573746c696e652e7365727665722e5555784f467261777030412e310000',
    )
    expect(decodePayment(short)).toEqual({ amount: 1n, account: 'g.letter-shop.mytrustline.server.UUxOFrawp0A.1' })
    const long = encodePayment(2n ** 64n - 1n, `g.${'a'.repeat(300)}`, new Uint8Array(200).fill(0xab))
    expect(decodePayment(long)).toEqual({ amount: 2n ** 64n - 1n, account: `g.${'a'.repeat(300)}` })
    expect(decodePayment(long.subarray(0, -1))).toBeUndefined()
  })
})
