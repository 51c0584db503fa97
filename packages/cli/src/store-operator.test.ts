import { hashes } from '@millstream/hashes'
import { type AccountId, createMemoryStore, type Store, suspenseAccount } from '@millstream/ledger'
import { Instant } from '@millstream/units'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Operator } from './operator.js'
import * as Statement from './statement.js'
import * as StoreOperator from './store-operator.js'
import * as Suspense from './suspense.js'

const epoch = 1_767_225_600_000
let now = epoch
let store: Store
let operator: Operator

beforeEach(() => {
  now = epoch
  store = createMemoryStore({ clock: () => Instant.from(now), hashes })
  operator = StoreOperator.create({ store, prefix: 'g.shop.', asset: { code: 'XRP', scale: 9 }, pid: 7 })
})

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

describe('an operator', () => {
  it('sees the accounts of the system before there are customers', async () => {
    const rows = await all(operator.accounts())
    expect(rows.map((row) => [row.id, row.kind, row.balance])).toContainEqual(['server', 'system', '0'])
    expect(await operator.describe()).toEqual({
      prefix: 'g.shop.',
      asset: { code: 'XRP', scale: 9 },
      pid: 7,
      history: { after: 0 },
    })
  })

  it('opens an account by giving it a limit, and changes it', async () => {
    expect(await operator.limit('alice', 50n)).toMatchObject({ id: 'alice', kind: 'named', balance: '0', limit: '50' })
    expect(await operator.limit('alice', 0n)).toMatchObject({ limit: '0' })
    expect((await all(operator.accounts())).filter((row) => row.id === 'alice')).toHaveLength(1)
  })

  it('opens an account by giving it money, and changes neither its limit nor its kind', async () => {
    const row = await operator.fund('bob', 100n, 'invoice 1')
    expect(row).toMatchObject({ status: 'done', account: { id: 'bob', kind: 'stranger', balance: '100', limit: '0' } })
    await operator.limit('carol', 7n)
    expect((await operator.fund('carol', 1n, 'invoice 2')).account).toMatchObject({ kind: 'named', limit: '7' })
  })

  it('credits no account whose token could be guessed', async () => {
    await expect(operator.fund('~wAAAAAAAAAAAAAAAAAAAA', 1n, 'in')).rejects.toMatchObject({
      code: 'LEDGER_WEAK_TOKEN',
      exit: 12,
    })
    expect((await all(operator.accounts())).some((row) => row.id.startsWith('~w'))).toBe(false)
  })

  it('counts each reference once', async () => {
    await operator.fund('bob', 100n, 'invoice 1')
    expect(await operator.fund('bob', 100n, 'invoice 1')).toMatchObject({
      status: 'exists',
      account: { balance: '100' },
    })
    await expect(operator.fund('bob', 99n, 'invoice 1')).rejects.toMatchObject({ code: 'LEDGER_REFERENCE_TAKEN' })
    await expect(operator.fund('eve', 100n, 'invoice 1')).rejects.toMatchObject({
      code: 'LEDGER_REFERENCE_TAKEN',
      exit: 12,
    })
  })

  it('gives money back, never more than there is', async () => {
    await operator.fund('bob', 100n, 'in')
    expect((await operator.withdraw('bob', 60n, 'out')).account.balance).toBe('40')
    expect((await operator.withdraw('bob', 60n, 'out')).status).toBe('exists')
    await expect(operator.withdraw('bob', 41n, 'out 2')).rejects.toMatchObject({
      code: 'LEDGER_EXCEEDS_BALANCE',
      exit: 12,
    })
    await expect(operator.withdraw('nobody', 1n, 'x')).rejects.toMatchObject({ code: 'LEDGER_ACCOUNT_NOT_FOUND' })
  })

  it('lists movements newest first, of one account or of all', async () => {
    await operator.fund('alice', 1n, 'a')
    await operator.fund('bob', 2n, 'b')
    await operator.withdraw('alice', 1n, 'c')
    const references = async (account?: string, limit = 10) =>
      (await all(operator.transfers(account === undefined ? { limit } : { limit, account }))).map(
        (row) => row.reference,
      )
    expect(await references()).toEqual(['c', 'b', 'a'])
    expect(await references('alice')).toEqual(['c', 'a'])
    expect(await references(undefined, 1)).toEqual(['c'])
    await expect(references('nobody')).rejects.toMatchObject({ code: 'LEDGER_ACCOUNT_NOT_FOUND' })
    const [newest] = await all(operator.transfers({ limit: 1 }))
    expect(newest).toMatchObject({
      kind: 'withdrawal',
      state: 'posted',
      source: 'alice',
      target: 'settlement',
      amount: '1',
    })
    expect(newest?.at).toBe('2026-01-01T00:00:00.000Z')
  })

  it('may not touch the accounts of the system', async () => {
    await expect(operator.fund('server', 1n, 'x')).rejects.toMatchObject({ code: 'LEDGER_ACCOUNT_KIND', exit: 12 })
    await expect(operator.limit('settlement', 1n)).rejects.toMatchObject({ code: 'LEDGER_ACCOUNT_KIND' })
  })

  it('checks the books', async () => {
    await operator.fund('alice', 5n, 'a')
    expect(await operator.check()).toMatchObject({ ok: true, faults: [], total: '0', holds: 0 })
  })

  it('states what an account did between two times, with its balance', async () => {
    await operator.fund('alice', 100n, 'first')
    now += 1_000
    await operator.withdraw('alice', 30n, 'back')
    now += 1_000
    await operator.fund('alice', 5n, 'last')
    const rows = await all(Statement.lines(operator, { account: 'alice', from: undefined, to: undefined }))
    expect(rows.map(({ what, amount, balance, for: about }) => [what, amount, balance, about])).toEqual([
      ['opening', undefined, '0', undefined],
      ['deposit', '100', '100', 'first'],
      ['withdrawal', '-30', '70', 'back'],
      ['deposit', '5', '75', 'last'],
      ['closing', undefined, '75', undefined],
    ])
    const [from, to] = [Instant.from(epoch + 1_000), Instant.from(epoch + 2_000)]
    const some = await all(Statement.lines(operator, { account: 'alice', from, to }))
    expect(some.map(({ what, balance }) => [what, balance])).toEqual([
      ['opening', '100'],
      ['withdrawal', '70'],
      ['closing', '70'],
    ])
    expect(await all(operator.balances(from))).toContainEqual({ id: 'alice', balance: '70' })
    await expect(all(Statement.lines(operator, { account: 'bob', from, to }))).rejects.toMatchObject({ exit: 12 })
  })

  it('states from the beginning of the kept history when there is none before', async () => {
    for (const n of [1, 2, 3]) {
      await operator.fund('alice', BigInt(n), `d${n}`)
      now += 1_000
    }
    expect(await operator.prune(Instant.from(epoch + 2_000), true)).toMatchObject({ records: 2, dryRun: true })
    expect((await operator.describe()).history).toEqual({ after: 0 })
    const history = { after: 2, at: '2026-01-01T00:00:01.000Z' }
    expect(await operator.prune(Instant.from(epoch + 2_000), false)).toMatchObject({ records: 2, history })
    const rows = await all(Statement.lines(operator, { account: 'alice', from: undefined, to: undefined }))
    expect(rows.map(({ what, balance }) => [what, balance])).toEqual([
      ['opening', '3'],
      ['deposit', '6'],
      ['closing', '6'],
    ])
  })

  it('gives no statement with a hole when records are removed while it begins', async () => {
    for (const n of [1, 2, 3]) {
      await operator.fund('alice', BigInt(n), `d${n}`)
      now += 1_000
    }
    const early = { account: 'alice', from: Instant.from(epoch + 1_000), to: undefined }
    const whole = { account: 'alice', from: undefined, to: undefined }
    for (const query of [early, whole]) {
      const before = Instant.from(epoch + (query === early ? 2_000 : 3_000))
      const meanwhile: Operator = {
        ...operator,
        async *transfers(what) {
          await operator.prune(before, false)
          yield* operator.transfers(what)
        },
      }
      await operator.fund('alice', 1n, `newest ${now}`)
      await expect(all(Statement.lines(meanwhile, query))).rejects.toMatchObject({ code: 'LEDGER_HISTORY_MOVED' })
    }
  })

  it('keeps the record of money whose owner is not known until it is moved', async () => {
    const deposit = (account: AccountId, reference: string) =>
      store.apply([{ type: 'deposit', account, amount: 5n, reference }]).durable
    await operator.fund('alice', 1n, 'before')
    await deposit(suspenseAccount, 'xrp A')
    await deposit(suspenseAccount, 'xrp B')
    await operator.fund('alice', 1n, 'after')
    now += 1_000
    expect(await operator.prune(Instant.from(now), false)).toMatchObject({ records: 1, boundBy: 'reader' })
    expect((await Suspense.list(operator)).map(({ hash }) => hash)).toEqual(['A', 'B'])
    await Suspense.move(operator, 'A', 'alice')
    now += 1_000
    expect(await operator.prune(Instant.from(now), false)).toMatchObject({ records: 1, boundBy: 'reader' })
    expect((await Suspense.list(operator)).map(({ hash }) => hash)).toEqual(['B'])
    await Suspense.move(operator, 'B', 'alice')
    now += 1_000
    expect(await operator.prune(Instant.from(now), false)).toMatchObject({ boundBy: 'newest' })
    expect(await all(operator.balances(Instant.from(now)))).toContainEqual({ id: 'alice', balance: '12' })
  })

  it('has nothing to copy of a ledger in memory', () => {
    expect(() => operator.backup()).toThrow(expect.objectContaining({ code: 'LEDGER_WITHOUT_FILE', exit: 12 }))
  })
})
