import { expect, it } from 'vitest'
import * as StopError from './stop-error.js'

const nothing = { asset: undefined, paid: 0n, piecesPaid: 0, held: 0n, unknown: 0n, lost: 0n }
const stop = { reason: 'not_delivered', refusal: undefined, failure: undefined, account: undefined } as const

it('says that the shop took money only where it is known to have been paid', () => {
  const paid = StopError.errorOf({ ...stop, money: { ...nothing, paid: 1n, piecesPaid: 1, lost: 1n } })
  expect(paid?.message).toMatch(/^The shop took payments/)
  const unknown = StopError.errorOf({ ...stop, money: { ...nothing, unknown: 1n, lost: 1n } })
  expect(unknown?.message).toMatch(/^The ledger did not say what became of the payments/)
})

it('says what becomes of held money only where some is held', () => {
  const broken = { ...stop, reason: 'broken' } as const
  expect(StopError.errorOf({ ...broken, money: { ...nothing, held: 1n } })?.next).toMatch(/held/)
  expect(StopError.errorOf({ ...broken, money: { ...nothing, paid: 1n, piecesPaid: 1 } })?.next).toBe('try again')
})
