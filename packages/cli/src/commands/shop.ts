/** `millstream shop`: a stream with a price, and the ledger on which it is paid. */
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { hashes, randomBytes } from '@millstream/hashes'
import { createShop, createShopServer, type Endpoint, parseUnit, type Shop } from '@millstream/shop'
import { createTrustlineHost, listenTrustline, type Strangers, type TrustlineHost } from '@millstream/trustline'
import type { Asset } from '@millstream/units'
import * as AdminServer from '../admin/server.js'
import * as ContentSource from '../content-source.js'
import * as Database from '../database.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import * as HttpConnections from '../http-connections.js'
import * as Logs from '../logs.js'
import type { Content } from '../option.js'
import * as Retention from '../retention.js'
import * as ShopStore from '../shop-store.js'
import * as ShopXrp from '../shop-xrp.js'
import * as Signals from '../signals.js'
import { isDatabase, type StoreChoice } from '../store-choice.js'
import type { StoreOperatorOptions } from '../store-operator.js'
import * as StoreOperator from '../store-operator.js'
import type { Terminal } from '../terminal.js'
import type * as TrustedProxies from '../trusted-proxies.js'

export interface ShopOptions {
  readonly port: number
  readonly btpPort: number
  readonly host: string
  readonly price: bigint
  readonly piece?: string
  readonly content: Content
  readonly letters?: number
  readonly data: string
  readonly store: StoreChoice
  readonly keyFile?: string
  readonly node?: string
  readonly strangers: Strangers
  /** How long records are kept after they have ended, in milliseconds; for ever if left out. */
  readonly keep?: number
  /** That of the trustline of the tutorial, or the one of escrows, if left out. */
  readonly prefix?: string
  readonly endpoint?: string
  /** In front of the shop: the addresses of readers are what they say. */
  readonly trustProxy?: TrustedProxies.TrustedProxies
  readonly tlsCert?: string
  readonly tlsKey?: string
  /** Server of the XRP Ledger in which the trustline is settled, or, with `escrow`, the price is paid; the shop's seed there. */
  readonly xrp?: string
  /** Without a trustline: each payment is an escrow on the XRP Ledger. */
  readonly escrow?: boolean
  readonly seedFile?: string
  readonly json?: boolean
  readonly logLevel: Logs.Level
}

/** The trustline of the tutorial: billionths of an XRP. */
const asset: Asset = { code: 'XRP', scale: 9 }
const trustlinePrefix = 'g.letter-shop.mytrustline.'
const healthTarget = '/healthz'
/** How long readers may take to get what is on its way to them when the shop ends. */
const httpCloseMs = 2_000
/** How long nothing must have come from payers before their ledger stops, and how long that may take. */
const quietMs = 100
const quietMsMax = 2_000

/** Of what is done at the end. After a failure nothing settles any more, and nobody should wait for that. */
type Step = (hasFailed: boolean) => unknown

export async function run(options: ShopOptions, terminal: Terminal): Promise<ExitCode> {
  const signals = Signals.listen()
  const logger = Logs.create({
    level: options.logLevel,
    readable: terminal.stderr.isTTY === true && !options.json,
    write: (text) => void terminal.stderr.write(text),
  })
  const closing: Step[] = []
  const close = async (hasFailed: boolean) => {
    for (const step of closing.splice(0).toReversed()) await step(hasFailed)
  }
  try {
    const failed = new Promise<never>((_, reject) => {
      start(options, terminal, logger, closing, reject).catch(reject)
    })
    failed.catch(() => {})
    const signal = await Promise.race([signals.first, failed])
    logger.info({ signal }, 'cli.draining')
    const isDrained = await Promise.race([close(false).then(() => true), signals.second.then(() => false), failed])
    return isDrained ? exitCodes.done : exitCodes.interrupted
  } catch (error) {
    await close(true)
    throw error
  } finally {
    signals.close()
  }
}

/** What a shop is paid over, while it runs. */
interface Paid {
  readonly shop: Shop
  /** What customers are told; absent where they need to be told nothing. */
  readonly endpoint?: Endpoint
  /** The second address of `ready`, and what else is said of it. */
  readonly address: string
  readonly facts: Readonly<Record<string, unknown>>
  stopAccepting(): void
  /** Until nothing comes any more from payers who have lost their streams. */
  drain(hasFailed: boolean): Promise<void>
}

type Tls = { readonly cert: Buffer; readonly key: Buffer } | undefined

/** What each way of being paid is opened with. */
interface Around {
  readonly logger: Logs.Logger
  readonly observer: ReturnType<typeof Logs.observer>
  readonly tls: Tls
  /** Gets what is to be done at the end, the last first. */
  readonly closing: Step[]
  readonly fail: (error: unknown) => void
}

