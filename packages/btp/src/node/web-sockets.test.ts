import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { BtpFrame } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { Condition, Instant, TransferId } from '@millstream/units'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { acceptConnection } from '../authentication.js'
import type { BtpEvent } from '../btp-event.js'
import type { BtpSocket, BtpSocketListener } from '../btp-socket.js'
import { createSession } from '../session.js'
import { createTrustlineClient } from '../trustline-client.js'
import {
  ConnectError,
  type ConnectOptions,
  connectWebSocket,
  ListenError,
  type ListenOptions,
  listenWebSocket,
  type WebSocketConnection,
  type WebSocketListener,
  webSocketConnector,
} from './index.js'

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url))
const tls = { cert: fixture('test-only-certificate.pem'), key: fixture('test-only-key.pem') }

/** Messages and the end of one connection, to wait for. */
interface Recorder extends BtpSocketListener {
  readonly messages: (Uint8Array | string)[]
  readonly closed: Promise<{ code: number | undefined; reason: string | undefined }>
  /** Resolves when so many messages have come. */
  count(messages: number): Promise<void>
}

function createRecorder(onMessage: (data: Uint8Array | string) => void = () => undefined): Recorder {
  const messages: (Uint8Array | string)[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  let close: (end: { code: number | undefined; reason: string | undefined }) => void = () => undefined
  return {
    messages,
    closed: new Promise((resolve) => {
      close = resolve
    }),
    receive(data) {
      messages.push(typeof data === 'string' ? data : data.slice())
      onMessage(data)
      for (const { count, resolve } of waiting) if (messages.length >= count) resolve()
    },
    socketClosed: (code, reason) => close({ code, reason }),
    count: (count) =>
      new Promise((resolve) => (messages.length >= count ? resolve() : waiting.push({ count, resolve }))),
  }
}

/** What a server's connections did, in the order in which they came. */
interface Server {
  readonly listener: WebSocketListener
  readonly connections: (WebSocketConnection & { readonly recorder: Recorder })[]
  readonly events: BtpEvent[]
  connected(count: number): Promise<void>
}

/** For what no event tells. */
const patience = { timeout: 10_000, interval: 10 }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listen(options: Partial<ListenOptions> = {}, echo = false): Promise<Server> {
  const connections: Server['connections'] = []
  const events: BtpEvent[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const where = options.server === undefined ? { port: 0, host: '127.0.0.1' } : {}
  const observer = (event: BtpEvent) => void events.push(event)
  const listener = await listenWebSocket({ ...where, observer, ...options }, (connection) => {
    const recorder = createRecorder((data) => {
      if (echo && typeof data !== 'string') connection.socket.send(data.slice())
    })
    connections.push({ ...connection, recorder })
    for (const { count, resolve } of waiting) if (connections.length >= count) resolve()
    return recorder
  })
  cleanups.push(() => listener.close())
  const connected = (count: number) =>
    new Promise<void>((resolve) => (connections.length >= count ? resolve() : waiting.push({ count, resolve })))
  return { listener, connections, events, connected }
}

async function connect(url: string, options: ConnectOptions = {}): Promise<{ socket: BtpSocket; recorder: Recorder }> {
  const recorder = createRecorder()
  const socket = await connectWebSocket(url, recorder, options)
  cleanups.push(() => socket.close(1000, ''))
  return { socket, recorder }
}

/** A TCP connection that speaks for itself, and what it was told. */
async function openTcp(port: number): Promise<{ tcp: Socket; closed: Promise<unknown>; text: () => string }> {
  const tcp = connectTcp(port, '127.0.0.1')
  let text = ''
  tcp.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  tcp.on('error', () => undefined)
  const closed = once(tcp, 'close')
  cleanups.push(() => tcp.destroy())
  await once(tcp, 'connect')
  return { tcp, closed, text: () => text }
}

const upgradeRequest = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n')

async function upgradeTcp(server: Server): ReturnType<typeof openTcp> {
  const opened = await openTcp(server.listener.port)
  const before = server.connections.length
  opened.tcp.write(upgradeRequest)
  await server.connected(before + 1)
  return opened
}

describe('a WebSocket over the loopback', () => {
  it('carries messages of every size in both directions, in order, whole', async () => {
    const server = await listen({}, true)
    const { socket, recorder } = await connect(server.listener.url)
    const sizes = [0, 1, 125, 126, 127, 250, 4_095, 65_535, 65_536, 69_632]
    const sent = Array.from({ length: 200 }, (_, i) => new Uint8Array(sizes[i % sizes.length]!).fill(i))
    for (const bytes of sent) socket.send(bytes.slice())
    await recorder.count(sent.length)
    const same = recorder.messages.every((message, i) => Buffer.from(message as Uint8Array).equals(sent[i]!))
    expect(same).toBe(true)
    expect(server.connections[0]!.address).toBe('127.0.0.1')
  })

  it('tells both ends how it was closed, once', async () => {
    const server = await listen()
    const { socket, recorder } = await connect(server.listener.url)
    await server.connected(1)
    server.connections[0]!.socket.send(Uint8Array.of(1))
    server.connections[0]!.socket.close(1008, 'too many requests in flight')
    server.connections[0]!.socket.send(Uint8Array.of(2))
    expect(await recorder.closed).toEqual({ code: 1008, reason: 'too many requests in flight' })
    expect(recorder.messages).toEqual([Uint8Array.of(1)])
    expect(await server.connections[0]!.recorder.closed).toMatchObject({ code: 1008 })
    socket.send(Uint8Array.of(3))
    socket.close(1000, '')
  })

  it('gives a client its socket before the first message', async () => {
    const server = await listen()
    const order: string[] = []
    const listener = { receive: () => void order.push('message'), socketClosed: () => void order.push('closed') }
    const connecting = connectWebSocket(server.listener.url, listener).then((socket) => {
      order.push('socket')
      return socket
    })
    await server.connected(1)
    server.connections[0]!.socket.send(Uint8Array.of(1))
    const socket = await connecting
    server.connections[0]!.socket.close(1000, '')
    await server.connections[0]!.recorder.closed
    socket.close(1000, '')
    expect(order.slice(0, 2)).toEqual(['socket', 'message'])
  })

  it('takes fragments, and hands text on as text', async () => {
    const server = await listen()
    const webSocket = new WebSocket(server.listener.url)
    await once(webSocket, 'open')
    cleanups.push(() => webSocket.terminate())
    webSocket.send(Uint8Array.of(1, 2), { fin: false, binary: true })
    webSocket.ping()
    webSocket.send(Uint8Array.of(3), { fin: true, binary: true })
    webSocket.send('hello')
    webSocket.send(Uint8Array.of(4))
    await server.connected(1)
    const { recorder } = server.connections[0]!
    await recorder.count(3)
    expect(recorder.messages.map((message) => (typeof message === 'string' ? message : [...message]))).toEqual([
      [1, 2, 3],
      'hello',
      [4],
    ])
  })

  it('answers pings', async () => {
    const server = await listen()
    const webSocket = new WebSocket(server.listener.url)
    await once(webSocket, 'open')
    cleanups.push(() => webSocket.terminate())
    webSocket.ping('are you there?')
    const [data] = (await once(webSocket, 'pong')) as [Buffer]
    expect(String(data)).toBe('are you there?')
  })

  it('shows how many bytes wait for a peer that does not read', async () => {
    const server = await listen()
    const { tcp } = await upgradeTcp(server)
    tcp.pause()
    const { socket } = server.connections[0]!
    // More than the buffers of a loopback connection hold.
    for (let i = 0; i < 400; i++) socket.send(new Uint8Array(65_000))
    expect(socket.bufferedBytes).toBeGreaterThanOrEqual(400 * 65_000)
    await new Promise((resolve) => void setImmediate(resolve))
    expect(socket.bufferedBytes).toBeGreaterThan(1_000_000)
  })
})

describe('a peer that misbehaves', () => {
  it('is closed with 1009 for a message that is too large, and the others are not', async () => {
    const server = await listen({}, true)
    const good = await connect(server.listener.url)
    const bad = new WebSocket(server.listener.url)
    await once(bad, 'open')
    bad.send(new Uint8Array(69_633))
    const [code] = (await once(bad, 'close')) as [number]
    expect(code).toBe(1009)
    good.socket.send(Uint8Array.of(1))
    await good.recorder.count(1)
    expect(server.listener.connections).toBe(1)
  })

  it('is closed with 1002 for frames that cannot be', async () => {
    const server = await listen({ limits: { closeTimeoutMs: 50 } })
    const { tcp, closed, text } = await upgradeTcp(server)
    tcp.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))
    await closed
    expect(Buffer.from(text(), 'latin1').subarray(-4)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xea]))
    expect(await server.connections[0]!.recorder.closed).toMatchObject({ code: 1006 })
  })

  it('is gone when it resets, at any moment, on either side, and nothing throws', async () => {
    const server = await listen({}, true)
    const { tcp } = await upgradeTcp(server)
    tcp.resetAndDestroy()
    expect(await server.connections[0]!.recorder.closed).toMatchObject({ code: 1006 })
    server.connections[0]!.socket.send(Uint8Array.of(1))
    server.connections[0]!.socket.close(1000, '')
    const early = await openTcp(server.listener.port)
    early.tcp.write('GET / HT')
    early.tcp.resetAndDestroy()
    await early.closed
    const { socket, recorder } = await connect(server.listener.url)
    await server.connected(2)
    const half = await upgradeTcp(server)
    half.tcp.end()
    await half.closed
    for (let i = 0; i < 100; i++) socket.send(new Uint8Array(1_000))
    await recorder.count(100)
    expect(recorder.messages).toHaveLength(100)
  })

  it('is cut when it only pretends to be there', async () => {
    const server = await listen({ limits: { heartbeatMs: 20 } })
    const alive = await connect(server.listener.url)
    const { closed } = await upgradeTcp(server)
    await closed
    expect(await server.connections[1]!.recorder.closed).toMatchObject({ code: 1006 })
    server.connections[0]!.socket.send(Uint8Array.of(1))
    await alive.recorder.count(1)
  })

  it('is cut by a client, too', async () => {
    const silent = createTcpServer((tcp) => {
      tcp.on('error', () => undefined)
      tcp.once('data', (chunk) => {
        const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(String(chunk))![1]!
        void acceptKey(key).then((accept) => {
          const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
          tcp.write(`${head}Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
        })
      })
    })
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => silent.close())
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    const { recorder } = await connect(url, { heartbeatMs: 20 })
    expect(await recorder.closed).toMatchObject({ code: 1006 })
  })

  async function acceptKey(key: string): Promise<string> {
    const { createHash } = await import('node:crypto')
    return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  }

  it('is cut when its handshake takes too long: silent, slow, or an endless head', async () => {
    const server = await listen({ limits: { handshakeTimeoutMs: 100 } })
    const [silent, slow, endless] = await Promise.all([1, 2, 3].map(() => openTcp(server.listener.port)))
    slow!.tcp.write('GET / HTTP/1.1\r\nHost: local')
    endless!.tcp.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`)
    await Promise.all([silent!.closed, slow!.closed, endless!.closed])
    await expect.poll(() => server.listener.connections, patience).toBe(0)
    expect(server.connections).toEqual([])
  })

  it('gets 426 for a request that is no WebSocket, and nothing for what is no request', async () => {
    const server = await listen()
    const [response] = (await once(get(`http://127.0.0.1:${server.listener.port}/`), 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(426)
    const garbage = await openTcp(server.listener.port)
    garbage.tcp.write('\x16\x03\x01 garbage\r\n\r\n')
    await garbage.closed
    const wrong = await openTcp(server.listener.port)
    wrong.tcp.write(upgradeRequest.replace('Version: 13', 'Version: 7'))
    await wrong.closed
    expect(wrong.text()).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(server.connections).toEqual([])
  })
})

describe('many connections', () => {
  it('of one address are bounded; those that are open stay, and places become free again', async () => {
    const server = await listen(
      { limits: { connectionsPerAddressMax: 20, opensBurst: 1_000, handshakeTimeoutMs: 100 } },
      true,
    )
    const attempts = await Promise.allSettled(Array.from({ length: 100 }, () => connect(server.listener.url)))
    const opened = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
    expect(opened).toHaveLength(20)
    for (const { socket } of opened) socket.send(Uint8Array.of(7))
    await Promise.all(opened.map(({ recorder }) => recorder.count(1)))
    for (const { socket } of opened) socket.close(1000, '')
    await Promise.all(server.connections.map(({ recorder }) => recorder.closed))
    await expect.poll(() => server.listener.connections, patience).toBe(0)
    const again = await connect(server.listener.url)
    again.socket.send(Uint8Array.of(8))
    await again.recorder.count(1)
    // A report for each sweep in which somebody was refused, however many that were.
    const refused = () => server.events.flatMap((event) => (event.name === 'btp.listener_refused' ? [event] : []))
    await expect.poll(() => refused().reduce((sum, { count }) => sum + count, 0), patience).toBe(80)
    expect(refused()[0]).toMatchObject({ reason: 'too many connections of one address', address: '127.0.0.1' })
  })

  it('that open too fast are refused, whatever becomes of them', async () => {
    const server = await listen({ limits: { opensPerSecond: 0.001, opensBurst: 3 } })
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => connect(server.listener.url)))
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  })

  it('of different addresses behind a proxy are told apart by what it says', async () => {
    const addressOf = (request: IncomingMessage) => String(request.headers['x-forwarded-for'])
    const server = await listen({ addressOf, limits: { connectionsPerAddressMax: 1 } })
    const open = async (address: string) => {
      const webSocket = new WebSocket(server.listener.url, { headers: { 'x-forwarded-for': address } })
      cleanups.push(() => webSocket.terminate())
      return Promise.race([
        once(webSocket, 'open').then(() => 'open'),
        once(webSocket, 'unexpected-response').then((event) => (event[1] as IncomingMessage).statusCode),
      ])
    }
    expect([await open('192.0.2.1'), await open('192.0.2.2'), await open('192.0.2.1')]).toEqual(['open', 'open', 503])
    expect(server.connections.map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2'])
  })
})

describe('TLS', () => {
  it('carries the same, for clients that trust the certificate', async () => {
    const server = await listen({ tls, host: 'localhost' }, true)
    expect(server.listener.url).toMatch(/^wss:\/\/localhost:/)
    const { socket, recorder } = await connect(server.listener.url, { ca: tls.cert })
    for (let i = 0; i < 100; i++) socket.send(new Uint8Array(1_000).fill(i))
    await recorder.count(100)
    expect(recorder.messages.map((message) => message[999])).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('refuses a certificate that is not trusted', async () => {
    const server = await listen({ tls, host: 'localhost' })
    await expect(connect(server.listener.url)).rejects.toThrow(ConnectError)
  })

  it('cuts who does not finish the handshake, and is not harmed by who speaks no TLS', async () => {
    const server = await listen({ tls, host: '127.0.0.1', limits: { handshakeTimeoutMs: 100 } })
    const [silent, plain] = await Promise.all([openTcp(server.listener.port), openTcp(server.listener.port)])
    plain!.tcp.write(upgradeRequest)
    await Promise.all([silent!.closed, plain!.closed])
    await expect(connect(`ws://127.0.0.1:${server.listener.port}/`)).rejects.toThrow(ConnectError)
    const { recorder } = await connect(server.listener.url, { ca: tls.cert })
    server.connections[0]!.socket.send(Uint8Array.of(1))
    await recorder.count(1)
    await expect.poll(() => server.listener.connections, patience).toBe(1)
  })

  it('does not start with a key that is not the certificate’s', async () => {
    await expect(listen({ tls: { cert: tls.cert, key: 'no key' } })).rejects.toThrow(ListenError)
  })
})

describe('a listener', () => {
  it('does not start on a port that is taken, and says which', async () => {
    const server = await listen()
    const taken = listenWebSocket({ port: server.listener.port, host: '127.0.0.1' }, () => createRecorder())
    await expect(taken).rejects.toThrow(ListenError)
    await expect(taken).rejects.toThrow(String(server.listener.port))
  })

  it('closes its connections with 1001 and is gone then', async () => {
    const server = await listen({ limits: { closeTimeoutMs: 50 } })
    const { recorder } = await connect(server.listener.url)
    const silent = await upgradeTcp(server)
    await openTcp(server.listener.port)
    await server.listener.close()
    expect(await recorder.closed).toEqual({ code: 1001, reason: 'going away' })
    await silent.closed
    await expect(connect(server.listener.url)).rejects.toThrow(ConnectError)
    await server.listener.close()
  })

  it('can stop taking new connections and keep those it has', async () => {
    const server = await listen({}, true)
    const { socket, recorder } = await connect(server.listener.url)
    server.listener.stopAccepting()
    await expect(connect(server.listener.url)).rejects.toThrow(ConnectError)
    socket.send(Uint8Array.of(1))
    await recorder.count(1)
  })

  it('closes with 1011 a connection that its owner fails to take', async () => {
    const events: BtpEvent[] = []
    const observer = (event: BtpEvent) => void events.push(event)
    const bug = new Error('a bug')
    const listener = await listenWebSocket({ port: 0, host: '127.0.0.1', observer }, () => {
      throw bug
    })
    cleanups.push(() => listener.close())
    const { recorder } = await connect(listener.url)
    expect(await recorder.closed).toMatchObject({ code: 1011 })
    expect(events).toMatchObject([{ name: 'btp.listener_failed', error: bug }])
  })

  it('shares the server of somebody else: takes the upgrades of its path and nothing more', async () => {
    const http = createServer((_request, response) => void response.end('a page'))
    http.on('upgrade', (request, socket) => {
      if (request.url !== '/btp?x=1') socket.end('HTTP/1.1 418 I am a teapot\r\n\r\n')
    })
    await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => new Promise((resolve) => void http.close(resolve)))
    const server = await listen({ server: http, path: '/btp', limits: { connectionsPerAddressMax: 1 } }, true)
    const { port } = http.address() as AddressInfo
    const { socket, recorder } = await connect(`ws://127.0.0.1:${port}/btp?x=1`)
    socket.send(Uint8Array.of(1))
    await recorder.count(1)
    await expect(connect(`ws://127.0.0.1:${port}/other`)).rejects.toThrow('418')
    await expect(connect(`ws://127.0.0.1:${port}/btp?x=1`)).rejects.toThrow('503')
    const [page] = (await once(get(`http://127.0.0.1:${port}/`), 'response')) as [IncomingMessage]
    page.resume()
    expect(page.statusCode).toBe(200)
    await server.listener.close()
    expect(await recorder.closed).toMatchObject({ code: 1001 })
    expect(http.listening).toBe(true)
  })
})

describe('a client', () => {
  it('says where it could not connect and why, without credentials', async () => {
    await expect(connect('ws://user:token@127.0.0.1:1/')).rejects.toThrow(/ws:\/\/127\.0\.0\.1:1\/: .*ECONNREFUSED/)
    await expect(connect('http//nonsense')).rejects.toThrow(ConnectError)
    const http = createServer((_request, response) => void response.end('a page'))
    await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => http.close())
    await expect(connect(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`)).rejects.toThrow('200')
  })

  it('gives up on a host that does not finish the handshake', async () => {
    const silent = createTcpServer((tcp) => void tcp.on('error', () => undefined))
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => silent.close())
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    await expect(connect(url, { handshakeTimeoutMs: 50 })).rejects.toThrow(ConnectError)
  })
})

describe('a payment over TLS', () => {
  it('is made, over a cut too', async () => {
    const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(7))
    let cut = true
    const listener = await listenWebSocket({ port: 0, host: 'localhost', tls }, ({ socket }) =>
      acceptConnection<string>({
        socket,
        clock: systemClock,
        authenticate: (username) => ({ account: username }),
        accepted() {
          const session = createSession({
            socket,
            clock: systemClock,
            handler: {
              prepare({ requestId, transferId }) {
                if (cut) {
                  cut = false
                  socket.close(1011, 'broken')
                  return
                }
                session.respond(requestId)
                session.request({ type: 'fulfill', transferId, fulfillment, protocolData: [] }, () => undefined)
              },
              fulfill: () => undefined,
              reject: () => undefined,
              message({ requestId }) {
                const info = { prefix: 'test.host.', currencyCode: 'XRP', currencyScale: 9 }
                const data = new TextEncoder().encode(JSON.stringify(info))
                session.respond(requestId, [{ name: 'info', contentType: BtpFrame.contentType.json, data }])
              },
              closed: () => undefined,
            },
          })
          return session
        },
      }),
    )
    cleanups.push(() => listener.close())
    const client = createTrustlineClient({
      uri: `btp+wss://alice:a-token-of-sixteen-bytes@localhost:${listener.port}/`,
      connect: webSocketConnector({ ca: tls.cert }),
      clock: systemClock,
      hashes,
      randomBytes,
    })
    cleanups.push(() => client.close())
    await client.connect()
    const outcome = await client.send({
      id: TransferId.from(randomBytes(16)),
      amount: 1n,
      condition: Condition.from(hashes.sha256(fulfillment)),
      expiresAt: Instant.after(systemClock(), 30_000),
      packet: Uint8Array.of(1),
    })
    expect(outcome).toEqual({ status: 'fulfilled', fulfillment })
    expect(cut).toBe(false)
  })
})
