import { hashes } from '@millstream/hashes'
import { createMemoryStore, type Store } from '@millstream/ledger'
import { describe, expect, it } from 'vitest'
import { createManualTimers } from './testing/manual-timers.js'
import { openTestHost, payment, quickPayee, slowPayee } from './testing/test-host.js'

const limits = { strangersCreditMax: 10_000n }

describe('a ledger that cannot store', () => {
  it('stops the host: nothing that is not durable is answered, and every connection is closed with 1011', async () => {
    const timers = createManualTimers()
    let isFull = false
    const journal = {
      append: () => {
        if (isFull) throw new Error('no space left on device')
      },
      batches: () => [],
    }
    const store = await createMemoryStore({ clock: timers.clock, hashes, limits, journal })
    const payee = quickPayee()
    const failures: unknown[] = []
    const test = openTestHost({ store, timers, payee, onFailure: (error) => failures.push(error) })
    const alice = await test.connect()
    const bob = await test.connect('bob')
    const good = payment(1, 1n, timers.clock())
    alice.send(good.frame)
    await test.settle()
    expect(alice.endsOf(good.id)).toMatchObject([{ type: 'fulfill' }])

    isFull = true
    const lost = payment(2, 1n, timers.clock())
    alice.send(lost.frame)
    await test.settle()
    expect(alice.answersTo(lost.frame.requestId)).toEqual([])
    expect(alice.endsOf(lost.id)).toEqual([])
    expect(payee.settlements).toHaveLength(1)
    expect([alice.closedWith, bob.closedWith]).toEqual([1011, 1011])
    expect(failures).toHaveLength(1)
    expect(test.events.filter(({ name }) => name === 'trustline.store_failed')).toHaveLength(1)

    const late = await test.connect('carol')
    expect(late.received[0]?.type).toBe('error')
    expect(await test.host.send(await payoutTo('nobody'))).toMatchObject({ status: 'rejected', by: 'ledger' })
  })

  it('stops the host when it throws', async () => {
    const timers = createManualTimers()
    const store = createMemoryStore({ clock: timers.clock, hashes, limits })
    const failures: unknown[] = []
    const test = openTestHost({ store, timers, payee: quickPayee(), onFailure: (error) => failures.push(error) })
    const alice = await test.connect()
    store.apply = () => {
      throw new Error('closed')
    }
    const { frame } = payment(1, 1n, timers.clock())
    alice.send(frame)
    await test.settle()
    expect(alice.answersTo(frame.requestId)).toEqual([])
    expect(alice.closedWith).toBe(1011)
    expect(failures).toMatchObject([{ message: 'closed' }])
  })

  it('stops the host when it cannot be read at the start', async () => {
    const timers = createManualTimers()
    const store = createMemoryStore({ clock: timers.clock, hashes, limits })
    store.holds = () => Promise.reject(new Error('unreadable'))
    const failures: unknown[] = []
    const test = openTestHost({ store, timers, onFailure: (error) => failures.push(error) })
    const alice = await test.connect()
    expect(alice.received[0]?.type).toBe('error')
    expect(failures).toHaveLength(1)
  })
})

describe('a ledger that takes its time', () => {
  /** A store whose outcomes and durability come by promise, as those of PostgreSQL do. */
  function slowly(store: Store): Store {
    const later = <T>(value: T | Promise<T>) => new Promise<T>((resolve) => setImmediate(() => resolve(value)))
    const slow: Partial<Store> = {
      apply: (commands) => {
        const { outcomes, expired, durable } = store.apply(commands)
        return { outcomes: later(outcomes), expired: later(expired), durable: later(undefined).then(() => durable) }
      },
      account: (id) => later(store.account(id)),
      find: (name) => later(store.find(name)),
      holds: () => later(store.holds()),
    }
    return new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(name in slow ? slow : target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  it('is asked batch by batch, in order, and all answers are right', async () => {
    const timers = createManualTimers()
    const inner = createMemoryStore({ clock: timers.clock, hashes, limits })
    const payee = quickPayee()
    const test = openTestHost({ store: slowly(inner), timers, payee })
    const alice = await test.connect()
    const some = Array.from({ length: 60 }, (_, n) => payment(n, 1n, timers.clock()))
    for (const [i, { frame }] of some.entries()) {
      alice.send(frame)
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    alice.send({ ...some[0]!.frame, requestId: 2 })
    for (let i = 0; i < 30; i++) await test.settle()
    for (const { id } of some) expect(alice.endsOf(id)[0]?.type).toBe('fulfill')
    expect(payee.held).toHaveLength(60)
    expect(payee.settlements).toHaveLength(60)
    expect(await test.balance()).toBe(60n)
    expect(alice.answersTo(2)).toMatchObject([{ type: 'error' }])
  })

  it('tells of expiry', async () => {
    const timers = createManualTimers()
    const inner = createMemoryStore({ clock: timers.clock, hashes, limits })
    const payee = slowPayee()
    const test = openTestHost({ store: slowly(inner), timers, payee })
    const alice = await test.connect()
    const { id, frame } = payment(1, 1n, timers.clock())
    alice.send(frame)
    for (let i = 0; i < 5; i++) await test.settle()
    await test.advance(30_000)
    for (let i = 0; i < 5; i++) await test.settle()
    expect(alice.endsOf(id)).toMatchObject([{ type: 'reject' }])
    expect(payee.settlements).toMatchObject([{ outcome: 'expired' }])
  })
})

async function payoutTo(target: string) {
  const { frame } = payment(1, 1n, createManualTimers().clock())
  return { ...frame, id: frame.transferId, target, packet: new Uint8Array() }
}
