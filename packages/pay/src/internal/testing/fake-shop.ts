/** A shop as simple as can be: one stream, its pieces in memory, HTTP without a network. */
import { Derivation, IlpPacket, PayTerms } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import type { IncomingTransfer, Payee, Plugin, Rejection } from '@millstream/plugin'
import { Base64Url, type Condition } from '@millstream/units'
import type { Http, HttpRequest, HttpResponse } from '../../http.js'

export interface FakeShopOptions {
  readonly plugin: Plugin
  readonly pieces: readonly Uint8Array[]
  readonly price?: bigint
  readonly unit?: string
  /** On top of what the shop says; an empty value takes a header away. */
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
  readonly url?: string
  /** Breaks the body off after so many pieces. */
  readonly breakAfter?: number
  /** Takes payments and sends nothing. */
  readonly thief?: boolean
}

export interface FakeShop {
  readonly http: Http
  readonly requests: { readonly url: string; readonly request: HttpRequest }[]
  /** Numbers that were paid. */
  readonly paid: number[]
  /** Numbers that were asked for, whatever became of them. */
  readonly seen: number[]
  /** Pieces that were read from the body. */
  readonly read: () => number
  readonly closed: () => boolean
}

type Answer = Condition.Fulfillment | Rejection

export const user = 'UUxOFrawp0A'
const secret = new Uint8Array(32).fill(7)
const contentEnded: Rejection = { code: 'F99', message: 'content ended' }
const readerLeft: Rejection = { code: 'F06', message: 'The reader of this stream has left.' }

export function createFakeShop(options: FakeShopOptions): FakeShop {
  const { plugin, pieces } = options
  const price = options.price ?? 1n
  const info = plugin.info()
  const address = `${info.account}.${user}`
  const derive = Derivation.tutorial(hashes, secret)
  const requests: FakeShop['requests'][number][] = []
  const paid: number[] = []
  const seen: number[] = []
  /** Promised to holds, then delivered to the body, then read from it. */
  let promised = 0
  let delivered = 0
  let read = 0
  let left = false
  let broken = false
  const waitingHolds: ((answer: Answer) => void)[] = []
  let wakeReader = () => {}

  const payee: Payee = {
    check(transfer) {
      const number = numberOf(transfer)
      if (left) return readerLeft
      if (seen.includes(number)) return { code: 'F00', message: 'number in use' }
      if (transfer.amount !== price) return { code: 'F03', message: 'wrong price' }
      seen.push(number)
      return undefined
    },
    fulfill(transfer) {
      if (left) return readerLeft
      if (promised === pieces.length) return contentEnded
      promised++
      transfer.note = 'promised'
      return derive(transfer.destination)
    },
    settled(transfer, outcome) {
      if (outcome !== 'fulfilled') {
        if (transfer.note === 'promised') promised--
        return
      }
      paid.push(numberOf(transfer))
      if (options.thief !== true) delivered++
      if (options.breakAfter !== undefined && delivered >= options.breakAfter) broken = true
      wakeReader()
    },
  }
  plugin.receive(payee)

  return {
    requests,
    paid,
    seen,
    read: () => read,
    closed: () => left,
    async http(url, request) {
      requests.push({ url, request })
      left = false
      const headers = new Map([
        ['pay', `${price} ${address} ${Base64Url.fromBytes(secret)}`],
        ['pay-terms', PayTerms.format({ unit: options.unit ?? 'letter', asset: info.asset, ledger: info.prefix })],
        ['pay-endpoint', '"btp+ws://shop.example:9000/"'],
      ])
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        if (value === '') headers.delete(name)
        else headers.set(name, value)
      }
      request.signal.addEventListener('abort', () => {
        left = true
        for (const answer of waitingHolds.splice(0)) answer(readerLeft)
        wakeReader()
      })
      const response: HttpResponse = {
        status: options.status ?? 200,
        url: options.url ?? url,
        header: (name) => headers.get(name),
        headers: () => headers,
        body: body(request.signal),
      }
      return response
    },
  }

  async function* body(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (;;) {
      signal.throwIfAborted()
      if (read < delivered) {
        const from = read
        read = delivered
        yield Uint8Array.from(pieces.slice(from, read).flatMap((piece) => [...piece]))
      } else if (broken) {
        throw new Error('socket hang up')
      } else if (delivered === pieces.length && paid.length > 0) {
        return
      } else {
        await new Promise<void>((resolve) => {
          wakeReader = resolve
        })
      }
    }
  }

  function numberOf(transfer: IncomingTransfer): number {
    const { account } = IlpPacket.decodePayment(transfer.packet)
    return Number(account.slice(address.length + 1))
  }
}

export function letters(text: string): Uint8Array[] {
  return Array.from(text, (letter) => new TextEncoder().encode(letter))
}
