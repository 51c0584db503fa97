/** A ledger that loses, refuses and re-orders, and a connection that breaks. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectXrpl } from './connect-xrpl.js'
import { createMemoryStore } from './store.js'
import { payeeOf, payment, withhold } from './testing/payments.js'
import { openTestLedger, type TestLedger } from './testing/sandbox-pair.js'

async function open(options: Parameters<typeof openTestLedger>[0] = {}): Promise<TestLedger> {
  const ledger = await openTestLedger(options)
  onTestFinished(() => ledger.close())
  return ledger
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve))
}

interface Seen {
  readonly type: string
  readonly result: string
  readonly account: string
  readonly sequence: number
}

function watch(ledger: TestLedger): Seen[] {
  const seen: Seen[] = []
  ledger.sandbox.listen({
    closed({ transactions }) {
      for (const { transaction, metadata } of transactions) {
        const { TransactionType, Account, Sequence } = transaction.fields
        seen.push({
          type: String(TransactionType),
          result: metadata.TransactionResult,
          account: String(Account),
          sequence: Number(Sequence),
        })
      }
    },
  })
  return seen
}

const fulfilled = { status: 'fulfilled' }

describe('many transfers at once', () => {
  it('are in flight together, 120 of them, with sequence numbers without a gap', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = Array.from({ length: 120 }, () => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    ledger.closesByItself = false
    let proposed = 0
    ledger.sandbox.listen({ proposed: () => void proposed++ })
    const sent = some.map(({ transfer }) => tool.send(transfer))
    await until(() => proposed === 120)
    expect(tool.account().inFlight).toBe(120)
    ledger.closesByItself = true
    ledger.closeLedger()
    expect(await Promise.all(sent)).toEqual(some.map(({ fulfillment }) => ({ status: 'fulfilled', fulfillment })))
    const numbers = seen.filter(({ type }) => type === 'EscrowCreate').map(({ sequence }) => sequence)
    expect(numbers).toEqual(Array.from({ length: 120 }, (_, i) => numbers[0]! + i))
    expect(new Set(seen.map(({ result }) => result))).toEqual(new Set(['tesSUCCESS']))
  })

  it('wait unsigned beyond the bound, and go on', async () => {
    const ledger = await open()
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { limits: { inFlightMax: 4 } })]
    const some = Array.from({ length: 20 }, () => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    const sent = some.map(({ transfer }) => tool.send(transfer))
    expect(tool.account().inFlight).toBe(4)
    expect(await Promise.all(sent)).toMatchObject(some.map(() => fulfilled))
  })

  it('are refused by name beyond the bound on those that wait', async () => {
    const ledger = await open()
    const limits = { inFlightMax: 1, queuedMax: 2 }
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { limits })]
    const some = Array.from({ length: 5 }, () => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    const outcomes = await Promise.all(some.map(({ transfer }) => tool.send(transfer)))
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(outcomes[4]).toMatchObject({ by: 'ledger', code: 'T05' })
  })

  it('end as the validated ledger has them, in whatever order it put them', async () => {
    const ledger = await open()
    ledger.sandbox.faults.order = 'reversed'
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = Array.from({ length: 10 }, () => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    expect(await Promise.all(some.map(({ transfer }) => tool.send(transfer)))).toMatchObject(some.map(() => fulfilled))
  })
})

describe('a transaction that gets lost', () => {
  it('is sent again, the very same, and those behind it follow', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = [1, 2, 3].map(() => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    ledger.sandbox.faults.drop = 1
    const sent = some.map(({ transfer }) => tool.send(transfer))
    let isOpen = true
    const outcomes = Promise.all(sent).finally(() => {
      isOpen = false
    })
    // Ledgers go on closing, as they do everywhere.
    while (isOpen) {
      await ledger.quietTurn()
      ledger.closeLedger()
    }
    expect(await outcomes).toMatchObject(some.map(() => fulfilled))
    expect(seen.filter(({ type }) => type === 'EscrowCreate')).toHaveLength(3)
    expect(seen.filter(({ type }) => type === 'AccountSet')).toHaveLength(0)
  })

  it('is signed anew when its last ledger has passed, and the money is held once', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    let first: unknown
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), ({ TransactionType, LastLedgerSequence }) => {
      if (TransactionType !== 'EscrowCreate') return false
      first ??= LastLedgerSequence
      return LastLedgerSequence === first
    })
    const limits = { ledgersAheadMax: 4 }
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { server, limits })]
    const one = payment(shop.info().account, ledger.clock.now())
    shop.receive(payeeOf([one]))
    const before = await tool.balance()
    const outcome = tool.send(one.transfer)
    await until(() => tool.account().inFlight === 1)
    for (let i = 0; i < 6; i++) {
      ledger.closeLedger()
      await ledger.quietTurn()
    }
    expect(await outcome).toMatchObject(fulfilled)
    expect(tool.events.map(({ name }) => name)).toContain('xrp.submission_lapsed')
    expect(seen.filter(({ type }) => type === 'EscrowCreate')).toHaveLength(1)
    expect(await tool.balance()).toBe(before - 5n - 10n)
  })

  it('whose place nobody takes is replaced by one that does nothing, so that those behind it get in', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    let withheld: unknown
    const server = withhold(connectXrpl({ url: ledger.sandbox.url }), ({ TransactionType, Sequence }) => {
      return TransactionType === 'EscrowCreate' && Sequence === withheld
    })
    const limits = { ledgersAheadMax: 4, createAttemptsMax: 1 }
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { server, limits })]
    const some = [1, 2].map(() => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    withheld = 1
    const first = tool.send(some[0]!.transfer)
    // The second may still get in when the first may not any more.
    for (let i = 0; i < 3; i++) {
      ledger.closeLedger()
      await ledger.quietTurn()
    }
    const second = tool.send(some[1]!.transfer)
    for (let i = 0; i < 3; i++) {
      ledger.closeLedger()
      await ledger.quietTurn()
    }
    expect(await first).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T01' })
    expect(await second).toMatchObject(fulfilled)
    expect(seen.filter(({ account }) => account === tool.account().address)).toMatchObject([
      { type: 'AccountSet', result: 'tesSUCCESS', sequence: 1 },
      { type: 'EscrowCreate', result: 'tesSUCCESS', sequence: 2 },
    ])
    expect(tool.events.map(({ name }) => name)).toContain('xrp.gap_filled')
  })
})

describe('a transaction that is refused', () => {
  it('held nothing, and its number goes to the next', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = [1, 2].map(() => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    ledger.sandbox.faults.refuse = { result: 'temDISABLED', count: 1 }
    expect(await tool.send(some[0]!.transfer)).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F00' })
    expect(await tool.send(some[1]!.transfer)).toMatchObject(fulfilled)
    expect(seen.filter(({ type }) => type !== 'EscrowFinish')).toMatchObject([{ type: 'EscrowCreate', sequence: 1 }])
    expect(tool.account().held).toBe(0n)
  })

  it('for an account that is not there is named, and no escrow opens one', async () => {
    const ledger = await open()
    const tool = await ledger.open('tool')
    const nobody = 'test.crypto.xrp.rPoFe66ieZQxLTQ5pvkdMXdf2Buk85Je2B'
    const outcome = await tool.send(payment(nobody, ledger.clock.now()).transfer)
    expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F02' })
    expect(tool.account().held).toBe(0n)
  })

  it('for want of money is explained with the reserve before anything is sent', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const amount = tool.account().spendable + 1n
    const outcome = await tool.send(payment(shop.info().account, ledger.clock.now(), { amount }).transfer)
    expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F08' })
    expect((outcome as { message: string }).message).toMatch(
      /keeps 1 XRP of that back, and 0.2 XRP for each open object/,
    )
    expect(seen).toEqual([])
  })
})

describe('a connection that breaks', () => {
  it('in the moment of sending repeats and loses nothing', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = Array.from({ length: 6 }, () => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    for (const { transfer } of some) {
      ledger.sandbox.faults.disconnect = { command: 'submit', count: 1 }
      expect(await tool.send(transfer)).toMatchObject(fulfilled)
    }
    expect(seen.filter(({ type }) => type === 'EscrowCreate')).toHaveLength(6)
    expect(seen.filter(({ type }) => type === 'EscrowFinish')).toHaveLength(6)
    expect(tool.events.map(({ name }) => name)).toContain('xrp.disconnected')
  })

  it('for many ledgers is caught up with', async () => {
    const ledger = await open()
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const some = [1, 2, 3].map(() => payment(shop.info().account, ledger.clock.now()))
    const payee = payeeOf(some)
    shop.receive(payee)
    const sent = some.map(({ transfer }) => tool.send(transfer))
    ledger.sandbox.disconnectAll()
    for (let i = 0; i < 5; i++) ledger.closeLedger()
    expect(await Promise.all(sent)).toMatchObject(some.map(() => fulfilled))
    expect(payee.held).toHaveLength(3)
  })
})

describe('a fee', () => {
  it('that is too low for now is waited out or raised with the same number, up to a cap', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool')]
    const one = payment(shop.info().account, ledger.clock.now())
    shop.receive(payeeOf([one]))
    ledger.sandbox.faults.refuse = { result: 'telINSUF_FEE_P', count: 1 }
    const sent = tool.send(one.transfer)
    await until(() => ledger.sandbox.faults.refuse!.count === 0)
    ledger.closeLedger()
    expect(await sent).toMatchObject(fulfilled)
    expect(seen.filter(({ type }) => type === 'EscrowCreate')).toMatchObject([{ sequence: 1 }])
  })

  it('above the cap is not paid', async () => {
    const ledger = await open({ fees: { base: 5000n } })
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { limits: { feeDropsMax: 4999n } })]
    const outcome = await tool.send(payment(shop.info().account, ledger.clock.now()).transfer)
    expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T04' })
  })
})

describe('a server that forgets', () => {
  it('ledgers that were not read yet leaves what can be found by other ways, and says what cannot', async () => {
    const ledger = await open({ history: { ledgers: 20 } })
    const store = createMemoryStore()
    const [shop, first] = [await ledger.open('shop'), await ledger.open('tool', { store })]
    const some = [1, 2].map(() => payment(shop.info().account, ledger.clock.now()))
    const payee = payeeOf('silent')
    shop.receive(payee)
    for (const { transfer } of some) void first.send(transfer)
    await until(() => payee.held.length === 2 && first.account().held === 10n)
    await first.close()
    // One is fulfilled in a ledger that nobody will know, the other stays open.
    shop.receive(payeeOf([some[0]!]))
    await ledger.quiet()
    for (let i = 0; i < 60; i++) ledger.closeLedger()
    const second = await ledger.open('tool', { store })
    expect(second.events.map(({ name }) => name)).toContain('xrp.history_missing')
    ledger.closeLedger()
    expect(await second.send(some[0]!.transfer)).toMatchObject({ status: 'unknown' })
    const stillHeld = second.send(some[1]!.transfer)
    ledger.clock.advance(200_000)
    ledger.closeLedger()
    ledger.closeLedger()
    expect(await stillHeld).toEqual({ status: 'expired' })
  })
})

describe('a disk that fails', () => {
  it('keeps a transaction from being sent: what is not kept is not disclosed', async () => {
    const ledger = await open()
    const seen = watch(ledger)
    const kept = createMemoryStore()
    let isBroken = false
    const store = {
      ...kept,
      write: (write: Parameters<typeof kept.write>[0]) =>
        isBroken ? Promise.reject(new Error('disk full')) : kept.write(write),
    }
    const [shop, tool] = [await ledger.open('shop'), await ledger.open('tool', { store })]
    const some = [1, 2].map(() => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    isBroken = true
    expect(await tool.send(some[0]!.transfer)).toMatchObject({ status: 'unknown' })
    expect(await tool.send(some[1]!.transfer)).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
    ledger.closeLedger()
    await ledger.quietTurn()
    expect(seen).toEqual([])
    expect(tool.events.map(({ name }) => name)).toContain('xrp.store_failed')
  })
})
