import type { Quote, Summary } from '@millstream/pay'
import { describe, expect, it } from 'vitest'
import { exitCodes } from './exit-code.js'
import * as PayFailure from './pay-failure.js'
import * as PayReport from './pay-report.js'

const xrp = { code: 'XRP', scale: 9 }
const facts = { url: 'http://localhost:8000/', unit: 'letter', asset: xrp, account: 'me', exit: exitCodes.done }
const summary: Summary = {
  asset: xrp,
  paid: 60n,
  piecesPaid: 60,
  held: 0n,
  unknown: 0n,
  lost: 0n,
  stopped: 'pieces',
  ended: false,
  pieces: 60,
  bytes: 60,
  spent: 60n,
  refused: 2,
  seconds: 4.9123,
  error: undefined,
}

describe('the summary of a run', () => {
  it('says pieces, paid, seconds, pieces per second and why it stopped', () => {
    expect(PayReport.line(PayReport.ofRun(summary, facts))).toBe(
      '60 letters, paid 60 (0.00000006 XRP) in 4.9 s, 12.2/s: as many pieces as you asked for\n',
    )
  })

  it('says what is in doubt, and only then', () => {
    const doubtful = { ...summary, held: 1n, unknown: 2n, lost: 3n, stopped: 'broken' as const }
    expect(PayReport.line(PayReport.ofRun(doubtful, facts))).toBe(
      '60 letters, paid 60 (0.00000006 XRP), 1 (0.000000001 XRP) held, 2 (0.000000002 XRP) of unknown outcome, ' +
        'at most 3 (0.000000003 XRP) for pieces that did not arrive in 4.9 s, 12.2/s: the content broke off\n',
    )
  })

  it('says what became of what earlier runs had left in doubt', () => {
    const doubt = { amount: 256n, spent: 200n, isCertain: true }
    expect(PayReport.settled(doubt, xrp)).toBe(
      'Of 256 (0.000000256 XRP) that an earlier run left in doubt, 200 (0.0000002 XRP) was spent.\n',
    )
    expect(PayReport.settled({ ...doubt, spent: 0n }, xrp)).toMatch(/ left in doubt, nothing was spent\.\n$/)
    expect(PayReport.settled({ ...doubt, spent: 256n }, xrp)).toMatch(/ left in doubt, all was spent\.\n$/)
    expect(PayReport.settled({ ...doubt, spent: 256n, isCertain: false }, xrp)).toMatch(/ all of it counts\.\n$/)
    expect(PayReport.ofRun(summary, { ...facts, settled: doubt })).toMatchObject({
      settled: { amount: '256', spent: '200', isCertain: true },
    })
  })

  it('knows what was lost when nothing is unknown', () => {
    const known = { ...summary, lost: 3n, stopped: 'broken' as const }
    expect(PayReport.line(PayReport.ofRun(known, facts))).toContain(
      'paid 60 (0.00000006 XRP), 3 (0.000000003 XRP) for pieces that did not arrive in 4.9 s',
    )
  })

  it('is one flat object for a program, amounts as text', () => {
    const json = JSON.parse(JSON.stringify(PayReport.ofRun(summary, facts)))
    expect(json).toEqual({
      url: 'http://localhost:8000/',
      stopped: 'pieces',
      pieces: 60,
      paid: '60',
      seconds: 4.912,
      piecesPerSecond: 12.2,
      unit: 'letter',
      asset: xrp,
      account: 'me',
      exit: 0,
      piecesPaid: 60,
      held: '0',
      unknown: '0',
      lost: '0',
      bytes: 60,
      ended: false,
      refused: 2,
    })
  })

  it('has no rate when it took no time', () => {
    const none = { ...summary, pieces: 0, seconds: 0 }
    expect(PayReport.ofRun(none, facts).piecesPerSecond).toBe(0)
  })

  it('does not let an asset of a shop steer the terminal', () => {
    const hostile = { ...facts, asset: { code: 'X\u001b[2J', scale: 0 } }
    expect(PayReport.line(PayReport.ofRun(summary, hostile))).not.toContain('\u001b')
  })
})

describe('a dry run', () => {
  const terms = {
    form: 'tutorial',
    price: 1n,
    address: 'g.letter-shop.mytrustline.server.u',
    unit: 'letter',
    pieces: undefined,
    asset: xrp,
    ledger: 'g.letter-shop.mytrustline.',
    paymentMin: undefined,
  } as const
  const endpoint = { uri: 'btp+ws://localhost:9000/', origin: 'btp+ws://localhost:9000', secure: false }
  const quote: Quote = {
    status: 200,
    url: 'http://localhost:8000/',
    headers: new Map(),
    terms,
    endpoint,
    refusal: undefined,
  }
  const known = { quote, asset: xrp, account: 'me', balance: -340n, ledger: undefined, failure: undefined }

  it('shows the terms, the account and the verdict', () => {
    expect(PayReport.terms(known)).toBe(`price    1 (0.000000001 XRP) for 1 letter
pieces   the shop does not say
payee    g.letter-shop.mytrustline.server.u
ledger   btp+ws://localhost:9000/
account  me
balance  -340 (-0.00000034 XRP)
verdict  within your limits
`)
    expect(PayReport.termsJson(known)).toMatchObject({ price: '1', account: 'me', balance: '-340', allowed: true })
  })

  it('says why it would not be paid', () => {
    const failure = PayFailure.noMoney(0n, { account: 'me', asset: xrp, budget: 500n })
    const refused = { ...known, failure }
    expect(PayReport.terms(refused)).toContain('verdict  Within your limits, but the ledger would refuse it')
    expect(PayReport.terms(refused)).toContain('\n         millstream ledger fund me 500\n')
    expect(PayReport.termsJson(refused)).toMatchObject({ allowed: false, error: 'PAY_LEDGER_REFUSED' })
  })

  it('leaves out what it could not find out', () => {
    const text = PayReport.terms({ ...known, account: undefined, balance: undefined })
    expect(text).not.toMatch(/account|balance/)
  })

  it('says that an answer costs nothing', () => {
    expect(PayReport.terms({ ...known, quote: { ...quote, terms: undefined } })).toBe(
      'price    nothing: the shop answers 200 and asks for no money\n',
    )
  })
})
