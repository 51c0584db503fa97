/**
 * A payer's process: its folder, its trustline client and its payer as `millstream pay` wires them, over the simulated
 * disk and network; and the reader of what it pays for. It ends when it has fetched what it was started for.
 */
import { createTrustlineClient, type TrustlineClient } from '@millstream/btp'
import { PayHeader } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { type Book, createPayer, type Http, type PaidResponse, PayError } from '@millstream/pay'
import type { OutgoingTransfer, Plugin } from '@millstream/plugin'
import { MillstreamError } from '@millstream/units'
import { openPayerState } from '../../packages/pay/src/node/payer-state.js'
import type { BtpWire } from './btp-wire.js'
import type { FolderDisk } from './folder-disk.js'
import type { HttpWire } from './http-wire.js'
import type { Link } from './network.js'
import { OutsideError } from './outside-error.js'
import type { PayerPlan } from './plan.js'
import type { Process } from './process.js'
import type { Findings } from './rules/findings.js'
import type { PaidStreamTruth, PayerRules } from './rules/payer-rules.js'
import { asset, prefix } from './shop-process.js'

export const origin = 'btp+ws://shop.example:9000'
const url = 'http://shop.example:8000/story'
const folder = '/home/payer'
/** Longer than a book has anything in doubt. */
const doubtMs = 46_000

export interface Credentials {
  readonly username: string
  readonly token: string
}

export interface PayerProcessOptions {
  readonly process: Process
  readonly plan: PayerPlan
  readonly credentials: Credentials
  readonly account: string | undefined
  readonly disk: FolderDisk
  readonly btp: BtpWire
  readonly http: HttpWire
  readonly rules: PayerRules
  readonly findings: Findings
  /** The true content, where the shop delivers it. */
  readonly content: Uint8Array | undefined
  readonly isAlive: (pid: number) => boolean
  readonly pid: number
  readonly connected: (link: Link) => void
  readonly observe: (event: { readonly name: string; readonly level: string }) => void
  readonly tell: (what: string) => void
  /** How it ended; `failed` is worth another try. */
  readonly exit: (how: 'done' | 'failed', why: string) => void
}

/** The streams that it reads, so that they can be stopped. */
export interface PayerProcess {
  readonly process: Process
  readonly open: Set<PaidResponse>
}

export function start(options: PayerProcessOptions): PayerProcess {
  const open = new Set<PaidResponse>()
  options.rules.started()
  live(options, open).then(
    (why) => options.exit('done', why),
    (error: unknown) => {
      if (!(error instanceof MillstreamError || error instanceof OutsideError)) {
        options.findings.add('nothing unexpected is thrown', String(error instanceof Error ? error.stack : error))
      }
      options.exit('failed', error instanceof Error ? error.message : String(error))
    },
  )
  return { process: options.process, open }
}

/**
 * A last look: once all that could be held has expired, the host's balance settles what the book has in doubt.
 *
 * @returns What is wrong, or nothing.
 */
export async function audit(options: PayerProcessOptions, posted: bigint): Promise<string | undefined> {
  return withBook(options, async (client, book) => {
    if (book === undefined) return undefined
    await client.connect()
    let verdict = await book.reconcile(await client.balance())
    if (book.unresolved() > 0n) {
      // Of a life that died: from now on it counts how long it may still be held.
      await options.process.wait(doubtMs)
      verdict = await book.reconcile(await client.balance())
    }
    if (verdict.status === 'unexplained') return `It cannot explain ${verdict.amount} of its balance.`
    if (book.unresolved() > 0n) return `It still has ${book.unresolved()} in doubt.`
    return book.spent() < posted ? `It says that it spent ${book.spent()}, ${posted} were posted.` : undefined
  })
}

async function withBook<Result>(
  options: PayerProcessOptions,
  use: (client: TrustlineClient, book: Book | undefined) => Promise<Result>,
): Promise<Result> {
  const { process, credentials, account, disk, btp, observe, connected } = options
  const { clock, timers, randomBytes } = process
  const client = createTrustlineClient({
    uri: origin.replace('//', `//${credentials.username}:${credentials.token}@`),
    connect: btp.connector(process, connected),
    expectedPrefix: prefix,
    clock,
    hashes,
    randomBytes,
    timers,
    observer: observe,
  })
  const state = await openPayerState({
    folder,
    clock,
    hashes,
    randomBytes,
    files: disk.files(process),
    owner: { pid: options.pid, host: 'here', boot: 'one', startedAt: '' },
    isAlive: async ({ pid }) => options.isAlive(pid),
  })
  try {
    return await use(client, account === undefined ? undefined : await state.book(origin, account))
  } finally {
    await client.close()
    await state.close()
  }
}

