import { Base64Url } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { letters } from './internal/testing/fake-shop.js'
import { createWorld, failureOf, story, textOf, url, type WorldOptions } from './internal/testing/payer-world.js'
import { AssetNotAllowedError } from './terms-check.js'

describe('limits', () => {
  it('are looked at before anything is opened', async () => {
    const { payer, opened, shop } = createWorld({ price: 1001n })
    const error = await failureOf(payer.fetch(url))
    expect(error).toMatchObject({ code: 'PAY_PRICE_ABOVE_LIMIT', money: { paid: 0n, held: 0n } })
    expect(error.next).toContain('--max-price 1001')
    expect(opened).toEqual([])
    expect(shop.closed()).toBe(true)
  })

  it('let a price pass that is exactly the limit', async () => {
    const { payer } = createWorld({ price: 1000n, pieces: letters('abc') })
    expect(await textOf(await payer.fetch(url))).toBe('abc')
  })

  it('stop at the budget, with all pieces that were paid', async () => {
    const { payer, pair } = createWorld({ price: 3n, payer: { limits: { budget: 31n } } })
    const response = await payer.fetch(url)
    expect(await textOf(response)).toBe(story.slice(0, 10))
    expect(await response.summary).toMatchObject({ stopped: 'budget', ended: false, paid: 30n, pieces: 10 })
    expect(await pair.payer.balance()).toBe(-30n)
  })

  it('hold for all streams of the payer together', async () => {
    const { payer } = createWorld({ payer: { limits: { budget: 50n } } })
    const response = await payer.fetch(url)
    expect(await textOf(response)).toBe(story)
    const error = await failureOf(payer.fetch(url, { limits: { budget: 1000n, maxPrice: 0n } }))
    expect(error.code).toBe('PAY_PRICE_ABOVE_LIMIT')
  })

  it('do not stand in the way of a price of nothing', async () => {
    const { payer, shop } = createWorld({ price: 0n, payer: { limits: { budget: 0n, maxPrice: 0n } } })
    const response = await payer.fetch(url)
    expect(await textOf(response)).toBe(story)
    expect(await response.summary).toMatchObject({ stopped: 'content_ended', paid: 0n, piecesPaid: story.length })
    expect(shop.paid).toHaveLength(story.length)
  })

  it('may be narrowed for one stream, not widened', async () => {
    const { payer } = createWorld({ payer: { limits: { budget: 20n, pieces: 7 } } })
    const response = await payer.fetch(url, { limits: { pieces: 5, budget: 1_000_000n } })
    expect(await textOf(response)).toBe(story.slice(0, 5))
    expect(await response.summary).toMatchObject({ stopped: 'pieces', paid: 5n })
  })

  it.each([
    ['an asset that they do not name', { headers: { 'pay-terms': terms({ scale: '2' }) } }, 'PAY_ASSET_NOT_ALLOWED'],
    ['an asset that the ledger names', { ledger: { asset: { code: 'USD', scale: 9 } } }, 'PAY_ASSET_NOT_ALLOWED'],
    ['a unit that is not known', { headers: { 'pay-terms': terms({ unit: 'word' }) } }, 'PAY_UNIT_UNKNOWN'],
    [
      'another ledger than that of the rail',
      { headers: { 'pay-terms': terms({ ledger: '"g.letter-shop."' }) } },
      'PAY_TERMS_CONTRADICT',
    ],
    [
      'terms that its own address contradicts',
      { headers: { 'pay-terms': terms({ ledger: '"g.letter-shop.other."' }) } },
      'PAY_PAYEE_ELSEWHERE',
    ],
    ['terms that cannot be read', { headers: { 'pay-terms': 'unit=' } }, 'PAY_HEADER_INVALID'],
    [
      'fewer pieces than the smallest payment buys',
      { headers: { 'pay-terms': `${terms({})}, payment-min="2"` }, payer: { limits: { pieces: 1 } } },
      'PAY_PRICE_BELOW_MINIMUM',
    ],
    [
      'content that costs less than the smallest payment',
      { headers: { 'pay-terms': `${terms({})}, pieces=44, payment-min="45"` } },
      'PAY_PRICE_BELOW_MINIMUM',
    ],
    [
      'a smallest payment above the budget',
      { headers: { 'pay-terms': `${terms({})}, payment-min="11"` }, payer: { limits: { budget: 10n } } },
      'PAY_BUDGET_BELOW_PRICE',
    ],
    [
      'a smallest payment above the risk',
      { headers: { 'pay-terms': `${terms({})}, payment-min="11"` }, payer: { limits: { risk: 10n } } },
      'PAY_RISK_BELOW_PRICE',
    ],
    ['a header that cannot be read', { headers: { pay: '1 g.x.y' } }, 'PAY_HEADER_INVALID'],
    ['two headers', { headers: { pay: `1 g.x.y ${'A'.repeat(43)}, 1 g.x.y ${'A'.repeat(43)}` } }, 'PAY_HEADER_INVALID'],
    [
      'a condition instead of a secret',
      { headers: { pay: `interledger-condition 1 g.letter-shop.x ${'A'.repeat(43)}` } },
      'PAY_FORM_UNSUPPORTED',
    ],
    ['a balance to be paid first', { headers: { 'pay-balance': '0' } }, 'PAY_FORM_UNSUPPORTED'],
    ['payment before anything', { status: 402 }, 'PAY_FIRST_UNSUPPORTED'],
    ['a payee on another ledger', { headers: { pay: `1 g.other.server.x ${'A'.repeat(43)}` } }, 'PAY_PAYEE_ELSEWHERE'],
    ['compressed content', { headers: { 'content-encoding': 'br' } }, 'PAY_CONTENT_ENCODED'],
    ['a price above the budget', { price: 11n, payer: { limits: { budget: 10n } } }, 'PAY_BUDGET_BELOW_PRICE'],
    ['a price above the risk', { price: 11n, payer: { limits: { risk: 10n } } }, 'PAY_RISK_BELOW_PRICE'],
    ['no ledger', { headers: { 'pay-endpoint': '' } }, 'PAY_ENDPOINT_MISSING'],
    ['a ledger elsewhere', { headers: { 'pay-endpoint': '"btp+ws://other.example:9000/"' } }, 'PAY_ENDPOINT_REFUSED'],
    ['a ledger that cannot be read', { headers: { 'pay-endpoint': 'shop.example' } }, 'PAY_HEADER_INVALID'],
    ['an unencrypted ledger after a redirect to https', { url: 'https://shop.example/' }, 'PAY_ENDPOINT_REFUSED'],
    ['a ledger of the first host after a redirect elsewhere', { url: 'http://cdn.example/' }, 'PAY_ENDPOINT_REFUSED'],
  ] as const)('refuse %s, and nothing is paid', async (_, options, code) => {
    const { payer, shop, pair } = createWorld(options as WorldOptions)
    const error = await failureOf(payer.fetch(url))
    expect(error.code).toBe(code)
    expect(error.next).not.toBe('')
    expect(shop.seen).toEqual([])
    expect(shop.closed()).toBe(true)
    expect(await pair.payer.balance()).toBe(0n)
  })

  it('refuse an unencrypted ledger for encrypted content, unless it is on this machine', async () => {
    const secured = createWorld()
    const error = await failureOf(secured.payer.fetch('https://shop.example/'))
    expect(error.code).toBe('PAY_ENDPOINT_REFUSED')
    const local = createWorld({ headers: { 'pay-endpoint': '"btp+ws://localhost:9000/"' } })
    expect(await textOf(await local.payer.fetch('https://localhost/'))).toBe(story)
    const encrypted = createWorld({ headers: { 'pay-endpoint': '"btp+wss://shop.example:9000/"' } })
    expect(await textOf(await encrypted.payer.fetch('https://shop.example/'))).toBe(story)
    expect(encrypted.opened).toEqual([
      { uri: 'btp+wss://shop.example:9000/', origin: 'btp+wss://shop.example:9000', secure: true },
    ])
  })

  it('take a ledger on a host that the user listed', async () => {
    for (const host of ['other.example', 'Other.example:9000']) {
      const headers = { 'pay-endpoint': '"btp+ws://other.example:9000/"' }
      const { payer } = createWorld({ headers, payer: { endpointHosts: [host] } })
      expect(await textOf(await payer.fetch(url))).toBe(story)
    }
    const headers = { 'pay-endpoint': '"btp+ws://other.example:9000/"' }
    const { payer } = createWorld({ headers, payer: { endpointHosts: ['other.example:9001'] } })
    expect((await failureOf(payer.fetch(url))).code).toBe('PAY_ENDPOINT_REFUSED')
  })

  it('do not look at the endpoint when the rail was given', async () => {
    const ledger = createWorld()
    const { payer, opened } = createWorld({
      headers: { 'pay-endpoint': '' },
      payer: { rail: { plugin: ledger.pair.payer } },
    })
    const response = await payer.fetch(url)
    response.stop()
    await response.summary
    expect(opened).toEqual([])
  })

  it('name the option as it is typed', () => {
    const error = new AssetNotAllowedError({ code: 'USD', scale: 2 }, { code: 'XRP', scale: 9 })
    expect(error.next).toContain('--asset USD:2 ')
  })

  it('of another asset need amounts of their own', () => {
    expect(() => createWorld({ payer: { limits: { asset: { code: 'USD', scale: 2 } } } })).toThrow(
      expect.objectContaining({ code: 'PAY_LIMITS_INCOMPLETE' }),
    )
    expect(() =>
      createWorld({ payer: { limits: { asset: { code: 'USD', scale: 2 }, maxPrice: 1n, budget: 5n } } }),
    ).not.toThrow()
  })
})

function terms(change: { readonly unit?: string; readonly scale?: string; readonly ledger?: string }): string {
  const { unit = 'letter', scale = '9', ledger = '"g.letter-shop.mytrustline."' } = change
  return `unit=${unit}, asset="XRP", scale=${scale}, ledger=${ledger}`
}

describe('an address that leaves no room for numbers', () => {
  const base = 'g.letter-shop.mytrustline.server.'
  const secret = Base64Url.fromBytes(new Uint8Array(32))
  const world = (characters: number) => createWorld({ headers: { pay: `1 ${base.padEnd(characters, 'a')} ${secret}` } })

  it.each([1_007, 1_021, 1_022, 1_023])('is refused at %i characters, as often as it is asked for', async (length) => {
    const { payer, opened } = world(length)
    for (let i = 0; i < 2; i++)
      expect(await failureOf(payer.fetch(url))).toMatchObject({ code: 'PAY_ADDRESS_TOO_LONG' })
    expect(opened).toEqual([])
  })

  it('is not one of 1,006 characters: the longest number has 16 digits', async () => {
    const response = await world(1_006).payer.fetch(url)
    response.stop()
    expect((await response.summary).stopped).toBe('stopped')
  })
})