/** @param closing - Gets what is to be done at the end, the last first. */
async function start(
  options: ShopOptions,
  terminal: Terminal,
  logger: Logs.Logger,
  closing: Step[],
  fail: (error: unknown) => void,
): Promise<void> {
  const { data, host: address, trustProxy } = options
  const observer = Logs.observer(logger)
  const tls = await readTls(options)
  const source = await ContentSource.create(options.content, options.letters)
  const around: Around = { logger, observer, tls, closing, fail }
  const paid = await (options.escrow === true ? byEscrows(options, around) : onTrustline(options, around))
  const { shop, endpoint } = paid

  const secure = tls !== undefined
  const unit = options.piece ?? source.unit
  const sell = createShopServer({
    shop,
    source: source.find,
    price: options.price,
    piece: parseUnit(unit)!,
    ...(endpoint === undefined ? {} : { endpoint }),
    healthTarget,
    ...(trustProxy === undefined ? {} : { addressOf: trustProxy.addressOf }),
    onError: (error) => logger.error({ error }, 'cli.source_failed'),
  })
  const server =
    tls === undefined
      ? createHttpServer(HttpConnections.serverTimes, sell)
      : createHttpsServer({ ...tls, ...HttpConnections.serverTimes }, sell)
  HttpConnections.bound(server, HttpConnections.connectionLimits, trustProxy?.isTrusted)
  const { port } = await listen(server, options.port, address)
  let ended: Promise<void> | undefined
  closing.push(
    () => (ended === undefined ? undefined : closeConnections(server, ended)),
    (hasFailed) => paid.drain(hasFailed),
    // The streams end before the ledger stops: what is fulfilled is still paid and delivered.
    (hasFailed) => shop.close({ now: hasFailed }),
    () => {
      ended = new Promise((resolve) => server.close(() => resolve()))
      paid.stopAccepting()
    },
  )

  const named = isIPv6(address) ? `[${address}]` : address
  const http = `http${secure ? 's' : ''}://${named}:${port}/`
  const price = String(options.price)
  const facts = { http, ...paid.facts, price, piece: unit, pid: process.pid, data }
  terminal.stdout.write(
    options.json ? `${JSON.stringify({ ready: true, ...facts })}\n` : `ready ${http} ${paid.address}\n`,
  )
  logger.info(facts, 'cli.ready')
}

async function onTrustline(options: ShopOptions, { logger, observer, tls, closing, fail }: Around): Promise<Paid> {
  const { prefix = trustlinePrefix, strangers, data, host: address, trustProxy } = options
  const failed = (cause: unknown) => fail(Database.failureOf(cause) ?? storeFailed(cause))
  const opened = await ShopStore.open({ ...options, prefix, asset }, logger, closing, failed)
  const { store, streams, key, clock, backup } = opened

  const xrp = options.xrp === undefined ? undefined : await openXrp(options.xrp, options, opened, observer, fail)
  if (xrp !== undefined) closing.push(() => xrp.close())
  const host = createTrustlineHost({
    store,
    prefix,
    asset,
    strangers,
    clock,
    hashes,
    randomBytes,
    observer,
    onFailure: failed,
    ...(xrp === undefined ? {} : { settlement: xrp.settlement }),
  })
  closing.push(() => host.close())
  await host.ready
  const shop = await createShop({ plugin: host, streams, key, clock, hashes, randomBytes, observer })
  const readers = () => [shop.cursor()]
  if (opened.isOwn) {
    const copying = backup === undefined ? {} : { backup }
    const settled = xrp === undefined ? {} : { checkXrp: xrp.check }
    closing.push(await openAdmin(data, { store, prefix, asset, pid: process.pid, readers, ...copying, ...settled }))
  }
  if (options.keep !== undefined) {
    const retention = Retention.start({ store, keepMs: options.keep, clock, logger, readers })
    closing.push(() => retention.close())
  }

  const forwarded = trustProxy === undefined ? {} : { addressOf: trustProxy.addressOf }
  const listener = await listenTrustline(host, {
    host: address,
    port: options.btpPort,
    observer,
    ...(tls === undefined ? {} : { tls }),
    ...forwarded,
  })
  closing.push(
    () => listener.close(),
    () => listener.stopAccepting(),
  )

  const secure = tls !== undefined
  const named = isIPv6(address) ? `[${address}]` : address
  const btp = options.endpoint ?? `btp+ws${secure ? 's' : ''}://${named}:${listener.port}/`
  return {
    shop,
    endpoint: options.endpoint ?? { port: listener.port, secure },
    address: btp,
    facts: { btp, btpPort: listener.port, account: host.info().account },
    stopAccepting: () => listener.stopAccepting(),
    async drain(hasFailed) {
      if (!hasFailed) await quiet(host)
      await host.drain()
    },
  }
}

