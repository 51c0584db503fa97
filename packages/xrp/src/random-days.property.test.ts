/**
 * Days on which everything goes wrong that can: transactions get lost, connections break, both sides are killed and
 * start again, ledgers are late and in another order. Whatever happened, the ledger's word and everybody's books agree.
 */
import type { Cursor, Posted, SendOutcome } from '@millstream/plugin'
import { TransferId } from '@millstream/units'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import * as EscrowMemos from './escrow-memos.js'
import { createMemoryStore } from './store.js'
import { payeeOf, payment, type RecordingPayee, type TestPayment } from './testing/payments.js'
import { openTestLedger, type TestPlugin } from './testing/sandbox-pair.js'

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('pay', 'pay refused', 'pay unanswered') },
  { weight: 6, arbitrary: fc.constant('ledger') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['later', 'drop', 'silent', 'disconnect', 'cut', 'busy', 'reversed'],
      ...['restart payer', 'restart payee'],
    ),
  },
)

type Step = 'pay' | 'pay refused' | 'pay unanswered' | string

it('end with books that agree with the ledger', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => day(steps)),
    { numRuns: 12 },
  )
})

async function day(steps: readonly Step[]): Promise<void> {
  const ledger = await openTestLedger()
  ledger.closesByItself = false
  const { faults } = ledger.sandbox
  const finished = new Map<string, number>()
  const created = new Map<string, number>()
  const ids = new Map<string, string>()
  ledger.sandbox.listen({
    closed({ transactions }) {
      for (const { transaction, metadata } of transactions) {
        if (metadata.TransactionResult !== 'tesSUCCESS') continue
        const { TransactionType: type, Account, Sequence, Owner, OfferSequence, Memos } = transaction.fields
        if (type === 'EscrowCreate') {
          const memos = EscrowMemos.decode(Memos)
          const id = typeof memos === 'string' ? '' : TransferId.format(memos.id)
          ids.set(`${Account} ${Sequence}`, id)
          created.set(id, (created.get(id) ?? 0) + 1)
        }
        if (type === 'EscrowFinish') {
          const id = ids.get(`${Owner} ${OfferSequence}`)!
          finished.set(id, (finished.get(id) ?? 0) + 1)
        }
      }
    },
  })
  const stores = { tool: createMemoryStore(), shop: createMemoryStore() }
  let tool = await ledger.open('tool', { store: stores.tool })
  let shop = await ledger.open('shop', { store: stores.shop })
  const before = { tool: await tool.balance(), shop: await shop.balance() }
  const { account } = shop.info()
  const payments: TestPayment[] = []
  const willing: TestPayment[] = []
  const silent = new Set<string>()
  const payees: RecordingPayee[] = []
  const outcomes: { readonly id: string; readonly outcome: SendOutcome }[] = []

  function receive(plugin: TestPlugin): void {
    const payee = payeeOf(willing)
    const { fulfill } = payee
    payees.push(payee)
    plugin.receive({
      ...payee,
      fulfill: (transfer) => (silent.has(TransferId.format(transfer.id)) ? new Promise(() => {}) : fulfill(transfer)),
    })
  }

  function send(plugin: TestPlugin, { transfer }: TestPayment): Promise<unknown> {
    const id = TransferId.format(transfer.id)
    return plugin.send(transfer).then((outcome) => outcomes.push({ id, outcome }))
  }

  /** As a payer does that does not know: the same transfer, never another in its place. */
  function askAgain(): void {
    const isKnown = (id: string) => outcomes.some((one) => one.id === id && one.outcome.status !== 'unknown')
    for (const made of payments) if (!isKnown(TransferId.format(made.transfer.id))) void send(tool, made)
  }

  receive(shop)
  for (const one of steps) {
    if (one.startsWith('pay')) {
      const made = payment(account, ledger.clock.now())
      payments.push(made)
      if (one !== 'pay refused') willing.push(made)
      if (one === 'pay unanswered') silent.add(TransferId.format(made.transfer.id))
      void send(tool, made)
    } else if (one === 'ledger') {
      ledger.closeLedger()
    } else if (one === 'later') {
      ledger.clock.advance(15_000)
      ledger.closeLedger()
    } else if (one === 'drop') {
      faults.drop = 1
    } else if (one === 'silent') {
      faults.silent = { command: 'submit', count: 1 }
    } else if (one === 'disconnect') {
      faults.disconnect = { command: 'submit', count: 1 }
    } else if (one === 'busy') {
      faults.refuse = { result: 'telCAN_NOT_QUEUE_FULL', count: 2 }
    } else if (one === 'reversed') {
      faults.order = 'reversed'
    } else if (one === 'cut') {
      ledger.sandbox.disconnectAll()
    } else if (one === 'restart payer') {
      await tool.close()
      tool = await ledger.open('tool', { store: stores.tool })
      askAgain()
    } else {
      await shop.close()
      shop = await ledger.open('shop', { store: stores.shop })
      receive(shop)
    }
    await ledger.quietTurn()
  }

  Object.assign(faults, { drop: 0, silent: undefined, disconnect: undefined, refuse: undefined })
  ledger.clock.advance(150_000)
  for (let i = 0; i < 60; i++) {
    ledger.closeLedger()
    await ledger.quietTurn()
    if (i > 3 && tool.account().openEscrows === 0 && tool.account().inFlight + shop.account().inFlight === 0) break
  }
  await ledger.quiet()
  askAgain()
  await ledger.quietTurn()

  const idOf = ({ transfer }: TestPayment) => TransferId.format(transfer.id)
  expect(tool.account()).toMatchObject({ openEscrows: 0, held: 0n, inFlight: 0 })
  for (const count of [...created.values(), ...finished.values()]) expect(count).toBe(1)
  // The payer’s books.
  for (const { id, outcome } of outcomes) {
    if (outcome.status === 'unknown') continue
    expect([id, outcome.status === 'fulfilled']).toEqual([id, finished.has(id)])
  }
  const paid = BigInt(finished.size) * 5n
  expect(await tool.balance()).toBe(before.tool - paid - ledger.feesOf(tool.account().address))
  expect(await shop.balance()).toBe(before.shop + paid - ledger.feesOf(shop.account().address))
  // The payee’s.
  const feed: Posted[] = []
  for await (const posted of shop.posted(0 as Cursor)) feed.push(posted)
  const posted = feed.filter(({ amount }) => amount > 0n).map(({ destination }) => destination)
  const inPacket = new Map(payments.map((one) => [idOf(one), new TextDecoder().decode(one.transfer.packet)]))
  expect(posted).toHaveLength(finished.size)
  expect(new Set(posted).size).toBe(posted.length)
  for (const id of finished.keys()) {
    const packet = inPacket.get(id)!
    expect(posted.some((destination) => packet.includes(destination))).toBe(true)
  }
  const cursors = feed.map(({ cursor }) => cursor)
  expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b))
  for (const { transfer, outcome } of payees.flatMap(({ settlements }) => settlements)) {
    expect(outcome === 'fulfilled').toBe(finished.has(TransferId.format(transfer.id)))
  }
  await ledger.close()
}
