/** Plugins as programs make them, with a store in memory and a record of what they were told. */
import crypto from 'node:crypto'
import type { PluginOptions, ProgramStore } from '../options.js'
import { Plugin } from '../plugin.js'
import type { ProgramTransfer } from '../transfer.js'
import { MemorySocket } from './memory-socket.js'

export const prefix = 'g.letter-shop.mytrustline.'
export const info = { currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] }

export interface Told {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: arguments of any event.
  readonly args: any[]
}

/** As the tutorial's: a plain object, synchronous. */
export function memoryStore(
  contents: Record<string, string> = {},
): ProgramStore & { contents: Record<string, string> } {
  return {
    contents,
    get: (key) => contents[key],
    put: (key, value) => {
      contents[key] = value
    },
    del: (key) => delete contents[key],
  }
}

/** The side that keeps the book. */
export function createShop(options: Partial<PluginOptions> = {}): Plugin {
  return new Plugin({ incomingSecret: '', maxBalance: '1000', prefix, info, _store: memoryStore(), ...options })
}

/** The side that asks. */
export function createCustomer(options: Partial<PluginOptions> = {}): Plugin {
  return new Plugin({ prefix, info, ...options })
}

/** Connects a customer to a shop, both of them connected afterwards. */
export async function connectBoth(shop: Plugin, customer: Plugin, username = '', token = ''): Promise<MemorySocket> {
  const [atShop, atCustomer] = MemorySocket.pair()
  await Promise.all([shop.addSocket(atShop), customer.addSocket(atCustomer, { username, token })])
  await Promise.all([shop.connect(), customer.connect()])
  return atCustomer
}

export function record(plugin: Plugin): Told[] {
  const told: Told[] = []
  plugin.onAny((name: string, ...args: unknown[]) => told.push({ name, args }))
  return told
}

/** The names of what was told about one transfer, in order. */
export function names(told: readonly Told[], id: string): string[] {
  return told.filter(({ args }) => args[0]?.id === id).map(({ name }) => name)
}

/** The first event of this name from now on. */
// biome-ignore lint/suspicious/noExplicitAny: arguments of any event.
export function next(plugin: Plugin, name: string): Promise<any[]> {
  return new Promise((resolve) => plugin.once(name, (...args) => resolve(args)))
}

/** A transfer of a program, and what fulfills it. */
export function payment(
  to: string,
  fields: Partial<ProgramTransfer> = {},
): { readonly transfer: ProgramTransfer; readonly fulfillment: string } {
  const fulfillment = crypto.randomBytes(32)
  const transfer = {
    id: crypto.randomUUID(),
    to,
    amount: '10',
    executionCondition: crypto.createHash('sha256').update(fulfillment).digest('base64url'),
    expiresAt: new Date(Date.now() + 30_000).toISOString(),
    ilp: 'ATgAAAAAAAAAAS1nLmxldHRlci1zaG9wLm15dHJ1c3RsaW5lLnNlcnZlci51c2VyMS5ob2xkLTYAAA',
    ...fields,
  }
  return { transfer: transfer as ProgramTransfer, fulfillment: fulfillment.toString('base64url') }
}
