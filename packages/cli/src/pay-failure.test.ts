import { Limits, PayError } from '@millstream/pay'
import { expect, it } from 'vitest'
import { exitCodes } from './exit-code.js'
import { format } from './failure.js'
import * as PayFailure from './pay-failure.js'

const xrp = { code: 'XRP', scale: 9 }
const facts = { account: 'me', unit: 'letter', budget: 1_000_000n }

class LedgerRefused extends PayError {
  override readonly name = 'Test.LedgerRefused'
  readonly code = 'PAY_LEDGER_REFUSED'
}

class ShopUnreachable extends PayError {
  override readonly name = 'Test.ShopUnreachable'
  readonly code = 'PAY_SHOP_UNREACHABLE'
}

it('tells an operator what to type when there is no money', () => {
  const money = { asset: xrp, paid: 34n, piecesPaid: 34, held: 0n, unknown: 0n, lost: 0n }
  const failure = PayFailure.from(new LedgerRefused({ message: 'The ledger refused.', next: 'x', money }), facts)
  expect(failure.exit).toBe(exitCodes.money)
  expect(format(failure)).toBe(`The ledger refused.

  code     PAY_LEDGER_REFUSED
  paid     34 (0.000000034 XRP) for 34 letters
  held     nothing
  account  me
  next     ask the operator of the ledger for money or credit, who gives it with
           millstream ledger fund me 1000000
           or
           millstream ledger limit me 1000000
           and run this again; what was refused cost nothing
`)
})

it('puts payments of unknown outcome above every other reason', () => {
  const money = { asset: xrp, paid: 0n, piecesPaid: 0, held: 0n, unknown: 5n, lost: 2n }
  const failure = PayFailure.from(new LedgerRefused({ message: 'No.', next: 'x', money }), facts)
  expect(failure.exit).toBe(exitCodes.unresolved)
  expect(format(failure)).toContain('unknown  5 (0.000000005 XRP), which counts as spent\n')
  expect(format(failure)).toContain('lost     at most 2 (0.000000002 XRP) for pieces that did not arrive\n')
  expect(failure.next).toMatch(/^ask (.*\n)+what is unknown counts as spent .*a later run on this ledger asks it$/)
})

it('says how a certificate comes to be trusted', () => {
  const refused = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  const cause = new TypeError('fetch failed', { cause: refused })
  const failure = PayFailure.from(new ShopUnreachable({ message: 'No answer.', next: 'x', cause }), facts)
  expect(failure.exit).toBe(exitCodes.shop)
  expect(failure.next).toContain('NODE_EXTRA_CA_CERTS')
  const other = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(PayFailure.from(new ShopUnreachable({ message: '', next: 'x', cause: other }), facts).next).toBe('x')
})

it('keeps limits apart from bugs', () => {
  const invalid = new Limits.LimitsInvalidError('risk', 'x')
  expect(PayFailure.from(invalid, facts)).toMatchObject({ exit: exitCodes.limits, code: 'PAY_LIMITS_INVALID' })
  expect(PayFailure.from(new TypeError('x'), facts)).toMatchObject({ exit: exitCodes.bug, code: 'MILLSTREAM_BUG' })
})
