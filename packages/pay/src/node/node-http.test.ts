import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchHttp } from '../fetch-http.js'
import type { Http, HttpRequest } from '../http.js'
import { createNodeHttp } from './node-http.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function get(http: Http, url: string, change: Partial<HttpRequest> = {}) {
  return http(url, { method: 'GET', headers: new Map(), signal: new AbortController().signal, ...change })
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of body) text += new TextDecoder().decode(chunk)
  return text
}

describe.each([
  ['node:http', createNodeHttp()],
  ['fetch', fetchHttp],
])('HTTP by %s', (_, http) => {
  it('gives status, headers and body', async () => {
    const url = await serve((_, response) => {
      response.writeHead(201, { Pay: '1 g.x.y z', 'Set-Cookie': ['a=1', 'b=2'] })
      response.end('content')
    })
    const response = await get(http, `${url}/x?y`)
    expect(response).toMatchObject({ status: 201, url: `${url}/x?y` })
    expect(response.header('pay')).toBe('1 g.x.y z')
    expect(response.header('none')).toBeUndefined()
    expect(new Map(response.headers()).get('pay')).toBe('1 g.x.y z')
    expect(await textOf(response.body)).toBe('content')
  })

  it('sends method, headers and body', async () => {
    const url = await serve(async (request, response) => {
      const body = await textOf(request)
      response.end(`${request.method} ${request.headers['accept-encoding']} ${body}`)
    })
    const headers = new Map([['accept-encoding', 'identity']])
    const response = await get(http, url, { method: 'POST', headers, body: 'question' })
    expect(await textOf(response.body)).toBe('POST identity question')
  })

  it('gives chunks as they come, before the body has ended', async () => {
    let answer: ServerResponse | undefined
    const url = await serve((_, response) => {
      response.flushHeaders()
      answer = response
    })
    const response = await get(http, url)
    const body = response.body[Symbol.asyncIterator]()
    for (const letter of 'abc') {
      const read = body.next()
      answer!.write(letter)
      const { value } = await read
      expect(new TextDecoder().decode(value)).toBe(letter)
    }
    answer!.end()
    expect(await body.next()).toMatchObject({ done: true })
  })

  it('throws when the connection breaks before the end', async () => {
    const url = await serve((_, response) => {
      response.write('half', () => response.destroy())
    })
    const response = await get(http, url)
    await expect(textOf(response.body)).rejects.toThrow()
  })

  it('throws when a body of known length is too short', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': '10' })
      response.write('half', () => response.destroy())
    })
    const response = await get(http, url)
    await expect(textOf(response.body)).rejects.toThrow()
  })

  it('ends the request when it is aborted, and a pending read rejects', async () => {
    let closed = () => {}
    const gone = new Promise<void>((resolve) => {
      closed = resolve
    })
    const url = await serve((_, response) => {
      response.flushHeaders()
      response.on('close', closed)
    })
    const controller = new AbortController()
    const response = await get(http, url, { signal: controller.signal })
    const read = response.body[Symbol.asyncIterator]().next()
    controller.abort()
    await expect(read).rejects.toThrow()
    await gone
  })

  it('rejects when nobody listens', async () => {
    const url = await serve(() => {})
    servers.splice(0).forEach((server) => void server.close())
    await expect(get(http, url)).rejects.toThrow()
  })

  it('reads no further than it is asked', async () => {
    let written = 0
    const url = await serve((_, response) => {
      const chunk = new Uint8Array(65_536)
      const write = () => {
        while (written < 1000) {
          written++
          if (!response.write(chunk)) {
            response.once('drain', write)
            return
          }
        }
        response.end()
      }
      write()
    })
    const response = await get(http, url)
    const body = response.body[Symbol.asyncIterator]()
    await body.next()
    // Buffers of the system and of both sides hold some; the most of it waits.
    for (let last = -1; last !== written; ) {
      last = written
      for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(written).toBeLessThan(500)
    let rest = 0
    for (let next = await body.next(); next.done !== true; next = await body.next()) rest += next.value.length
    expect(rest).toBeGreaterThan(900 * 65_536)
  })

  it('follows redirects, and tells where the answer came from', async () => {
    const target = await serve((_, response) => response.end('there'))
    const url = await serve((_, response) => response.writeHead(302, { Location: `${target}/final` }).end())
    const response = await get(http, url)
    expect(response.url).toBe(`${target}/final`)
    expect(await textOf(response.body)).toBe('there')
  })
})

