/** Several hosts on one ledger: what a customer finds at another host when the first has died, or lives. */

import { hashes } from '@millstream/hashes'
import { createMemoryStore, type Hold, type Store } from '@millstream/ledger'
import type { IncomingTransfer } from '@millstream/plugin'
import { describe, expect, it } from 'vitest'
import { strangersTotal } from './strangers.js'
import { createManualTimers } from './testing/manual-timers.js'
import { reasonOf } from './testing/raw-customer.js'
import { credit, openTestHost, payment, prefix, quickPayee, slowPayee, type TestHost } from './testing/test-host.js'

/** One ledger as several hosts see it: each knows which holds others have prepared. */
function sharedLedger() {
  const timers = createManualTimers()
  const limits = { strangersCreditMax: strangersTotal(credit) }
  const store = createMemoryStore({ clock: timers.clock, hashes, limits })
  const preparedBy = new Map<string, object>()
  const listeners: ((holds: readonly Hold[]) => void)[] = []

  function seenBy(host: object): Store {
    return new Proxy(store, {
      get(target, name) {
        if (name === 'holds') return () => []
        if (name === 'onAdopted') return (listener: (holds: readonly Hold[]) => void) => void listeners.push(listener)
        if (name !== 'apply') {
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        }
        return (commands: Parameters<Store['apply']>[0]) => {
          const batch = target.apply(commands)
          const outcomes = (batch.outcomes as readonly { readonly status: string }[]).map((outcome, i) => {
            const command = commands[i]!
            if (command.type !== 'prepare' && command.type !== 'look_up') return outcome
            const key = Buffer.from(command.id).toString('hex')
            if (outcome.status === 'prepared') preparedBy.set(key, host)
            const isElsewhere = outcome.status === 'exists' && preparedBy.get(key) !== host
            return isElsewhere ? { ...outcome, elsewhere: true } : outcome
          })
          return { ...batch, outcomes }
        }
      },
    })
  }

  return {
    store,
    timers,
    open: (options: Parameters<typeof openTestHost>[0] = {}): TestHost =>
      openTestHost({ ...options, timers, store: seenBy({}) }),
    /** As a store does that finds a host silent. */
    async adopt() {
      const holds = await store.holds()
      for (const listener of listeners) listener(holds)
    },
  }
}

const gone = { code: 'F06', message: 'There is no such stream.' }

/** A payee that has no stream, and says so of everything. */
function strangePayee() {
  const asked: IncomingTransfer[] = []
  return {
    asked,
    check: () => gone,
    fulfill(transfer: IncomingTransfer) {
      asked.push(transfer)
      return gone
    },
    settled() {},
  }
}

describe('a customer whose host has died', () => {
  it('repeats its payment at another host, whose payee ends it at once', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: slowPayee() })
    const payee = strangePayee()
    const second = ledger.open({ payee })
    const { id, frame } = payment(1, 7n, ledger.timers.clock())
    ;(await first.connect()).send(frame)
    await first.settle()
    first.kill()
    const customer = await second.connect()
    customer.send(frame)
    await second.settle()
    expect(customer.answersTo(frame.requestId)).toMatchObject([{ type: 'response' }])
    expect(reasonOf(customer.endsOf(id)[0]).code).toBe('F06')
    expect(payee.asked).toMatchObject([{ destination: `${prefix}server.user.1`, amount: 7n }])
    expect(await ledger.store.check()).toMatchObject({ ok: true, holds: 0 })
    expect(await second.balance()).toBe(0n)
  })

  it('is paid for by the payee there if it can', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: slowPayee() })
    const second = ledger.open({ payee: quickPayee() })
    const { id, frame, fulfillment } = payment(1, 7n, ledger.timers.clock())
    ;(await first.connect()).send(frame)
    await first.settle()
    first.kill()
    const customer = await second.connect()
    customer.send(frame)
    await second.settle()
    expect(customer.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    expect(await second.balance()).toBe(7n)
  })

  it('has its payee asked once, however often it repeats and whoever finds the hold beside it', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: slowPayee() })
    const payee = slowPayee()
    const second = ledger.open({ payee })
    const { frame } = payment(1, 7n, ledger.timers.clock())
    ;(await first.connect()).send(frame)
    await first.settle()
    first.kill()
    const customer = await second.connect()
    customer.send(frame)
    customer.send({ ...frame, requestId: 2 })
    await second.settle()
    await ledger.adopt()
    customer.send({ ...frame, requestId: 3 })
    await second.settle()
    expect(payee.held).toHaveLength(1)
    expect(second.host.stats().held).toBe(1)
    for (const request of [frame.requestId, 2, 3]) {
      expect(customer.answersTo(request)).toMatchObject([{ type: 'response' }])
    }
  })

  it('need not come back: the hold is ended by the host that hears of the death', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: slowPayee() })
    const payee = strangePayee()
    const second = ledger.open({ payee })
    await second.settle()
    const { frame } = payment(1, 7n, ledger.timers.clock())
    ;(await first.connect()).send(frame)
    await first.settle()
    first.kill()
    await ledger.adopt()
    await second.settle()
    expect(payee.asked).toHaveLength(1)
    expect(await ledger.store.check()).toMatchObject({ ok: true, holds: 0 })
  })
})

