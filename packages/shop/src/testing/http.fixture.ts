/** A shop behind a real server of node:http, and readers that see every byte. */
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { PayHeader } from '@millstream/codec'
import type { PaidStream } from '../index.js'

export interface Reading {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly response: IncomingMessage
  /** What has come so far. */
  text(): string
  /** Until this much has come. */
  until(length: number): Promise<string>
  /** How the body ended: `end`, or the code of the error. */
  readonly over: Promise<string>
  leave(): void
}

export async function listen(handler: RequestListener) {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  return {
    origin,
    port,
    server,
    get: (path: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
      read(port, path, options),
    /** Sends these bytes and gives all that comes back until the connection ends. */
    raw(text: string): Promise<string> {
      return new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1')
        let answer = ''
        socket.setEncoding('latin1')
        socket.on('data', (data) => {
          answer += data
        })
        socket.on('error', (error: NodeJS.ErrnoException) => {
          answer += `<${error.code}>`
        })
        socket.on('close', () => resolve(answer))
        socket.write(text)
      })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function read(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string> },
): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false, ...options })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      let text = ''
      let check = () => {}
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        check()
      })
      const over = new Promise<string>((done) => {
        response.on('end', () => done('end'))
        response.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
      })
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        response,
        text: () => text,
        until: (length) =>
          new Promise((done) => {
            check = () => {
              if (text.length >= length) done(text)
            }
            check()
          }),
        over,
        leave: () => void outgoing.destroy(),
      })
    })
    outgoing.end()
  })
}

/** The stream that a `Pay` header names, as far as a payer needs it. */
export function streamOf(headers: IncomingMessage['headers']): Pick<PaidStream, 'address' | 'secret' | 'price'> {
  const header = PayHeader.parse(String(headers.pay))
  if (header.form !== 'tutorial') throw new Error(`The header has form ${header.form}.`)
  return { address: header.address, secret: header.secret, price: header.amount }
}

/** Until it is so; what makes it so is underway. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}
