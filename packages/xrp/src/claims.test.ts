/** Fulfillments that are public before the money is there. */
import type { Cursor, Posted } from '@millstream/plugin'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectXrpl } from './connect-xrpl.js'
import { encodeCondition, encodeFulfillment } from './crypto-condition.js'
import { signerFromSeed } from './signer.js'
import { createMemoryStore } from './store.js'
import { payeeOf, payment, rawClient, withhold } from './testing/payments.js'
import { openTestLedger, seeds, type TestLedger } from './testing/sandbox-pair.js'

async function open(): Promise<TestLedger> {
  const ledger = await openTestLedger()
  onTestFinished(() => ledger.close())
  return ledger
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve))
}

async function collect(feed: AsyncIterable<Posted>): Promise<Posted[]> {
  const all: Posted[] = []
  for await (const one of feed) all.push(one)
  return all
}

/** A third account of the ledger. */
async function stranger(ledger: TestLedger, seed = 'sEdSJHS4oiAdz7w2X2ni1gFiqtbJHqE') {
  const client = rawClient(connectXrpl({ url: ledger.sandbox.url }), signerFromSeed(seed))
  await client.open()
  onTestFinished(() => client.close())
  if (!Object.values<string>(seeds).includes(seed)) await ledger.sandbox.fund(client.address, 100_000_000n)
  return client
}

const isFinish = ({ TransactionType }: { TransactionType?: unknown }) => TransactionType === 'EscrowFinish'

describe('a claim that gets into no ledger', () => {
  it('is lost: nothing was paid, the number is used, and the feed says so', async () => {
    const ledger = await open()
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), isFinish)
    const [shop, tool] = [await ledger.open('shop', { server }), await ledger.open('tool')]
    const one = payment(shop.info().account, ledger.clock.now())
    const payee = payeeOf([one])
    shop.receive(payee)
    const before = await tool.balance()
    const sent = tool.send(one.transfer)
    await until(() => shop.account().inFlight === 1)
    expect(payee.settlements).toEqual([])
    ledger.clock.advance(121_000)
    ledger.closeLedger()
    expect(await sent).toEqual({ status: 'expired' })
    await until(() => payee.settlements.length === 1)
    const feed = await collect(shop.posted(0 as Cursor))
    expect(feed).toMatchObject([{ amount: 0n, destination: expect.stringContaining('.user.') }])
    expect(payee.settlements).toMatchObject([{ outcome: 'lost', at: feed[0]!.cursor }])
    expect(shop.events).toContainEqual(expect.objectContaining({ name: 'xrp.claim_lost', drops: 5n }))
    await until(() => tool.account().openEscrows === 0)
    expect(await tool.balance()).toBe(before - 20n)
  })

  it('is lost for the next process too', async () => {
    const ledger = await open()
    const store = createMemoryStore()
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), isFinish)
    const [first, tool] = [await ledger.open('shop', { server, store }), await ledger.open('tool')]
    const one = payment(first.info().account, ledger.clock.now())
    first.receive(payeeOf([one]))
    void tool.send(one.transfer)
    await until(() => first.account().inFlight === 1)
    await first.close()
    ledger.clock.advance(121_000)
    ledger.closeLedger()
    const second = await ledger.open('shop', { store })
    expect(await collect(second.posted(0 as Cursor))).toMatchObject([{ amount: 0n }])
  })

  it('is signed anew as long as there is time, later than it would be begun', async () => {
    const ledger = await open()
    let first: unknown
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), (transaction) => {
      if (!isFinish(transaction)) return false
      first ??= transaction.LastLedgerSequence
      return transaction.LastLedgerSequence === first
    })
    const shop = await ledger.open('shop', { server, limits: { ledgersAheadMax: 3 } })
    const tool = await ledger.open('tool')
    const one = payment(shop.info().account, ledger.clock.now())
    const payee = payeeOf([one])
    shop.receive(payee)
    const sent = tool.send(one.transfer)
    await until(() => shop.account().inFlight === 1)
    // Less than the margin is left, and the fulfillment is public already.
    ledger.clock.advance(105_000)
    for (let i = 0; i < 5; i++) {
      ledger.closeLedger()
      await ledger.quietTurn()
    }
    expect(await sent).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    await until(() => payee.settlements.length === 1)
    expect(payee.settlements).toMatchObject([{ outcome: 'fulfilled' }])
  })
})

describe('a fulfillment', () => {
  it('is not disclosed when less than the margin is left', async () => {
    const ledger = await open()
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const one = payment(shop.info().account, ledger.clock.now())
    let answer = (_: typeof one.fulfillment) => {}
    const payee = {
      ...payeeOf('silent'),
      fulfill: () =>
        new Promise<typeof one.fulfillment>((resolve) => {
          answer = resolve
        }),
    }
    shop.receive(payee)
    const sent = tool.send(one.transfer)
    await ledger.quiet()
    ledger.clock.advance(100_000)
    answer(one.fulfillment)
    await ledger.quiet()
    expect(shop.account().inFlight).toBe(0)
    ledger.clock.advance(21_000)
    ledger.closeLedger()
    expect(await sent).toEqual({ status: 'expired' })
    await until(() => payee.settlements.length === 1)
    expect(payee.settlements).toMatchObject([{ outcome: 'expired' }])
    expect(await collect(shop.posted(0 as Cursor))).toEqual([])
  })

  it('that a third party submits pays the payee all the same', async () => {
    const ledger = await open()
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), isFinish)
    const [shop, tool] = [await ledger.open('shop', { server }), await ledger.open('tool')]
    const one = payment(shop.info().account, ledger.clock.now())
    const payee = payeeOf([one])
    shop.receive(payee)
    const sent = tool.send(one.transfer)
    await until(() => shop.account().inFlight === 1)
    const third = await stranger(ledger)
    await third.submit({
      TransactionType: 'EscrowFinish',
      Owner: tool.account().address,
      OfferSequence: 1,
      Condition: encodeCondition(one.transfer.condition),
      Fulfillment: encodeFulfillment(one.fulfillment),
    })
    expect(await sent).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    await until(() => payee.settlements.length === 1)
    expect(payee.settlements).toMatchObject([{ outcome: 'fulfilled' }])
    expect(await collect(shop.posted(0 as Cursor))).toMatchObject([{ amount: 5n }])
  })

  it('that the payer submits itself buys nothing, and its number is used', async () => {
    const ledger = await open()
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const one = payment(shop.info().account, ledger.clock.now())
    const payee = payeeOf('silent')
    shop.receive(payee)
    const sent = tool.send(one.transfer)
    await until(() => payee.held.length === 1)
    const third = await stranger(ledger)
    await third.submit({
      TransactionType: 'EscrowFinish',
      Owner: tool.account().address,
      OfferSequence: 1,
      Condition: encodeCondition(one.transfer.condition),
      Fulfillment: encodeFulfillment(one.fulfillment),
    })
    expect(await sent).toMatchObject({ status: 'fulfilled' })
    await until(() => payee.settlements.length === 1)
    expect(payee.settlements).toMatchObject([{ outcome: 'lost' }])
  })
})
