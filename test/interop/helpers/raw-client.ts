/** A BTP client by hand: sends what a test says, good or bad, and shows what comes back. */
import { BtpFrame } from '@millstream/codec'
import WebSocket from 'ws'

export interface RawClient {
  send(message: Uint8Array | string): void
  /** The next message that was not yet taken. */
  next(): Promise<BtpFrame.Frame>
  /** The answer with the empty credentials of the tutorial. */
  authenticate(): Promise<BtpFrame.Frame>
  /** Resolves with the code of the WebSocket's closing. */
  readonly closed: Promise<number>
  close(): Promise<number>
}

export async function connectRaw(port: number): Promise<RawClient> {
  const socket = new WebSocket(`ws://localhost:${port}/`, { perMessageDeflate: false })
  const frames: BtpFrame.Frame[] = []
  const waiting: { resolve: (frame: BtpFrame.Frame) => void; reject: (error: Error) => void }[] = []
  socket.on('message', (data: Buffer) => {
    const frame = BtpFrame.decode(data)
    const first = waiting.shift()
    if (first === undefined) frames.push(frame)
    else first.resolve(frame)
  })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  void closed.then((code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`The connection has closed with ${code}.`))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  // A connection that is reset says so here too; `closed` tells it.
  socket.on('error', () => undefined)
  const client: RawClient = {
    send: (message) => socket.send(message),
    next: () => {
      const frame = frames.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      if (socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error('The connection has closed.'))
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    authenticate: () => {
      client.send(authentication('', ''))
      return client.next()
    },
    closed,
    close: () => {
      socket.close()
      return closed
    },
  }
  return client
}

export function authentication(username: string, token: string, requestId = 1): Uint8Array {
  const text = (name: string, value: string) => ({
    name,
    contentType: BtpFrame.contentType.text,
    data: new TextEncoder().encode(value),
  })
  return BtpFrame.encode({
    type: 'message',
    requestId,
    protocolData: [
      { name: 'auth', contentType: BtpFrame.contentType.octets, data: new Uint8Array(0) },
      text('auth_username', username),
      text('auth_token', token),
    ],
  })
}

export function question(name: string, requestId: number, byte = 0): Uint8Array {
  return BtpFrame.encode({
    type: 'message',
    requestId,
    protocolData: [{ name, contentType: BtpFrame.contentType.octets, data: Uint8Array.of(byte) }],
  })
}

/** What a server says its balance is: what its customers have paid. */
export async function askBalance(port: number): Promise<bigint> {
  const client = await connectRaw(port)
  await client.authenticate()
  client.send(question('balance', 2))
  const frame = await client.next()
  await client.close()
  if (frame.type !== 'response') throw new Error(`Got ${frame.type} instead of a balance.`)
  const { data } = BtpFrame.entry(frame.protocolData, 'balance')!
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getBigInt64(0)
}
