/**
 * Anything that can happen between customers and a host, in any order: payments, repeats, cuts, kills of the host, slow
 * payees, the clock. At the end everybody asks, and all must agree with the records.
 */
import { accountName } from '@millstream/btp'
import { hashes } from '@millstream/hashes'
import type { IncomingTransfer, Payee, SettledOutcome } from '@millstream/plugin'
import { Hex } from '@millstream/units'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorOf, type RawCustomer } from './testing/raw-customer.js'
import { openTestHost, payment, type TestHost, type TestPayment } from './testing/test-host.js'

type Step =
  | { readonly do: 'pay'; readonly who: number; readonly n: number; readonly amount: number }
  | { readonly do: 'answer'; readonly pick: number; readonly fulfills: boolean }
  | { readonly do: 'cut' | 'connect'; readonly who: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'kill' | 'settle' | 'other batch' }

const who = fc.nat({ max: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('pay'), who, n: fc.nat({ max: 9 }), amount: fc.nat({ max: 300 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('answer'), pick: fc.nat({ max: 20 }), fulfills: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('cut', 'connect', 'connect', 'connect'), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(1, 1, 100, 100, 1_000, 30_000) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('kill', ...Array(8).fill('settle'), 'other batch') }) },
) as fc.Arbitrary<Step>

const names = ['alice', 'bob']

interface Asked {
  readonly transfer: IncomingTransfer
  readonly resolve: (answer: never) => void
}

describe('a host', () => {
  it('agrees with its records, its payee and its customers, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const world = new World()
        await world.connect(0)
        await world.connect(1)
        for (const one of steps) await world.play(one)
        await world.end()
      }),
      { numRuns: 150 },
    )
  })
})

class World {
  test: TestHost
  asked: Asked[] = []
  customers: (RawCustomer | undefined)[] = [undefined, undefined]
  readonly everybody: { readonly who: number; readonly customer: RawCustomer }[] = []
  /** The first content under each id: a repeat is the same, as an honest customer sends it. */
  readonly payments = new Map<string, TestPayment>()
  /** What the payee was told, over all its lives. */
  readonly settled = new Map<string, SettledOutcome[]>()
  requestId = 10_000

  constructor() {
    this.test = openTestHost({ payee: this.payee() })
  }

  /** Takes no payment twice, as a shop does, and answers when the test says so. */
  payee(): Payee {
    return {
      check: (transfer) =>
        this.settled.get(keyOf(transfer))?.includes('fulfilled') === true
          ? { code: 'F00', message: 'This number was used.' }
          : undefined,
      fulfill: (transfer) => new Promise((resolve) => this.asked.push({ transfer, resolve: resolve as never })),
      settled: (transfer, outcome) => {
        const key = keyOf(transfer)
        this.settled.set(key, [...(this.settled.get(key) ?? []), outcome])
      },
    }
  }

  async play(one: Step): Promise<void> {
    const { test } = this
    switch (one.do) {
      case 'pay':
        return this.pay(one.who, one.n, BigInt(one.amount))
      case 'answer': {
        const [asked] = this.asked.splice(one.pick % Math.max(1, this.asked.length), 1)
        if (asked === undefined) return
        const n = Number(asked.transfer.destination.split('.').at(-1))
        const { fulfillment } = payment(n, 0n, test.timers.clock())
        asked.resolve((one.fulfills ? fulfillment : { code: 'F99', message: 'content ended' }) as never)
        return
      }
      case 'cut':
        this.customers[one.who]?.cut()
        this.customers[one.who] = undefined
        return
      case 'connect':
        return this.connect(one.who)
      case 'advance':
        return test.advance(one.ms)
      case 'settle':
        return test.settle()
      case 'other batch':
        test.store.apply([])
        return
      case 'kill':
        // What was not answered is lost with the process; the ledger is not.
        test.kill()
        for (const { customer } of this.everybody) customer.cut()
        this.customers = [undefined, undefined]
        this.asked = []
        this.test = openTestHost({ store: test.store, timers: test.timers, payee: this.payee() })
        return
    }
  }

