/** What a process leaves to the next one. */
import type { Cursor, Posted } from '@millstream/plugin'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OtherAccountError, OtherNetworkError } from './account.js'
import { connectXrpl } from './connect-xrpl.js'
import { createMemoryStore } from './store.js'
import { payeeOf, payment, withhold } from './testing/payments.js'
import { openTestLedger, type TestLedger } from './testing/sandbox-pair.js'

async function open(): Promise<TestLedger> {
  const ledger = await openTestLedger()
  onTestFinished(() => ledger.close())
  return ledger
}

async function collect(feed: AsyncIterable<Posted>): Promise<Posted[]> {
  const all: Posted[] = []
  for await (const one of feed) all.push(one)
  return all
}

/** Until what was said is carried out; nothing of it waits for time. */
async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve))
}

function countOf(ledger: TestLedger): Map<string, number> {
  const counts = new Map<string, number>()
  ledger.sandbox.listen({
    closed({ transactions }) {
      for (const { transaction, metadata } of transactions) {
        const what = `${transaction.fields.TransactionType} ${metadata.TransactionResult}`
        counts.set(what, (counts.get(what) ?? 0) + 1)
      }
    },
  })
  return counts
}

describe('a payer that starts again', () => {
  it('takes up what is held: the same transfer is the same payment', async () => {
    const ledger = await open()
    const counts = countOf(ledger)
    const store = createMemoryStore()
    const shop = await ledger.open('shop')
    const first = await ledger.open('tool', { store })
    const one = payment(shop.info().account, ledger.clock.now())
    const before = await first.balance()
    const sent = first.send(one.transfer)
    await until(() => first.account().openEscrows === 1 && first.account().held === 5n)
    await first.close()
    expect(await sent).toMatchObject({ status: 'unknown' })
    const second = await ledger.open('tool', { store })
    const again = second.send(one.transfer)
    shop.receive(payeeOf([one]))
    expect(await again).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    expect(await second.send(one.transfer)).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    expect(await second.balance()).toBe(before - 5n - 10n)
    expect(Object.fromEntries(counts)).toEqual({ 'EscrowCreate tesSUCCESS': 1, 'EscrowFinish tesSUCCESS': 1 })
  })

  it('sends what was signed and kept and did not get out', async () => {
    const ledger = await open()
    const counts = countOf(ledger)
    const store = createMemoryStore()
    const shop = await ledger.open('shop')
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), () => true)
    const first = await ledger.open('tool', { store, server })
    const one = payment(shop.info().account, ledger.clock.now())
    shop.receive(payeeOf([one]))
    const sent = first.send(one.transfer)
    await until(() => first.account().inFlight === 1)
    await first.close()
    expect(await sent).toMatchObject({ status: 'unknown' })
    expect(counts.size).toBe(0)
    const second = await ledger.open('tool', { store })
    expect(await second.send(one.transfer)).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    expect(counts.get('EscrowCreate tesSUCCESS')).toBe(1)
  })

  it('signs anew what it is asked for again, when the kept transaction has become too old', async () => {
    const ledger = await open()
    const counts = countOf(ledger)
    const store = createMemoryStore()
    const shop = await ledger.open('shop')
    const limits = { ledgersAheadMax: 3 }
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), () => true)
    const first = await ledger.open('tool', { store, server, limits })
    const one = payment(shop.info().account, ledger.clock.now())
    shop.receive(payeeOf([one]))
    void first.send(one.transfer)
    await until(() => first.account().inFlight === 1)
    await first.close()
    const still = withhold(connectXrpl({ url: ledger.sandbox.url }), ({ LastLedgerSequence }) => {
      return Number(LastLedgerSequence) < 7
    })
    const second = await ledger.open('tool', { store, server: still, limits })
    const again = second.send(one.transfer)
    for (let i = 0; i < 5; i++) {
      ledger.closeLedger()
      await ledger.quietTurn()
    }
    expect(await again).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    expect(counts.get('EscrowCreate tesSUCCESS')).toBe(1)
    expect(second.events.map(({ name }) => name)).toContain('xrp.submission_lapsed')
  })

  it('repeats nothing that got out, though nobody has answered', async () => {
    const ledger = await open()
    const counts = countOf(ledger)
    const store = createMemoryStore()
    const shop = await ledger.open('shop')
    const first = await ledger.open('tool', { store })
    const one = payment(shop.info().account, ledger.clock.now())
    ledger.sandbox.faults.silent = { command: 'submit', count: 1 }
    ledger.closesByItself = false
    void first.send(one.transfer)
    await until(() => ledger.sandbox.faults.silent!.count === 0)
    await first.close()
    ledger.closeLedger()
    ledger.closesByItself = true
    const second = await ledger.open('tool', { store })
    const again = second.send(one.transfer)
    shop.receive(payeeOf([one]))
    expect(await again).toMatchObject({ status: 'fulfilled' })
    expect(counts.get('EscrowCreate tesSUCCESS')).toBe(1)
  })

  it('learns what was fulfilled while it was away', async () => {
    const ledger = await open()
    const store = createMemoryStore()
    const shop = await ledger.open('shop')
    const first = await ledger.open('tool', { store })
    const one = payment(shop.info().account, ledger.clock.now())
    void first.send(one.transfer)
    await until(() => first.account().held === 5n)
    await first.close()
    shop.receive(payeeOf([one]))
    await ledger.quiet()
    const second = await ledger.open('tool', { store })
    expect(second.account()).toMatchObject({ held: 0n, openEscrows: 0 })
    expect(await second.send(one.transfer)).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
  })

  it.each([
    ['with its memory', createMemoryStore()],
    ['without it', undefined],
  ])('gets back what has expired while it was away, %s', async (_, store) => {
    const ledger = await open()
    const counts = countOf(ledger)
    const shop = await ledger.open('shop')
    const options = store === undefined ? {} : { store }
    const first = await ledger.open('tool', options)
    const before = await first.balance()
    void first.send(payment(shop.info().account, ledger.clock.now()).transfer)
    await until(() => first.account().held === 5n)
    await first.close()
    ledger.clock.advance(600_000)
    ledger.closeLedger()
    const second = await ledger.open('tool', options)
    ledger.closeLedger()
    await ledger.quiet()
    expect(counts.get('EscrowCancel tesSUCCESS')).toBe(1)
    expect(second.account()).toMatchObject({ held: 0n, openEscrows: 0, balance: before - 20n })
  })
})