describe('two hosts that live', () => {
  it('end a payment once, whichever of them is faster', async () => {
    const ledger = sharedLedger()
    const here = slowPayee()
    const there = slowPayee()
    const first = ledger.open({ payee: here })
    const second = ledger.open({ payee: there })
    const { id, frame, fulfillment } = payment(1, 7n, ledger.timers.clock())
    const one = await first.connect()
    one.send(frame)
    await first.settle()
    const other = await second.connect()
    other.send(frame)
    await second.settle()
    here.answer(0, fulfillment)
    await first.settle()
    there.answer(0, gone)
    await second.settle()
    expect(one.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    expect(other.endsOf(id)).toMatchObject([{ type: 'fulfill', fulfillment }])
    expect(there.settlements).toMatchObject([{ outcome: 'fulfilled' }])
    expect(await second.balance()).toBe(7n)
    expect(await ledger.store.check()).toMatchObject({ ok: true, holds: 0 })
  })

  it('reject a payment for both when one payee does', async () => {
    const ledger = sharedLedger()
    const here = slowPayee()
    const first = ledger.open({ payee: here })
    const second = ledger.open({ payee: strangePayee() })
    const { id, frame, fulfillment } = payment(1, 7n, ledger.timers.clock())
    const one = await first.connect()
    one.send(frame)
    await first.settle()
    ;(await second.connect()).send(frame)
    await second.settle()
    here.answer(0, fulfillment)
    await first.settle()
    expect(one.endsOf(id)).toMatchObject([{ type: 'reject' }])
    expect(here.settlements).toMatchObject([{ outcome: 'rejected' }])
    expect(await first.balance()).toBe(0n)
  })

  it('leave passing customers of each other alone, until they are a day old', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: quickPayee() })
    const passing = await first.connect('', '')
    const { id, frame } = payment(1, 7n, ledger.timers.clock())
    passing.send(frame)
    await first.settle()
    expect(passing.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    const second = ledger.open({ payee: quickPayee() })
    await second.advance(61_000)
    const another = payment(2, 7n, ledger.timers.clock())
    passing.send(another.frame)
    await first.settle()
    expect(passing.endsOf(another.id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('open the account of a customer anew that another has merged away', async () => {
    const ledger = sharedLedger()
    const first = ledger.open({ payee: quickPayee() })
    const passing = await first.connect('', '')
    const { frame } = payment(1, 7n, ledger.timers.clock())
    passing.send(frame)
    await first.settle()
    const [from] = await accountsOf(ledger.store, 'passing')
    const opened = ledger.store.apply([{ type: 'open', name: 'other', kind: 'passing', creditLimit: 1_000n }])
    const [{ account }] = await opened.outcomes
    const merged = ledger.store.apply([{ type: 'merge', from: from!, into: account.id }])
    expect(await merged.outcomes).toMatchObject([{ status: 'merged' }])
    const another = payment(2, 7n, ledger.timers.clock())
    passing.send(another.frame)
    await first.settle()
    expect(passing.endsOf(another.id)).toMatchObject([{ type: 'fulfill' }])
    expect(await ledger.store.check()).toMatchObject({ ok: true })
  })
})

describe('a payee that has to find something out', () => {
  it('lets one payment wait, and none of the others', async () => {
    const payee = quickPayee()
    let found = (): void => {}
    const waits = new Promise<void>((resolve) => {
      found = resolve
    })
    const lookFor = ({ destination }: IncomingTransfer) => (destination.endsWith('.1') ? waits : undefined)
    const test = openTestHost({ payee: { ...payee, lookFor } })
    const alice = await test.connect()
    const [slow, quick] = [1, 2].map((n) => payment(n, 7n, test.timers.clock()))
    alice.send(slow!.frame)
    alice.send(quick!.frame)
    await test.settle()
    expect(alice.answersTo(slow!.frame.requestId)).toEqual([])
    expect(alice.endsOf(quick!.id)).toMatchObject([{ type: 'fulfill' }])
    found()
    await test.settle()
    expect(alice.endsOf(slow!.id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('is not heard any more when the customer has gone meanwhile', async () => {
    const payee = quickPayee()
    let found = (): void => {}
    const waits = new Promise<void>((resolve) => {
      found = resolve
    })
    const test = openTestHost({ payee: { ...payee, lookFor: () => waits } })
    const alice = await test.connect()
    alice.send(payment(1, 7n, test.timers.clock()).frame)
    await test.settle()
    alice.cut()
    found()
    await test.settle()
    expect(payee.checked).toEqual([])
    await test.advance(61_000)
    expect(test.host.stats().accounts).toBe(0)
  })

  it('may fail: the payment is judged without it', async () => {
    const payee = { ...quickPayee(), lookFor: () => Promise.reject(new Error('broken')) }
    const test = openTestHost({ payee })
    const alice = await test.connect()
    const { id, frame } = payment(1, 7n, test.timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(test.events).toContainEqual(expect.objectContaining({ name: 'trustline.payee_failed', call: 'lookFor' }))
  })
})

describe('what one account has paid', () => {
  it('is read from its own records, from a place on', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const alice = await test.connect()
    const bob = await test.connect('bob', 'another token of sixteen bytes')
    for (const n of [1, 2, 3, 4]) {
      ;(n % 2 === 0 ? bob : alice).send(payment(n, BigInt(n), test.timers.clock()).frame)
      await test.settle()
    }
    const [first] = await all(test.host.posted(0 as never))
    const its = await all(test.host.posted(0 as never, first!.source))
    expect(its.map(({ amount }) => amount)).toEqual([1n, 3n])
    expect(its.every(({ source }) => source === first!.source)).toBe(true)
    expect(await all(test.host.posted(its[0]!.cursor, first!.source))).toEqual([its[1]])
    expect(await all(test.host.posted(0 as never, `${prefix}nobody`))).toEqual([])
    expect(await test.host.newest()).toBe(4)
  })
})

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = []
  for await (const value of values) list.push(value)
  return list
}

async function accountsOf(store: Store, kind: string) {
  return (await all(store.accounts())).filter((account) => account.kind === kind).map(({ id }) => id)
}