  async connect(index: number): Promise<void> {
    if (this.customers[index] !== undefined && this.customers[index]?.closedWith === undefined) return
    const customer = await this.test.connect(names[index])
    this.customers[index] = customer
    this.everybody.push({ who: index, customer })
  }

  pay(index: number, n: number, amount: bigint): void {
    const customer = this.customers[index]
    if (customer === undefined) return
    const key = `${index} ${n}`
    const known = this.payments.get(key)
    const made = known ?? payment(n, amount, this.test.timers.clock())
    this.payments.set(key, made)
    customer.send({ ...made.frame, requestId: ++this.requestId })
  }

  /** Everything comes to an end: the payee rejects what it still has, everybody comes back and asks once more. */
  async end(): Promise<void> {
    await this.test.settle()
    for (const { resolve } of this.asked.splice(0)) resolve({ code: 'F99', message: 'content ended' } as never)
    await this.test.settle()
    const { test } = this
    const told = new Map<string, string>()
    for (const [index] of names.entries()) {
      await this.connect(index)
      const customer = this.customers[index]!
      for (const [key, made] of this.payments) {
        if (!key.startsWith(`${index} `)) continue
        const requestId = ++this.requestId
        customer.send({ ...made.frame, requestId })
        await test.settle()
        const [answer] = customer.answersTo(requestId)
        told.set(key, answer?.type === 'error' ? errorOf(answer).name : 'RESPONSE')
      }
    }
    for (const { resolve } of this.asked.splice(0)) resolve({ code: 'F99', message: 'content ended' } as never)
    await test.settle()
    await this.judge(told)
  }

  async judge(told: ReadonlyMap<string, string>): Promise<void> {
    const { test } = this
    const records = new Map<string, { state: string; amount: bigint }>()
    let posted = 0n
    for await (const { id, state, amount, source } of test.store.transfers()) {
      const account = await test.store.account(source)
      records.set(`${account?.name} ${Hex.fromBytes(id!)}`, { state, amount })
      if (state === 'fulfilled') posted += amount
    }
    expect(await test.store.check()).toMatchObject({ ok: true, holds: 0 })
    expect(await test.balance()).toBe(posted)
    expect(test.host.stats()).toMatchObject({ held: 0 })

    for (const [key, made] of this.payments) {
      const index = Number(key[0])
      const name = accountName(hashes, names[index]!, 'a token of sixteen bytes')
      const record = records.get(`${name} ${Hex.fromBytes(made.id)}`)
      const frames = this.everybody.filter((one) => one.who === index).flatMap((one) => one.customer.endsOf(made.id))
      const fulfills = frames.filter((frame) => frame.type === 'fulfill')
      const state = record?.state ?? 'none'
      // Nobody has a fulfillment of what is not posted; what is posted is never said to be unpaid.
      if (state !== 'fulfilled') expect(fulfills, key).toEqual([])
      if (state === 'fulfilled') {
        expect(told.get(key), key).toBe('AlreadyFulfilledError')
        const rejects = frames.filter((frame) => frame.type === 'reject')
        expect(rejects, key).toEqual([])
        if (made.frame.expiresAt > test.timers.clock()) expect(fulfills.length, key).toBeGreaterThan(0)
        for (const frame of fulfills) expect(frame).toMatchObject({ fulfillment: made.fulfillment })
      }
    }
    // The payee learns of a payment once, and only of what is posted.
    for (const [key, outcomes] of this.settled) {
      const fulfilled = outcomes.filter((outcome) => outcome === 'fulfilled').length
      expect(fulfilled, key).toBe(records.get(key)?.state === 'fulfilled' ? 1 : 0)
    }
  }
}

function keyOf(transfer: IncomingTransfer): string {
  return `${transfer.source.split('.').at(-1)} ${Hex.fromBytes(transfer.id)}`
}
