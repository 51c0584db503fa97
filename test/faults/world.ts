/** A shop and a payer that are killed and come back: what tests do to them, and what they may see of them. */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { accountName, createTrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { BtpUri, Derivation, IlpPacket, PayHeader } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { openPayerState } from '@millstream/pay/node'
import type { SendOutcome } from '@millstream/plugin'
import { Condition, Instant, TransferId } from '@millstream/units'
import * as AdminClient from '../../packages/cli/src/admin/client.js'
import type { AccountRow, Operator } from '../../packages/cli/src/operator.js'
import type * as Child from '../processes/child.js'
import { freePort } from '../processes/free-port.js'
import * as Millstream from '../processes/millstream.js'
import * as Relay from './relay.js'
import type { Place } from './small-disk.js'

/** The right condition, or one that no fulfillment of the stream belongs to. */
export interface Attempt {
  readonly number: number
  readonly isForged?: boolean
}

export interface Books {
  /** What the payer's book knows for certain, and what may have become spent. */
  readonly spent: bigint
  readonly unresolved: bigint
}

const credit = ['--strangers', 'credit:1000000000000']

export class World {
  readonly folder: string
  readonly account: string
  readonly relay: Relay.Relay
  private data: Place
  private home: Place
  private readonly ports: Millstream.Ready
  private readonly uri: BtpUri.BtpUri
  private readonly origin: string
  private current: Millstream.Shop | undefined
  private payers: Child.Child[] = []

  private constructor(folder: string, ports: Millstream.Ready, relay: Relay.Relay, token: string) {
    this.folder = folder
    this.data = placeAt(join(folder, 'shop'))
    this.home = placeAt(join(folder, 'payer'))
    this.ports = ports
    this.relay = relay
    this.origin = ports.btp.replace(/\/$/, '')
    this.uri = { ...BtpUri.parse(ports.btp), username: '', token }
    this.account = accountName(hashes, '', token)
  }

  static async create(): Promise<World> {
    const folder = await Millstream.temporaryFolder()
    const [port, btpPort] = [await freePort(), await freePort()]
    const ports = { http: `http://127.0.0.1:${port}/`, btp: `btp+ws://127.0.0.1:${btpPort}/`, pid: 0 }
    const state = await openPayerState({ folder: join(folder, 'payer'), clock: systemClock, hashes, randomBytes })
    const token = state.token(ports.btp.replace(/\/$/, ''))
    await state.close()
    return new World(folder, ports, await Relay.create(port), token)
  }

  /** Puts the folder of the shop or of the payer, neither of which runs, onto another disk. */
  async move(what: 'data' | 'home', place: Place): Promise<void> {
    await cp(this[what].outsidePath, place.outsidePath, { recursive: true }).catch(unlessMissing)
    this[what] = place
  }

  /** A copy of the data folder of a shop that does not run, for those who cannot see where it is. */
  async dataFolder(): Promise<string> {
    if (this.data.inside.length === 0) return this.data.path
    const copy = join(this.folder, 'copy')
    await rm(copy, { recursive: true, force: true })
    await cp(this.data.outsidePath, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    return copy
  }

  /** @param inside - Words before the command. */
  async startShop(inside: readonly string[] = [], ...args: string[]): Promise<Millstream.Shop> {
    const { data, ports } = this
    this.current = await Millstream.shop(data.path, [...credit, ...args], ports, [...data.inside, ...inside])
    return this.current
  }

  /** The shop that was started last. */
  get shop(): Millstream.Shop {
    if (this.current === undefined) throw new Error('No shop was started.')
    return this.current
  }

  async killShop(): Promise<void> {
    this.current?.child.kill('SIGKILL')
    await this.current?.child.ended
  }

  startPayer(...args: string[]): Child.Child {
    return this.startPayerInside([], ...args)
  }

  startPayerInside(inside: readonly string[], ...args: string[]): Child.Child {
    const { path, inside: around } = this.home
    const words = ['pay', this.relay.url, '--json', '--home', path, ...args]
    const payer = Millstream.start(words, { inside: [...around, ...inside] })
    this.payers = [...this.payers.filter(({ process }) => process.exitCode === null), payer]
    return payer
  }

  /** As the running shop has it; an account that is not there has paid nothing. */
  async accountRow(id: string): Promise<Pick<AccountRow, 'balance' | 'held'>> {
    const unknown = { balance: '0', held: '0' }
    const { path, inside } = this.data
    if (inside.length > 0) {
      const { stdout } = await Millstream.run(['ledger', 'accounts', '--json', '--data', path], { inside })
      const rows = stdout.split('\n').slice(0, -1)
      return rows.map((line): AccountRow => JSON.parse(line)).find((row) => row.id === id) ?? unknown
    }
    return this.ask(async (operator) => {
      for await (const row of operator.accounts()) if (row.id === id) return row
      return unknown
    })
  }

  /** The numbers of the last `count` payments of the payer, by the user id of their stream. */
  lastNumbers(count: number): Promise<Map<string, number[]>> {
    return this.ask(async (operator) => {
      const numbers = new Map<string, number[]>()
      let left = count
      if (left === 0) return numbers
      for await (const row of operator.transfers({ account: this.account, limit: Number.MAX_SAFE_INTEGER })) {
        if (row.state !== 'fulfilled') continue
        const [userId = '', number] = row.destination?.split('.').slice(-2) ?? []
        const known = numbers.get(userId)
        if (known === undefined) numbers.set(userId, [Number(number)])
        else known.push(Number(number))
        if (--left === 0) break
      }
      return numbers
    })
  }

  private async ask<T>(question: (operator: Operator) => Promise<T>): Promise<T> {
    const operator = await AdminClient.open(this.data.path)
    if (operator === undefined) throw new Error('The shop does not answer.')
    try {
      return await question(operator)
    } finally {
      await operator.close()
    }
  }

  /** What the payer has paid by the shop's book, once nothing is held any more. */
  async paid(): Promise<bigint> {
    for (;;) {
      const { balance, held } = await this.accountRow(this.account)
      if (held === '0') return -BigInt(balance)
    }
  }

  /** The book of the payer, which is not running. `aheadMs`: as if so much time had passed. */
  async payerBook(balance?: bigint, aheadMs = 0): Promise<Books & { readonly verdict: string | undefined }> {
    const clock = () => Instant.after(systemClock(), aheadMs)
    const state = await openPayerState({ folder: this.home.outsidePath, clock, hashes, randomBytes })
    const book = await state.book(this.origin, this.account)
    const verdict = balance === undefined ? undefined : (await book.reconcile(balance)).status
    const books = { spent: book.spent(), unresolved: book.unresolved(), verdict }
    await state.close()
    return books
  }

  /** Pays to a stream as its payer: right secret, right account, new transfers. */
  async payAgain(pay: string, attempts: readonly Attempt[]): Promise<readonly SendOutcome[]> {
    const header = PayHeader.parse(pay)
    if (header.form !== 'tutorial') throw new Error('The shop changed the form of its header.')
    const { address, amount, secret } = header
    const client = createTrustlineClient({
      uri: BtpUri.format(this.uri),
      connect: webSocketConnector(),
      clock: systemClock,
      hashes,
      randomBytes,
    })
    await client.connect()
    const derive = Derivation.tutorial(hashes, secret)
    const outcomes = attempts.map(({ number, isForged = false }) => {
      const destination = `${address}.${number}`
      const fulfillment = isForged ? randomBytes(32) : derive(destination)
      return client.send({
        id: TransferId.from(randomBytes(16)),
        amount,
        condition: Condition.from(hashes.sha256(fulfillment)),
        expiresAt: Instant.after(systemClock(), 30_000),
        packet: IlpPacket.encodePayment(amount, destination),
      })
    })
    const all = await Promise.all(outcomes)
    await client.close()
    return all
  }

  /**
   * Whether a stream takes payments: a forged one is refused for being forged, and not for what became of the stream.
   *
   * @param number - One that was not paid.
   */
  async isOpen(pay: string, number: number): Promise<boolean> {
    const [outcome] = await this.payAgain(pay, [{ number, isForged: true }])
    return outcome?.status === 'rejected' && outcome.code === 'F05'
  }

  /** Ends what it started. */
  async close(): Promise<void> {
    this.relay.close()
    const children = this.current === undefined ? this.payers : [...this.payers, this.current.child]
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(({ ended }) => ended))
  }
}

function placeAt(path: string): Place {
  return { path, outsidePath: path, inside: [] }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
