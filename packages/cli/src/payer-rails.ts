/** Where a payer pays: trustlines over BTP, each with its account, its token and its book. */
import { accountName, type BtpEvent, createTrustlineClient, type TrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { BtpUri } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import type { Endpoint, Rail } from '@millstream/pay'
import type { PayerState, StateBook } from '@millstream/pay/node'
import { MillstreamError, type Observer } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type * as PayerClaims from './payer-claims.js'

export interface PayerRails {
  /** The ledger that the user named, with the user's credentials. */
  openNamed(uri: BtpUri.BtpUri): Promise<Rail>
  /**
   * The ledger that a shop named: the token is made from the payer's key, so each ledger sees another payer. If the user
   * named one it is another node of that, and gets the user's credentials.
   */
  openEndpoint(endpoint: Endpoint, named: BtpUri.BtpUri | undefined): Promise<Rail>
  /** Id of the account that pays, as soon as it is known; absent for empty credentials. */
  readonly account: string | undefined
  /** @throws {Failure} The ledger cannot be used, or not by this account. */
  standing(uri: BtpUri.BtpUri): Promise<Standing>
  /** Works it out without a connection. */
  accountOf(uri: BtpUri.BtpUri): string | undefined
  uriOf(endpoint: Endpoint): BtpUri.BtpUri
  close(): Promise<void>
}

/** What an account may spend. */
export interface Standing {
  readonly balance: bigint
  /** How far below 0 the balance may go; undefined where there is no limit. */
  readonly limit: bigint | undefined
}

export interface PayerRailsOptions {
  readonly state: PayerState
  readonly observer: Observer<BtpEvent>
  /** Called for each new connection: what is paid on it is settled with claims. */
  readonly settle?: PayerClaims.Settle
}

export function create({ state, observer, settle }: PayerRailsOptions): PayerRails {
  const open: Array<() => Promise<void>> = []
  /** Connections to several nodes of one fleet pay from one account. */
  const books = new Map<string, { readonly book: Promise<StateBook>; users: number }>()
  let account: string | undefined

  function accountOf({ username, token }: BtpUri.BtpUri): string | undefined {
    return username === '' && token === '' ? undefined : accountName(hashes, username, token)
  }

  function uriOf(endpoint: Endpoint): BtpUri.BtpUri {
    return { ...BtpUri.parse(endpoint.uri), username: '', token: state.token(endpoint.origin) }
  }

  async function connect(uri: BtpUri.BtpUri): Promise<Rail & { readonly plugin: TrustlineClient }> {
    account = accountOf(uri)
    const plugin = createTrustlineClient({
      uri: BtpUri.format(uri),
      connect: webSocketConnector(),
      clock: systemClock,
      hashes,
      randomBytes,
      observer,
    })
    const origin = originOf(uri)
    const shared = account === undefined ? undefined : bookOf(origin, account)
    let book: StateBook | undefined
    const close = async () => {
      await plugin.close()
      await shared?.close()
    }
    try {
      // The lock on the account comes first: two payers with one book would count on the same numbers.
      book = await shared?.book
      await plugin.connect()
      await settle?.(plugin)
    } catch (error) {
      await close()
      throw ledgerFailure(error, uri, account)
    }
    open.push(close)
    return {
      plugin,
      onReconnect: (listener) => void plugin.onConnectionChange((isConnected) => isConnected && listener()),
      endpoint: { uri: `btp+${uri.url}`, origin, secure: uri.secure },
      ...(account === undefined ? {} : { account }),
      ...(book === undefined ? {} : { book }),
    }
  }

  function bookOf(origin: string, account: string) {
    const key = `${origin} ${account}`
    const entry = books.get(key) ?? { book: state.book(origin, account), users: 0 }
    books.set(key, entry)
    entry.users++
    return {
      book: entry.book,
      async close() {
        if (--entry.users > 0) return
        books.delete(key)
        await entry.book.then(
          (book) => book.close(),
          () => {},
        )
      },
    }
  }

  return {
    openNamed: connect,
    openEndpoint: (endpoint, named) =>
      connect(named === undefined ? uriOf(endpoint) : { ...named, url: BtpUri.parse(endpoint.uri).url }),
    async standing(uri) {
      const { plugin } = await connect(uri)
      return { balance: await plugin.balance(), limit: await plugin.limit() }
    },
    get account() {
      return account
    },
    accountOf,
    uriOf,
    async close() {
      for (const close of open.splice(0)) await close()
    },
  }
}

/** Names a ledger for tokens and books: scheme, host and port, without what may change about it. */
function originOf({ url }: BtpUri.BtpUri): string {
  const { protocol, host } = new URL(url)
  return `btp+${protocol}//${host}`
}

function ledgerFailure(error: unknown, uri: BtpUri.BtpUri, account: string | undefined): unknown {
  if (!(error instanceof MillstreamError) || !error.code.startsWith('BTP_')) return error
  const where = BtpUri.redact({ ...uri, username: '' })
  const fields: Array<readonly [string, string]> = [['ledger', where]]
  if (account !== undefined) fields.push(['account', account])
  const refused = error.code === 'BTP_REFUSED'
  return new Failure({
    code: error.code,
    exit: exitCodes.ledger,
    message: `${refused ? 'The ledger does not take this account' : 'The ledger cannot be used'}: ${error.message}`,
    fields: [...fields, ['paid', 'nothing']],
    next: refused
      ? `check user and token, or ask the operator of the ledger to open the account:\nmillstream ledger limit ${account ?? 'ACCOUNT'} AMOUNT`
      : 'see whether it runs at this address, or name another with --ledger',
    cause: error,
  })
}
