import { connect } from 'node:net'
import { PayTerms } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { afterEach, describe, expect, it } from 'vitest'
import { type Found, letters, type ShopLimits, type Source } from '../index.js'
import { eventually, listen, streamOf } from '../testing/http.fixture.js'
import { createHandFed, openTestShop, quiet } from '../testing/shop.fixture.js'
import { createShopServer, type ShopServerOptions } from './shop-server.js'

const fulfilled = { status: 'fulfilled' }
const opened: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close()
})

async function start(
  source: Source,
  options: Partial<ShopServerOptions> & { readonly limits?: Partial<ShopLimits> } = {},
) {
  const { limits, ...terms } = options
  const test = await openTestShop(limits === undefined ? {} : { limits })
  const errors: unknown[] = []
  const server = await listen(
    createShopServer({
      shop: test.shop,
      source,
      price: 1n,
      piece: 'letter',
      endpoint: { port: 9000 },
      onError: (error) => errors.push(error),
      ...terms,
    }),
  )
  opened.push(server)
  return { ...test, ...server, errors }
}

const text =
  (content: string): Source =>
  () => ({
    content: () => content,
    bytes: Buffer.byteLength(content),
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    etag: '"v1"',
  })

describe('GET', () => {
  it('answers the headers at once, and the letters as they are paid', async () => {
    const { get, pay, spent } = await start(letters(hashes))
    const reading = await get('/')
    expect(reading.status).toBe(200)
    expect(reading.headers.pay).toMatch(/^1 g\.letter-shop\.mytrustline\.server\.[A-Za-z0-9_-]{22} [A-Za-z0-9_-]{43}$/)
    expect(reading.text()).toBe('')
    const stream = streamOf(reading.headers)
    expect(await pay(stream, 1)).toMatchObject(fulfilled)
    expect(await reading.until(1)).toMatch(/^[A-Z]$/)
    await Promise.all(Array.from({ length: 99 }, (_, i) => pay(stream, i + 2)))
    expect(await reading.until(100)).toMatch(/^[A-Z]{100}$/)
    expect(await spent()).toBe(100n)
    reading.leave()
  })

  it('says the terms, the endpoint, and that nobody may store or hide it', async () => {
    const { get } = await start(text('x'.repeat(2500)), { piece: 'bytes:1024', price: 50n })
    const { headers, leave } = await get('/', {
      headers: { host: 'shop.example:8000', origin: 'https://page.example' },
    })
    expect(headers['pay-terms']).toBe(
      'unit=bytes:1024, pieces=3, asset="XRP", scale=9, ledger="g.letter-shop.mytrustline."',
    )
    expect(headers['pay-endpoint']).toBe('"btp+ws://shop.example:9000/"')
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '2500',
      'accept-ranges': 'none',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
      etag: '"v1"',
    })
    for (const name of ['Pay', 'Pay-Terms', 'Pay-Endpoint', 'ETag']) {
      expect(String(headers['access-control-expose-headers']).split(', ')).toContain(name)
    }
    expect(headers.pay).toMatch(/^50 /)
    leave()
  })

  it('gives letters without end no number of pieces, and others theirs', async () => {
    for (const [source, pieces] of [
      [letters(hashes), undefined],
      [letters(hashes, { length: 7 }), 7],
    ] as const) {
      const { get } = await start(source)
      const { headers, leave } = await get('/')
      expect(PayTerms.parse(String(headers['pay-terms'])).pieces).toBe(pieces)
      leave()
    }
  })

  it('ends well when everything is paid, and the connection serves another request', async () => {
    const { get, pay, origin } = await start(text('abc'))
    const reading = await get('/')
    const stream = streamOf(reading.headers)
    await Promise.all([1, 2, 3].map((n) => pay(stream, n)))
    expect(await reading.over).toBe('end')
    expect(reading.text()).toBe('abc')
    const response = await fetch(origin)
    const second = streamOf(Object.fromEntries(response.headers))
    await Promise.all([1, 2, 3].map((n) => pay(second, n)))
    expect(await response.text()).toBe('abc')
  })

  it('gives every reader a stream of its own', async () => {
    const { get, pay } = await start(letters(hashes))
    const [first, second] = [await get('/'), await get('/')]
    await Promise.all(Array.from({ length: 40 }, (_, i) => pay(streamOf(first.headers), i + 1)))
    await Promise.all(Array.from({ length: 40 }, (_, i) => pay(streamOf(second.headers), i + 1)))
    expect(await first.until(40)).not.toBe(await second.until(40))
    expect(first.headers.pay).not.toBe(second.headers.pay)
    first.leave()
    second.leave()
  })

  it('takes the content as it is, whatever encoding the reader would take', async () => {
    const seen: unknown[] = []
    const { get } = await start((request) => {
      seen.push(request.headers['accept-encoding'])
      return text('abc')(request)
    })
    const reading = await get('/', { headers: { 'accept-encoding': 'gzip, br' } })
    expect(reading.headers['content-encoding']).toBeUndefined()
    expect(seen).toEqual(['gzip, br'])
    reading.leave()
  })

  it('costs nothing when there is no content', async () => {
    const { get, shop } = await start(text(''))
    const reading = await get('/')
    expect(await reading.over).toBe('end')
    expect(reading.status).toBe(200)
    expect(reading.headers.pay).toBeUndefined()
    expect(reading.headers['content-length']).toBe('0')
    expect(shop.counts()).toEqual({ open: 0, unpaid: 0, remembered: 0 })
  })

  it('writes no more than the reader takes, and takes no money for it', async () => {
    const { get, pay, spent, pair, advance } = await start(
      () => ({
        content: () =>
          (function* () {
            for (;;) yield 'x'.repeat(65_536)
          })(),
        pieces: Number.POSITIVE_INFINITY,
      }),
      { piece: 'bytes:65536' },
    )
    const reading = await get('/')
    reading.response.pause()
    const stream = streamOf(reading.headers)
    const outcomes = Array.from({ length: 400 }, (_, i) => pay(stream, i + 1))
    // The buffers of both sockets take some megabytes; then nothing more is fulfilled.
    let turnsWithoutPayment = 0
    let before = await spent()
    await eventually(() => pair.held() > 0)
    while (turnsWithoutPayment < 500) {
      await quiet()
      const now = await spent()
      turnsWithoutPayment = now === before ? turnsWithoutPayment + 1 : 0
      before = now
    }
    expect(pair.held()).toBeGreaterThan(100)
    const paid = await spent()
    await advance(30_000)
    const statuses = (await Promise.all(outcomes)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 'fulfilled')).toHaveLength(Number(paid))
    expect(statuses.filter((status) => status === 'expired').length).toBeGreaterThan(100)
    reading.leave()
  })
})

