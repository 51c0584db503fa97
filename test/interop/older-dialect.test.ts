/**
 * The dialect of the branch that the tutorial installs, replayed from its recorded frames: its client at our host and at
 * our plugin, and our clients at its server.
 */
import fs from 'node:fs'
import { createTrustlineClient } from '@millstream/btp'
import { listenWebSocket, webSocketConnector } from '@millstream/btp/node'
import { BtpFrame, Derivation, IlpPacket, PayHeader } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import Plugin from '@millstream/ilp-plugin-payment-channel-framework'
import { createMemoryStore } from '@millstream/ledger'
import type { IncomingTransfer } from '@millstream/plugin'
import { createTrustlineHost, parseStrangers, strangersTotal } from '@millstream/trustline'
import { Hex, Instant, TransferId } from '@millstream/units'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from './helpers/port.js'
import { connectRaw } from './helpers/raw-client.js'

interface Recorded {
  readonly direction: 'client->server' | 'server->client'
  readonly what: string
  readonly hex: string
}

const recorded = JSON.parse(
  fs.readFileSync(new URL('./fixtures/mj-fix-frames/frames.json', import.meta.url), 'utf8'),
) as { readonly payHeader: string; readonly questions: readonly Recorded[]; readonly stream: readonly Recorded[] }

const prefix = 'g.letter-shop.mytrustline.'
/** While the recorded transfers had not expired. */
const recordedAt = Instant.from(Date.parse('2026-11-22T08:20:00.000Z'))

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

describe('a client of the older dialect', () => {
  it('learns info, balance and limit from our host', async () => {
    const client = await connectRaw(await startHost(systemClock))
    // The host says more of its ledger than the recorded one did.
    expect(await ask(client)).toMatchObject(answersOf(recorded.questions))
    await client.close()
  })

  it('learns info, balance and limit from our plugin', async () => {
    const client = await connectRaw(await startPlugin())
    expect(await ask(client)).toEqual(answersOf(recorded.questions))
    await client.close()
  })

  it('buys letters from our host', async () => {
    const paid: string[] = []
    const client = await connectRaw(await startHost(() => recordedAt, paid))
    const asked = framesOf(recorded.stream, 'client->server')
    const requests = asked.filter(({ type }) => type === 'message' || type === 'prepare')
    const prepares = asked.filter(({ type }) => type === 'prepare')
    const expected = new Map(
      framesOf(recorded.stream, 'server->client').flatMap((frame) =>
        frame.type === 'fulfill' ? [[TransferId.format(frame.transferId), Hex.fromBytes(frame.fulfillment)]] : [],
      ),
    )
    const fulfilled = new Map<string, string>()
    const answered = new Set<number>()
    // The client waits for the answer to its first frame, as it must.
    client.send(bytesOf(recorded.stream[0]!))
    answered.add((await client.next()).requestId)
    for (const frame of recorded.stream.slice(1)) {
      if (frame.direction === 'client->server') client.send(bytesOf(frame))
    }
    while (answered.size < requests.length || fulfilled.size < prepares.length) {
      const frame = await client.next()
      if (frame.type === 'fulfill') {
        fulfilled.set(TransferId.format(frame.transferId), Hex.fromBytes(frame.fulfillment))
      } else {
        expect(frame.type).toBe('response')
        answered.add(frame.requestId)
      }
    }
    expect(answered).toEqual(new Set(requests.map(({ requestId }) => requestId)))
    expect(expected.size).toBeGreaterThan(0)
    for (const [id, fulfillment] of expected) expect(fulfilled.get(id)).toBe(fulfillment)
    expect(paid).toHaveLength(prepares.length)
    await client.close()
  })
})

describe('a server of the older dialect', () => {
  it('is understood by our trustline client', async () => {
    const client = createTrustlineClient({
      uri: `btp+ws://:@localhost:${await startRecordedServer()}/`,
      connect: webSocketConnector(),
      clock: systemClock,
      hashes,
      randomBytes,
    })
    closing.push(() => client.close())
    await client.connect()
    expect(client.info()).toMatchObject({ prefix, asset: { code: 'XRP', scale: 9 } })
    expect(await client.balance()).toBe(0n)
    expect(await client.limit()).toBe(1_000_000_000n)
    const [transfer, fulfillment] = recordedTransfer()
    const outcome = await client.send({ ...transfer, expiresAt: Instant.after(systemClock(), 30_000) })
    expect(outcome).toEqual({ status: 'fulfilled', fulfillment })
  })

  it('is understood by our plugin', async () => {
    const plugin = new Plugin({ server: `btp+ws://:@localhost:${await startRecordedServer()}/` })
    closing.push(() => plugin.disconnect())
    await plugin.connect()
    expect(plugin.getInfo()).toEqual({ currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] })
    expect(await plugin.getBalance()).toBe('0')
    expect(await plugin.getLimit()).toBe('-1000000000')
    const [transfer, fulfillment] = recordedTransfer()
    const fulfilled = new Promise<unknown[]>((resolve) => plugin.on('outgoing_fulfill', (...args) => resolve(args)))
    await plugin.sendTransfer({
      id: TransferId.format(transfer.id),
      to: `${prefix}server`,
      amount: '1',
      executionCondition: Buffer.from(transfer.condition).toString('base64url'),
      expiresAt: new Date(Date.now() + 30_000).toISOString(),
      ilp: Buffer.from(transfer.packet).toString('base64url'),
    })
    const [, text] = await fulfilled
    expect(text).toBe(Buffer.from(fulfillment).toString('base64url'))
  })
})

