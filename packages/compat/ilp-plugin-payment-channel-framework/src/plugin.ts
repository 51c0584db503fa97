/**
 * The plugin as programs of 2017 know it: the Ledger Plugin Interface (IL-RFC-4 draft 8) on a BTP trustline, with the
 * options, methods and events of ilp-plugin-payment-channel-framework 1.3.5.
 *
 * It translates and holds no rules of its own: the book of `@millstream/ledger` decides about transfers, the session of
 * `@millstream/btp` about frames. Where the plugin of 2017 crashed, lost its peer or told an event twice, this one does
 * what the specification says.
 */
import { debuglog } from 'node:util'
import {
  acceptConnection,
  accountName,
  type BtpSocket,
  type BtpSocketListener,
  createSession,
  type Session,
  type SessionHandler,
} from '@millstream/btp'
import { connectWebSocket } from '@millstream/btp/node'
import { BtpUri } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import * as BtpError from './btp-error.js'
import { authenticate, type Connector, createConnector, FinalError } from './connector.js'
import { createDeferred } from './deferred.js'
import { Emitter } from './emitter.js'
import * as LedgerError from './errors.js'
import * as LedgerInfo from './ledger-info.js'
import { createLinks, type Link, type Links } from './link.js'
import { createListener, type Listener } from './listener.js'
import type * as Message from './message.js'
import * as Options from './options.js'
import * as ProgramSocket from './program-socket.js'
import * as Questions from './questions.js'
import { createRequests, type RequestHandler, type Requests } from './requests.js'
import * as Text from './text.js'
import { atMost, timeoutFrom, within } from './time-limit.js'
import type * as Transfer from './transfer.js'
import { openTrustline, type Trustline } from './trustline.js'

type Told = readonly [event: string, args: readonly unknown[]]

/** Shown with NODE_DEBUG=ilp-plugin-payment-channel-framework. */
const debug = debuglog('ilp-plugin-payment-channel-framework')

/** How long a closing handshake may take. */
const closeTimeoutMs = 1_000

export class Plugin extends Emitter {
  /** The error classes, as 1.3.5 exports them. */
  static readonly errors = LedgerError

  /** @throws {NotSupportedError} Always: this module has the trustline without a payment channel. */
  static makePaymentChannelPlugin(): never {
    throw new LedgerError.NotSupportedError(
      'makePaymentChannelPlugin is not supported: this module has the trustline without a payment channel.',
    )
  }

  readonly #settings: Options.Settings
  readonly #links: Links = createLinks()
  readonly #requests: Requests
  readonly #asker = Questions.createAsker()
  readonly #connector: Connector | undefined
  readonly #listener: Listener | undefined
  #info: LedgerInfo.LedgerInfo | undefined
  #trustline: Trustline | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** `connect` has succeeded, and `disconnect` was not called since. */
  #isStarted = false
  /** Events that wait until the program has had the time to listen for them. */
  #waiting: Told[] | undefined = []
  /** Sockets that have not ended, each as a promise of its end. */
  readonly #ending = new Set<Promise<void>>()