describe('a payee that starts again', () => {
  it('is asked for what is held', async () => {
    const ledger = await open()
    const store = createMemoryStore()
    const tool = await ledger.open('tool')
    const first = await ledger.open('shop', { store })
    const one = payment(first.info().account, ledger.clock.now())
    const silent = payeeOf('silent')
    first.receive(silent)
    const sent = tool.send(one.transfer)
    await until(() => silent.held.length === 1)
    await first.close()
    const second = await ledger.open('shop', { store })
    const payee = payeeOf([one])
    second.receive(payee)
    expect(await sent).toMatchObject({ status: 'fulfilled' })
    await until(() => payee.settlements.length === 1)
    expect(payee.held[0]).toEqual(silent.held[0])
  })

  it('claims what it had agreed to, and has it in its feed, though nobody asks it again', async () => {
    const ledger = await open()
    const counts = countOf(ledger)
    const store = createMemoryStore()
    const tool = await ledger.open('tool')
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), () => true)
    const first = await ledger.open('shop', { store, server })
    const one = payment(first.info().account, ledger.clock.now())
    first.receive(payeeOf([one]))
    const sent = tool.send(one.transfer)
    await until(() => first.account().inFlight === 1)
    await first.close()
    const second = await ledger.open('shop', { store })
    const payee = payeeOf([one])
    second.receive(payee)
    expect(await sent).toEqual({ status: 'fulfilled', fulfillment: one.fulfillment })
    await ledger.quiet()
    expect(payee.held).toEqual([])
    expect(await collect(second.posted(0 as Cursor))).toMatchObject([{ amount: 5n, source: tool.info().account }])
    expect(counts.get('EscrowFinish tesSUCCESS')).toBe(1)
  })

  it('has each payment in its feed once, whatever is read again', async () => {
    const ledger = await open()
    const kept = createMemoryStore()
    // A crash before the place was written: the feed is there, how far the ledgers were read is not.
    const store = {
      ...kept,
      get lastCursor() {
        return kept.lastCursor
      },
      load: async () => new Map([...(await kept.load())].filter(([key]) => key === 'read' || key.startsWith('claim/'))),
      write: kept.write,
    }
    const tool = await ledger.open('tool')
    const first = await ledger.open('shop', { store })
    const some = [1, 2, 3].map(() => payment(first.info().account, ledger.clock.now()))
    first.receive(payeeOf(some))
    const read = (await kept.load()).get('read')!
    await Promise.all(some.map(({ transfer }) => tool.send(transfer)))
    await ledger.quiet()
    const feed = await collect(first.posted(0 as Cursor))
    await first.close()
    await kept.write({ put: new Map([['read', read]]), remove: [], posted: [] })
    const second = await ledger.open('shop', { store })
    expect(await collect(second.posted(0 as Cursor))).toEqual(feed)
    expect(feed).toHaveLength(3)
  })
})

describe('a memory', () => {
  it('of another account is refused', async () => {
    const ledger = await open()
    const store = createMemoryStore()
    const tool = await ledger.open('tool', { store })
    await tool.close()
    await expect(ledger.open('shop', { store })).rejects.toThrow(OtherAccountError)
  })

  it('of another network is refused', async () => {
    const ledger = await open()
    const store = createMemoryStore()
    for (let i = 0; i < 200; i++) ledger.closeLedger()
    await (await ledger.open('tool', { store })).close()
    const other = await open()
    await expect(other.open('tool', { store })).rejects.toThrow(OtherNetworkError)
  })
})