describe('a reader', () => {
  it('that leaves has its payments refused, and its content let go of', async () => {
    const fed = createHandFed()
    const { get, pay, shop } = await start(() => ({ content: () => fed.reader }))
    const reading = await get('/')
    const stream = streamOf(reading.headers)
    const held = pay(stream, 1)
    await eventually(() => fed.state.reads === 1)
    reading.leave()
    expect(await held).toMatchObject({
      status: 'rejected',
      code: 'F06',
      message: 'The reader of this stream has left.',
    })
    expect(await pay(stream, 2)).toMatchObject({ status: 'rejected', code: 'F06' })
    expect(fed.state.closed).toBe(true)
    expect(shop.counts().open).toBe(0)
  })

  it('that leaves before there is an answer leaves no stream', async () => {
    let answer = (_found: Found) => {}
    let aborted = false
    let closed = false
    const { port, shop } = await start((request) => {
      request.signal.addEventListener('abort', () => {
        aborted = true
      })
      return new Promise((resolve) => {
        answer = resolve
      })
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await quiet()
    socket.destroy()
    await eventually(() => aborted)
    const close = () => {
      closed = true
    }
    answer({ content: { read: () => undefined, close } })
    await eventually(() => closed)
    expect(shop.counts()).toEqual({ open: 0, unpaid: 0, remembered: 0 })
  })

  it('that nobody pays for is cut off after half a minute, in the middle', async () => {
    const { get, advance } = await start(text('abc'))
    const reading = await get('/')
    await advance(30_000)
    expect(await reading.over).toBe('ECONNRESET')
  })

  it('sees that the body broke off when the source fails, with a length and without', async () => {
    for (const bytes of [10, undefined]) {
      const fed = createHandFed()
      const { get, pay } = await start(() => ({ content: () => fed.reader, ...(bytes === undefined ? {} : { bytes }) }))
      const reading = await get('/')
      const stream = streamOf(reading.headers)
      const first = pay(stream, 1)
      await eventually(() => fed.state.reads === 1)
      await fed.feed('a')
      expect(await first).toMatchObject(fulfilled)
      expect(await reading.until(1)).toBe('a')
      await fed.fail()
      expect(await reading.over).toBe('ECONNRESET')
      expect(reading.text()).toBe('a')
    }
  })

  it('of HTTP/1.0 sees a reset when the body broke off', async () => {
    const { raw, advance, shop } = await start(letters(hashes))
    const answer = raw('GET / HTTP/1.0\r\n\r\n')
    await eventually(() => shop.counts().open === 1)
    // The head is there by then: libuv takes a reset that comes together with data for an end.
    await quiet()
    await advance(30_000)
    const text = await answer
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(text).toMatch(/Pay-Endpoint: "btp\+ws:\/\/127\.0\.0\.1:9000\/"/)
    expect(text).toMatch(/<ECONNRESET>$/)
  })

  it('is told to come back when it has too many streams', async () => {
    const { get } = await start(letters(hashes), { limits: { unpaidPerAddressMax: 1 } })
    const first = await get('/')
    const second = await get('/')
    expect(second.status).toBe(429)
    expect(second.headers['retry-after']).toBe('30')
    expect(second.headers['content-type']).toBe('application/problem+json')
    await second.over
    expect(JSON.parse(second.text())).toMatchObject({ status: 429, title: 'Too Many Requests' })
    first.leave()
  })

  it('is counted by what the program says is its address', async () => {
    const { get } = await start(letters(hashes), {
      limits: { unpaidPerAddressMax: 1 },
      addressOf: (request) => String(request.headers['x-real-ip']),
    })
    const readings = [
      await get('/', { headers: { 'x-real-ip': '192.0.2.1' } }),
      await get('/', { headers: { 'x-real-ip': '192.0.2.2' } }),
    ]
    expect(readings.map(({ status }) => status)).toEqual([200, 200])
    for (const { leave } of readings) leave()
  })

  it('of a shop that is full or closing is told so', async () => {
    const { get, shop } = await start(letters(hashes), { limits: { streamsMax: 1 } })
    const first = await get('/')
    expect((await get('/')).status).toBe(503)
    await shop.close()
    expect(await first.over).toBe('ECONNRESET')
    expect((await get('/')).status).toBe(503)
  })
})

describe('other methods', () => {
  it('HEAD answers the same headers, without a stream and without a price', async () => {
    const { get, shop } = await start(text('abc'))
    const { headers: ofGet, leave } = await get('/')
    leave()
    await eventually(() => shop.counts().open === 0)
    const head = await get('/', { method: 'HEAD' })
    expect(await head.over).toBe('end')
    expect(head.status).toBe(200)
    const { pay: _pay, date: _date, ...same } = ofGet
    expect(head.headers).toMatchObject({ ...same, connection: expect.any(String) })
    expect(head.headers.pay).toBeUndefined()
    expect(shop.counts()).toMatchObject({ open: 0, unpaid: 0 })
  })

  it('OPTIONS tells what pages of other origins may do', async () => {
    const { get, shop } = await start(text('abc'))
    const reading = await get('/', {
      method: 'OPTIONS',
      headers: { origin: 'https://page.example', 'access-control-request-method': 'GET' },
    })
    expect(reading.status).toBe(204)
    expect(reading.headers).toMatchObject({
      allow: 'GET, HEAD, OPTIONS',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS',
    })
    expect(reading.headers.pay).toBeUndefined()
    expect((await get('*', { method: 'OPTIONS' })).status).toBe(204)
    expect(shop.counts().open).toBe(0)
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'])('%s is refused', async (method) => {
    const { get, shop } = await start(text('abc'))
    const reading = await get('/', { method })
    expect(reading.status).toBe(405)
    expect(reading.headers.allow).toBe('GET, HEAD, OPTIONS')
    expect(shop.counts().open).toBe(0)
  })
})

describe('a hostile request', () => {
  it.each([
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: evil/path\r\n\r\n'],
    ['a host with credentials', 'GET / HTTP/1.1\r\nHost: user@evil\r\n\r\n'],
    ['a host with quotes', 'GET / HTTP/1.1\r\nHost: a"b\r\n\r\n'],
    ['an empty host', 'GET / HTTP/1.1\r\nHost: \r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a target that is no path', 'GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target that is a star', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target with bytes beyond ASCII', 'GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target that is too long', `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['a bare newline', 'GET /\n\nHost: a\r\n\r\n'],
    ['garbage', '\x00\x01\x02\r\n\r\n'],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ])('with %s gets 400', async (_name, bytes) => {
    const { raw, shop, get } = await start(text('abc'))
    expect(await raw(bytes.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /)
    expect(shop.counts().open).toBe(0)
    const reading = await get('/')
    expect(reading.status).toBe(200)
    reading.leave()
  })

  it('may name the shop in its target', async () => {
    const seen: string[] = []
    const { raw } = await start(({ url }) => {
      seen.push(url)
      return { problem: 404, detail: 'Nothing.' }
    })
    await raw('GET http://shop.example/a?b HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
    await raw('GET http://shop.example HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
    await raw('GET http://shop.example?q HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
    expect(seen).toEqual(['/a?b', '/', '/?q'])
  })

  it('that asks for an address of IPv6 is told an endpoint there', async () => {
    const { get } = await start(text('abc'))
    const reading = await get('/', { headers: { host: '[::1]:8000' } })
    expect(reading.headers['pay-endpoint']).toBe('"btp+ws://[::1]:9000/"')
    reading.leave()
  })

  it.each(['shop.example:', '127.0.0.1:', '[::1]:'])('may name a host with an empty port: %s', async (host) => {
    const { get } = await start(text('abc'))
    const reading = await get('/', { headers: { host } })
    expect(reading.headers['pay-endpoint']).toBe(`"btp+ws://${host}9000/"`)
    reading.leave()
  })

  it('that sends one request behind the other gets its streams one after the other', async () => {
    const { raw, shop, advance } = await start(text('abc'))
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const answer = raw(request + request)
    await eventually(() => shop.counts().open === 2)
    await advance(30_000)
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(shop.counts().open).toBe(0)
  })

  it('that connects and says nothing, or leaves in the middle, hurts nobody', async () => {
    const { port, shop, get } = await start(text('abc'))
    for (const part of ['', 'GET', 'GET / HTTP/1.1\r\nHo', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const socket = connect(port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.on('connect', resolve))
      socket.write(part)
      socket.resetAndDestroy()
    }
    const reading = await get('/')
    expect(reading.status).toBe(200)
    reading.leave()
    await eventually(() => shop.counts().open === 0)
  })
})

describe('a source', () => {
  it('that finds nothing answers with its problem', async () => {
    const { get } = await start(() => ({ problem: 404, detail: 'There is nothing here.' }))
    const reading = await get('/x')
    expect(reading.status).toBe(404)
    expect(reading.headers['access-control-allow-origin']).toBe('*')
    await reading.over
    expect(JSON.parse(reading.text())).toEqual({ title: 'Not Found', status: 404, detail: 'There is nothing here.' })
  })

  it('that throws is answered with 500, and told', async () => {
    const { get, errors } = await start(() => {
      throw new Error('a bug')
    })
    const reading = await get('/')
    expect(reading.status).toBe(500)
    await reading.over
    expect(reading.text()).not.toContain('a bug')
    expect(errors).toMatchObject([{ message: 'a bug' }])
  })

  it('may say its headers in any case, and none is said twice, nor in the name of the shop', async () => {
    const { raw, shop, advance } = await start(() => ({
      content: () => 'abc',
      headers: {
        'Cache-Control': 'public',
        'Content-TYPE': 'text/x',
        Pay: '1 g.a.b c',
        'Pay-Balance': '5',
        'Content-Length': 7,
      },
    }))
    const answer = raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => shop.counts().open === 1)
    await advance(30_000)
    const head = await answer
    const names = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(':')[0]!.toLowerCase())
      .filter((name) => name !== '')
    expect(new Set(names).size).toBe(names.length)
    expect(head).toContain('cache-control: no-store')
    expect(head).toContain('content-type: text/x')
    expect(head).toMatch(/\r\nPay: 1 g\.letter-shop\./)
    expect(names).not.toContain('pay-balance')
    expect(names).not.toContain('content-length')
  })

  it('that gives headers which cannot be sent is answered with 500', async () => {
    let closed = 0
    const { get, shop } = await start(() => ({
      headers: { 'x-bad': 'a\nb' },
      content: { read: () => undefined, close: () => void closed++ },
    }))
    expect((await get('/')).status).toBe(500)
    expect((await get('/', { method: 'HEAD' })).status).toBe(500)
    expect(shop.counts().open).toBe(0)
    expect(closed).toBe(2)
  })

  it('that gives something for nothing has it passed on', async () => {
    const { get, shop } = await start(() => ({
      status: 404,
      free: true,
      content: ['not ', 'here'],
      headers: { 'content-type': 'text/plain' },
    }))
    const reading = await get('/')
    expect(await reading.over).toBe('end')
    expect(reading.status).toBe(404)
    expect(reading.text()).toBe('not here')
    expect(reading.headers.pay).toBeUndefined()
    expect(reading.headers['pay-terms']).toBeUndefined()
    expect(shop.counts().open).toBe(0)
  })

  it('that fails in something for nothing is broken off', async () => {
    const { get } = await start(() => ({
      free: true,
      content: (async function* () {
        yield 'a'
        await quiet()
        throw new Error('broke')
      })(),
    }))
    const reading = await get('/')
    expect(await reading.over).toBe('ECONNRESET')
  })

  it('may use the seed of the stream, which its payer cannot know', async () => {
    const seeds: string[] = []
    const { get, pay } = await start(() => ({
      content: ({ seed, userId }) => {
        seeds.push(`${userId} ${Buffer.from(seed).toString('hex')}`)
        return 'abc'
      },
    }))
    const reading = await get('/')
    const stream = streamOf(reading.headers)
    await pay(stream, 1)
    expect(seeds).toHaveLength(1)
    expect(seeds[0]).not.toContain(Buffer.from(stream.secret).toString('hex'))
    expect(stream.address.endsWith(seeds[0]!.split(' ')[0]!)).toBe(true)
    reading.leave()
  })
})
