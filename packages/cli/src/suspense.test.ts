import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { createMemoryStore, type Store, suspenseAccount } from '@millstream/ledger'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Operator } from './operator.js'
import * as StoreOperator from './store-operator.js'
import * as Suspense from './suspense.js'

const [one, other] = ['AB'.repeat(32), 'CD'.repeat(32)]

describe('money in suspense', () => {
  let store: Store
  let operator: Operator

  beforeEach(async () => {
    store = createMemoryStore({ clock: systemClock, hashes, randomBytes })
    operator = StoreOperator.create({ store, prefix: 'g.shop.', asset: { code: 'XRP', scale: 9 }, pid: 1 })
    for (const [hash, amount] of [
      [one, 5_000n],
      [other, 7_000n],
    ] as const) {
      await store.apply([{ type: 'deposit', account: suspenseAccount, amount, reference: `xrp ${hash}` }]).durable
    }
  })

  it('is listed with the transaction that brought it', async () => {
    const rows = await Suspense.list(operator)
    expect(rows.map(({ hash, amount }) => [hash, amount])).toEqual([
      [one, '5000'],
      [other, '7000'],
    ])
  })

  it('is moved to whose it is, once', async () => {
    expect(await Suspense.move(operator, one, 'alice')).toMatchObject({ status: 'done', account: { balance: '5000' } })
    expect(await Suspense.move(operator, one, 'alice')).toMatchObject({
      status: 'exists',
      account: { balance: '5000' },
    })
    await expect(Suspense.move(operator, one, 'bob')).rejects.toThrow('was used before')
    expect((await Suspense.list(operator)).map(({ hash }) => hash)).toEqual([other])
    expect((await store.find('suspense'))!.posted).toBe(7_000n)
    expect(await store.check()).toMatchObject({ ok: true, total: 0n })
  })

  it('arrives when a move that was cut short is made again', async () => {
    await operator.withdraw('suspense', 5_000n, `moved xrp ${one}`)
    expect(await Suspense.move(operator, one, 'alice')).toMatchObject({ status: 'done', account: { balance: '5000' } })
    expect((await store.find('suspense'))!.posted).toBe(7_000n)
  })

  it('is not moved to an account that holds no money, nor out of nothing', async () => {
    await expect(Suspense.move(operator, one, '~walice')).rejects.toThrow('holds no money')
    await expect(Suspense.move(operator, 'EF'.repeat(32), 'alice')).rejects.toThrow('is in suspense')
    expect((await store.find('suspense'))!.posted).toBe(12_000n)
  })
})
