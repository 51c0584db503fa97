/** Bad input and bad days, over real sockets: never a crash, no state kept, other customers unaffected. */
import { once } from 'node:events'
import net from 'node:net'
import { authenticationLimits, createTrustlineClient, systemTimers, type TrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import { systemClock as clock, hashes, randomBytes } from '@millstream/hashes'
import { createMemoryStore } from '@millstream/ledger'
import { Condition, Instant, TransferId } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createTrustlineHost, listenTrustline, type TrustlineHost } from './index.js'
import { authFrame } from './testing/raw-customer.js'

const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(7))
const condition = Condition.from(hashes.sha256(fulfillment))
const prefix = 'g.letter-shop.mytrustline.'
const packet = IlpPacket.encodePayment(1n, `${prefix}server.user.1`)

let host: TrustlineHost
let url: string
let port: number
let bob: TrustlineClient
let paidByBob: number
let closeAll: () => Promise<void>
/** Ends the time that connections have for their authentication, without waiting for it. */
let expireAuthentications: () => void

function setHostTimeout(callback: () => void, ms: number): unknown {
  if (ms === authenticationLimits.authenticationTimeoutMs) {
    const earlier = expireAuthentications
    expireAuthentications = () => {
      earlier()
      callback()
    }
  }
  return systemTimers.setTimeout(callback, ms)
}

beforeEach(async () => {
  expireAuthentications = () => {}
  const store = createMemoryStore({ clock, hashes, limits: { strangersCreditMax: 10_000_000n } })
  host = createTrustlineHost({
    store,
    prefix,
    asset: { code: 'XRP', scale: 9 },
    strangers: { policy: 'credit', each: 1_000_000n, total: 10_000_000n },
    clock,
    hashes,
    randomBytes,
    timers: { setTimeout: setHostTimeout, clearTimeout: systemTimers.clearTimeout },
  })
  host.receive({ check: () => undefined, fulfill: () => fulfillment, settled: () => {} })
  // Who connects is counted by address, and all of these tests have one.
  const limits = { connectionsPerAddressMax: 64, opensPerSecond: 100, opensBurst: 200 }
  const listener = await listenTrustline(host, { port: 0, host: '127.0.0.1', limits })
  port = listener.port
  url = `ws://127.0.0.1:${port}/`
  bob = createTrustlineClient({
    uri: `btp+ws://bob:a%20token%20of%20sixteen%20bytes@127.0.0.1:${port}/`,
    connect: webSocketConnector(),
    clock,
    hashes,
    randomBytes,
  })
  await bob.connect()
  paidByBob = 0
  closeAll = async () => {
    await bob.close()
    await host.close()
    await listener.close()
    await store.close()
  }
})
afterEach(() => closeAll())

/** The other customer pays, and has paid what it has paid and nothing else. */
async function bobIsFine(): Promise<void> {
  const outcome = await bob.send({
    id: TransferId.from(randomBytes(16)),
    amount: 1n,
    condition,
    expiresAt: Instant.after(clock(), 30_000),
    packet,
  })
  expect(outcome.status).toBe('fulfilled')
  paidByBob++
  expect(await bob.balance()).toBe(BigInt(-paidByBob))
}

/** Nobody but the other customer is left in memory. */
async function nothingIsLeft(): Promise<void> {
  while (host.stats().connections > 1) await new Promise((resolve) => setImmediate(resolve))
  expect(host.stats()).toMatchObject({ connections: 1, accounts: 1, held: 0 })
}

interface RawSocket {
  readonly socket: WebSocket
  readonly closed: Promise<number>
  readonly answers: BtpFrame.Frame[]
}

async function openRaw(): Promise<RawSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const answers: BtpFrame.Frame[] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer) => answers.push(BtpFrame.decode(new Uint8Array(data))))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await once(socket, 'open')
  return { socket, closed, answers }
}

async function openAuthenticated(): Promise<RawSocket> {
  const raw = await openRaw()
  raw.socket.send(BtpFrame.encode(authFrame(1, '', '')))
  while (raw.answers.length === 0) await once(raw.socket, 'message')
  expect(raw.answers[0]?.type).toBe('response')
  raw.answers.length = 0
  return raw
}

