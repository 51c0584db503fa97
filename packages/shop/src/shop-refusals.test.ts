import { describe, expect, it } from 'vitest'
import { numbersWindow } from './numbers.js'
import { at, openTestShop, quiet } from './testing/shop.fixture.js'

const rejected = (code: string, message?: string) => ({
  status: 'rejected',
  by: 'payee',
  code,
  ...(message === undefined ? {} : { message }),
})

describe('a payment', () => {
  it('of the price buys one piece, and is told so', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abc', price: 3n })
    expect(await pay(stream, 1)).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(3n)
  })

  it('is refused when the address is of somebody else', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    for (const address of ['x.y.1', '-other.y.1'])
      expect(await pay(stream, 1, { address })).toMatchObject(rejected('F02'))
    expect(await spent()).toBe(0n)
  })

  it.each([
    '',
    '.user',
    '.user.1',
    '.AAAAAAAAAAAAAAAAAAAAAA.1',
    '.AAAAAAAAAAAAAAAAAAAAAAA.1',
    '.AAAAAAAAAAAAAAAAAAAAAA',
    '.__proto__.1',
  ])('to the unknown user %s is refused', async (address) => {
    const { open, pay } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    expect(await pay(stream, 1, { address })).toMatchObject(
      rejected('F06', 'There is no such stream: ask for the content again.'),
    )
  })

  it('to an unknown user costs the shop no hash', async () => {
    const { open, pay, shop, shopOptions, pair } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    let hashed = 0
    const { hashes } = shopOptions
    const counting = {
      sha256: (message: Uint8Array) => {
        hashed++
        return hashes.sha256(message)
      },
      hmac: (key: Uint8Array) => {
        hashed++
        return hashes.hmac(key)
      },
    }
    await shop.close()
    const { createShop } = await import('./index.js')
    await createShop({ ...shopOptions, hashes: counting })
    hashed = 0
    expect(await pay(stream, 1, { address: '.BBBBBBBBBBBBBBBBBBBBBA.1' })).toMatchObject(rejected('F06'))
    expect(hashed).toBe(0)
    expect(pair.held()).toBe(0)
  })

  it.each(['0', '01', '-1', 'x', '1.1', '9007199254740992', '11111111111111111'])(
    'with the number %s is refused: it is none',
    async (number) => {
      const { open, pay } = await openTestShop()
      const { stream } = open({ content: 'abc' })
      expect(await pay(stream, number)).toMatchObject(rejected('F00'))
    },
  )

  it('that repeats a number is refused', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    await pay(stream, 1)
    expect(await pay(stream, 1)).toMatchObject(rejected('F00', 'number was used'))
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(1n)
  })

  it('with a number that is held is refused, also in the same tick', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const outcomes = await Promise.all([pay(stream, 1), pay(stream, 1)])
    expect(outcomes).toMatchObject([{ status: 'fulfilled' }, rejected('F00', 'number in use')])
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(1n)
  })

  it('up to the edge of the window is taken, beyond it refused', async () => {
    const { open, pay } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    expect(await pay(stream, numbersWindow + 1)).toMatchObject(rejected('T05'))
    expect(await pay(stream, numbersWindow)).toMatchObject({ status: 'fulfilled' })
    expect(await pay(stream, 2 * numbersWindow + 1)).toMatchObject(rejected('T05'))
    expect(await pay(stream, 2 * numbersWindow)).toMatchObject({ status: 'fulfilled' })
  })

  it.each([
    [9n, 10n, 'F04'],
    [11n, 10n, 'F03'],
  ])('of %s is refused when its packet says %s', async (amount, packetAmount, code) => {
    const { open, pay, spent } = await openTestShop()
    const { stream } = open({ content: 'abc', price: 10n })
    expect(await pay(stream, 1, { amount, packetAmount })).toMatchObject(rejected(code))
    expect(await spent()).toBe(0n)
  })

  it.each([
    [0n, 'F04'],
    [1n, 'F04'],
    [9n, 'F04'],
    [11n, 'F03'],
    [19n, 'F03'],
    [25n, 'F03'],
  ])('of %s is refused when a piece costs 10', async (amount, code) => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abc', price: 10n, pieces: 3 })
    const outcome = await pay(stream, 1, { amount })
    expect(outcome).toMatchObject(rejected(code))
    expect(outcome).toHaveProperty('message', expect.stringContaining('The price of a piece is 10'))
    expect(body.text()).toBe('')
    expect(await spent()).toBe(0n)
  })

  it('with another condition is refused', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    expect(await pay(stream, 1, { condition: new Uint8Array(32) })).toMatchObject(rejected('F05'))
    expect(await spent()).toBe(0n)
    expect(await pay(stream, 1)).toMatchObject({ status: 'fulfilled' })
  })

  it('that has expired is refused', async () => {
    const { open, pay } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    expect(await pay(stream, 1, { expiresInMs: 0 })).toMatchObject(rejected('R00'))
    expect(await pay(stream, 1, { expiresInMs: 1 })).toMatchObject({ status: 'fulfilled' })
  })

  it('that leaves less than the margin of the rail is refused', async () => {
    const { open, pay } = await openTestShop({
      plugin: (plugin) => ({ ...plugin, info: () => ({ ...plugin.info(), expiryMarginMs: 1000 }) }),
    })
    const { stream } = open({ content: 'abc' })
    expect(await pay(stream, 1, { expiresInMs: 1000 })).toMatchObject(rejected('R02'))
    expect(await pay(stream, 1, { expiresInMs: 1001 })).toMatchObject({ status: 'fulfilled' })
  })
})

