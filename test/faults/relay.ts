/**
 * Stands between a payer and the HTTP side of a shop and sees what the shop tells its readers: the `Pay` headers, with
 * which the test can later try what only this payer could, and how much the shop delivers. It can read on for a payer
 * that is dead, so that the stream of that payer stays open.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the shop sends to one reader. */
export interface Relayed {
  readonly pay: string
  /** Of the body, so far. */
  readonly bytes: number
  /** Resolves once so much of the body has come, or no more will come. */
  until(bytes: number): Promise<void>
}

export interface Relay {
  readonly url: string
  /** Answers that ask for money, in the order in which they came. */
  readonly streams: readonly Relayed[]
  /** From now on, what a reader leaves is read to its end; else the shop is told that the reader has left. */
  readOn(): void
  /** Leaves what is read on. */
  leave(): void
  close(): void
}

export async function create(shopPort: number): Promise<Relay> {
  const streams: Relayed[] = []
  const readOn = new Set<IncomingMessage>()
  let readsOn = false
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming
    const upstream = request({ host: '127.0.0.1', port: shopPort, method, path: url, headers, agent: false })
    let answer: IncomingMessage | undefined
    upstream.on('response', (response) => {
      answer = response
      response.on('error', () => {})
      const { pay } = response.headers
      if (typeof pay === 'string') streams.push(watch(response, pay))
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.pipe(outgoing)
      // A body that breaks off on one side breaks off on the other.
      response.once('close', () => {
        readOn.delete(response)
        if (!response.complete) outgoing.destroy()
      })
    })
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('error', () => {})
    outgoing.once('close', () => {
      if (!readsOn || answer === undefined) {
        upstream.destroy()
        return
      }
      readOn.add(answer)
      answer.unpipe(outgoing)
      answer.resume()
    })
    upstream.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const leave = () => {
    readsOn = false
    for (const response of readOn) response.destroy()
  }
  return {
    url: `http://127.0.0.1:${port}/`,
    streams,
    readOn() {
      readsOn = true
    },
    leave,
    close() {
      leave()
      server.closeAllConnections()
      server.close()
    },
  }
}

function watch(response: IncomingMessage, pay: string): Relayed {
  let bytes = 0
  let isOver = false
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    wake()
  })
  response.once('close', () => {
    isOver = true
    wake()
  })
  return {
    pay,
    get bytes() {
      return bytes
    },
    until: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isOver && bytes < wanted) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}
