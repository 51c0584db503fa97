import { expect, it } from 'vitest'
import * as Money from './money.js'
import * as Table from './table.js'

it('aligns columns, numbers to the right, without trailing spaces', () => {
  const columns = [{ title: 'id' }, { title: 'balance', align: 'right' }, { title: 'kind' }] as const
  const rows = [
    ['server', '120', 'system'],
    ['Zm9vYmFy', '-5', 'stranger'],
  ]
  expect(Table.format(columns, rows)).toBe(`id        balance  kind
server        120  system
Zm9vYmFy       -5  stranger
`)
})

it('shows base units and what they are worth', () => {
  expect(Money.format(340n, { code: 'XRP', scale: 9 })).toBe('340 (0.00000034 XRP)')
  expect(Money.format(-1_500_000_000n, { code: 'XRP', scale: 9 })).toBe('-1500000000 (-1.5 XRP)')
})
