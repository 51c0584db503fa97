/**
 * A customer that tries everything: numbers twice, other prices, other people's streams, claims that its own transfers
 * are fulfilled, one id for two transfers, what is dead or far away, numbers far ahead, bytes that are no frames. It
 * knows every header that was ever sent. Raw frames over a socket, no client in between.
 */
import type { BtpSocket } from '@millstream/btp'
import { BtpFrame, Derivation, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { Condition, Instant, TransferId } from '@millstream/units'
import type { BtpWire } from './btp-wire.js'
import type { HttpWire } from './http-wire.js'
import type { Link } from './network.js'
import type { Credentials } from './payer-process.js'
import type { LiarPlan } from './plan.js'
import type { Process } from './process.js'
import type { ShopHeader } from './shop-process.js'

export interface LiarOptions {
  readonly process: Process
  readonly plan: LiarPlan
  readonly credentials: Credentials
  readonly btp: BtpWire
  readonly http: HttpWire
  /** Those of everybody. */
  readonly headers: readonly ShopHeader[]
  readonly price: bigint
  readonly connected: (link: Link) => void
}

interface Made {
  readonly id: TransferId.TransferId
  readonly fulfillment: Uint8Array
  readonly frame: BtpFrame.PrepareFrame
  readonly header: ShopHeader
  readonly destination: string
}

const encoder = new TextEncoder()
const pauseMs = 200
/** Numbers that are far ahead, and numbers that are none. */
const oddNumbers = ['0', '01', '16384', '16385', '16390', '32768', '40000', '9007199254740993', '-1', 'x'] as const

export function start(options: LiarOptions): void {
  live(options).catch(() => {})
}

async function live(options: LiarOptions): Promise<void> {
  const { process, plan, http } = options
  // A stream of its own, which it does not read.
  const request = { method: 'GET', headers: new Map(), signal: new AbortController().signal }
  http
    .client(process, process.random.fork('http'))('http://shop.example:8000/story', request)
    .catch(() => {})
  let socket: BtpSocket | undefined
  let acts = 0
  const made: Made[] = []
  while (acts < plan.acts) {
    if (socket === undefined) {
      socket = await connect(options, () => {
        socket = undefined
      })
      if (socket === undefined) await process.wait(pauseMs)
      continue
    }
    acts++
    act(options, socket, made)
    await process.wait(plan.everyMs)
  }
}

async function connect(options: LiarOptions, gone: () => void): Promise<BtpSocket | undefined> {
  const { process, btp, credentials, connected, plan } = options
  let socket: BtpSocket | undefined
  try {
    socket = await btp.connector(process, connected)('', {
      receive(data) {
        if (plan.isSilent || typeof data === 'string') return
        const frame = BtpFrame.decode(data)
        if (frame.type !== 'fulfill' && frame.type !== 'reject') return
        socket?.send(BtpFrame.encode({ type: 'response', requestId: frame.requestId, protocolData: [] }))
      },
      socketClosed: gone,
    })
  } catch {
    return undefined
  }
  const text = (name: string, value: string) => {
    return { name, contentType: BtpFrame.contentType.text, data: encoder.encode(value) }
  }
  socket.send(
    BtpFrame.encode({
      type: 'message',
      requestId: 1,
      protocolData: [
        { name: 'auth', contentType: BtpFrame.contentType.octets, data: new Uint8Array() },
        text('auth_username', credentials.username),
        text('auth_token', credentials.token),
      ],
    }),
  )
  await process.wait(pauseMs)
  return socket
}

function act(options: LiarOptions, socket: BtpSocket, made: Made[]): void {
  const { process, headers, price } = options
  const { random } = process
  const send = (frame: BtpFrame.KnownFrame) => socket.send(BtpFrame.encode(frame))
  const requestId = random.below(2 ** 31)
  // Mostly its own stream, the first or the last one that was opened.
  const own = random.pick([headers[0], headers.at(-1), headers.at(-1)])
  const header = headers.length === 0 || random.chance(0.5) ? own : random.pick(headers)
  const old = made.length === 0 ? undefined : random.pick(made)
  const what = random.pick([
    'pay',
    'pay',
    'pay',
    'price',
    'several',
    'number',
    'twice',
    'again',
    'other content',
    'claim',
    'reject',
    'expiry',
    'amount',
    'condition',
    'garbage',
    'ask',
  ])
  if (what === 'garbage') {
    if (random.chance(0.3)) socket.send(random.bytes(random.between(1, 40)))
    return
  }
  if (what === 'ask') {
    const data = new Uint8Array()
    const entry = { name: random.pick(['balance', 'limit', 'x']), contentType: BtpFrame.contentType.octets, data }
    send({ type: 'message', requestId, protocolData: [entry] })
    return
  }
  if (what === 'claim' || what === 'reject') {
    if (old === undefined) return
    const { id: transferId, fulfillment } = old
    if (what === 'reject') send({ type: 'reject', requestId, transferId, protocolData: [] })
    else send({ type: 'fulfill', requestId, transferId, fulfillment: fulfillment as never, protocolData: [] })
    return
  }
  if (what === 'again' && old !== undefined) {
    send({ ...old.frame, requestId })
    return
  }
  if (what === 'other content' && old !== undefined) {
    send({ ...old.frame, requestId, amount: old.frame.amount + 1n })
    return
  }
  if (header === undefined) return
  let amount = price
  if (what === 'price') amount = random.pick([0n, price - 1n, price + 1n])
  else if (what === 'several') amount = price * BigInt(random.between(2, 5))
  else if (what === 'amount') amount = random.pick([2n ** 64n - 1n, 2n ** 63n, price * 1_000n])
  const number = what === 'number' ? random.pick(oddNumbers) : String(random.between(1, 30))
  const expiresInMs =
    what === 'expiry' ? random.pick([-1, 0, 1, 50, 3_600_001, 10_000_000]) : random.pick([800, 30_000])
  const last = what === 'twice' ? made.findLast((one) => one.header === header) : undefined
  const destination = last?.destination ?? `${header.address}.${number}`
  const fulfillment = Derivation.tutorial(hashes, header.secret)(destination)
  const condition = what === 'condition' ? random.bytes(32) : hashes.sha256(fulfillment)
  const frame: BtpFrame.PrepareFrame = {
    type: 'prepare',
    requestId,
    transferId: TransferId.from(random.bytes(16)),
    amount,
    condition: Condition.from(condition),
    expiresAt: Instant.after(process.clock(), expiresInMs),
    protocolData: [
      { name: 'ilp', contentType: BtpFrame.contentType.octets, data: IlpPacket.encodePayment(amount, destination) },
    ],
  }
  made.push({ id: frame.transferId, fulfillment, frame, header, destination })
  send(frame)
  // Often the whole lot at once: in one tick of the host.
  if (random.chance(0.4)) act(options, socket, made)
}
