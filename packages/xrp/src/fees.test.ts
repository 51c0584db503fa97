import { describe, expect, it } from 'vitest'
import type { AccountState } from './account-state.js'
import { explainShortage, feeFactors, feeFor, spendableDrops } from './fees.js'

const quiet = { base: 10n, open: 10n }
const state: AccountState = {
  balance: 2_000_000n,
  ownerCount: 2,
  sequence: 7,
  reserveBase: 1_000_000n,
  reserveIncrement: 200_000n,
}

describe('a fee', () => {
  it('is the base fee in a quiet ledger, and 35 of them for a finish', () => {
    expect(feeFor(quiet, feeFactors.plain, 1000n)).toBe(10n)
    expect(feeFor(quiet, feeFactors.finish, 1000n)).toBe(350n)
  })

  it('is a fifth above what a busy server asks for, rounded up', () => {
    expect(feeFor({ base: 10n, open: 123n }, feeFactors.plain, 1000n)).toBe(148n)
  })

  it('is never above the cap', () => {
    expect(feeFor(quiet, feeFactors.finish, 350n)).toBe(350n)
    expect(feeFor(quiet, feeFactors.finish, 349n)).toBeUndefined()
  })
})

describe('what an account can spend', () => {
  it('is its balance less the reserve of one more object and the fee', () => {
    expect(spendableDrops(state, 10n)).toBe(2_000_000n - 1_000_000n - 3n * 200_000n - 10n)
    expect(spendableDrops({ ...state, balance: 1_600_010n }, 10n)).toBe(0n)
    expect(spendableDrops({ ...state, balance: 0n }, 10n)).toBe(0n)
  })

  it('is explained with figures that add up', () => {
    expect(explainShortage(state, 400_000n, 10n)).toContain(
      'The account holds 2 XRP. The ledger keeps 1 XRP of that back, and 0.2 XRP for each open object: 2 now',
    )
    expect(explainShortage(state, 400_000n, 10n)).toContain('it is short of 0.00001 XRP')
  })
})