/** Sends the recorded questions, each when the one before it is answered, and gives the answers. */
async function ask(client: Awaited<ReturnType<typeof connectRaw>>): Promise<unknown[]> {
  const answers: unknown[] = []
  for (const frame of recorded.questions) {
    if (frame.direction === 'server->client') continue
    client.send(bytesOf(frame))
    answers.push(meaningOf(await client.next()))
  }
  return answers
}

function answersOf(frames: readonly Recorded[]): unknown[] {
  return framesOf(frames, 'server->client').map(meaningOf)
}

/** A RESPONSE with its JSON read: the order of its fields is nobody's business. */
function meaningOf(frame: BtpFrame.Frame): unknown {
  if (frame.type !== 'response') return frame
  return {
    requestId: frame.requestId,
    entries: frame.protocolData.map(({ name, contentType, data }) => {
      return { name, contentType, value: JSON.parse(new TextDecoder().decode(data)) as unknown }
    }),
  }
}

/** A host with the limit that the recorded shop had, whose payee fulfills as that shop did. */
async function startHost(clock: Instant.Clock, paid: string[] = []): Promise<number> {
  const strangers = parseStrangers('credit:1000000000')
  const store = createMemoryStore({ clock, hashes, limits: { strangersCreditMax: strangersTotal(strangers) } })
  const asset = { code: 'XRP', scale: 9 }
  const host = createTrustlineHost({ store, prefix, asset, strangers, clock, hashes, randomBytes })
  const header = PayHeader.parse(recorded.payHeader)
  if (header.form !== 'tutorial') throw new Error('The recorded header has the form of the tutorial.')
  const derive = Derivation.tutorial(hashes, header.secret)
  host.receive({
    check: () => undefined,
    fulfill: (transfer: IncomingTransfer) => derive(transfer.destination),
    settled: (transfer) => void paid.push(transfer.destination),
  })
  await host.ready
  const listener = await listenWebSocket({ port: 0 }, ({ socket, address }) => {
    return host.accept({ socket, remoteAddress: address })
  })
  closing.push(
    () => host.close(),
    () => listener.close(),
  )
  return listener.port
}

async function startPlugin(): Promise<number> {
  const port = await freePort()
  const stored = new Map<string, string>()
  const plugin = new Plugin({
    listener: { port },
    incomingSecret: '',
    maxBalance: '1000000000',
    prefix,
    info: { currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] },
    _store: {
      get: (key) => stored.get(key),
      put: (key, value) => void stored.set(key, value),
      del: (key) => void stored.delete(key),
    },
  })
  closing.push(() => plugin.disconnect())
  await plugin.connect()
  return port
}

/** The server of the older dialect: gives the recorded answers, and fulfills the recorded transfers. */
async function startRecordedServer(): Promise<number> {
  const answers = new Map<string, BtpFrame.ProtocolData>()
  for (const frame of framesOf(recorded.questions, 'server->client')) {
    if (frame.type === 'response') answers.set(frame.protocolData[0]?.name ?? 'auth', frame.protocolData)
  }
  const fulfills = new Map<string, BtpFrame.FulfillFrame>()
  for (const frame of framesOf(recorded.stream, 'server->client')) {
    if (frame.type === 'fulfill') fulfills.set(Hex.fromBytes(frame.transferId), frame)
  }
  const listener = await listenWebSocket({ port: 0 }, ({ socket }) => ({
    receive(data) {
      const frame = BtpFrame.decode(data as Uint8Array)
      const { requestId } = frame
      if (frame.type === 'message') {
        const protocolData = answers.get(frame.protocolData[0]!.name)
        if (protocolData !== undefined) socket.send(BtpFrame.encode({ type: 'response', requestId, protocolData }))
        else socket.send(notUnderstood(requestId))
      } else if (frame.type === 'prepare') {
        socket.send(BtpFrame.encode({ type: 'response', requestId, protocolData: [] }))
        socket.send(BtpFrame.encode(fulfills.get(Hex.fromBytes(frame.transferId))!))
      }
    },
    socketClosed: () => undefined,
  }))
  closing.push(() => listener.close())
  return listener.port
}

/** What a plugin of 2017 without channel methods answers to a question that it does not know. */
function notUnderstood(requestId: number): Uint8Array {
  const message = "Cannot read properties of undefined (reading 'handleProtocols')"
  return BtpFrame.encode({
    type: 'error',
    requestId,
    code: 'F00',
    name: 'TypeError',
    triggeredAt: systemClock(),
    data: new TextEncoder().encode(JSON.stringify({ message })),
    protocolData: [],
  })
}

/** The first transfer that was fulfilled, and what fulfilled it. */
function recordedTransfer() {
  const fulfill = framesOf(recorded.stream, 'server->client').find((frame) => frame.type === 'fulfill')!
  const id = Hex.fromBytes(fulfill.transferId)
  const prepare = framesOf(recorded.stream, 'client->server').find(
    (frame): frame is BtpFrame.PrepareFrame => frame.type === 'prepare' && Hex.fromBytes(frame.transferId) === id,
  )!
  const packet = Uint8Array.from(BtpFrame.entry(prepare.protocolData, 'ilp')!.data)
  expect(IlpPacket.decodePayment(packet).amount).toBe(1n)
  const { transferId, amount, condition } = prepare
  return [{ id: transferId, amount, condition, packet }, Uint8Array.from(fulfill.fulfillment)] as const
}

function framesOf(frames: readonly Recorded[], direction: Recorded['direction']): BtpFrame.Frame[] {
  return frames.filter((frame) => frame.direction === direction).map((frame) => BtpFrame.decode(bytesOf(frame)))
}

function bytesOf(frame: Recorded): Uint8Array {
  return Hex.toBytes(frame.hex)
}
