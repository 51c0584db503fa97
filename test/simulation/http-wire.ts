/**
 * HTTP of the simulated world: a request, the head of an answer, its body in chunks, with the bound that a slow reader
 * puts on the writer. What HTTP itself looks like on a wire is not simulated.
 */
import type { Http, HttpRequest, HttpResponse } from '@millstream/pay'
import type { Body } from '@millstream/shop'
import type { End, Link, Network } from './network.js'
import { OutsideError } from './outside-error.js'
import type { Process } from './process.js'
import type { Random } from './random.js'

export interface HttpExchange {
  readonly link: Link
  readonly path: string
  readonly headers: ReadonlyMap<string, string>
  answer(head: Head): void
  readonly body: Body
  /** The reader has gone, or everything is over. */
  onClose: () => void
  onDrain: () => void
}

export interface Head {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
}

export interface HttpListener {
  readonly process: Process
  serve(exchange: HttpExchange): void
}

export interface HttpWireOptions {
  readonly network: Network
  readonly listener: () => HttpListener | undefined
  readonly isCutOff: (client: string) => boolean
  /** Bytes of a body that may wait for its reader. */
  readonly roomBytes: number
  /** What a shop that lies lets through of a body; others let all of it. */
  readonly lie: (sent: number, bytes: Uint8Array) => Uint8Array
}

type Message =
  | { readonly type: 'request'; readonly path: string; readonly headers: ReadonlyMap<string, string> }
  | ({ readonly type: 'head' } & Head)
  | { readonly type: 'chunk'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'taken'; readonly bytes: number }

const clientSide = 0
const shopSide = 1
const connectTimeoutMs = 10_000

export class HttpWire {
  private readonly options: HttpWireOptions
  private made = 0

  constructor(options: HttpWireOptions) {
    this.options = options
  }

  client(process: Process, random: Random): Http {
    return (url, request) => this.fetch(process, random, url, request)
  }

  private fetch(process: Process, random: Random, url: string, request: HttpRequest): Promise<HttpResponse> {
    const { network, isCutOff } = this.options
    const { timeline } = network.options
    return new Promise((resolve, reject) => {
      if (!process.output()) return
      if (isCutOff(process.name)) {
        timeline.after(connectTimeoutMs, process, () => reject(new OutsideError('no answer in time')))
        return
      }
      timeline.after(network.latency(), undefined, () => {
        const shop = this.options.listener()
        if (shop?.process.isAlive !== true || !process.isAlive) {
          timeline.after(network.latency(), process, () => reject(new OutsideError('connection refused')))
          return
        }
        const reader = new Reader(random, url, resolve, reject)
        const link = network.connect(`http-${process.name}-${++this.made}`, 'http', [
          { process, receive: (message) => reader.receive(message as Message), closed: () => reader.broke() },
          this.serverEnd(shop, () => link),
        ])
        reader.take = (bytes) =>
          link.send(clientSide, { type: 'taken', bytes } satisfies Message, () => `took ${bytes}`)
        const abort = () => {
          link.close(clientSide, 1000, 'aborted')
          reader.broke()
        }
        if (request.signal.aborted) abort()
        else request.signal.addEventListener('abort', abort, { once: true })
        const message: Message = { type: 'request', path: new URL(url).pathname, headers: request.headers }
        timeline.after(network.latency(), process, () => link.send(clientSide, message, () => 'GET'))
      })
    })
  }

  private serverEnd(shop: HttpListener, linkOf: () => Link): End {
    const { roomBytes, lie } = this.options
    let waiting = 0
    let sent = 0
    let isClosed = false
    const exchange: HttpExchange & { path: string; headers: ReadonlyMap<string, string> } = {
      get link() {
        return linkOf()
      },
      path: '',
      headers: new Map(),
      onClose: () => {},
      onDrain: () => {},
      answer: (head) => linkOf().send(shopSide, { type: 'head', ...head } satisfies Message, () => `${head.status}`),
      body: {
        write(bytes) {
          const through = lie(sent, bytes).slice()
          sent += bytes.length
          waiting += through.length
          if (through.length > 0) {
            linkOf().send(
              shopSide,
              { type: 'chunk', bytes: through } satisfies Message,
              () => `${through.length} bytes`,
            )
          }
          return waiting <= roomBytes
        },
        end() {
          linkOf().send(shopSide, { type: 'end' } satisfies Message, () => 'the end of the body')
          linkOf().close(shopSide, 1000, 'complete')
        },
        destroy() {
          linkOf().close(shopSide, 1006, 'broken off')
        },
      },
    }
    const closed = () => {
      if (isClosed) return
      isClosed = true
      exchange.onClose()
    }
    return {
      process: shop.process,
      receive(received) {
        const message = received as Message
        if (message.type === 'request') {
          exchange.path = message.path
          exchange.headers = message.headers
          shop.serve(exchange)
        } else if (message.type === 'taken') {
          const wasFull = waiting > roomBytes
          waiting -= message.bytes
          if (wasFull && waiting <= roomBytes) exchange.onDrain()
        }
      },
      closed,
    }
  }
}

/** The reader's end: an answer whose body comes in chunks that are not those that were written. */
class Reader {
  take: (bytes: number) => void = () => {}
  private readonly random: Random
  private readonly url: string
  private readonly resolve: (response: HttpResponse) => void
  private readonly reject: (error: Error) => void
  private readonly chunks: Uint8Array[] = []
  private state: 'open' | 'ended' | 'broken' = 'open'
  private waiting: { resolve(result: IteratorResult<Uint8Array>): void; reject(error: Error): void } | undefined

  constructor(random: Random, url: string, resolve: (response: HttpResponse) => void, reject: (error: Error) => void) {
    this.random = random
    this.url = url
    this.resolve = resolve
    this.reject = reject
  }

  receive(message: Message): void {
    if (message.type === 'head') this.resolve(this.response(message))
    else if (message.type === 'chunk') this.chunks.push(message.bytes)
    else if (message.type === 'end') this.state = 'ended'
    this.tell()
  }

  broke(): void {
    this.reject(new OutsideError('the connection broke'))
    if (this.state === 'open') this.state = 'broken'
    this.tell()
  }

  private tell(): void {
    const { waiting } = this
    if (waiting === undefined) return
    const chunk = this.next()
    if (chunk !== undefined) waiting.resolve({ done: false, value: chunk })
    else if (this.state === 'ended') waiting.resolve({ done: true, value: undefined })
    else if (this.state === 'broken') waiting.reject(new OutsideError('the connection broke'))
    else return
    this.waiting = undefined
  }

  private next(): Uint8Array | undefined {
    let chunk = this.chunks.shift()
    if (chunk === undefined) return undefined
    if (chunk.length > 1 && this.random.chance(0.2)) {
      const cut = this.random.between(1, chunk.length - 1)
      this.chunks.unshift(chunk.slice(cut))
      chunk = chunk.slice(0, cut)
    } else if (this.chunks.length > 0 && this.random.chance(0.2)) {
      chunk = Uint8Array.of(...chunk, ...this.chunks.shift()!)
    }
    this.take(chunk.length)
    return chunk
  }

  private response({ status, headers }: Head): HttpResponse {
    const named = new Map(headers)
    const iterator: AsyncIterator<Uint8Array> = {
      next: () =>
        new Promise((resolve, reject) => {
          this.waiting = { resolve, reject }
          this.tell()
        }),
    }
    return {
      status,
      url: this.url,
      header: (name) => named.get(name),
      headers: () => named,
      body: { [Symbol.asyncIterator]: () => iterator },
    }
  }
}