describe('a payment of several prices', () => {
  it('buys as many pieces, in one write', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef', price: 2n, pieces: 6 })
    expect(await pay(stream, 1, { amount: 8n })).toMatchObject({ status: 'fulfilled' })
    expect(body.writes).toEqual(['abcd'])
    expect(await spent()).toBe(8n)
  })

  it('may buy exactly what remains, and not one more', async () => {
    const { open, pay } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef', pieces: 6 })
    await pay(stream, 1)
    expect(await pay(stream, 2, { amount: 6n })).toMatchObject(rejected('F03'))
    expect(await pay(stream, 3, { amount: 5n })).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('abcdef')
    await quiet()
    expect(body.state).toBe('ended')
  })

  it('counts what is held already, also of the same tick', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef', pieces: 6 })
    const outcomes = await Promise.all([pay(stream, 1, { amount: 4n }), pay(stream, 2, { amount: 3n })])
    expect(outcomes).toMatchObject([{ status: 'fulfilled' }, rejected('F03')])
    expect(body.text()).toBe('abcd')
    expect(await spent()).toBe(4n)
  })

  it('is refused as long as nobody knows that as many pieces remain', async () => {
    const { open, pay } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    expect(await pay(stream, 1, { amount: 2n })).toMatchObject(rejected('F03'))
  })

  it('waits for its pieces where payments have a minimum, and is refused when the content ends before', async () => {
    const { open, pay, spent } = await openTestShop({
      plugin: (plugin) => ({ ...plugin, info: () => ({ ...plugin.info(), paymentMin: 2n }) }),
    })
    const { stream, body } = open({ content: ['ab', 'cd', 'e'] })
    expect(await pay(stream, 1, { amount: 3n })).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('abc')
    expect(await pay(stream, 2, { amount: 3n })).toMatchObject(rejected('F03'))
    expect(await spent()).toBe(3n)
    expect(await pay(stream, 3, { amount: 2n })).toMatchObject({ status: 'fulfilled' })
    await quiet()
    expect([body.text(), body.state]).toEqual(['abcde', 'ended'])
  })

  it('may buy without end from content without end', async () => {
    const { open, pay } = await openTestShop()
    const endless = (function* () {
      for (;;) yield 'x'.repeat(1000)
    })()
    const { stream, body } = open({ content: endless, pieces: Number.POSITIVE_INFINITY })
    expect(await pay(stream, 1, { amount: 2500n })).toMatchObject({ status: 'fulfilled' })
    expect(body.text().length).toBe(2500)
  })

  it('is refused where a connector may have changed the amount', async () => {
    const { open, pay } = await openTestShop({
      plugin: (plugin) => ({ ...plugin, info: () => ({ ...plugin.info(), direct: false }) }),
    })
    const { stream } = open({ content: 'abcdef', pieces: 6 })
    expect(await pay(stream, 1, { amount: 2n })).toMatchObject(rejected('F03'))
    expect(await pay(stream, 1)).toMatchObject({ status: 'fulfilled' })
  })

  it('is refused above the bound of pieces for one payment', async () => {
    const { open, pay } = await openTestShop({ limits: { piecesPerPaymentMax: 4 } })
    const { stream } = open({ content: 'abcdef', pieces: 6 })
    expect(await pay(stream, 1, { amount: 5n })).toMatchObject(rejected('F03'))
    expect(await pay(stream, 1, { amount: 4n })).toMatchObject({ status: 'fulfilled' })
  })

  it('is rejected when so many pieces do not fit into memory, and takes nothing', async () => {
    const { open, pay, spent } = await openTestShop({ limits: { bufferBytesMax: 10 } })
    const { stream, body } = open({ content: ['aaaaaa', 'bbbbbb', 'cccccc'], piece: 'bytes:6', pieces: 3 })
    expect(await pay(stream, 1, { amount: 3n })).toMatchObject(rejected('F03'))
    expect(await spent()).toBe(0n)
    expect(await pay(stream, 2, { amount: 2n })).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('aaaaaabbbbbb')
  })

  it('is rejected when fewer pieces came than were promised', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abc', pieces: 6 })
    expect(await pay(stream, 1, { amount: 5n })).toMatchObject(rejected('F03'))
    expect(await spent()).toBe(0n)
    expect(await pay(stream, 2)).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('a')
  })
})