describe('HTTP by node:http alone', () => {
  const http = createNodeHttp({ redirectsMax: 3, headersMsMax: 200 })

  it('follows no more redirects than it should', async () => {
    const url = await serve((request, response) => {
      const count = Number(request.url!.slice(1))
      response.writeHead(count < 4 ? 307 : 200, { Location: `/${count + 1}` }).end('found')
    })
    expect(await textOf((await get(http, `${url}/1`)).body)).toBe('found')
    await expect(get(http, `${url}/0`)).rejects.toMatchObject({ code: 'PAY_TOO_MANY_REDIRECTS' })
  })

  it('keeps what is meant for one origin from another', async () => {
    const target = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const url = await serve((_, response) => response.writeHead(302, { Location: target }).end())
    const secrets = ['authorization', 'cookie', 'pay-token']
    const headers = new Map([...secrets.map((name) => [name, 's3cret'] as const), ['x-other', 'kept']])
    const text = await textOf((await get(http, url, { headers })).body)
    expect(text).not.toContain('s3cret')
    expect(text).toContain('kept')
  })

  it('turns POST into GET where browsers do', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/303') response.writeHead(303, { Location: '/' }).end()
      else if (request.url === '/307') response.writeHead(307, { Location: '/' }).end()
      else response.end(request.method)
    })
    const post = { method: 'POST', body: 'x' }
    expect(await textOf((await get(http, `${url}/303`, post)).body)).toBe('GET')
    expect(await textOf((await get(http, `${url}/307`, post)).body)).toBe('POST')
  })

  it('goes nowhere but to HTTP', async () => {
    const url = await serve((_, response) => response.writeHead(302, { Location: 'file:///etc/passwd' }).end())
    await expect(get(http, url)).rejects.toMatchObject({ code: 'PAY_REDIRECT_REFUSED' })
  })

  it('says of a redirect to nowhere that it is the shop that is wrong', async () => {
    const url = await serve((_, response) => response.writeHead(302, { Location: 'http://[' }).end())
    await expect(get(http, url)).rejects.toMatchObject({ code: 'PAY_REDIRECT_REFUSED' })
  })

  it('waits for the headers no longer than it should', async () => {
    const url = await serve(() => {})
    await expect(get(http, url)).rejects.toThrow('no answer in time')
  })

  it.each([
    ['byte by byte', 'a'],
    ['after ever more interim answers', `HTTP/1.1 103 Early Hints\r\n\r\n`],
  ])('nor for headers that come %s', async (_, drip) => {
    const url = await serve(({ socket }) => {
      if (drip === 'a') socket.write('HTTP/1.1 200 OK\r\nA: ')
      const dripping = setInterval(() => socket.write(drip), 20)
      socket.once('close', () => clearInterval(dripping))
    })
    await expect(get(http, url)).rejects.toThrow('no answer in time')
  })

  it('hands chunks that came together on as one', async () => {
    const url = await serve((_, response) => {
      response.flushHeaders()
      response.cork()
      for (let i = 0; i < 1000; i++) response.write('a')
      // Node 24 forgets what is corked when the response ends.
      response.uncork()
      response.end()
    })
    let chunks = 0
    let bytes = 0
    for await (const chunk of (await get(http, url)).body) {
      chunks++
      bytes += chunk.length
    }
    expect(bytes).toBe(1000)
    expect(chunks).toBeLessThan(50)
  })
})
