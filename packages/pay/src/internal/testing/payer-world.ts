/** A payer, a ledger in memory and a shop, in one time that the test drives. */
import { hashes, randomBytes } from '@millstream/hashes'
import { createPluginPair, type PluginPairOptions } from '@millstream/plugin/testing'
import { expect } from 'vitest'
import { PayError } from '../../pay-error.js'
import type { PayEvent } from '../../pay-event.js'
import { createPayer, type PaidResponse, type PayerOptions } from '../../payer.js'
import type { Endpoint } from '../../rail.js'
import { createDrivenTime } from './driven-time.js'
import { createFakeShop, type FakeShopOptions, letters } from './fake-shop.js'

export const url = 'http://shop.example:8000/story?key=s3cret'
export const story = 'The quick brown fox jumps over the lazy dog.'

export interface WorldOptions extends Partial<FakeShopOptions> {
  readonly ledger?: Partial<PluginPairOptions>
  readonly payer?: Partial<PayerOptions>
}

export function createWorld(options: WorldOptions = {}) {
  const time = createDrivenTime()
  const pair = createPluginPair({ clock: time.clock, hashes, ...options.ledger })
  const shop = createFakeShop({ pieces: letters(story), ...options, plugin: pair.payee })
  const events: PayEvent[] = []
  const opened: Endpoint[] = []
  const payer = createPayer({
    http: shop.http,
    clock: time.clock,
    now: time.now,
    timers: time.timers,
    hashes,
    randomBytes,
    observer: (event) => void events.push(event),
    async openPlugin(endpoint) {
      opened.push(endpoint)
      return { plugin: pair.payer, account: 'alice' }
    },
    ...options.payer,
  })
  return { time, pair, shop, payer, events, opened }
}

export async function textOf(response: Pick<PaidResponse, 'body'>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true })
  return text
}

export async function failureOf(promise: Promise<unknown>): Promise<PayError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(PayError)
  return error as PayError
}
