import { describe, expect, it } from 'vitest'
import { openTestHost, payment, quickPayee } from './testing/test-host.js'

describe('a payment', () => {
  it('is answered RESPONSE, then FULFILL, and posted', async () => {
    const payee = quickPayee()
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, fulfillment, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.received.map(({ type }) => type)).toEqual(['response', 'response', 'fulfill'])
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    expect(await test.balance()).toBe(7n)
    expect(payee.settlements).toMatchObject([{ outcome: 'fulfilled' }])
  })
})
