/**
 * The plugin as programs of 2017 know it: the Ledger Plugin Interface (IL-RFC-4 draft 8) over escrows of the XRP
 * Ledger, with the options, methods and events of ilp-plugin-xrp-escrow 1.0.7.
 *
 * It translates and holds no rules of its own: `@millstream/xrp` decides. Where the plugin of 2017 hung for ever, this
 * one rejects with the error class that the specification names; it sends many transfers at once, finds what is open
 * after a restart, and survives a cut.
 */
import { EventEmitter } from 'node:events'
import { debuglog } from 'node:util'
import { hashes, systemClock } from '@millstream/hashes'
import type { IncomingTransfer, Payee, Rejection, SendOutcome, SettledOutcome } from '@millstream/plugin'
import { Base64Url, type Condition, MillstreamError, Octets, TransferId } from '@millstream/units'
import { createMemoryStore, createXrpPlugin, openFolderStore, type XrpPlugin } from '@millstream/xrp'
import * as LedgerError from './errors.js'
import * as Options from './options.js'
import * as Transfer from './transfer.js'

export interface LedgerInfo {
  readonly prefix: string
  readonly currencyCode: string
  /** One base unit, a drop, is 10^-6 XRP. */
  readonly currencyScale: number
}

export interface RejectionMessage {
  readonly code: string
  readonly name: string
  readonly message: string
  readonly triggered_by: string
  readonly triggered_at: Date
  readonly additional_info: object
}

interface Incoming {
  readonly program: Transfer.ProgramTransfer
  readonly condition: Uint8Array
  answer: ((answer: Condition.Fulfillment | Rejection) => void) | undefined
  fulfillment: Condition.Fulfillment | undefined
  /** Who waits for its end. */
  readonly ended: ((outcome: SettledOutcome) => void)[]
}

interface Outgoing {
  readonly content: string
  readonly sent: Promise<null>
}

/** Shown with NODE_DEBUG=ilp-plugin-xrp-escrow. */
const debug = debuglog('ilp-plugin-xrp-escrow')

/** Ended transfers that are remembered, for repeated calls and `getFulfillment`. */
const endedMax = 10_000

export class Plugin extends EventEmitter {
  /** The error classes, by their names. */
  static readonly errors = LedgerError

  readonly #settings: Options.Settings
  readonly #account: string
  readonly #incoming = new Map<string, Incoming>()
  readonly #outgoing = new Map<string, Outgoing>()
  /** The fulfillment of each ended transfer; `undefined` when it has expired. */
  readonly #ended = new Map<string, string | undefined>()
  #rail: XrpPlugin | undefined
  #connecting: Promise<void> | undefined
  #handler: unknown

  /** @throws {InvalidFieldsError} An option is missing or malformed. */
  constructor(options: Options.PluginOptions) {
    super()
    this.#settings = Options.parse(options)
    this.#account = this.#settings.prefix + this.#settings.signer.address
    // A program that has no handler of errors shall not die of one.
    this.on('error', (error) => debug('error: %s', error))
  }

