import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { BtpSocketListener, ConnectSocket } from './btp-socket.js'
import { NotOpenedError, type StandardWebSocket, standardConnector } from './standard-connector.js'

// `ws` has the interface of the standard beside its own.
const connect = standardConnector((url) => new WebSocket(url) as unknown as StandardWebSocket)

// What a page writes compiles; the type of the browser is the one that is meant.
const ofPage: () => ConnectSocket = () => standardConnector((url) => new globalThis.WebSocket(url))

describe('a standard WebSocket', () => {
  it('is that of a page', () => {
    expect(ofPage()).toBeInstanceOf(Function)
  })

  const servers: WebSocketServer[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listen(): Promise<{ readonly server: WebSocketServer; readonly url: string }> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    servers.push(server)
    await once(server, 'listening')
    return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  }

  it('carries bytes both ways, hands text on as text and tells how it was closed', async () => {
    const { server, url } = await listen()
    server.on('connection', (webSocket) => {
      webSocket.on('message', (data) => {
        webSocket.send(data)
        webSocket.send('text')
        webSocket.close(1008, 'enough')
      })
    })
    const received: (Uint8Array | string)[] = []
    let close: (end: unknown) => void = () => undefined
    const closed = new Promise((resolve) => {
      close = resolve
    })
    const socket = await connect(url, {
      receive: (data) => void received.push(data),
      socketClosed: (code, reason) => close({ code, reason }),
    })
    socket.send(Uint8Array.of(1, 2, 3))
    expect(await closed).toEqual({ code: 1008, reason: 'enough' })
    expect(received).toEqual([Uint8Array.of(1, 2, 3), 'text'])
    expect(socket.bufferedBytes).toBe(0)
    socket.send(Uint8Array.of(4))
    socket.close(1000, '')
  })

  it('closes with the code where a page may, else with the one that stands for it', async () => {
    const { server, url } = await listen()
    const listener: BtpSocketListener = { receive: () => undefined, socketClosed: () => undefined }
    const codes: number[] = []
    for (const code of [1000, 1002, 1008]) {
      const connecting = connect(url, listener)
      const [webSocket] = (await once(server, 'connection')) as [WebSocket]
      const socket = await connecting
      socket.close(code, 'because')
      codes.push(((await once(webSocket, 'close')) as [number])[0])
    }
    expect(codes).toEqual([1000, 3002, 3008])
  })

  it('fails when it cannot be opened', async () => {
    const listener: BtpSocketListener = { receive: () => undefined, socketClosed: () => expect.unreachable() }
    await expect(connect('ws://127.0.0.1:1/', listener)).rejects.toThrow(NotOpenedError)
  })
})
