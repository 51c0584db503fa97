import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createBook, emptyBook } from './book.js'
import { user } from './internal/testing/fake-shop.js'
import { createWorld, failureOf, story, textOf, url } from './internal/testing/payer-world.js'

describe('fetch', () => {
  it('pays for each piece and gives the content', async () => {
    const { payer, shop, pair } = createWorld()
    const response = await payer.fetch(url)
    expect(response).toMatchObject({ status: 200, url })
    expect(response.terms).toEqual({
      form: 'tutorial',
      price: 1n,
      address: `g.letter-shop.mytrustline.server.${user}`,
      unit: 'letter',
      pieces: undefined,
      asset: { code: 'XRP', scale: 9 },
      ledger: 'g.letter-shop.mytrustline.',
      paymentMin: undefined,
    })
    expect(await textOf(response)).toBe(story)
    const summary = await response.summary
    expect(summary).toMatchObject({
      stopped: 'content_ended',
      ended: true,
      pieces: story.length,
      bytes: story.length,
      paid: BigInt(story.length),
      piecesPaid: story.length,
      spent: BigInt(story.length),
      unknown: 0n,
      held: 0n,
      lost: 0n,
      asset: { code: 'XRP', scale: 9 },
      error: undefined,
    })
    expect(await pair.payer.balance()).toBe(-BigInt(story.length))
    expect(shop.paid).toEqual(story.split('').map((_, i) => i + 1))
  })

  it('asks for content as it is', async () => {
    const { payer, shop } = createWorld()
    const response = await payer.fetch(url, { headers: { 'Accept-Encoding': 'gzip', 'X-Other': 'kept' } })
    response.stop()
    await response.summary
    const { request } = shop.requests[0]!
    expect(request.headers.get('accept-encoding')).toBe('identity')
    expect(request.headers.get('x-other')).toBe('kept')
  })

  it('pays nothing before the body is read', async () => {
    const { payer, shop, time } = createWorld()
    const response = await payer.fetch(url)
    await time.advance(60_000)
    expect(shop.seen).toEqual([])
    await payer.close()
    expect(await response.summary).toMatchObject({ stopped: 'stopped', paid: 0n })
  })

  it('pays no more while its reader does not read', async () => {
    const { payer, shop, time } = createWorld({ payer: { limits: { window: 4 } } })
    const response = await payer.fetch(url)
    const body = response.body[Symbol.asyncIterator]()
    let text = ''
    for (let i = 0; i < 6; i++) text += new TextDecoder().decode((await body.next()).value)
    await time.advance(3_600_000)
    expect(shop.paid.length - response.progress().pieces).toBeLessThanOrEqual(4)
    expect(shop.paid.length).toBeLessThan(story.length)
    expect(text + (await textOf({ body: { [Symbol.asyncIterator]: () => body } }))).toBe(story)
  })

  it('gives the body as a stream too', async () => {
    const { payer } = createWorld()
    const response = await payer.fetch(url)
    expect(await new Response(response.readable()).text()).toBe(story)
    expect(await response.summary).toMatchObject({ stopped: 'content_ended' })
  })

  it('lets an answer that asks for nothing pass', async () => {
    const { payer, opened, pair } = createWorld({ headers: { pay: '' }, status: 404 })
    const response = await payer.fetch(url)
    expect(response).toMatchObject({ status: 404, terms: undefined })
    response.stop()
    expect(await response.summary).toMatchObject({ stopped: 'free', paid: 0n })
    expect(opened).toEqual([])
    expect(await pair.payer.balance()).toBe(0n)
  })

  it.each([204, 301, 404, 500])('does not pay for status %i', async (status) => {
    const { payer } = createWorld({ status })
    const response = await payer.fetch(url)
    expect(response.terms).toBeUndefined()
    response.stop()
  })

  it('does not pay for HEAD', async () => {
    const { payer } = createWorld()
    const response = await payer.fetch(url, { method: 'head' })
    expect(response.terms).toBeUndefined()
    response.stop()
  })

  it('says which shop gave no answer, without what may be secret in the address', async () => {
    const { payer } = createWorld({ payer: { http: () => Promise.reject(new Error('ECONNREFUSED')) } })
    const error = await failureOf(payer.fetch(url))
    expect(error.code).toBe('PAY_SHOP_UNREACHABLE')
    expect(error.message).toContain('http://shop.example:8000/story: ECONNREFUSED')
    expect(error.message).not.toContain('s3cret')
  })
})

