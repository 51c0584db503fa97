import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createShopServer, type ShopServerOptions } from '../http/shop-server.js'
import { eventually, listen, streamOf } from '../testing/http.fixture.js'
import { openTestShop } from '../testing/shop.fixture.js'
import { type UpstreamOptions, UpstreamUrlError, upstream } from './upstream.js'

const opened: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close()
})

/** A shop in front of a server that answers so. */
async function start(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<ShopServerOptions> & { base?: string; upstream?: UpstreamOptions } = {},
) {
  const behind = await listen(answer)
  const test = await openTestShop()
  const { base = '', upstream: upstreamOptions, ...terms } = options
  const source = upstream(behind.origin + base, upstreamOptions)
  const server = await listen(createShopServer({ shop: test.shop, source, price: 1n, piece: 'bytes:4', ...terms }))
  opened.push(server, behind)
  return { ...test, ...server, behind }
}

describe('an upstream', () => {
  it('has its successful answers sold, with their status and headers', async () => {
    const { get, pay } = await start((_request, response) => {
      response.writeHead(203, {
        'content-type': 'text/plain; charset=utf-8',
        'content-length': 10,
        etag: '"v7"',
        'last-modified': 'Wed, 25 Oct 2017 12:00:00 GMT',
        'set-cookie': ['a=1', 'b=2'],
        'cache-control': 'public, max-age=60',
        'keep-alive': 'timeout=9',
        'x-hop': 'yes',
        connection: 'keep-alive, x-hop',
        'accept-ranges': 'bytes',
        pay: '1 g.evil.server.user AAAAAAAAAAAAAAAAAAAAAA',
        'pay-terms': 'unit=letter',
        'access-control-allow-origin': 'https://only.example',
      })
      response.end('abcdefghij')
    })
    const reading = await get('/a')
    expect(reading.status).toBe(203)
    expect(reading.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '10',
      etag: '"v7"',
      'last-modified': 'Wed, 25 Oct 2017 12:00:00 GMT',
      'set-cookie': ['a=1', 'b=2'],
      'cache-control': 'no-store',
      'accept-ranges': 'none',
      'access-control-allow-origin': '*',
    })
    expect(reading.headers['x-hop']).toBeUndefined()
    expect(reading.headers['pay-terms']).toMatch(/^unit=bytes:4, pieces=3, /)
    expect(reading.headers.pay).toMatch(/^1 g\.letter-shop\./)
    const stream = streamOf(reading.headers)
    await Promise.all([1, 2, 3].map((n) => pay(stream, n)))
    expect(await reading.over).toBe('end')
    expect(reading.text()).toBe('abcdefghij')
  })

  it('gets the path and query, the headers of the reader, and is asked for the content itself', async () => {
    const seen: { url: string | undefined; headers: IncomingMessage['headers'] }[] = []
    const { get, behind } = await start(
      (request, response) => {
        seen.push({ url: request.url, headers: request.headers })
        response.writeHead(404).end()
      },
      { base: '/api/' },
    )
    await get('/a%20b/c?x=1&y=?', {
      headers: {
        accept: 'text/plain',
        authorization: 'Bearer of-the-upstream',
        'accept-encoding': 'gzip',
        range: 'bytes=0-1',
        'if-range': '"v"',
        'if-none-match': '"v7"',
        'pay-token': 'secret',
        te: 'trailers',
        'x-hop': '1',
        connection: 'close, x-hop',
        host: 'shop.example',
      },
    })
    expect(seen).toHaveLength(1)
    const [{ url, headers } = seen[0]!] = seen
    expect(url).toBe('/api/a%20b/c?x=1&y=?')
    expect(headers).toMatchObject({
      accept: 'text/plain',
      authorization: 'Bearer of-the-upstream',
      'accept-encoding': 'identity',
      'if-none-match': '"v7"',
      host: new URL(behind.origin).host,
    })
    for (const name of ['range', 'if-range', 'pay-token', 'te', 'x-hop']) expect(headers).not.toHaveProperty(name)
  })

  it.each([
    ['', '/', '/'],
    ['', '/x', '/x'],
    ['/one', '/', '/one'],
    ['/one/', '/', '/one/'],
    ['/one', '/x', '/one/x'],
    ['/one/', '/x?', '/one/x?'],
    ['/one', '/?q=1', '/one?q=1'],
  ])('at %j is asked by %s for %s', async (base, path, asked) => {
    let url: string | undefined
    const { get } = await start(
      (request, response) => {
        url = request.url
        response.writeHead(404).end()
      },
      { base },
    )
    await get(path)
    expect(url).toBe(asked)
  })

  it.each(['/../x', '/a/../../x', '/%2e%2e/x', '/.%2E/x', '/./x', '/a%2f..%2f..%2fx', '/a/..', '/..%5cx'])(
    'is not asked by %s for anything outside of its base',
    async (path) => {
      let asked = 0
      const { get } = await start(() => void asked++, { base: '/one/' })
      expect((await get(path)).status).toBe(400)
      expect(asked).toBe(0)
    },
  )

  it.each([204, 205, 301, 302, 303, 304, 307, 308, 400, 401, 404, 410, 418, 429, 500, 503])(
    'that answers %s is passed on for nothing',
    async (status) => {
      const { get, shop } = await start((_request, response) => {
        response.writeHead(status, {
          location: '/there',
          'x-more': 'y',
          'cache-control': 'max-age=5',
          'retry-after': '7',
        })
        response.end(status === 204 || status === 304 || status === 205 ? undefined : 'words')
      })
      const reading = await get('/')
      expect(await reading.over).toBe('end')
      expect(reading.status).toBe(status)
      expect(reading.headers).toMatchObject({
        location: '/there',
        'x-more': 'y',
        'cache-control': 'max-age=5',
        'retry-after': '7',
        'access-control-allow-origin': '*',
      })
      expect(reading.text()).toBe(status === 204 || status === 304 || status === 205 ? '' : 'words')
      expect(reading.headers.pay).toBeUndefined()
      expect(reading.headers['pay-terms']).toBeUndefined()
      expect(shop.counts()).toEqual({ open: 0, unpaid: 0, remembered: 0 })
    },
  )

  it('whose content is empty is passed on for nothing', async () => {
    const { get, shop } = await start((_request, response) => {
      response.writeHead(200, { 'content-length': 0 }).end()
    })
    const reading = await get('/')
    expect(await reading.over).toBe('end')
    expect(reading.headers.pay).toBeUndefined()
    expect(shop.counts().open).toBe(0)
  })

  it('is asked with HEAD for HEAD', async () => {
    const methods: unknown[] = []
    const { get, shop } = await start((request, response) => {
      methods.push(request.method)
      response.writeHead(200, { 'content-length': 10, 'content-type': 'text/plain' }).end()
    })
    const reading = await get('/', { method: 'HEAD' })
    expect(await reading.over).toBe('end')
    expect(methods).toEqual(['HEAD'])
    expect(reading.headers).toMatchObject({ 'content-length': '10', 'content-type': 'text/plain' })
    expect(reading.headers['pay-terms']).toMatch(/pieces=3/)
    expect(shop.counts().open).toBe(0)
  })

  it('is not read before something is paid, and feels how fast its reader pays', async () => {
    let written = 0
    let stalled = false
    const { get, pay } = await start(
      (_request, response) => {
        const write = () => {
          while (written < 100_000_000) {
            written += 65_536
            if (!response.write(Buffer.alloc(65_536, 'x'))) {
              stalled = true
              response.once('drain', write)
              return
            }
          }
          response.end()
        }
        write()
      },
      { piece: 'bytes:65536' },
    )
    const reading = await get('/')
    await eventually(() => stalled)
    expect(reading.text()).toBe('')
    const stream = streamOf(reading.headers)
    for (let n = 1; n <= 3; n++) expect(await pay(stream, n)).toMatchObject({ status: 'fulfilled' })
    expect((await reading.until(3 * 65_536)).length).toBe(3 * 65_536)
    expect(written).toBeLessThan(50_000_000)
    reading.leave()
  })

  it('is cut off when the reader leaves', async () => {
    let cut = false
    const { get, pay } = await start((_request, response) => {
      response.write('abcd')
      response.on('close', () => {
        cut = true
      })
    })
    const reading = await get('/')
    expect(await pay(streamOf(reading.headers), 1)).toMatchObject({ status: 'fulfilled' })
    await reading.until(4)
    reading.leave()
    await eventually(() => cut)
    expect(cut).toBe(true)
  })

  it('is cut off when nobody pays', async () => {
    let cut = false
    const { get, advance } = await start((_request, response) => {
      response.write('abcd')
      response.on('close', () => {
        cut = true
      })
    })
    const reading = await get('/')
    await advance(30_000)
    await eventually(() => cut)
    expect(await reading.over).toBe('ECONNRESET')
  })

  it('is cut off when the reader leaves before it has answered', async () => {
    let asked = false
    let cut = false
    const { port } = await start((request) => {
      asked = true
      request.socket.on('close', () => {
        cut = true
      })
    })
    const { connect } = await import('node:net')
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => asked)
    socket.destroy()
    await eventually(() => cut)
    expect(cut).toBe(true)
  })

  it.each([
    ['in the middle of its chunks', undefined],
    ['before all of its length', 10],
  ])('that breaks off %s breaks the body off, and charges nothing for what did not come', async (_name, length) => {
    let end = () => {}
    const { get, pay, spent } = await start((_request, response) => {
      if (length !== undefined) response.setHeader('content-length', length)
      response.write('abcd')
      end = () => void response.destroy()
    })
    const reading = await get('/')
    const stream = streamOf(reading.headers)
    expect(await pay(stream, 1)).toMatchObject({ status: 'fulfilled' })
    await reading.until(4)
    const second = pay(stream, 2)
    end()
    expect(await second).toMatchObject({ status: 'rejected', code: 'T00' })
    expect(await reading.over).toBe('ECONNRESET')
    expect(await spent()).toBe(1n)
  })

  it('that is not there is a bad gateway', async () => {
    const gone = createServer()
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
    const { port } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    const test = await openTestShop()
    const source = upstream(`http://127.0.0.1:${port}`)
    const server = await listen(createShopServer({ shop: test.shop, source, price: 1n, piece: 'letter' }))
    opened.push(server)
    const reading = await server.get('/')
    expect(reading.status).toBe(502)
    expect(test.shop.counts().open).toBe(0)
  })

  it('that says nothing for too long is a timeout', async () => {
    const { get } = await start(() => {}, { upstream: { answerMs: 20 } })
    expect((await get('/')).status).toBe(504)
  })

  it('that answers no HTTP is a bad gateway', async () => {
    const { get } = await start((_request, response) => {
      response.socket!.end('hello\r\n\r\n')
    })
    expect((await get('/')).status).toBe(502)
  })

  it.each([
    '',
    'x',
    '/x',
    'ftp://a/',
    'file:///etc/passwd',
    'http://user@a/',
    'http://u:p@a/',
    'http://a/?q',
    'http://a/#f',
  ])('is not at %j', (url) => {
    expect(() => upstream(url)).toThrow(UpstreamUrlError)
  })
})