async function live(options: PayerProcessOptions, open: Set<PaidResponse>): Promise<string> {
  const { process, plan, account, rules, observe } = options
  const { clock, timers, randomBytes } = process
  const streams: PaidStreamTruth[] = []
  return withBook(options, async (client, book) => {
    await client.connect()
    const payer = createPayer({
      rail: {
        plugin: watched(client, process, rules),
        onReconnect: (listener) => void client.onConnectionChange((isConnected) => isConnected && listener()),
        ...(account === undefined ? {} : { account }),
        ...(book === undefined ? {} : { book }),
      },
      limits: {
        asset,
        maxPrice: 1_000n,
        budget: plan.budget,
        risk: plan.risk,
        window: plan.window,
        pieces: plan.pieces,
      },
      http: counted(options, streams),
      clock,
      hashes,
      randomBytes,
      timers,
      now: process.now,
      settings: { expiresInMs: plan.expiresInMs },
      observer: observe,
    })
    const ended: string[] = []
    const fetchAndRead = async () => {
      const response = await payer.fetch(url)
      open.add(response)
      ended.push(await read(options, response, streams))
      open.delete(response)
    }
    if (plan.isParallel) await all(Array.from({ length: plan.fetches }, fetchAndRead))
    else for (let i = 0; i < plan.fetches; i++) await fetchAndRead()
    await payer.close()
    return ended.join(', ')
  })
}

/** Sees what is paid, and what is told of it. */
function watched(client: TrustlineClient, process: Process, rules: PayerRules): Plugin {
  return {
    info: () => client.info(),
    balance: () => client.balance(),
    receive: (payee) => client.receive(payee),
    async send(transfer: OutgoingTransfer) {
      const stream = process.isAlive ? rules.sending(transfer) : undefined
      const outcome = await client.send(transfer)
      if (stream !== undefined && process.isAlive) rules.told(transfer, stream, outcome)
      return outcome
    },
  }
}

/** Waits for all of them, and fails as the first that failed. */
async function all(promises: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(promises)
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}

/** Sees what is asked and what arrives, before the payer does. */
function counted({ process, http, rules, content, findings }: PayerProcessOptions, streams: PaidStreamTruth[]): Http {
  const client = http.client(process, process.random.fork('http'))
  return async (to, request) => {
    const response = await client(to, request)
    const pay = response.header('pay')
    if (pay === undefined || !process.isAlive) return response
    const header = PayHeader.parse(pay)
    if (header.form !== 'tutorial') throw new Error('The shop changed the form of its header.')
    const stream = rules.opened(header.address, header.amount)
    streams.push(stream)
    request.signal.addEventListener('abort', () => {
      stream.isClosed = true
    })
    return { ...response, body: arriving(response.body, stream) }
  }

  async function* arriving(body: AsyncIterable<Uint8Array>, stream: PaidStreamTruth): AsyncGenerator<Uint8Array> {
    try {
      yield* counting(body, stream)
    } finally {
      stream.isClosed = true
    }
  }

  async function* counting(body: AsyncIterable<Uint8Array>, stream: PaidStreamTruth): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (content !== undefined && !chunk.every((byte, i) => byte === content[stream.bytes + i])) {
        findings.add('content is delivered as it is', `The reader has other bytes than those from ${stream.bytes} on.`)
      }
      if (process.isAlive) rules.arrived(stream, chunk.length)
      yield chunk
    }
  }
}

async function read(
  options: PayerProcessOptions,
  response: PaidResponse,
  streams: readonly PaidStreamTruth[],
): Promise<string> {
  const { process, plan, rules, tell } = options
  const { terms } = response
  if (terms === undefined) return 'nothing to pay'
  const stream = streams.findLast(({ address }) => address === terms.address)!
  let bytes = 0
  try {
    for await (const chunk of response.body) {
      if (!process.isAlive) break
      bytes += chunk.length
      if (plan.readMs > 0) await process.wait(process.random.skewed(0, plan.readMs))
      if (plan.stopsAfterBytes !== undefined && bytes >= plan.stopsAfterBytes) {
        if (plan.leaves) break
        response.stop()
      }
    }
  } catch (error) {
    if (!(error instanceof PayError)) throw error
  }
  const summary = await response.summary
  if (!process.isAlive) return ''
  rules.over(stream, summary)
  const { stopped, paid, unknown, lost } = summary
  tell(`ends a stream: ${stopped}, ${paid} paid, ${unknown} unknown, ${lost} lost, ${bytes} bytes`)
  return stopped
}
