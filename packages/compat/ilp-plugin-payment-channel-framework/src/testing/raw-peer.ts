/** A peer by hand, at the other end of a plugin's socket: sends frames as a test says, and shows what it is sent. */
import { BtpFrame } from '@millstream/codec'
import type { Plugin } from '../plugin.js'
import { MemorySocket } from './memory-socket.js'

export interface RawPeer {
  readonly socket: MemorySocket
  send(frame: BtpFrame.KnownFrame): void
  /** The next frame that was not yet taken. */
  next(): Promise<BtpFrame.Frame>
  /** The next frame, which must be of this type. */
  expect<Type extends BtpFrame.Frame['type']>(type: Type): Promise<Extract<BtpFrame.Frame, { type: Type }>>
  /** Sends and gives the next frame. */
  ask(frame: BtpFrame.KnownFrame): Promise<BtpFrame.Frame>
  readonly closed: Promise<number>
}

/** Connects a peer that authenticates at the plugin. */
export async function connectPeer(plugin: Plugin, username = '', token = ''): Promise<RawPeer> {
  const [here, there] = MemorySocket.pair()
  const peer = rawPeer(here)
  const added = plugin.addSocket(there)
  peer.send(authentication(username, token))
  await peer.expect('response')
  await added
  return peer
}

/** Connects a peer at which the plugin authenticates. */
export async function acceptPlugin(plugin: Plugin, username = '', token = ''): Promise<RawPeer> {
  const [here, there] = MemorySocket.pair()
  const peer = rawPeer(here)
  const added = plugin.addSocket(there, { username, token })
  const { requestId } = await peer.expect('message')
  peer.send({ type: 'response', requestId, protocolData: [] })
  await added
  return peer
}

export function rawPeer(socket: MemorySocket): RawPeer {
  const frames: BtpFrame.Frame[] = []
  const waiting: { resolve: (frame: BtpFrame.Frame) => void; reject: (error: Error) => void }[] = []
  socket.on('message', (data: Uint8Array) => {
    const frame = BtpFrame.decode(data)
    const first = waiting.shift()
    if (first === undefined) frames.push(frame)
    else first.resolve(frame)
  })
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  void closed.then(() => {
    for (const { reject } of waiting.splice(0)) reject(new Error('The connection has closed.'))
  })
  const peer: RawPeer = {
    socket,
    closed,
    send: (frame) => socket.send(BtpFrame.encode(frame), {}, () => undefined),
    next() {
      const frame = frames.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    async expect(type) {
      const frame = await peer.next()
      if (frame.type !== type) throw new Error(`Got ${describe(frame)} instead of ${type}.`)
      return frame as never
    },
    ask(frame) {
      peer.send(frame)
      return peer.next()
    },
  }
  return peer
}

export function authentication(username: string, token: string): BtpFrame.KnownFrame {
  const text = (name: string, value: string) => {
    return { name, contentType: BtpFrame.contentType.text, data: new TextEncoder().encode(value) }
  }
  return {
    type: 'message',
    requestId: 1,
    protocolData: [
      { name: 'auth', contentType: BtpFrame.contentType.octets, data: new Uint8Array(0) },
      text('auth_username', username),
      text('auth_token', token),
    ],
  }
}

function describe(frame: BtpFrame.Frame): string {
  return frame.type === 'error' ? `${frame.code} ${frame.name} ${new TextDecoder().decode(frame.data)}` : frame.type
}
