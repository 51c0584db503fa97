import { expect, it } from 'vitest'
import * as LedgerReport from './ledger-report.js'
import type { AccountRow } from './operator.js'

const xrp = { code: 'XRP', scale: 9 }
const server: AccountRow = {
  id: 'server',
  kind: 'system',
  balance: '1340',
  held: '0',
  incoming: '16',
  limit: '0',
  openedAt: '2026-01-01T00:00:00.000Z',
}
const stranger: AccountRow = {
  ...server,
  id: 'Zm9vYmFyYmF6cXV4MTIzNA',
  kind: 'stranger',
  balance: '-1340',
  limit: '1000000',
}

it('lists accounts in aligned columns', () => {
  expect(
    LedgerReport.accounts([server, { ...stranger, held: '16', incoming: '0' }]),
  ).toBe(`id                      kind      balance  held  incoming    limit
server                  system       1340     0        16        0
Zm9vYmFyYmF6cXV4MTIzNA  stranger    -1340    16         0  1000000
`)
})

it('lists transfers with what they were for', () => {
  const paid = {
    cursor: 2,
    kind: 'transfer',
    state: 'fulfilled',
    at: '2026-01-01T00:00:00.000Z',
    source: 'alice',
    target: 'server',
    amount: '1',
    destination: 'g.letter-shop.mytrustline.server.u.7',
  }
  const { destination: _, ...entry } = paid
  const deposit = {
    ...entry,
    cursor: 1,
    kind: 'deposit',
    source: 'settlement',
    target: 'alice',
    reference: 'invoice 7',
  }
  expect(
    LedgerReport.transfers([paid, { ...deposit, state: 'posted', amount: '1000' }]),
  ).toBe(`at                        kind      state      amount  source      target  for
2026-01-01T00:00:00.000Z  transfer  fulfilled       1  alice       server  g.letter-shop.mytrustline.server.u.7
2026-01-01T00:00:00.000Z  deposit   posted       1000  settlement  alice   invoice 7
`)
})

it('shows what an account has, in base units and in the asset', () => {
  expect(
    LedgerReport.movement('funded', { status: 'done', reference: 'invoice 7', account: stranger }, xrp),
  ).toBe(`funded, reference invoice 7
account  Zm9vYmFyYmF6cXV4MTIzNA (stranger)
balance  -1340 (-0.00000134 XRP)
held     0 (0 XRP)
limit    1000000 (0.001 XRP)
`)
  expect(LedgerReport.movement('withdrawn', { status: 'exists', reference: 'r', account: stranger }, xrp)).toContain(
    'nothing changed: reference r was counted before',
  )
})

it('says whether the books hold, and what does not', () => {
  const row = { ok: true, faults: [], accounts: 3, entries: 9, holds: 0, total: '0', posted: '9', held: '0' }
  expect(LedgerReport.check(row, xrp)).toMatch(/^ok: every sum holds\n/)
  const broken = LedgerReport.check({ ...row, ok: false, faults: ['The sum of all balances is 1, not 0.'] }, xrp)
  expect(broken).toMatch(/^NOT OK/)
  expect(broken).toContain('fault     The sum of all balances is 1, not 0.\n')
})
