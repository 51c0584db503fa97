import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { PayEndpoint } from '@millstream/codec'
import { afterEach, describe, expect, it } from 'vitest'
import { createShopServer, type HttpOffer, PriceError, serveNode, UnitError } from '../index.js'
import { eventually, listen, streamOf } from '../testing/http.fixture.js'
import { openTestShop, quiet } from '../testing/shop.fixture.js'

const opened: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close()
})

/** A program of one's own that sells within its handler. */
async function start(offer: (request: IncomingMessage, response: ServerResponse) => HttpOffer | Promise<HttpOffer>) {
  const test = await openTestShop()
  const server = await listen(async (request, response) => {
    serveNode(test.shop, request, response, await offer(request, response))
  })
  opened.push(server)
  return { ...test, ...server }
}

describe('a program of one’s own', () => {
  it('sells a stream that it has', async () => {
    const { get, pay } = await start(() => ({
      price: 2n,
      piece: 'line',
      content: Readable.from(['one\ntw', 'o\nthree']),
      endpoint: 'btp+wss://ledger.example/btp',
      headers: { 'content-type': 'text/plain' },
      resource: 'a poem',
    }))
    const reading = await get('/')
    expect(reading.headers['pay-endpoint']).toBe('"btp+wss://ledger.example/btp"')
    expect(reading.headers['pay-terms']).toMatch(/^unit=line, asset=/)
    const stream = streamOf(reading.headers)
    await Promise.all([1, 2, 3].map((n) => pay(stream, n)))
    expect(await reading.over).toBe('end')
    expect(reading.text()).toBe('one\ntwo\nthree')
  })

  it('sells pieces of its own making, under a name that it may give them', async () => {
    const piece = (bytes: Uint8Array) => bytes.indexOf(0x2e) + 1
    for (const [unit, said] of [
      [undefined, 'opaque'],
      ['sentence', 'sentence'],
    ] as const) {
      const { get, pay } = await start(() => ({
        price: 1n,
        piece,
        content: 'One. Two. Three',
        ...(unit === undefined ? {} : { unit }),
      }))
      const reading = await get('/')
      expect(reading.headers['pay-terms']).toMatch(new RegExp(`^unit=${said}, asset=`))
      expect(reading.headers['pay-endpoint']).toBeUndefined()
      const stream = streamOf(reading.headers)
      await pay(stream, 1)
      expect(await reading.until(4)).toBe('One.')
      await Promise.all([2, 3].map((n) => pay(stream, n)))
      expect(await reading.over).toBe('end')
    }
  })

  it('needs to do nothing for HEAD, OPTIONS and other methods, and its content is let go of', async () => {
    const contents: Readable[] = []
    const { get, shop } = await start(() => {
      const content = Readable.from(['abc'])
      contents.push(content)
      return { price: 1n, piece: 'letter', content }
    })
    const statuses = []
    for (const method of ['HEAD', 'OPTIONS', 'POST']) statuses.push((await get('/', { method })).status)
    expect(statuses).toEqual([200, 204, 405])
    expect(contents.map(({ destroyed }) => destroyed)).toEqual([true, true, true])
    expect(shop.counts().open).toBe(0)
  })

  it('that is late finds the reader gone, and nothing stays behind', async () => {
    const content = Readable.from(['abc'])
    const { port, shop, named } = await start(async (_request, response) => {
      await new Promise((resolve) => response.once('close', resolve))
      return { price: 1n, piece: 'letter', content }
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await quiet()
    socket.destroy()
    await eventually(() => content.destroyed)
    expect(shop.counts()).toMatchObject({ open: 0, unpaid: 0 })
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'reader_left' }])
  })

  it('that makes a mistake in its offer answers 500', async () => {
    const mistakes: Partial<HttpOffer>[] = [
      { price: 0n },
      { piece: 'word' as 'line' },
      { unit: 'not a token', piece: () => 0 },
      { endpoint: 'http://not-a-ledger/' },
      { endpoint: { port: 9000 }, status: 99 },
    ]
    for (const mistake of mistakes) {
      const content = Readable.from(['abc'])
      const { get, shop } = await start(() => ({ price: 1n, piece: 'letter', content, ...mistake }))
      const reading = await get('/')
      expect(reading.status).toBe(500)
      expect(reading.headers['content-type']).toBe('application/problem+json')
      expect(content.destroyed).toBe(true)
      expect(shop.counts().open).toBe(0)
    }
  })

  it('may have answered already', async () => {
    const { get, shop } = await start((_request, response) => {
      response.end('mine')
      return { price: 1n, piece: 'letter', content: 'abc' }
    })
    const reading = await get('/')
    expect(reading.status).toBe(200)
    await reading.over
    expect(reading.text()).toBe('mine')
    await quiet()
    expect(shop.counts().open).toBe(0)
  })
})

describe('a server of a shop', () => {
  it('is not made with terms that no request could be answered with', async () => {
    const { shop } = await openTestShop()
    const terms = { shop, source: () => ({ content: 'abc' }), price: 1n, piece: 'letter' } as const
    expect(() => createShopServer({ ...terms, price: 0n })).toThrow(PriceError)
    expect(() => createShopServer({ ...terms, piece: 'word' as 'line' })).toThrow(UnitError)
    for (const endpoint of ['', 'ws://a/', 'btp+ws://user:token@a:9000/']) {
      expect(() => createShopServer({ ...terms, endpoint })).toThrow(PayEndpoint.PayEndpointError)
    }
    expect(createServer(createShopServer({ ...terms, endpoint: 'btp+ws://a:9000/' }))).toBeDefined()
  })
})
