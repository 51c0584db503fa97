import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { type AccountId, serverAccount } from './account.js'
import type { HeldTransfer } from './changes.js'
import type { Command } from './command.js'
import { type Cursor, ledgerLimits } from './store.js'
import { testEpoch, testHashes, testTransfer } from './testing/index.js'
import { type AccountStanding, WorkingSet } from './working-set.js'

const alice = 16 as AccountId

function workingSet(
  more: { readonly strangersCredit?: bigint; readonly strangersCreditMax?: bigint } = {},
): WorkingSet {
  return new WorkingSet({
    limits: { ...ledgerLimits, strangersCreditMax: more.strangersCreditMax ?? 0n },
    hashes: testHashes,
    idKey: new Uint8Array(8),
    now: testEpoch,
    strangersCredit: more.strangersCredit ?? 0n,
    accountIdNext: 40,
    findReference: () => undefined,
    idsExpected: 10,
  })
}

function standing(more: Partial<AccountStanding> = {}): AccountStanding {
  return {
    id: alice,
    name: 'alice',
    kind: 'named',
    posted: 0n,
    creditLimit: 100n,
    openedAt: testEpoch,
    owedSince: undefined,
    closed: false,
    last: 0 as Cursor,
    heldOut: 0n,
    heldIn: 0n,
    holdsOut: 0,
    holdsIn: 0,
    ids: 0,
    persisted: true,
    ...more,
  }
}

function hold(name: string, serial: number, expiresInMs = 1_000): HeldTransfer {
  const { id, condition } = testTransfer(name)
  return {
    serial,
    id,
    source: alice,
    target: serverAccount,
    amount: 10n,
    condition,
    expiresAt: Instant.from(testEpoch + expiresInMs),
    destination: 'test.server',
    contentHash: 7,
    preparedAt: testEpoch,
  }
}

function prepare(name: string, amount: bigint): Command {
  const { serial: _, preparedAt: __, ...rest } = hold(name, 0)
  return { type: 'prepare', ...rest, amount }
}

function fulfill(name: string): Command {
  const { id, fulfillment } = testTransfer(name)
  return { type: 'fulfill', source: alice, id, fulfillment }
}

const statuses = (working: WorkingSet, commands: readonly Command[]) =>
  working.decide(commands).map(({ status }) => status)

const after = (working: WorkingSet, id: AccountId) => [...working.standings()].find((account) => account.id === id)

describe('a working set', () => {
  it('counts holds that are not laid out, and ends those that are', () => {
    const working = workingSet()
    working.addAccount(standing({ heldOut: 60n, holdsOut: 6, ids: 6 }))
    working.addAccount(standing({ id: serverAccount, name: 'server', kind: 'system', heldIn: 60n, holdsIn: 6 }))
    working.addHold(hold('t1', 77))
    expect(statuses(working, [prepare('t2', 41n), prepare('t2', 40n), fulfill('t1'), fulfill('t9')])).toEqual([
      'exceeds_balance',
      'prepared',
      'fulfilled',
      'not_found',
    ])
    expect(after(working, alice)).toMatchObject({ posted: -10n, heldOut: 90n, holdsOut: 6, ids: 7 })
    expect(after(working, serverAccount)).toMatchObject({ posted: 10n, heldIn: 90n })
    const changes = working.take()!
    expect(changes.released).toEqual([77])
    expect(changes.records.map((record) => [record.cursor, working.laidOutSerial(record)])).toEqual([[1, 77]])
    expect(changes.held).toHaveLength(1)
  })

  it('knows the serial number of laid out holds only', () => {
    const working = workingSet()
    working.addAccount(standing())
    statuses(working, [prepare('t1', 1n), fulfill('t1')])
    expect(working.take()!.records.map((record) => working.laidOutSerial(record))).toEqual([undefined])
  })

  it('ends what is overdue in the order of expiry, and remembers what ended before', () => {
    const working = workingSet()
    working.addAccount(standing({ heldOut: 30n, holdsOut: 3, ids: 4 }))
    working.addHold(hold('t1', 1, 0))
    working.addHold(hold('t2', 2, -5))
    working.addHold(hold('t3', 3, 1))
    const ended = testTransfer('t4')
    working.remember(alice, ended.id, { state: 1, contentHash: 7, until: testEpoch + 5_000 })
    expect(working.expire().map(({ expiresAt }) => expiresAt - testEpoch)).toEqual([-5, 0])
    expect(statuses(working, [fulfill('t1'), fulfill('t3'), prepare('t4', 1n)])).toEqual([
      'exists_expired',
      'fulfilled',
      'exists_fulfilled',
    ])
    expect(working.knows(alice, ended.id)).toBe(true)
    expect(working.idOf(alice, testTransfer('t2').id)).toMatchObject({ state: 3, contentHash: 7 })
  })

  it('says how far the sums of all accounts may have been wrong', () => {
    const working = workingSet({ strangersCredit: 50n, strangersCreditMax: 70n })
    working.addAccount(standing({ kind: 'stranger', persisted: false }))
    expect(working.bounds).toEqual({
      strangersPeak: undefined,
      strangersRefused: false,
      serverPeak: undefined,
      serverRefused: false,
    })
    const reject = { type: 'reject', source: alice, id: testTransfer('t1').id } as const
    expect(statuses(working, [prepare('t1', 15n), reject, prepare('t2', 0n), prepare('t3', 21n)])).toEqual([
      'prepared',
      'rejected',
      'prepared',
      'exceeds_strangers',
    ])
    expect(working.bounds).toMatchObject({ strangersPeak: 65n, strangersRefused: true, serverPeak: 15n })
    expect(working.strangersCredit).toBe(50n)
  })

  it('gives out the ids that it was given', () => {
    const working = workingSet()
    const open = { type: 'open', name: 'bob', kind: 'named', creditLimit: 1n } as const
    expect(working.decide([open])).toMatchObject([{ status: 'opened', account: { id: 40 } }])
    expect(working.accountIdNext).toBe(41)
  })
})
