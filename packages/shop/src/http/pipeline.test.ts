/** Requests that come before the answers to earlier ones, over one connection. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { hashes } from '@millstream/hashes'
import { afterEach, describe, expect, it } from 'vitest'
import { letters } from '../index.js'
import { listen } from '../testing/http.fixture.js'
import { openTestShop } from '../testing/shop.fixture.js'
import { pipelinedMax } from './pipeline.js'
import { createShopServer } from './shop-server.js'

let close: () => Promise<void>
afterEach(() => close())

async function start() {
  const { shop } = await openTestShop()
  let looked = 0
  const find = letters(hashes)
  const source = (request: Parameters<typeof find>[0]) => {
    looked++
    return find(request)
  }
  const server = await listen(
    createShopServer({ shop, source, price: 1n, piece: 'letter', endpoint: { port: 9000 }, healthTarget: '/healthz' }),
  )
  close = () => server.close()
  return { ...server, looked: () => looked }
}

const request = (method: string) => `${method} / HTTP/1.1\r\nHost: shop\r\n\r\n`

describe('requests on one connection', () => {
  it('thousands at once cost their sender the connection, and the shop no content', async () => {
    const { port, looked } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(request('GET').repeat(2_000))
    socket.resume()
    await once(socket, 'close')
    expect(looked()).toBeLessThanOrEqual(pipelinedMax)
  })

  it('thousands at once are not even read to the end', async () => {
    const { port, server } = await start()
    let read = 0
    server.on('request', () => read++)
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(request('GET').repeat(2_000))
    socket.resume()
    await once(socket, 'close')
    expect(read).toBe(pipelinedMax + 1)
  })

  it('thousands that ask for its health cost the same', async () => {
    const { port, looked } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(request('GET').replace(' / ', ' /healthz ').repeat(2_000))
    const answers: Buffer[] = []
    socket.on('data', (chunk: Buffer) => answers.push(chunk))
    await once(socket, 'close')
    expect(String(Buffer.concat(answers)).split('HTTP/1.1 200').length - 1).toBeLessThanOrEqual(pipelinedMax)
    expect(looked()).toBe(0)
  })

  it('that ask for its health are answered, before any content is looked for', async () => {
    const { get, looked } = await start()
    const { status, headers, over, text } = await get('/healthz')
    await over
    expect([status, text(), headers.pay]).toEqual([200, 'ok\n', undefined])
    expect(looked()).toBe(0)
  })

  it('a few at once are answered in their order', async () => {
    const { raw } = await start()
    const answer = await raw(`${request('HEAD').repeat(pipelinedMax - 1)}PUT / HTTP/1.0\r\n\r\n`)
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(pipelinedMax - 1)
    expect(answer).toMatch(/405 Method Not Allowed/)
  })

  it('one after the other may be as many as one likes', async () => {
    const { port } = await start()
    const socket = connect(port, '127.0.0.1')
    for (let i = 0; i < pipelinedMax * 3; i++) {
      socket.write(request('HEAD'))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 200/)
    }
    socket.destroy()
  })
})