  /**
   * Resolves when the account is known and what is open on the ledger was found.
   *
   * @param options - `timeout` in milliseconds; `Infinity` for none.
   * @throws {TypeError} `timeout` is not a number.
   * @throws {UnreachableError} No server, or not in time.
   * @throws {AccountNotFoundError} The ledger has no such account.
   */
  async connect(options?: { readonly timeout?: number }): Promise<void> {
    const timeout = options?.timeout
    if (timeout !== undefined && typeof timeout !== 'number') throw new TypeError('The timeout must be a number.')
    if (this.#rail !== undefined) return
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    await within(timeout, this.#connecting)
  }

  async disconnect(): Promise<void> {
    const rail = this.#rail
    if (rail === undefined) return
    this.#rail = undefined
    await rail.close()
    this.#tell('disconnect')
  }

  isConnected(): boolean {
    return this.#rail?.isConnected() === true
  }

  getInfo(): LedgerInfo {
    return { prefix: this.#settings.prefix, currencyCode: 'XRP', currencyScale: 6 }
  }

  getAccount(): string {
    return this.#account
  }

  /** Drops, those in open escrows of this account among them. */
  async getBalance(): Promise<string> {
    return String(await this.#connected('getBalance').balance())
  }

  /** Resolves when a validated ledger has the escrow, which may be a while before it is fulfilled. */
  async sendTransfer(value: unknown): Promise<null> {
    const rail = this.#connected('sendTransfer')
    const { transfer, program } = Transfer.fromProgram(value, this.#settings.prefix, this.#account)
    const { id, to, amount, executionCondition, expiresAt, ilp } = program
    const content = JSON.stringify([to, amount, executionCondition, expiresAt, ilp])
    const known = this.#outgoing.get(id)
    if (known !== undefined) {
      if (known.content === content) return known.sent
      throw new LedgerError.DuplicateIdError('Another transfer has this id. Nothing was sent.')
    }
    let isHeld = false
    const sent = new Promise<null>((resolve, reject) => {
      const held = () => {
        if (isHeld) return
        isHeld = true
        this.#tell('outgoing_prepare', program)
        resolve(null)
      }
      rail.send(transfer, { held }).then((outcome) => {
        // A ledger may hold and fulfill at once.
        if (outcome.status === 'fulfilled' || outcome.status === 'expired') held()
        this.#outgoingEnded(program, outcome, isHeld)
        if (!isHeld) reject(errorOf(outcome))
      }, reject)
    })
    this.#outgoing.set(id, { content, sent })
    forgetOldest(this.#outgoing)
    sent.catch(() => {
      // Nothing was held: the id may be used again.
      this.#outgoing.delete(id)
    })
    return sent
  }

  /** Resolves when a validated ledger has the fulfillment: the money is there. */
  async fulfillCondition(transferId: unknown, fulfillment: unknown): Promise<null> {
    this.#connected('fulfillCondition')
    const id = String(transferId).toLowerCase()
    const preimage = Transfer.fulfillmentFrom(fulfillment)
    const incoming = this.#incoming.get(id)
    if (incoming === undefined) {
      if (!this.#ended.has(id)) throw unknownTransfer(id)
      if (this.#ended.get(id) === Base64Url.fromBytes(preimage)) return null
      throw rolledBack()
    }
    if (!Octets.equal(hashes.sha256(preimage), incoming.condition)) {
      throw new LedgerError.NotAcceptedError('The fulfillment is not that of the condition. Nothing was sent.')
    }
    incoming.fulfillment = preimage
    const ended = new Promise<SettledOutcome>((resolve) => void incoming.ended.push(resolve))
    incoming.answer?.(preimage)
    incoming.answer = undefined
    if ((await ended) !== 'fulfilled') throw rolledBack()
    return null
  }

  /**
   * The ledger has no rejection: the payer gets its money back when the transfer has expired, and then this resolves.
   */
  async rejectIncomingTransfer(transferId: unknown, _reason?: unknown): Promise<null> {
    this.#connected('rejectIncomingTransfer')
    const id = String(transferId).toLowerCase()
    const incoming = this.#incoming.get(id)
    if (incoming === undefined) {
      if (!this.#ended.has(id)) throw unknownTransfer(id)
      if (this.#ended.get(id) === undefined) return null
      throw new LedgerError.AlreadyFulfilledError('The transfer was fulfilled.')
    }
    const outcome = await new Promise<SettledOutcome>((resolve) => void incoming.ended.push(resolve))
    if (outcome === 'fulfilled') throw new LedgerError.AlreadyFulfilledError('The transfer was fulfilled.')
    return null
  }

  async getFulfillment(transferId: unknown): Promise<string> {
    this.#connected('getFulfillment')
    const id = String(transferId).toLowerCase()
    if (this.#ended.has(id)) {
      const fulfillment = this.#ended.get(id)
      if (fulfillment === undefined) throw rolledBack()
      return fulfillment
    }
    if (!this.#incoming.has(id) && !this.#outgoing.has(id)) throw unknownTransfer(id)
    throw new LedgerError.MissingFulfillmentError('The transfer is still held.')
  }

  /** @throws {NotAcceptedError} Always: there are no messages over XRP. */
  async sendRequest(_message?: unknown): Promise<never> {
    throw new LedgerError.NotAcceptedError('Messages over the XRP Ledger are not supported. Nothing was sent.')
  }

  registerRequestHandler(handler: unknown): void {
    if (this.#handler !== undefined) {
      throw new LedgerError.RequestHandlerAlreadyRegisteredError('A request handler is registered already.')
    }
    this.#handler = handler
  }

  deregisterRequestHandler(): void {
    this.#handler = undefined
  }

  async #connect(): Promise<void> {
    const { signer, server, prefix, folder } = this.#settings
    const store = folder === undefined ? createMemoryStore() : await openFolderStore(folder)
    const rail = createXrpPlugin({
      server,
      signer,
      store,
      prefix,
      // As in 2017, whatever it costs to finish.
      dropsMin: 1n,
      clock: systemClock,
      hashes,
      observer: (event) => {
        debug('%s %s', event.level, event.name)
        if (event.name === 'xrp.store_failed') this.#tell('error', event.error)
        if (event.name === 'xrp.disconnected' && this.#rail === rail) this.#tell('disconnect')
        if (event.name === 'xrp.connected' && this.#rail === rail) this.#tell('connect')
      },
    })
    try {
      await rail.connect()
    } catch (error) {
      await rail.close()
      throw connectError(error)
    }
    this.#rail = rail
    this.#tell('connect')
    // After what the program does when `connect` has resolved, which is where it registers its handlers.
    setImmediate(() => rail.receive(this.#payee()))
  }

  #payee(): Payee {
    return {
      check: (transfer) => {
        // Ids are chosen by those who pay: whoever takes one that is in use waits for nothing.
        return this.#incoming.has(TransferId.format(transfer.id)) ? { code: 'F00', message: 'id in use' } : undefined
      },
      fulfill: (transfer) => this.#prepared(transfer),
      settled: (transfer, outcome) => this.#incomingEnded(TransferId.format(transfer.id), outcome),
    }
  }

  #prepared(transfer: IncomingTransfer): Promise<Condition.Fulfillment | Rejection> | Rejection {
    const program = Transfer.toProgram(transfer, this.#settings.prefix, this.#account)
    if (this.#incoming.has(program.id)) return { code: 'F00', message: 'id in use' }
    return new Promise((resolve) => {
      this.#incoming.set(program.id, {
        program,
        condition: transfer.condition,
        answer: resolve,
        fulfillment: undefined,
        ended: [],
      })
      this.#tell('incoming_prepare', program)
    })
  }

  #incomingEnded(id: string, outcome: SettledOutcome): void {
    const incoming = this.#incoming.get(id)
    if (incoming === undefined) return
    const { program, fulfillment } = incoming
    const text = outcome === 'fulfilled' && fulfillment !== undefined ? Base64Url.fromBytes(fulfillment) : undefined
    this.#incoming.delete(id)
    this.#end(id, text)
    if (text === undefined) this.#tell('incoming_cancel', program, timedOut(this.#account))
    else this.#tell('incoming_fulfill', program, text)
    for (const ended of incoming.ended) ended(outcome)
  }

  #outgoingEnded(program: Transfer.ProgramTransfer, outcome: SendOutcome, wasHeld: boolean): void {
    if (outcome.status === 'fulfilled') {
      const text = outcome.fulfillment === undefined ? undefined : Base64Url.fromBytes(outcome.fulfillment)
      this.#end(program.id, text)
      this.#tell('outgoing_fulfill', program, text)
    } else if (outcome.status === 'expired' && wasHeld) {
      this.#end(program.id, undefined)
      this.#tell('outgoing_cancel', program, timedOut(this.#account))
    }
  }

  #end(id: string, fulfillment: string | undefined): void {
    this.#ended.set(id, fulfillment)
    forgetOldest(this.#ended)
  }

  /** What a program throws in a handler harms neither the plugin nor its other handlers. */
  #tell(event: string, ...args: unknown[]): void {
    for (const listener of this.rawListeners(event)) {
      try {
        const result: unknown = listener.apply(this, args)
        if (result instanceof Promise) result.catch((error: unknown) => debug('a handler of %s: %s', event, error))
      } catch (error) {
        debug('a handler of %s: %s', event, error)
      }
    }
  }

  #connected(method: string): XrpPlugin {
    const rail = this.#rail
    if (rail === undefined) {
      throw new LedgerError.UnreachableError(`The plugin must be connected before ${method}. Nothing was sent.`)
    }
    return rail
  }
}

function errorOf(outcome: SendOutcome): MillstreamError {
  if (outcome.status === 'unknown') return new LedgerError.UnreachableError(`The outcome is unknown: ${outcome.reason}`)
  const message = outcome.status === 'rejected' ? outcome.message : 'The transfer has expired.'
  switch (outcome.status === 'rejected' ? outcome.code : undefined) {
    case 'F01':
    case 'F03':
      return new LedgerError.InvalidFieldsError(message)
    case 'F02':
      return new LedgerError.AccountNotFoundError(message)
    case 'F05':
      return new LedgerError.DuplicateIdError(message)
    case 'F08':
      return new LedgerError.InsufficientBalanceError(message)
    default:
      return new LedgerError.NotAcceptedError(message)
  }
}

function connectError(error: unknown): unknown {
  if (!(error instanceof MillstreamError)) return error
  if (error.code === 'XRP_ACCOUNT_NOT_FUNDED') return new LedgerError.AccountNotFoundError(error.message)
  if (error.code === 'XRP_UNREACHABLE' || error.code === 'XRP_REQUEST') {
    return new LedgerError.UnreachableError(error.message)
  }
  return error
}

function unknownTransfer(id: string): LedgerError.TransferNotFoundError {
  return new LedgerError.TransferNotFoundError(`There is no transfer ${id.slice(0, 36)}.`)
}

function rolledBack(): LedgerError.AlreadyRolledBackError {
  return new LedgerError.AlreadyRolledBackError('The transfer has expired, or its fulfillment came too late.')
}

function timedOut(account: string): RejectionMessage {
  return {
    code: 'R00',
    name: 'Transfer Timed Out',
    message: 'expired',
    triggered_by: account,
    triggered_at: new Date(systemClock()),
    additional_info: {},
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size <= endedMax) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}

async function within(timeoutMs: number | undefined, work: Promise<void>): Promise<void> {
  if (!timeoutMs || timeoutMs === Number.POSITIVE_INFINITY) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new LedgerError.UnreachableError(`No connection within ${timeoutMs} ms.`))
    }, timeoutMs)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