describe('the owner of a stream', () => {
  it('is the first account that posted; another one is refused', async () => {
    const { open, pay, pair, spent } = await openTestShop()
    const bob = pair.customer('bob')
    const { stream, body } = open({ content: 'abcdef' })
    await pay(stream, 1)
    expect(await pay(stream, 2, { from: bob })).toMatchObject(rejected('F06', 'Another account pays for this stream.'))
    expect(await pay(stream, 2)).toMatchObject({ status: 'fulfilled' })
    expect(body.text()).toBe('ab')
    expect(await spent(bob)).toBe(0n)
  })

  it('becomes only one of two that pay in the same tick; the hold of the other is rejected', async () => {
    const { open, pay, pair, spent, events } = await openTestShop()
    const bob = pair.customer('bob')
    const { stream, body } = open({ content: 'abcdef' })
    const outcomes = await Promise.all([pay(stream, 1), pay(stream, 2, { from: bob }), pay(stream, 3)])
    expect(outcomes).toMatchObject([{ status: 'fulfilled' }, rejected('F06'), { status: 'fulfilled' }])
    expect(body.text()).toBe('ab')
    expect(await spent()).toBe(2n)
    expect(await spent(bob)).toBe(0n)
    expect(events.filter(({ name }) => name === 'shop.stream_paid')).toHaveLength(1)
  })

  it('is not the one whose payment expired', async () => {
    const { open, pay, pair, shop, advance } = await openTestShop()
    const bob = pair.customer('bob')
    const { stream, body } = open({ content: slow() })
    const lost = pay(stream, 1, { expiresInMs: 100 })
    const second = pay(stream, 2, { from: bob })
    await quiet()
    await advance(100)
    expect(await lost).toMatchObject({ status: 'expired' })
    release()
    expect(await second).toMatchObject({ status: 'fulfilled' })
    expect(await pay(stream, 3)).toMatchObject(rejected('F06'))
    expect(body.text()).toBe('a')
    expect(shop.counts().open).toBe(1)

    async function* slow() {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      yield 'abc'
    }
  })

  it('is not the one whose fulfillment did not reach the ledger: the rival is fulfilled then', async () => {
    const { shop, open, incoming } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const ofAlice = incoming(stream, 1)
    const ofBob = incoming(stream, 2, { source: 'g.letter-shop.mytrustline.bob' })
    expect([shop.check(ofAlice), shop.check(ofBob)]).toEqual([undefined, undefined])
    const first = shop.fulfill(ofAlice)
    const second = shop.fulfill(ofBob)
    expect(await first).toBeInstanceOf(Uint8Array)
    shop.settled(ofAlice, 'expired', at(0))
    expect(await second).toBeInstanceOf(Uint8Array)
    shop.settled(ofBob, 'fulfilled', at(1))
    expect(shop.check(incoming(stream, 1))).toMatchObject({ code: 'F06' })
    await quiet()
    expect(body.text()).toBe('a')
  })
})

let release = () => {}

describe('refused payments', () => {
  it('are told to the observer once a second for each reason, with their number', async () => {
    const { open, pay, advance, named } = await openTestShop()
    const { stream } = open({ content: 'abc' })
    await Promise.all([pay(stream, 0), pay(stream, 0), pay(stream, 1, { amount: 0n })])
    expect(named('shop.payments_refused')).toEqual([])
    await advance(1000)
    expect(named('shop.payments_refused')).toMatchObject([
      { reason: 'number_malformed', code: 'F00', count: 2 },
      { reason: 'too_little', code: 'F04', count: 1 },
    ])
    await advance(1000)
    expect(named('shop.payments_refused')).toHaveLength(2)
  })
})
