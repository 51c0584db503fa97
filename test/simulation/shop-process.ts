/**
 * The shop's process: host, ledger, store and shop as `millstream shop` wires them, over the simulated disk and network.
 * What it asks of its ledger is watched on the way.
 */

import { PayHeader, PayTerms } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import {
  type Account,
  type AccountId,
  type Command,
  createMemoryStore,
  type Hold,
  type Outcome,
  type Store,
  serverAccount,
} from '@millstream/ledger'
import { createShop, type Shop } from '@millstream/shop'
import { createTrustlineHost, type Strangers, strangersTotal, type TrustlineHost } from '@millstream/trustline'
import { Hex, MillstreamError } from '@millstream/units'
import type { BtpListener } from './btp-wire.js'
import * as Content from './content.js'
import type { HttpExchange, HttpListener } from './http-wire.js'
import type { ShopPlan } from './plan.js'
import type { Process } from './process.js'
import type { Findings } from './rules/findings.js'
import type { LedgerRules } from './rules/ledger-rules.js'
import type { Delivery, ShopRules } from './rules/shop-rules.js'
import type { ShopDisk } from './shop-disk.js'

export const prefix = 'test.shop.'
export const asset = { code: 'XRP', scale: 9 } as const
export const serverAddress = `${prefix}server`

export interface ShopProcessOptions {
  readonly process: Process
  readonly plan: ShopPlan
  readonly disk: ShopDisk
  readonly content: Content.Truth
  readonly key: Uint8Array
  readonly findings: Findings
  readonly ledgerRules: LedgerRules
  readonly shopRules: ShopRules
  /** It cannot go on, and ends itself. */
  readonly exit: (why: string) => void
  readonly headerSent: (header: ShopHeader) => void
  /** For a shop that lies: an old header. */
  readonly oldHeader: () => string | undefined
  readonly observe: (event: { readonly name: string; readonly level: string }) => void
}

export interface ShopHeader {
  readonly pay: string
  readonly userId: string
  readonly address: string
  readonly secret: Uint8Array
}

export interface ShopProcess {
  readonly process: Process
  readonly host: TrustlineHost
  readonly shop: Shop
  readonly store: Store
  readonly btp: BtpListener
  readonly http: HttpListener
  /** Ends as an operator ends it: what is held gets its time. */
  stop(): Promise<void>
  /** After each step: what the ledger of this process believes. */
  check(): void
}