describe('a stream that stops', () => {
  it('at stop(), with what is in flight', async () => {
    const { payer, pair } = createWorld()
    const response = await payer.fetch(url)
    let text = ''
    for await (const chunk of response.body) {
      text += new TextDecoder().decode(chunk)
      if (text.length > 5) response.stop()
    }
    const summary = await response.summary
    expect(summary).toMatchObject({ stopped: 'stopped', ended: false, held: 0n, unknown: 0n, error: undefined })
    expect(summary.pieces).toBe(text.length)
    expect(await pair.payer.balance()).toBe(-summary.paid)
  })

  it('at its signal', async () => {
    const { payer, time } = createWorld()
    const controller = new AbortController()
    const response = await payer.fetch(url, { signal: controller.signal })
    await response.body[Symbol.asyncIterator]().next()
    controller.abort()
    await time.advance(1_000)
    expect(await response.summary).toMatchObject({ stopped: 'stopped' })
  })

  it('before it asked, when its signal was aborted', async () => {
    const { payer, shop } = createWorld()
    await expect(payer.fetch(url, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(shop.requests).toEqual([])
  })

  it('when its reader leaves', async () => {
    const { payer, shop } = createWorld()
    const response = await payer.fetch(url)
    for await (const _ of response.body) break
    expect(await response.summary).toMatchObject({ stopped: 'reader_left', error: undefined })
    expect(shop.closed()).toBe(true)
  })

  it('when its stream is cancelled', async () => {
    const { payer } = createWorld()
    const response = await payer.fetch(url)
    await response.readable().cancel()
    expect(await response.summary).toMatchObject({ stopped: 'reader_left', paid: 0n })
  })

  it('when the body breaks off, and says so to its reader', async () => {
    const { payer, time } = createWorld({ breakAfter: 5, payer: { limits: { window: 3 } } })
    const response = await payer.fetch(url)
    const error = await failureOf(textOf(response))
    expect(error.code).toBe('PAY_CONTENT_BROKEN')
    await time.advance(60_000)
    const summary = await response.summary
    expect(summary).toMatchObject({ stopped: 'broken', ended: false, held: 0n })
    expect(summary.error?.code).toBe('PAY_CONTENT_BROKEN')
    expect(summary.spent).toBe(summary.paid)
  })

  it('when the shop takes payments and sends nothing, having lost one price', async () => {
    const { payer, shop, time, pair } = createWorld({ thief: true, price: 7n })
    const response = await payer.fetch(url)
    const reading = failureOf(textOf(response))
    await time.advance(10_000)
    const error = await reading
    expect(error).toMatchObject({ code: 'PAY_NOT_DELIVERED', money: { paid: 7n, lost: 7n } })
    expect(await response.summary).toMatchObject({ stopped: 'not_delivered', lost: 7n, pieces: 0 })
    expect(shop.paid).toEqual([1])
    expect(await pair.payer.balance()).toBe(-7n)
  })

  it('when the account has no credit left, and tells which one', async () => {
    const { payer, pair } = createWorld({ ledger: { credit: 9n } })
    const response = await payer.fetch(url)
    const error = await failureOf(textOf(response))
    expect(error.code).toBe('PAY_LEDGER_REFUSED')
    expect(error.next).toContain('alice')
    expect(await response.summary).toMatchObject({ stopped: 'ledger_refused', paid: 9n, pieces: 9 })
    expect(await pair.payer.balance()).toBe(-9n)
  })
})

describe('pieces that cannot be counted', () => {
  it('are paid with at most 16 in flight', async () => {
    let most = 0
    let held = 0
    const pieces = Array.from({ length: 300 }, (_, i) => new Uint8Array(1 + (i % 5)))
    const { payer, shop, pair } = createWorld({
      pieces,
      headers: { 'pay-terms': '' },
      payer: { limits: { window: 1000 } },
      ledger: {
        async carry(_, deliver) {
          most = Math.max(most, ++held)
          const outcome = await deliver()
          held--
          return outcome
        },
      },
    })
    const response = await payer.fetch(url)
    expect(response.terms?.unit).toBe('opaque')
    for await (const _ of response.body);
    expect(await response.summary).toMatchObject({ stopped: 'content_ended', pieces: 300, paid: 300n, lost: 0n })
    expect(most).toBe(16)
    expect(shop.paid).toHaveLength(300)
    expect(await pair.payer.balance()).toBe(-300n)
  })
})

describe('quote', () => {
  it('shows the terms, hangs up, pays nothing and opens nothing', async () => {
    const { payer, opened, shop } = createWorld({ price: 12n })
    const quote = await payer.quote(url)
    expect(quote).toMatchObject({ status: 200, terms: { price: 12n, unit: 'letter' }, refusal: undefined })
    expect(quote.endpoint?.origin).toBe('btp+ws://shop.example:9000')
    expect([...quote.headers.keys()]).toEqual(['pay-terms', 'pay-endpoint'])
    expect(opened).toEqual([])
    expect(shop.seen).toEqual([])
    expect(shop.closed()).toBe(true)
  })

  it('says why the payer would refuse', async () => {
    const { payer } = createWorld({ price: 5000n })
    expect((await payer.quote(url)).refusal?.code).toBe('PAY_PRICE_ABOVE_LIMIT')
    const elsewhere = createWorld({ headers: { 'pay-endpoint': '"btp+ws://other.example/"' } })
    expect(await elsewhere.payer.quote(url)).toMatchObject({ endpoint: undefined })
    expect((await elsewhere.payer.quote(url)).refusal?.code).toBe('PAY_ENDPOINT_REFUSED')
  })

  it('has no terms for what is free', async () => {
    const { payer } = createWorld({ headers: { pay: '' } })
    expect(await payer.quote(url)).toMatchObject({ terms: undefined, endpoint: undefined, refusal: undefined })
  })
})

describe('the rail', () => {
  it('is opened once for a ledger, and closed with the payer', async () => {
    let opens = 0
    let closes = 0
    const ledger = createWorld()
    const { payer } = createWorld({
      payer: {
        http: ledger.shop.http,
        openPlugin: async () => {
          opens++
          return { plugin: ledger.pair.payer, close: () => void closes++ }
        },
      },
    })
    const response = await payer.fetch(url)
    expect(await textOf(response)).toBe(story)
    await response.summary
    const again = await payer.fetch(url)
    again.stop()
    await payer.close()
    expect([opens, closes]).toEqual([1, 1])
  })

  it('that cannot be opened is tried again for the next answer', async () => {
    let opens = 0
    const ledger = createWorld()
    const { payer } = createWorld({
      payer: {
        http: ledger.shop.http,
        openPlugin: async () => {
          if (++opens === 1) throw new Error('refused')
          return { plugin: ledger.pair.payer }
        },
      },
    })
    await expect(payer.fetch(url)).rejects.toThrow('refused')
    expect(await textOf(await payer.fetch(url))).toBe(story)
  })

  it('is asked for the balance, and a host that took too much is reported', async () => {
    const { payer, pair, events } = createWorld()
    const response = await payer.fetch(url)
    await textOf(response)
    await response.summary
    await payer.reconcile()
    expect(events.map(({ name }) => name)).not.toContain('pay.balance_unexplained')
    pair.payer.balance = async () => -1000n
    await payer.reconcile()
    expect(events.at(-1)).toMatchObject({
      name: 'pay.balance_unexplained',
      amount: 1000n - BigInt(story.length),
      balance: -1000n,
    })
  })
})

it('compares no balance that was told before what was paid since', async () => {
  const { payer, pair, events } = createWorld()
  const response = await payer.fetch(url)
  const body = response.body[Symbol.asyncIterator]()
  await body.next()
  const balanceOf = pair.payer.balance.bind(pair.payer)
  let asked = 0
  pair.payer.balance = async () => {
    const balance = await balanceOf()
    if (asked++ === 0) {
      await textOf({ body: { [Symbol.asyncIterator]: () => body } })
      await response.summary
    }
    return balance
  }
  await payer.reconcile()
  await payer.reconcile()
  expect(events.map(({ name }) => name)).not.toContain('pay.balance_credited')
  expect(events.map(({ name }) => name)).not.toContain('pay.balance_unexplained')
  expect(asked).toBe(3)
})

it('tells what became of what the run before had left in doubt', async () => {
  const ledger = createWorld()
  const unresolved = [{ amount: 9n, until: Instant.from(0) }]
  const book = createBook({ clock: ledger.time.clock, state: { ...emptyBook, base: 0n, unresolved } })
  ledger.pair.payer.balance = async () => -4n
  const { payer, events } = createWorld({
    payer: { http: ledger.shop.http, openPlugin: async () => ({ plugin: ledger.pair.payer, book }) },
  })
  const response = await payer.fetch(url)
  expect(events).toContainEqual({
    name: 'pay.doubt_settled',
    level: 'info',
    amount: 9n,
    spent: 4n,
    isCertain: true,
  })
  response.stop()
})

it('compares the balance when the connection comes back', async () => {
  let back = () => {}
  const ledger = createWorld()
  const { payer, events, time } = createWorld({
    payer: {
      http: ledger.shop.http,
      openPlugin: async () => ({
        plugin: ledger.pair.payer,
        onReconnect(listener) {
          back = listener
        },
      }),
    },
  })
  const response = await payer.fetch(url)
  ledger.pair.payer.balance = async () => -5n
  back()
  await time.settle()
  expect(events.map(({ name }) => name)).toContain('pay.balance_unexplained')
  response.stop()
})

describe('progress', () => {
  it('tells what is spent and what is left', async () => {
    const { payer } = createWorld({ payer: { limits: { budget: 100n } } })
    const response = await payer.fetch(url)
    const body = response.body[Symbol.asyncIterator]()
    await body.next()
    const { pieces, bytes, left, spent, held } = response.progress()
    expect([pieces, bytes]).toEqual([1, 1])
    expect(left + spent + held).toBe(100n)
    response.stop()
  })
})