/** The streams are kept where those of a trustline would be; its ledger stays empty. */
async function byEscrows(options: ShopOptions, { logger, observer, closing, fail }: Around): Promise<Paid> {
  const { xrp: server, store: choice, data } = options
  if (server === undefined || isDatabase(choice)) throw escrowUnusable(server === undefined)
  const { open, asset, prefixDefault } = await import('../xrp-shop.js')
  const { prefix = prefixDefault } = options
  const failed = (cause: unknown) => fail(storeFailed(cause))
  const { streams, key, clock } = await ShopStore.open({ ...options, prefix, asset }, logger, closing, failed)
  const place = { xrp: server, ...(options.seedFile === undefined ? {} : { seedFile: options.seedFile }) }
  const plugin = await open({ place, data, isKept: choice !== 'memory', prefix, clock, observer })
  closing.push(() => plugin.close())
  const shop = await createShop({ plugin, streams, key, clock, hashes, randomBytes, observer })
  await plugin.prunePosted(shop.cursor())
  const { account, paymentMin } = plugin.info()
  return {
    shop,
    address: account,
    facts: { account, asset, paymentMin: String(paymentMin), xrp: server },
    stopAccepting() {},
    async drain() {},
  }
}

function escrowUnusable(isServerMissing: boolean): Failure {
  return new Failure({
    code: 'USAGE',
    exit: exitCodes.usage,
    message: isServerMissing
      ? 'Escrows are made on an XRP Ledger, and none is named. Nothing was started.'
      : 'A shop that is paid by escrows keeps its streams for itself: an account of the XRP Ledger is used by one process. Nothing was started.',
    next: isServerMissing ? 'name a server of it with --xrp wss://…' : 'leave --store out',
  })
}

function openXrp(
  url: string,
  { seedFile, data, prefix = trustlinePrefix, strangers }: ShopOptions,
  { store, clock }: ShopStore.ShopStore,
  observer: ReturnType<typeof Logs.observer>,
  fail: (error: unknown) => void,
): Promise<ShopXrp.ShopXrp> {
  return ShopXrp.open({
    place: { xrp: url, ...(seedFile === undefined ? {} : { seedFile }) },
    ...{ data, store, prefix, asset, strangers, clock, observer },
    onFailure: (cause) => fail(storeFailed(cause)),
  })
}

async function openAdmin(folder: string, options: StoreOperatorOptions): Promise<() => Promise<void>> {
  const server = await AdminServer.listen(folder, StoreOperator.create({ ...options, pause: Retention.paused() }))
  return server.close
}

async function readTls({ tlsCert, tlsKey }: ShopOptions): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new Failure({
      code: 'SHOP_TLS_INCOMPLETE',
      exit: exitCodes.usage,
      message: 'A certificate needs its key, and a key its certificate. Nothing was started.',
      next: 'give both --tls-cert and --tls-key, or neither',
    })
  }
  try {
    return { cert: await readFile(tlsCert), key: await readFile(tlsKey) }
  } catch (cause) {
    throw new Failure({
      code: 'SHOP_TLS_UNREADABLE',
      exit: exitCodes.usage,
      message: `The certificate or its key cannot be read: ${(cause as Error).message}. Nothing was started.`,
      next: 'check the paths of --tls-cert and --tls-key',
      cause,
    })
  }
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new Failure({
          code: 'SHOP_LISTEN',
          exit: exitCodes.address,
          message: `Nobody can listen on ${host}, port ${port} (${cause.code ?? cause.message}). Nothing was started.`,
          next:
            cause.code === 'EADDRINUSE'
              ? 'another program has it: choose another with --port'
              : 'check --host and --port',
          cause,
        }),
      )
    })
    server.listen(port, host, () => resolve(server.address() as AddressInfo))
  })
}

/** Of a server that takes nothing new: what is on its way still goes out, for a while. */
async function closeConnections(server: Server, ended: Promise<void>): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), httpCloseMs)
  server.closeIdleConnections()
  await ended
  clearTimeout(timer)
}

/**
 * Payers that lost their streams stop paying, but what they sent before is still on its way: it is refused as long as it
 * comes, so that nobody is left to wonder.
 */
async function quiet(host: TrustlineHost): Promise<void> {
  const deadline = performance.now() + quietMsMax
  let before = -1
  for (;;) {
    const { prepared, refused } = host.stats()
    if (prepared + refused === before || performance.now() > deadline) return
    before = prepared + refused
    await delay(quietMs)
  }
}

function storeFailed(cause: unknown): Failure {
  return new Failure({
    code: 'LEDGER_STORE_FAILED',
    exit: exitCodes.folder,
    message: `The ledger cannot be written: ${cause instanceof Error ? cause.message : String(cause)} The shop has stopped.`,
    next: 'see to the disk and start the shop again: nothing was told to anybody that is not stored',
    cause,
  })
}
