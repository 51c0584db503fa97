/** Three shops as processes on one PostgreSQL, behind the proxy of the example, and customers who know one name. */
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accountName, createTrustlineClient, type TrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { BtpUri, Derivation, IlpPacket, PayEndpoint, PayHeader } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { type OpenedPostgres, openPostgres } from '@millstream/ledger-postgres'
import { openPayerState } from '@millstream/pay/node'
import type { SendOutcome } from '@millstream/plugin'
import { Condition, Instant, TransferId } from '@millstream/units'
import type { AccountRow } from '../../packages/cli/src/operator.js'
import * as Child from '../processes/child.js'
import { freePort } from '../processes/free-port.js'
import * as Millstream from '../processes/millstream.js'

const proxy = fileURLToPath(new URL('../../examples/fleet/proxy.mjs', import.meta.url))

/** A stream that a customer has open and pays by hand. */
export interface RawStream {
  /** The shop that serves it. */
  readonly node: string
  readonly userId: string
  readonly client: TrustlineClient
  /** Letters that have arrived. */
  readonly letters: number
  /** Pays for so many pieces under this number. */
  pay(number: number, pieces?: number, expiresInMs?: number): Promise<SendOutcome>
}

export class Fleet {
  readonly url: string
  readonly origin: string
  private readonly folder: string
  private readonly store: string
  private readonly port: number
  private readonly ports: ReadonlyMap<string, { readonly http: number; readonly btp: number }>
  readonly shops = new Map<string, Child.Child>()

  private constructor(folder: string, store: string, port: number, ports: Fleet['ports']) {
    this.folder = folder
    this.store = store
    this.port = port
    this.ports = ports
    this.url = `http://127.0.0.1:${port}/`
    this.origin = `btp+ws://127.0.0.1:${port}`
  }

  static async start(store: string, ...names: readonly string[]): Promise<Fleet> {
    const ports = new Map<string, { readonly http: number; readonly btp: number }>()
    for (const name of names) ports.set(name, { http: await freePort(), btp: await freePort() })
    const fleet = new Fleet(await Millstream.temporaryFolder(), store, await freePort(), ports)
    // All at once, on an empty database and without a key: each finds what the first has made.
    await Promise.all(names.map((name) => fleet.startShop(name)))
    const words = Array.from(ports, ([name, { http, btp }]) => `${name}=${http}:${btp}`)
    const child = Child.start(process.execPath, [proxy, String(fleet.port), ...words])
    await child.until(({ stdout }) => stdout.includes('\n'))
    return fleet
  }

  async startShop(name: string): Promise<void> {
    const { http, btp } = this.ports.get(name)!
    const words = ['shop', '--json', '--port', `${http}`, '--btp-port', `${btp}`, '--node', name]
    const shared = ['--key-file', join(this.folder, 'shop-key'), '--letters', '1000000000']
    const seen = ['--endpoint', `${this.origin}/btp/${name}`, '--strangers', 'credit:1000000000']
    const child = Millstream.start([...words, ...shared, ...seen], { env: this.env })
    this.shops.set(name, child)
    await child.until(({ stdout }) => stdout.includes('\n'))
  }

  async kill(name: string): Promise<void> {
    const child = this.shops.get(name)!
    child.kill('SIGKILL')
    await child.ended
  }

  /** Resolves once the proxy sends the customers of a shop to it again. */
  async isBack(name: string): Promise<void> {
    const seen = new Set<string>()
    while (!seen.has(name)) {
      const { headers, leave } = await this.ask()
      seen.add(nodeOf(headers['pay-endpoint']))
      leave()
    }
  }

  private get env(): Readonly<Record<string, string>> {
    return { MILLSTREAM_STORE: this.store }
  }

  startPayer(home: string, ...words: readonly string[]): Child.Child {
    return Millstream.start(['pay', this.url, '--json', '--home', join(this.folder, home), ...words])
  }

  ledger(...words: readonly string[]): Promise<Child.Ended> {
    return Millstream.run(['ledger', ...words, '--json'], { env: this.env })
  }

  async accounts(): Promise<ReadonlyMap<string, AccountRow>> {
    const { stdout } = await this.ledger('accounts')
    const rows = stdout.trimEnd().split('\n')
    return new Map(rows.map((line): AccountRow => JSON.parse(line)).map((row) => [row.id, row]))
  }

  /** The books, as one more host sees them. */
  async open<T>(use: (opened: OpenedPostgres) => Promise<T>): Promise<T> {
    const opened = await openPostgres({ url: this.store, hashes })
    try {
      return await use(opened)
    } finally {
      await opened.close()
    }
  }

  /** What the payer of a home, which does not run, has spent by its own book; `balance` is what the ledger says. */
  async payerBook(home: string): Promise<{ readonly account: string; readonly spent: bigint; readonly doubt: bigint }> {
    const clock = () => Instant.after(systemClock(), 60_000)
    const state = await openPayerState({ folder: join(this.folder, home), clock, hashes, randomBytes })
    const account = accountName(hashes, '', state.token(this.origin))
    const book = await state.book(this.origin, account)
    const { balance = '0' } = (await this.accounts()).get(account) ?? {}
    await book.reconcile(BigInt(balance))
    const told = { account, spent: book.spent(), doubt: book.unresolved() }
    await state.close()
    return told
  }

  /** Asks the fleet for the content, and leaves it unread. */
  private async ask() {
    const asked = request(this.url, { agent: false }).end()
    const [answer] = await once(asked, 'response')
    answer.on('error', () => {})
    asked.on('error', () => {})
    return { answer, headers: answer.headers as Record<string, string>, leave: () => asked.destroy() }
  }

  /** Opens a stream at this shop, with an account of this token. @param isRead - Whether anybody takes what is paid. */
  async openStream(node: string, token: string, isRead = true): Promise<RawStream> {
    for (;;) {
      const { answer, headers, leave } = await this.ask()
      if (nodeOf(headers['pay-endpoint']) === node) return this.payable(answer, headers, token, isRead)
      leave()
    }
  }

  private async payable(
    answer: NodeJS.ReadableStream,
    headers: Readonly<Record<string, string>>,
    token: string,
    isRead: boolean,
  ): Promise<RawStream> {
    const header = PayHeader.parse(headers.pay!)
    if (header.form !== 'tutorial') throw new Error('The shop changed the form of its header.')
    const { address, amount: price, secret } = header
    const { url } = PayEndpoint.parse(headers['pay-endpoint']!)
    const uri = BtpUri.format({ url, username: '', token, secure: false })
    const client = createTrustlineClient({
      uri,
      connect: webSocketConnector(),
      clock: systemClock,
      hashes,
      randomBytes,
    })
    await client.connect()
    const derive = Derivation.tutorial(hashes, secret)
    let letters = 0
    if (isRead) answer.on('data', (chunk: Buffer) => (letters += chunk.length))
    return {
      node: nodeOf(headers['pay-endpoint']),
      userId: address.split('.').at(-1)!,
      client,
      get letters() {
        return letters
      },
      pay(number, pieces = 1, expiresInMs = 30_000) {
        const destination = `${address}.${number}`
        const amount = price * BigInt(pieces)
        return client.send({
          id: TransferId.from(randomBytes(16)),
          amount,
          condition: Condition.from(hashes.sha256(derive(destination))),
          expiresAt: Instant.after(systemClock(), expiresInMs),
          packet: IlpPacket.encodePayment(amount, destination),
        })
      },
    }
  }
}

function nodeOf(endpoint: string | undefined): string {
  return endpoint?.replace(/"$/, '').split('/').at(-1) ?? ''
}
