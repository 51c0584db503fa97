import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import * as HttpConnections from './http-connections.js'

let server: Server
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

async function start(perAddressMax: number, isProxy?: (address: string) => boolean) {
  server = createServer((_, response) => response.end('served'))
  HttpConnections.bound(server, { connectionsMax: 100, perAddressMax }, isProxy)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

/** A connection that says nothing. */
async function open(localAddress: string): Promise<Socket> {
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')
  const closed = once(socket, 'close').then(() => ['closed'])
  return String((await Promise.race([once(socket, 'data'), closed]))[0])
}

function connections(): Promise<number> {
  return new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
}

describe('connections of one address', () => {
  it('are cut beyond their bound, and those of others are not', async () => {
    await start(3)
    for (let i = 0; i < 3; i++) await open('127.0.0.2')
    expect(await ask(await open('127.0.0.2'))).toBe('closed')
    expect(await ask(await open('127.0.0.1'))).toContain('served')
  })

  it('are not counted when it is a proxy', async () => {
    await start(1, (address) => address === '127.0.0.2')
    for (let i = 0; i < 3; i++) expect(await ask(await open('127.0.0.2'))).toContain('served')
    await open('127.0.0.1')
    expect(await ask(await open('127.0.0.1'))).toBe('closed')
  })

  it('make room when they go', async () => {
    await start(1)
    const first = await open('127.0.0.1')
    expect(await ask(first)).toContain('served')
    first.destroy()
    while ((await connections()) > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(await ask(await open('127.0.0.1'))).toContain('served')
  })
})
