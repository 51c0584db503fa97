import { accountName } from '@millstream/btp'
import { hashes } from '@millstream/hashes'
import { describe, expect, it } from 'vitest'
import { errorOf, reasonOf } from './testing/raw-customer.js'
import { openTestHost, payment, quickPayee, slowPayee } from './testing/test-host.js'

const token = 'a token of sixteen bytes'
const alice = accountName(hashes, 'alice', token)

describe('strangers who are refused', () => {
  const strangers = { policy: 'refuse' } as const

  it('learn the name of their account and what to ask the operator', async () => {
    const test = openTestHost({ strangers })
    const customer = await test.connect('alice', token)
    expect(errorOf(customer.received[0])).toMatchObject({ code: 'F00', name: 'NotAcceptedError' })
    expect(errorOf(customer.received[0]).text).toContain(alice)
    expect(customer.closedWith).toBe(1000)
    expect(test.host.stats()).toMatchObject({ connections: 0, accounts: 0 })
  })

  it('come in once the operator has given them a limit', async () => {
    const test = openTestHost({ strangers, payee: quickPayee() })
    test.store.apply([{ type: 'open', name: alice, kind: 'named', creditLimit: 5n }])
    const customer = await test.connect('alice', token)
    const { id, frame } = payment(1, 5n, test.timers.clock())
    customer.send(frame)
    await test.settle()
    expect(customer.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('do not come in with the token of somebody else, or with none', async () => {
    const test = openTestHost({ strangers })
    test.store.apply([{ type: 'open', name: alice, kind: 'named', creditLimit: 5n }])
    expect(errorOf((await test.connect('alice', `${token}!`)).received[0]).code).toBe('F00')
    expect(errorOf((await test.connect('', '')).received[0]).code).toBe('F00')
  })
})

describe('strangers who must pay in advance', () => {
  const strangers = { policy: 'prefunded' } as const

  it('come in, and can pay nothing', async () => {
    const test = openTestHost({ strangers, payee: quickPayee() })
    const customer = await test.connect('alice', token)
    const { frame } = payment(1, 1n, test.timers.clock())
    customer.send(frame)
    await test.settle()
    const { code, text } = errorOf(customer.answersTo(frame.requestId)[0])
    expect(code).toBe('F08')
    expect(text).toContain(`millstream ledger fund ${alice}`)
    expect(await test.store.find(alice)).toBeUndefined()
  })

  it('can pay as soon as they are funded, on the connection that they have', async () => {
    const test = openTestHost({ strangers, payee: quickPayee() })
    const customer = await test.connect('alice', token)
    const [opened] = await test.store.apply([{ type: 'open', name: alice, kind: 'named', creditLimit: 0n }]).outcomes
    test.store.apply([{ type: 'deposit', account: opened.account.id, amount: 5n, reference: 'a' }])
    const { id, frame } = payment(1, 5n, test.timers.clock())
    customer.send(frame)
    await test.settle()
    expect(customer.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('without credentials come in too, with nothing to spend', async () => {
    const test = openTestHost({ strangers, payee: quickPayee() })
    const customer = await test.connect('', '')
    const { frame } = payment(1, 1n, test.timers.clock())
    customer.send(frame)
    await test.settle()
    expect(errorOf(customer.answersTo(frame.requestId)[0]).code).toBe('F08')
  })
})

describe('strangers with credit', () => {
  it('leave nothing in the ledger by connecting, or by payments that the payee refuses', async () => {
    const test = openTestHost({ payee: quickPayee(() => ({ code: 'F06', message: 'no such stream' })) })
    const customer = await test.connect('alice', token)
    customer.send(payment(1, 1n, test.timers.clock()).frame)
    await test.settle()
    expect(await test.store.find(alice)).toBeUndefined()
    expect(customer.received).toHaveLength(3)
  })

  it('leave nothing in the ledger when nothing was held before they left', async () => {
    const test = openTestHost({ payee: quickPayee() })
    const customer = await test.connect('alice', token)
    customer.send(payment(1, 1_001n, test.timers.clock()).frame)
    await test.settle()
    expect(await test.store.find(alice)).toBeDefined()
    customer.cut()
    await test.settle()
    expect(await test.store.find(alice)).toBeUndefined()
    expect(test.host.stats().accounts).toBe(0)
  })

  it('may owe no more together than their total', async () => {
    const strangers = { policy: 'credit', each: 10n, total: 15n } as const
    const test = openTestHost({ strangers, payee: quickPayee() })
    const [one, two] = [await test.connect('alice', token), await test.connect('bob', token)]
    one.send(payment(1, 10n, test.timers.clock()).frame)
    await test.settle()
    const [six, five] = [payment(2, 6n, test.timers.clock()), payment(3, 5n, test.timers.clock())]
    two.send(six.frame)
    two.send(five.frame)
    await test.settle()
    expect(errorOf(two.answersTo(six.frame.requestId)[0]).code).toBe('F08')
    expect(two.endsOf(five.id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('have the credit of the setting of today, not that of their first visit', async () => {
    const first = openTestHost({ payee: quickPayee() })
    const customer = await first.connect('alice', token)
    customer.send(payment(1, 600n, first.timers.clock()).frame)
    await first.settle()
    await first.host.close()
    first.kill()
    const { store, timers } = first
    const strangers = { policy: 'credit', each: 601n, total: 10_000n } as const
    const second = openTestHost({ store, timers, strangers, payee: quickPayee() })
    const again = await second.connect('alice', token)
    const [two, one] = [payment(2, 2n, timers.clock()), payment(3, 1n, timers.clock())]
    again.send(two.frame)
    again.send(one.frame)
    await second.settle()
    expect(errorOf(again.answersTo(two.frame.requestId)[0]).code).toBe('F08')
    expect(again.endsOf(one.id)).toMatchObject([{ type: 'fulfill' }])
  })

  it('are written off after a day, so that they do not use up the total for good', async () => {
    const strangers = { policy: 'credit', each: 10n, total: 10n } as const
    const test = openTestHost({ strangers, payee: quickPayee() })
    const customer = await test.connect('alice', token)
    customer.send(payment(1, 10n, test.timers.clock()).frame)
    await test.settle()
    await test.advance(86_400_000)
    await test.advance(60_000)
    expect((await test.store.find(alice))?.posted).toBe(0n)
    expect(test.events).toContainEqual(expect.objectContaining({ name: 'trustline.debt_written_off', amount: 10n }))
    const bob = await test.connect('bob', token)
    const { id, frame } = payment(2, 10n, test.timers.clock())
    bob.send(frame)
    await test.settle()
    expect(bob.endsOf(id)).toMatchObject([{ type: 'fulfill' }])
    expect(await test.store.check()).toMatchObject({ ok: true })
  })
})

describe('connections without user name and token', () => {
  it('have an account each', async () => {
    const strangers = { policy: 'credit', each: 5n, total: 100n } as const
    const payee = quickPayee()
    const test = openTestHost({ strangers, payee })
    const [one, two] = [await test.connect('', ''), await test.connect('', '')]
    const first = payment(1, 5n, test.timers.clock())
    one.send(first.frame)
    two.send(first.frame)
    await test.settle()
    expect(one.endsOf(first.id)).toMatchObject([{ type: 'fulfill' }])
    expect(two.endsOf(first.id)).toMatchObject([{ type: 'fulfill' }])
    expect(new Set(payee.held.map(({ source }) => source)).size).toBe(2)
  })

  it('are merged into one account of the hour when they end, debts and all', async () => {
    const strangers = { policy: 'credit', each: 5n, total: 100n } as const
    const test = openTestHost({ strangers, payee: quickPayee() })
    for (let n = 1; n <= 3; n++) {
      const customer = await test.connect('', '')
      customer.send(payment(n, 5n, test.timers.clock()).frame)
      await test.settle()
      customer.cut()
      await test.settle()
    }
    const names = []
    for await (const { name, posted, kind } of test.store.accounts()) if (kind === 'passing') names.push([name, posted])
    expect(names).toEqual([[expect.stringMatching(/^~passing-[0-9]+$/), -15n]])
    expect(test.host.stats().accounts).toBe(0)
    expect(await test.store.check()).toMatchObject({ ok: true })
  })

  it('are merged only when nothing of them is held any more', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const customer = await test.connect('', '')
    const { frame, fulfillment } = payment(1, 5n, test.timers.clock())
    customer.send(frame)
    await test.settle()
    customer.cut()
    await test.settle()
    expect(test.host.stats().accounts).toBe(1)
    payee.answer(0, fulfillment)
    await test.settle()
    expect(test.host.stats().accounts).toBe(0)
    expect(await test.balance()).toBe(5n)
  })

  it('that an earlier process left behind are merged too', async () => {
    const first = openTestHost({ payee: quickPayee() })
    const customer = await first.connect('', '')
    customer.send(payment(1, 5n, first.timers.clock()).frame)
    await first.settle()
    first.kill()
    const { store, timers } = first
    const second = openTestHost({ store, timers })
    await second.advance(60_000)
    const passing = []
    for await (const { name, kind } of store.accounts()) if (kind === 'passing') passing.push(name)
    expect(passing).toEqual([expect.stringMatching(/^~passing-/)])
  })

  it('are forgotten with what is not answered: nothing is sent to the next one', async () => {
    const payee = slowPayee()
    const test = openTestHost({ payee })
    const first = await test.connect('', '')
    const { id, frame, fulfillment } = payment(1, 5n, test.timers.clock())
    first.send(frame)
    await test.settle()
    first.cut()
    payee.answer(0, fulfillment)
    await test.settle()
    const second = await test.connect('', '')
    expect(second.endsOf(id)).toEqual([])
  })
})

describe('bounds of accounts', () => {
  it('limit how many accounts one network opens, and spare the others', async () => {
    const test = openTestHost({ payee: quickPayee(), limits: { openingsBurst: 3, openingsPerMinute: 60 } })
    const pay = async (n: number, address: string) => {
      const customer = await test.connect('', '', address)
      const { id, frame } = payment(n, 1n, test.timers.clock())
      customer.send(frame)
      await test.settle()
      return customer.endsOf(id)[0]
    }
    for (let n = 1; n <= 3; n++) expect((await pay(n, '192.0.2.1'))?.type).toBe('fulfill')
    expect(reasonOf(await pay(4, '192.0.2.1')).code).toBe('T05')
    expect((await pay(5, '192.0.2.2'))?.type).toBe('fulfill')
    for (let n = 6; n <= 8; n++) expect((await pay(n, `2001:db8::${n}`))?.type).toBe('fulfill')
    expect(reasonOf(await pay(9, '2001:db8::9')).code).toBe('T05')
    await test.advance(1_000)
    expect((await pay(10, '192.0.2.1'))?.type).toBe('fulfill')
  })

  it('limit the connections of one account', async () => {
    const test = openTestHost({ limits: { connectionsPerAccountMax: 2 } })
    const customers = [await test.connect(), await test.connect(), await test.connect(), await test.connect('bob')]
    expect(customers.map(({ received }) => received[0]?.type)).toEqual(['response', 'response', 'error', 'response'])
    expect(errorOf(customers[2]!.received[0]).text).toContain('too many connections')
    customers[0]!.cut()
    expect((await test.connect()).received[0]?.type).toBe('response')
  })

  it('limit the accounts in memory', async () => {
    const test = openTestHost({ limits: { accountsMax: 2 } })
    const customers = [
      await test.connect('a'),
      await test.connect('b'),
      await test.connect('c'),
      await test.connect('a'),
    ]
    expect(customers.map(({ received }) => received[0]?.type)).toEqual(['response', 'response', 'error', 'response'])
    expect(errorOf(customers[2]!.received[0]).code).toBe('T00')
  })

  it('forget whoever has left with nothing open', async () => {
    const test = openTestHost({ payee: quickPayee() })
    for (let i = 0; i < 20; i++) {
      const customer = await test.connect(`user ${i}`)
      customer.send(payment(i, 1n, test.timers.clock()).frame)
      await test.settle()
      customer.cut()
    }
    await test.settle()
    expect(test.host.stats()).toMatchObject({ connections: 0, accounts: 0 })
  })
})
