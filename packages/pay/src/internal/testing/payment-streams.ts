/** A stream of payments over a scripted rail, for tests of its rules. */
import { hashes, randomBytes } from '@millstream/hashes'
import { type Book, createBook } from '../../book.js'
import type { PayEvent } from '../../pay-event.js'
import { payerSettings } from '../../payer-settings.js'
import { createPaymentMaker } from '../../payment-maker.js'
import { PaymentStream, type PaymentStreamOptions } from '../../payment-stream.js'
import { Purse } from '../../purse.js'
import { createDrivenTime, type DrivenTime } from './driven-time.js'
import { createScriptedPlugin, type ScriptedPlugin } from './scripted-plugin.js'

export const address = 'g.letter-shop.mytrustline.server.UUxOFrawp0A'

export interface StreamUnderTest {
  readonly payments: PaymentStream
  readonly plugin: ScriptedPlugin
  readonly time: DrivenTime
  readonly purse: Purse
  readonly events: PayEvent[]
  readonly finished: Promise<void>
  readonly bodyClosed: () => boolean
}

export interface StreamOptions extends Partial<PaymentStreamOptions> {
  readonly book?: Book
  readonly time?: DrivenTime
  readonly plugin?: ScriptedPlugin
}

export async function openStream(options: StreamOptions = {}): Promise<StreamUnderTest> {
  const time = options.time ?? createDrivenTime()
  const plugin = options.plugin ?? createScriptedPlugin()
  const price = options.price ?? 1n
  const purse = options.purse ?? new Purse(1_000_000n)
  const book = options.book ?? createBook({ clock: time.clock })
  const events: PayEvent[] = []
  let closed = false
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const payments = new PaymentStream({
    make: createPaymentMaker(hashes, { form: 'tutorial', price, address }, new Uint8Array(32)),
    booked: options.booked ?? (await book.open(address, price)),
    risk: 10_000n,
    budget: 1_000_000n,
    pieces: undefined,
    window: 'auto',
    windowMax: 16_384,
    clock: time.clock,
    now: time.now,
    timers: time.timers,
    randomBytes,
    settings: payerSettings,
    observer: (event) => void events.push(event),
    settlePieces: () => 0,
    ...options,
    plugin,
    price,
    purse,
    closeBody() {
      closed = true
      options.closeBody?.()
    },
    finished: finish,
  })
  return { payments, plugin, time, purse, events, finished, bodyClosed: () => closed }
}

export const numbersOf = (sent: readonly { readonly number: number }[]) => sent.map(({ number }) => number)

/** Pays `count` pieces and delivers them, whatever the window. */
export async function deliver(stream: StreamUnderTest, count: number): Promise<void> {
  for (let delivered = 0; delivered < count; ) {
    const open = stream.plugin.open().slice(0, count - delivered)
    if (open.length === 0) throw new Error(`Nothing is open after ${delivered} of ${count} pieces.`)
    for (const one of open) stream.plugin.fulfill(one.number)
    await stream.time.settle()
    stream.payments.arrive(open.length)
    delivered += open.length
    await stream.time.settle()
  }
}