const prepare = BtpFrame.encode({
  type: 'prepare',
  requestId: 2,
  transferId: TransferId.from(new Uint8Array(16).fill(1)),
  amount: 1n,
  condition,
  expiresAt: Instant.from(4_000_000_000_000),
  protocolData: [],
})

const badFrames: readonly (readonly [string, Uint8Array | string])[] = [
  ['garbage', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ['an empty frame', new Uint8Array()],
  ['a frame that is cut short', prepare.subarray(0, 40)],
  ['a frame with trailing bytes', Uint8Array.of(...prepare, 0)],
  ['a text frame', 'hello'],
  ['a frame that announces more than it has', Uint8Array.of(6, 0, 0, 0, 1, 0x84, 0xff, 0xff, 0xff, 0xff)],
  ['a frame full of entries', Uint8Array.of(6, 0, 0, 0, 1, 4, 2, 0xff, 0xff, 0)],
]

describe('before authentication', () => {
  it.each(badFrames)('%s closes the connection', async (_, frame) => {
    const { socket, closed, answers } = await openRaw()
    socket.send(frame)
    expect(await closed).toBe(1002)
    expect(answers).toEqual([])
    await bobIsFine()
    await nothingIsLeft()
  })

  it('an oversized frame closes the connection with 1009', async () => {
    const { socket, closed } = await openRaw()
    socket.send(new Uint8Array(5_000))
    expect(await closed).toBe(1009)
    await bobIsFine()
  })

  it('a PREPARE is refused, and nothing is held', async () => {
    const { socket, closed, answers } = await openRaw()
    socket.send(prepare)
    expect(await closed).toBe(1000)
    expect(answers).toMatchObject([{ type: 'error', code: 'F01' }])
    await bobIsFine()
    await nothingIsLeft()
  })

  it.each([0, 7, 8, 99, 255])('type %i closes the connection', async (type) => {
    const { socket, closed } = await openRaw()
    socket.send(Uint8Array.of(type, 0, 0, 0, 1, 2, 1, 0))
    expect([1000, 1002]).toContain(await closed)
    await bobIsFine()
  })

  it('silence closes the connection', async () => {
    const { closed, answers } = await openRaw()
    expireAuthentications()
    expect(await closed).toBe(1000)
    expect(answers).toEqual([])
    await bobIsFine()
    await nothingIsLeft()
  })

  it('a frame that comes byte by byte is not waited for beyond the time for all of it', async () => {
    const { socket, closed } = await openRaw()
    const bytes = BtpFrame.encode(authFrame(1, 'slow', 'loris'))
    for (const byte of bytes.subarray(0, 5)) socket.send(Uint8Array.of(byte), { fin: false })
    await bobIsFine()
    expireAuthentications()
    await closed
    await bobIsFine()
    await nothingIsLeft()
  })

  it('a connection may leave at once, politely or not', async () => {
    for (let i = 0; i < 20; i++) {
      const { socket, closed } = await openRaw()
      if (i % 2 === 0) socket.close()
      else (socket as unknown as { _socket: net.Socket })._socket.resetAndDestroy()
      await closed
    }
    await bobIsFine()
    await nothingIsLeft()
  })

  it('authentication twice on one connection is refused the second time, and the connection stays', async () => {
    const { socket, answers } = await openAuthenticated()
    socket.send(BtpFrame.encode(authFrame(3, '', '')))
    while (answers.length === 0) await once(socket, 'message')
    expect(answers).toMatchObject([{ type: 'error', code: 'F00', requestId: 3 }])
    expect(socket.readyState).toBe(WebSocket.OPEN)
    socket.terminate()
  })
})

describe('after authentication', () => {
  it.each(badFrames)('%s closes the connection with 1002', async (_, frame) => {
    const { socket, closed, answers } = await openAuthenticated()
    socket.send(frame)
    expect(await closed).toBe(1002)
    expect(answers).toEqual([])
    await bobIsFine()
    await nothingIsLeft()
  })

  it('an oversized frame closes the connection with 1009', async () => {
    const { socket, closed } = await openAuthenticated()
    socket.send(new Uint8Array(200_000))
    expect(await closed).toBe(1009)
    await bobIsFine()
    await nothingIsLeft()
  })

  it('unknown types are ignored, and what follows is answered', async () => {
    const { socket, answers } = await openAuthenticated()
    for (const type of [0, 8, 99, 255]) socket.send(Uint8Array.of(type, 0, 0, 0, 9, 0))
    socket.send(Uint8Array.of(7, 0, 0, 0, 9, 10, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0))
    socket.send(BtpFrame.encode({ type: 'message', requestId: 4, protocolData: [] }))
    while (answers.length === 0) await once(socket, 'message')
    expect(answers).toMatchObject([{ type: 'error', requestId: 4 }])
    socket.terminate()
    await bobIsFine()
  })

  it('leaving in the middle of payments is nothing to the others', async () => {
    for (let i = 0; i < 10; i++) {
      const { socket, closed } = await openAuthenticated()
      for (let n = 0; n < 20; n++) {
        const transferId = TransferId.from(randomBytes(16))
        const expiresAt = Instant.after(clock(), 30_000)
        const protocolData = [{ name: 'ilp', contentType: 0, data: packet }]
        socket.send(
          BtpFrame.encode({
            type: 'prepare',
            requestId: n,
            transferId,
            amount: 1n,
            condition,
            expiresAt,
            protocolData,
          }),
        )
      }
      if (i % 2 === 0) socket.terminate()
      else (socket as unknown as { _socket: net.Socket })._socket.resetAndDestroy()
      await closed
      await bobIsFine()
    }
    await nothingIsLeft()
  })

  it('a customer that asks without reading loses its connection, not the host its memory', {
    timeout: 120_000,
  }, async () => {
    const { socket, closed } = await openAuthenticated()
    const { _socket: tcp } = socket as unknown as { _socket: net.Socket }
    tcp.pause()
    const question = BtpFrame.encode({ type: 'message', requestId: 9, protocolData: [] })
    let isOpen = true
    void closed.then(() => {
      isOpen = false
    })
    // Each refusal is some hundred bytes; what the sockets do not take stays with the host, up to its bound.
    for (let i = 0; isOpen && i < 300_000; i++) {
      socket.send(question)
      if (i % 5_000 === 0) await bobIsFine()
      if (host.stats().connections === 1) break
    }
    expect(host.stats().connections).toBe(1)
    tcp.resume()
    socket.terminate()
    await bobIsFine()
    await nothingIsLeft()
  })
})

describe('wrong tokens', () => {
  it('open another account: nobody comes into that of somebody else', async () => {
    await bobIsFine()
    const thief = createTrustlineClient({
      uri: `btp+ws://bob:another%20token%20of%20sixteen@127.0.0.1:${port}/`,
      connect: webSocketConnector(),
      clock,
      hashes,
      randomBytes,
    })
    await thief.connect()
    expect(await thief.balance()).toBe(0n)
    expect(thief.info().account).not.toBe(bob.info().account)
    await thief.close()
    await bobIsFine()
  })
})

describe('floods', () => {
  it('of ten thousand connections leave the others alone', { timeout: 120_000 }, async () => {
    let opened = 0
    const knock = () =>
      new Promise<void>((resolve) => {
        const socket = net.connect(port, '127.0.0.1')
        socket.on('connect', () => {
          opened++
          // Every third says something that is no HTTP, every third opens a WebSocket and says nothing.
          if (opened % 3 === 0) socket.write('garbage\r\n\r\n')
          else if (opened % 3 === 1) socket.write(upgradeRequest)
          else socket.end()
          // A reset keeps no port waiting: ten thousand of them would be used up.
          setTimeout(() => socket.resetAndDestroy(), 5)
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
    for (let round = 0; round < 200; round++) {
      await Promise.all([...Array.from({ length: 50 }, knock), bobIsFine()])
    }
    expect(opened).toBeGreaterThan(9_000)
    await bobIsFine()
    await nothingIsLeft()
  })

  it('of payments by one customer leave the others their turn', async () => {
    const { socket } = await openAuthenticated()
    const protocolData = [{ name: 'ilp', contentType: 0, data: packet }]
    const flood = Array.from({ length: 4_000 }, (_, requestId) =>
      BtpFrame.encode({
        type: 'prepare',
        requestId,
        transferId: TransferId.from(randomBytes(16)),
        amount: 2_000_000n,
        condition,
        expiresAt: Instant.after(clock(), 30_000),
        protocolData,
      }),
    )
    for (const frame of flood) socket.send(frame)
    for (let i = 0; i < 20; i++) await bobIsFine()
    socket.terminate()
    await nothingIsLeft()
  })
})

const upgradeRequest = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n')
