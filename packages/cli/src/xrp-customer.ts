/** A customer's two accounts, one on a trustline and one on the XRP Ledger, opened for one command. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { accountName, createTrustlineClient, type TrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { BtpUri, PayEndpoint } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { checkEndpoint } from '@millstream/pay'
import { openPayerState } from '@millstream/pay/node'
import { Amount, type Asset } from '@millstream/units'
import {
  connectXrpl,
  createXrpCustomer,
  createXrpWallet,
  openFolderStore,
  type Signer,
  type XrpCustomer,
  type XrpWallet,
} from '@millstream/xrp'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

export interface CustomerPlace {
  /** A ledger, or a shop that names its ledger. */
  readonly ledger: BtpUri.BtpUri | string
  readonly home: string
  readonly endpointHost?: readonly string[]
}

export interface OpenCustomer {
  readonly client: TrustlineClient
  readonly customer: XrpCustomer
  /** Id of the account on the trustline. */
  readonly account: string
  readonly asset: Asset
  close(): Promise<void>
}

/** Between two questions: a ledger closes every three to five seconds. */
const pauseMs = 250
export const xrp: Asset = { code: 'XRP', scale: 6 }

export async function open(place: CustomerPlace): Promise<OpenCustomer> {
  const uri = typeof place.ledger === 'string' ? await uriFromShop(place.ledger, place) : place.ledger
  const { username, token } = uri
  const account = accountName(hashes, username, token)
  const client = createTrustlineClient({
    uri: BtpUri.format(uri),
    connect: webSocketConnector(),
    clock: systemClock,
    ...{ hashes, randomBytes },
  })
  try {
    await client.connect()
  } catch (error) {
    await client.close()
    throw error
  }
  const { account: address, asset } = client.info()
  const customer = createXrpCustomer({
    ask: (data) => client.message(data),
    account: address,
    randomBytes,
    pause: () => delay(pauseMs),
  })
  return { client, customer, account, asset, close: () => client.close() }
}

/**
 * The XRP account of a seed. What an earlier run has sent and not seen the end of is brought to its end first.
 *
 * @throws {Failure} There was such a thing: nothing new is sent in the same run, or it might be paid twice.
 */
export async function openWallet(url: string, signer: Signer, home: string): Promise<XrpWallet> {
  const wallet = createXrpWallet({
    server: connectXrpl({ url }),
    signer,
    store: await openFolderStore(join(home, 'xrp', signer.address)),
    clock: systemClock,
    timers: {
      setTimeout: (callback, ms) => setTimeout(callback, ms),
      clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
    },
    randomBytes,
  })
  try {
    await wallet.open()
    const [earlier] = await wallet.earlier()
    if (earlier !== undefined) throw earlierEnded(earlier)
    return wallet
  } catch (error) {
    await wallet.close()
    throw error
  }
}

function earlierEnded(outcome: Awaited<ReturnType<XrpWallet['earlier']>>[number]): Failure {
  const isValidated = outcome.status === 'validated'
  return new Failure({
    code: 'XRP_EARLIER_RUN',
    exit: exitCodes.unresolved,
    message: 'An earlier run had sent a transaction and not seen its end. It has ended now; nothing new was sent.',
    fields: isValidated
      ? [
          ['transaction', outcome.transaction.hash],
          ['result', outcome.transaction.result],
        ]
      : [['result', `not carried out: ${outcome.reason}`]],
    next: 'look whether that was what you wanted; run the command again to do it once more',
  })
}

/** Asks a shop for its ledger. HEAD opens no stream. */
async function uriFromShop(url: string, { home, endpointHost = [] }: CustomerPlace): Promise<BtpUri.BtpUri> {
  let response: Response
  try {
    response = await fetch(url, { method: 'HEAD' })
  } catch (cause) {
    throw noLedger(`The shop at ${url} cannot be reached.`, cause)
  }
  const header = response.headers.get('pay-endpoint')
  if (header === null) throw noLedger(`${url} does not say on which ledger it is paid (it sends no Pay-Endpoint).`)
  const endpoint = checkEndpoint(
    PayEndpoint.parse(header),
    response.url,
    new URL(response.url).protocol === 'https:',
    endpointHost,
  )
  const state = await openPayerState({ folder: home, clock: systemClock, hashes, randomBytes })
  try {
    return { ...BtpUri.parse(endpoint.uri), username: '', token: state.token(endpoint.origin) }
  } finally {
    await state.close()
  }
}

function noLedger(message: string, cause?: unknown): Failure {
  return new Failure({
    code: 'XRP_NO_LEDGER',
    exit: exitCodes.shop,
    message: `${message} Nothing was sent.`,
    next: 'check the address, or name the ledger itself: btp+ws://user:token@host:port/',
    cause,
  })
}

/** Drops as a person reads them. */
export function format(drops: bigint): string {
  return Amount.format(drops, xrp)
}
