/**
 * Stands between a payer and the HTTP side of a shop and sees what the shop tells its readers: the `Pay` headers, with
 * which the test can later try what only this payer could.
 */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Relay {
  readonly url: string
  /** `Pay` headers, in the order in which they came. */
  readonly pays: readonly string[]
  close(): void
}

export async function create(shopPort: number): Promise<Relay> {
  const pays: string[] = []
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming
    const upstream = request({ host: '127.0.0.1', port: shopPort, method, path: url, headers, agent: false })
    upstream.on('response', (response) => {
      const { pay } = response.headers
      if (typeof pay === 'string') pays.push(pay)
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.pipe(outgoing)
      // A body that breaks off on one side breaks off on the other.
      response.once('close', () => {
        if (!response.complete) outgoing.destroy()
      })
    })
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('error', () => {})
    outgoing.once('close', () => upstream.destroy())
    upstream.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    pays,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