export async function start(options: ShopProcessOptions): Promise<ShopProcess> {
  const { process, plan, disk, key, findings, ledgerRules, shopRules, observe } = options
  const { clock, timers, randomBytes } = process
  const strangers: Strangers = { policy: 'credit', each: plan.creditEach, total: plan.creditTotal }
  const limits = { strangersCreditMax: strangersTotal(strangers) }
  const journal = disk.journal(process)
  const ledger = await createMemoryStore({ clock, hashes, randomBytes, limits, journal })
  const known = new Set<AccountId>(ledgerRules.accounts.keys())
  compareRestored(ledger, ledgerRules, findings)
  const destinations = new Map<string, Pick<Hold, 'destination' | 'amount'>>()
  for (const hold of ledger.holds() as readonly Hold[]) destinations.set(Hex.fromBytes(hold.id), hold)
  let isDirty = false
  const store = watched(ledger, (commands, outcomes) => {
    isDirty = true
    watch(commands, outcomes)
  })
  const host = createTrustlineHost({
    store,
    prefix,
    asset,
    strangers,
    clock,
    hashes,
    randomBytes,
    timers,
    limits: { sweepMs: 1_000 },
    observer: observe,
    onFailure: (error) => options.exit(`its ledger failed: ${error instanceof Error ? error.message : error}`),
  })
  await host.ready
  const streams = disk.streams(process)
  const shop = await createShop({ plugin: host, streams, key, clock, hashes, randomBytes, timers, observer: observe })
  let isStopping = false

  return {
    process,
    host,
    shop,
    store: ledger,
    btp: { process, accept: (socket, remoteAddress) => host.accept({ socket, remoteAddress }) },
    http: { process, serve: (exchange) => serve(exchange) },
    async stop() {
      if (isStopping) return
      isStopping = true
      await shop.close()
      await host.drain()
      await ledger.close()
      options.exit('it was told to end')
    },
    check() {
      if (!isDirty) return
      isDirty = false
      proveLive(ledger, known, findings)
    },
  }

  function watch(commands: readonly Command[], outcomes: readonly Outcome[]): void {
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i]!
      const { status } = outcomes[i]!
      if (command.type === 'open') known.add((outcomes[i] as { account: Account }).account.id)
      if (command.type === 'prepare' && status === 'prepared') {
        const delivery = deliveryOf(command.destination)
        if (delivery !== undefined) delivery.held += Number(command.amount / plan.price)
        const { posted, heldOut, creditLimit } = ledger.account(command.source) as Account
        findings.claim(
          command.source === serverAccount || posted - heldOut >= -creditLimit,
          'nobody is beyond a limit',
          () => `A hold was taken: ${posted} posted, ${heldOut} held, may owe ${creditLimit}.`,
        )
        destinations.set(Hex.fromBytes(command.id), command)
      }
      if (command.type === 'fulfill' && status === 'fulfilled') {
        const held = destinations.get(Hex.fromBytes(command.id))
        const delivery = held === undefined ? undefined : deliveryOf(held.destination)
        if (delivery === undefined) continue
        delivery.fulfilled += Number(held!.amount / plan.price)
        shopRules.fulfilled(delivery)
      }
    }
  }

  function deliveryOf(destination: string): Delivery | undefined {
    return shopRules.deliveries.get(destination.slice(serverAddress.length + 1).split('.')[0]!)
  }

  function serve(exchange: HttpExchange): void {
    try {
      sell(exchange)
    } catch (error) {
      // It takes no more streams, or closes.
      if (!(error instanceof MillstreamError)) throw error
      exchange.answer({ status: 503, headers: [] })
      exchange.body.end()
    }
  }

  function sell(exchange: HttpExchange): void {
    const { content } = options
    const { unit, piece, ends } = content
    let delivery: Delivery | undefined
    const { body } = exchange
    const source = Content.read({
      truth: content,
      process,
      random: process.random.fork(`content ${exchange.link.name}`),
      chunkBytesMax: plan.chunkBytesMax,
      chunkMs: plan.chunkMs,
      failsAt: plan.sourceFailsAt,
      reading: () => process.isAlive && shopRules.reading(delivery!),
      gave: (bytes) => {
        delivery!.read += bytes
      },
    })
    const stream = shop.open(
      {
        resource: exchange.path,
        price: plan.price,
        piece,
        content: source,
        ...(plan.tellsPieces ? { pieces: ends.length } : {}),
        address: exchange.link.name,
      },
      {
        write(bytes) {
          if (process.isAlive) shopRules.writing(delivery!, bytes)
          return body.write(bytes)
        },
        end() {
          if (process.isAlive) shopRules.ending(delivery!)
          body.end()
        },
        destroy: () => body.destroy(),
      },
    )
    delivery = shopRules.opened(stream.userId, content, plan.price)
    exchange.onClose = () => stream.left()
    exchange.onDrain = () => stream.drained()
    const { userId, address, secret } = stream
    const price = plan.shopLie?.kind === 'dearer' ? 2n * plan.price : plan.price
    const pay = PayHeader.format({ form: 'tutorial', amount: price, address, secret })
    const sent = plan.shopLie?.kind === 'old_header' ? (options.oldHeader() ?? pay) : pay
    const terms = { unit, asset, ledger: prefix, ...(plan.tellsPieces ? { pieces: ends.length } : {}) }
    options.headerSent({ pay, userId, address, secret })
    exchange.answer({
      status: 200,
      headers: [
        ['pay', sent],
        ['pay-terms', PayTerms.format(terms)],
      ],
    })
  }
}

/** Sees what is decided, as it is decided. */
function watched(store: Store, decided: (commands: readonly Command[], outcomes: readonly Outcome[]) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'apply') return value.bind(target)
      return (commands: readonly Command[]) => {
        const batch = target.apply(commands)
        decided(commands, batch.outcomes as readonly Outcome[])
        return batch
      }
    },
  })
}

/** A start finds what the disk has: balances, and holds but for those that have expired. */
function compareRestored(store: Store, rules: LedgerRules, findings: Findings): void {
  const rule = 'the books agree after recovery'
  for (const [id, truth] of rules.accounts) {
    if (truth.kind === 'closed') continue
    const account = store.account(id) as Account | undefined
    findings.claim(
      account?.posted === truth.posted && account.heldOut === truth.heldOut,
      rule,
      () =>
        `${truth.name} has ${account?.posted}, holds ${account?.heldOut}; on the disk ${truth.posted}, ${truth.heldOut}.`,
    )
  }
  const held = (store.holds() as readonly unknown[]).length
  findings.claim(held === rules.held.size, rule, () => `${held} holds are known, ${rules.held.size} are on the disk.`)
}

/** All sums hold in memory too. */
function proveLive(store: Store, known: ReadonlySet<AccountId>, findings: Findings): void {
  const rule = 'debits equal credits'
  const heldOut = new Map<AccountId, bigint>()
  for (const { source, amount } of store.holds() as Awaited<ReturnType<Store['holds']>>) {
    heldOut.set(source, (heldOut.get(source) ?? 0n) + amount)
  }
  let total = 0n
  for (const id of new Set([...known, ...systemAccounts])) {
    const account = store.account(id) as Account | undefined
    if (account === undefined) continue
    total += account.posted
    findings.claim(
      account.heldOut === (heldOut.get(id) ?? 0n),
      rule,
      () => `${account.name} holds ${account.heldOut}, its holds add up to ${heldOut.get(id) ?? 0n}.`,
    )
  }
  findings.claim(total === 0n, rule, () => `All balances together are ${total}.`)
}

const systemAccounts = [1, 2, 3, 4] as AccountId[]