  /** @throws {InvalidFieldsError} An option is missing or malformed. */
  constructor(options: Options.PluginOptions) {
    super()
    this.#settings = Options.parse(options)
    this.#info = this.#settings.info
    this.#requests = createRequests({
      clock: systemClock,
      announce: (event, ...args) => this.#tell(event, ...args),
      addresses: () => this.#addresses(),
      facts: () => this.#facts(),
    })
    const { server, listener } = this.#settings
    this.#connector = server === undefined ? undefined : this.#createConnector(server)
    // Listens at once, as in 2017: a peer may connect before this side's program does.
    this.#listener = listener === undefined ? undefined : createListener(listener, (socket) => this.#accept(socket))
  }

  /**
   * Resolves when the ledger is loaded and the peer can be reached: at the port of `listener`, or over the connection to
   * `server`.
   *
   * @param options - `timeout` in milliseconds; `Infinity` for none.
   * @throws {TypeError} `timeout` is not a number.
   * @throws {NotAcceptedError} The server has refused the user name and token.
   * @throws {UnreachableError} No connection, or none in time.
   */
  connect(options?: { readonly timeout?: number }): Promise<void> {
    return called('connect', async () => {
      const timeoutMs = timeoutFrom(options)
      if (this.#isStarted) return
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined
      })
      await within(timeoutMs, this.#starting, () => this.#stop())
    })
  }

  disconnect(): Promise<void> {
    return called('disconnect', async () => {
      const wasStarted = this.#isStarted
      await this.#stop()
      await this.#starting?.catch(() => undefined)
      if (wasStarted) this.#announce('disconnect')
    })
  }

  isConnected(): boolean {
    const isReachable = this.#connector === undefined || this.#listener !== undefined
    return this.#isStarted && (isReachable || this.#links.newest() !== undefined)
  }

  /** @throws {UnreachableError} Not connected, and no option has said it. */
  getInfo(): LedgerInfo.LedgerInfo {
    return LedgerInfo.copyOf(this.#knownInfo('getInfo'))
  }

  /** This side's address on the ledger. @throws {UnreachableError} As `getInfo`. */
  getAccount(): string {
    return this.#prefix('getAccount') + (this.#settings.store === undefined ? 'client' : 'server')
  }

  /** The other side's. @throws {UnreachableError} As `getInfo`. */
  getPeerAccount(): string {
    return this.#prefix('getPeerAccount') + (this.#settings.store === undefined ? 'server' : 'client')
  }

  /** Fulfilled incoming less fulfilled outgoing, in base units; a side that keeps no book asks the other. */
  getBalance(): Promise<string> {
    return called('getBalance', async () => {
      const trustline = this.#connected('getBalance')
      return this.#settings.store === undefined ? this.getPeerBalance() : trustline.balance().toString()
    })
  }

  /** What this side's balance is in the peer's book. */
  getPeerBalance(): Promise<string> {
    return called('getPeerBalance', async () => {
      return (-(await this.#asker.balance(this.#link('getPeerBalance').session))).toString()
    })
  }

  /** The lowest that this side's balance may become, by the peer's word. */
  getLimit(): Promise<string> {
    return called('getLimit', async () => {
      const limit = await this.#asker.limit(this.#link('getLimit').session)
      return limit === 'Infinity' ? '-Infinity' : (-BigInt(limit)).toString()
    })
  }

  /** Resolves when the peer holds the transfer, which may be a while before it is fulfilled or rejected. */
  sendTransfer(transfer: unknown): Promise<null> {
    return called('sendTransfer', async () => this.#connected('sendTransfer').send(transfer))
  }

  /**
   * @param fulfillment - 32 bytes as base64url.
   * @param ilp - A packet that goes along, as base64url.
   * @returns Resolves when it is stored, on the side that keeps the book; else when the payer has acknowledged it.
   */
  fulfillCondition(transferId: unknown, fulfillment: unknown, ilp?: unknown): Promise<null> {
    return called('fulfillCondition', async () => {
      const trustline = this.#connected('fulfillCondition')
      // A payee without the book has to reach the one who has it.
      if (!Options.keepsBookForBoth(this.#settings)) this.#link('fulfillCondition')
      const packet = ilp === undefined || ilp === null ? undefined : Text.toBytes('ilp', ilp)
      const id = Text.toTransferId('transferId', transferId)
      return trustline.fulfill(id, Text.toFulfillment('fulfillment', fulfillment), packet)
    })
  }

  /** @param reason - Every field has a default. */
  rejectIncomingTransfer(transferId: unknown, reason?: unknown): Promise<null> {
    return called('rejectIncomingTransfer', async () => {
      const trustline = this.#connected('rejectIncomingTransfer')
      return trustline.reject(Text.toTransferId('transferId', transferId), reason)
    })
  }

  getFulfillment(transferId: unknown): Promise<string> {
    return called('getFulfillment', async () => {
      return this.#connected('getFulfillment').fulfillment(Text.toTransferId('transferId', transferId))
    })
  }

  /** Resolves with the peer's response. */
  sendRequest(message: unknown): Promise<Message.ProgramMessage> {
    return called('sendRequest', async () => this.#requests.send(this.#link('sendRequest').session, message))
  }

  /** @param handler - Gives the answer to a request, or a promise of it. */
  registerRequestHandler(handler: RequestHandler): void {
    this.#requests.register(handler)
  }

  deregisterRequestHandler(): void {
    this.#requests.deregister()
  }

  /**
   * Takes over a WebSocket that the program has opened or accepted itself.
   *
   * @param auth - The user name and token to authenticate with; without it the other end has to authenticate.
   * @returns Resolves when that is done.
   */
  addSocket(socket: unknown, auth?: { readonly username: string; readonly token: string }): Promise<void> {
    return called('addSocket', () => this.#addSocket(socket, auth))
  }

  async #start(): Promise<void> {
    await this.#stopping
    try {
      await this.#listener?.open()
      if (this.#links.newest() === undefined) await this.#openConnection()
      const asked = this.#links.newest()
      if (this.#info === undefined && asked !== undefined) await this.#learn(asked.session)
      this.#trustline ??= await this.#openTrustline()
    } catch (error) {
      await this.#stop()
      throw error
    }
    this.#isStarted = true
    for (const link of this.#links.all()) this.#trustline.linkOpened(link)
    this.#announce('connect')
    // After what the program does when `connect` has resolved, which is where it registers its handlers.
    setImmediate(() => {
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const [event, args] of waiting) this.#announce(event, ...args)
    })
  }

  /** Closes everything. Who calls while that is under way waits for the same end. */
  #stop(): Promise<void> {
    this.#stopping ??= this.#close().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  async #close(): Promise<void> {
    this.#isStarted = false
    this.#waiting ??= []
    const trustline = this.#trustline
    // Without a store to load it from again it is kept.
    if (this.#settings.store !== undefined) this.#trustline = undefined
    this.#connector?.close()
    this.#links.close(1000, 'disconnected')
    await this.#listener?.close()
    // A process that ends right after this must not cut its connections off: peers of 2017 die of a reset.
    await atMost(closeTimeoutMs, Promise.all(this.#ending))
    if (this.#settings.store !== undefined) await trustline?.close()
  }

  #openTrustline(): Promise<Trustline> {
    return openTrustline({
      settings: this.#settings,
      links: this.#links,
      clock: systemClock,
      hashes,
      randomBytes,
      addresses: () => this.#addresses(),
      announce: (event, ...args) => this.#tell(event, ...args),
      failed: (error) => this.#fail(error),
    })
  }

  async #openConnection(): Promise<void> {
    try {
      await this.#connector?.open()
    } catch (error) {
      // A peer that also connects to us may come, though we cannot reach it now.
      if (this.#listener === undefined || this.#info === undefined) throw error
      this.#connector?.comeBack()
    }
  }

  #createConnector(server: string): Connector {
    let uri: BtpUri.BtpUri
    try {
      uri = BtpUri.parse(server)
    } catch (error) {
      throw new LedgerError.InvalidFieldsError(`invalid "server": ${(error as Error).message}`)
    }
    let link: Link | undefined
    return createConnector({
      uri,
      connect: async (url, listener) => {
        const watched = this.#watched(listener)
        return connectWebSocket(url, watched).catch((error: unknown) => {
          watched.socketClosed()
          throw error
        })
      },
      createSession: (socket) => this.#createSession(socket, () => link!),
      opened: async (session) => {
        if (this.#settings.info === undefined) await this.#learn(session)
        link = this.#linkOf(session, uri.username, uri.token)
        this.#opened(link)
        if (this.#isStarted) this.#announce('connect')
      },
      lost: () => {
        if (this.#isStarted) this.#announce('disconnect')
      },
      failed: (error) => this.#fail(error),
    })
  }

  /** A connection that somebody opened to this side. */
  #accept(socket: BtpSocket, accepted?: () => void, ended?: () => void): BtpSocketListener {
    const listener = acceptConnection<Pick<Link, 'user' | 'isPassing'>>({
      socket,
      clock: systemClock,
      compatibleErrorCodes: this.#settings.compatibleErrorCodes,
      authenticate: async (username, token) => {
        if (await this.#settings.authCheck(username, token)) return { account: userOf(username, token) }
        return { refused: { name: 'NotAcceptedError', message: 'invalid auth token and/or username' } }
      },
      accepted: (user) => {
        const session = this.#createSession(socket, () => link)
        const link: Link = { session, ...user }
        this.#opened(link)
        accepted?.()
        return session
      },
      ...(ended === undefined ? {} : { ended }),
    })
    return this.#watched(listener)
  }

  async #addSocket(value: unknown, auth?: { readonly username: string; readonly token: string }): Promise<void> {
    if (!ProgramSocket.isProgramSocket(value)) throw new TypeError('Argument expected to be a socket object.')
    const { socket, attach } = ProgramSocket.adapt(value)
    if (auth === undefined) {
      const timedOut = () => new LedgerError.UnreachableError('client did not send correct auth message in time')
      return new Promise((resolve, reject) => attach(this.#accept(socket, resolve, () => reject(timedOut()))))
    }
    if (typeof auth.username !== 'string' || typeof auth.token !== 'string') {
      throw new TypeError('auth.username and auth.token should be strings (but empty strings are allowed)')
    }
    let link: Link | undefined
    const session = this.#createSession(socket, () => link!)
    attach(this.#watched(session))
    await authenticate(session, auth.username, auth.token)
    link = this.#linkOf(session, auth.username, auth.token)
    this.#opened(link)
  }

  /** @param link - Is there before the first frame that asks for it. */
  #createSession(socket: BtpSocket, link: () => Link): Session {
    const handler: SessionHandler = {
      prepare: (frame) => this.#whenLoaded(link(), frame, (trustline) => trustline.prepareArrived(link(), frame)),
      fulfill: (frame) => this.#whenLoaded(link(), frame, (trustline) => trustline.fulfillArrived(link(), frame)),
      reject: (frame) => this.#whenLoaded(link(), frame, (trustline) => trustline.rejectArrived(link(), frame)),
      message: (frame) => this.#requests.arrived(session, frame),
      closed: () => {
        const closed = link()
        if (closed !== undefined) this.#links.remove(closed)
      },
    }
    const session = createSession({
      socket,
      clock: systemClock,
      handler,
      compatibleErrorCodes: this.#settings.compatibleErrorCodes,
    })
    return session
  }

  #watched(listener: BtpSocketListener): BtpSocketListener {
    const end = createDeferred<void>()
    this.#ending.add(end.promise)
    return {
      receive: (data) => listener.receive(data),
      socketClosed: (code, reason) => {
        listener.socketClosed(code, reason)
        this.#ending.delete(end.promise)
        end.resolve()
      },
    }
  }

  /** Frames about transfers wait for a ledger that is being loaded. Without one they are refused, and may come again. */
  #whenLoaded(link: Link, frame: { readonly requestId: number }, handle: (trustline: Trustline) => void): void {
    const run = () => {
      try {
        if (this.#trustline === undefined) throw new LedgerError.UnreachableError('not connected yet')
        handle(this.#trustline)
      } catch (error) {
        link.session.refuse(frame.requestId, BtpError.toRefusal(error))
      }
    }
    if (this.#trustline === undefined && this.#starting !== undefined) this.#starting.then(run, run)
    else run()
  }

  #linkOf(session: Session, username: string, token: string): Link {
    return { session, ...userOf(username, token) }
  }

  #opened(link: Link): void {
    this.#links.add(link)
    if (this.#isStarted) this.#trustline?.linkOpened(link)
  }

  /** Asks what ledger this is, and makes sure that it is the one that it was. */
  async #learn(session: Session): Promise<void> {
    const info = await this.#asker.info(session)
    const known = this.#info
    const { prefix } = this.#settings
    if (prefix !== undefined && info.prefix !== prefix) {
      throw new FinalError(`The peer's prefix is ${info.prefix}, and ${prefix} was configured.`)
    }
    if (known !== undefined && !LedgerInfo.isSameLedger(known, info)) {
      throw new FinalError('The peer has come back with another prefix, currency or scale.')
    }
    this.#info = info
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(info)) this.#tell('info_change', this.getInfo())
  }

  #fail(error: Error): void {
    debug('failed: %s', error.message)
    this.#stop().catch((stopError: Error) => debug('not stopped: %s', stopError.message))
    this.#announce('error', error)
  }

  #facts(): Questions.Facts {
    const { balanceMax } = this.#settings
    return {
      account: this.getAccount(),
      info: this.#knownInfo('getInfo'),
      limit: balanceMax === undefined ? 'Infinity' : balanceMax.toString(),
      balance: () => this.#loaded('getBalance').balance(),
    }
  }

  #addresses(): Transfer.Addresses {
    return { prefix: this.#prefix('getAccount'), account: this.getAccount(), peer: this.getPeerAccount() }
  }

  #prefix(method: string): string {
    return this.#settings.prefix ?? this.#knownInfo(method).prefix
  }

  #knownInfo(method: string): LedgerInfo.LedgerInfo {
    if (this.#info === undefined) throw notConnected(method)
    return this.#info
  }

  #loaded(method: string): Trustline {
    if (this.#trustline === undefined) throw notConnected(method)
    return this.#trustline
  }

  #connected(method: string): Trustline {
    if (!this.#isStarted) throw notConnected(method)
    return this.#loaded(method)
  }

  #link(method: string): Link {
    const link = this.#links.newest()
    if (!this.#isStarted || link === undefined) throw notConnected(method)
    return link
  }

  /** Tells an event, once the program has had the time to listen for it. */
  #tell(event: string, ...args: unknown[]): void {
    if (this.#waiting === undefined) this.#announce(event, ...args)
    else this.#waiting.push([event, args])
  }

  #announce(event: string, ...args: unknown[]): void {
    this.announce(event, args, (error) => debug('a handler of %s has failed: %o', event, error))
  }
}

/**
 * Runs a method. In 2017 a rejection that nobody handled ended no process, and programs of then leave some unhandled: a
 * customer who says nothing, a transfer that was refused. Here they end none either.
 */
function called<Result>(method: string, run: () => Promise<Result>): Promise<Result> {
  const promise = run()
  promise.catch((error: unknown) => debug('%s: %o', method, error))
  return promise
}

/** Connections of one user are interchangeable; empty credentials are anybody's. */
function userOf(username: string, token: string): Pick<Link, 'user' | 'isPassing'> {
  return { user: accountName(hashes, username, token), isPassing: username === '' && token === '' }
}

function notConnected(method: string): LedgerError.UnreachableError {
  return new LedgerError.UnreachableError(`Must be connected before ${method} can be called.`)
}
