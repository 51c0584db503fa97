/**
 * Who is told of what: streams and accounts per connection. A connection that is subscribed to `transactions` and to an
 * account hears of that account's transactions twice, as it does from `rippled`. The closing of a ledger is told
 * before its transactions.
 */
import { isAddress } from '../ledger/address.js'
import type { Chain } from '../ledger/chain.js'
import type { ClosedLedger } from '../ledger/closed-ledger.js'
import type { EngineResult } from '../ledger/engine-result.js'
import type { JsonObject } from '../ledger/entry.js'
import type { Transaction } from '../ledger/transaction.js'
import { ApiError } from './api-error.js'
import type { ApiVersion, MethodContext } from './method.js'
import { completeLedgers, ledgerFields } from './server-methods.js'
import * as TransactionJson from './transaction-json.js'

const streams = ['ledger', 'transactions', 'transactions_proposed', 'server'] as const
type Stream = (typeof streams)[number]

/** Taken and never heard of: the sandbox has no peers and no validators. */
const silentStreams = new Set(['validations', 'consensus', 'peer_status', 'manifests', 'book_changes'])

/** Accounts of one connection. */
export const subscribedAccountsMax = 10_000

export interface Subscriber {
  /** The version of the request that subscribed last. */
  version: ApiVersion
  readonly streams: Set<Stream>
  readonly accounts: Set<string>
  readonly accountsProposed: Set<string>
  send(message: JsonObject): void
}

export class Subscriptions {
  private readonly chain: Chain
  private readonly subscribers = new Set<Subscriber>()

  constructor(chain: Chain) {
    this.chain = chain
    chain.listen({
      closed: (ledger) => this.tellClosed(ledger),
      proposed: (transaction, result) => this.tellProposed(transaction, result),
    })
  }

  add(subscriber: Subscriber): void {
    this.subscribers.add(subscriber)
  }

  remove(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber)
  }

  private tellClosed(ledger: ClosedLedger): void {
    if (this.subscribers.size === 0) return
    const event = {
      ...ledgerFields(this.chain),
      txn_count: ledger.transactions.length,
      type: 'ledgerClosed',
      validated_ledgers: completeLedgers(this.chain),
    }
    for (const subscriber of this.subscribers) if (subscriber.streams.has('ledger')) subscriber.send(event)
    ledger.transactions.forEach(({ accounts }, position) => {
      this.tell(accounts, 'validated', (version) =>
        TransactionJson.validatedEvent(ledger, position, version, this.chain.networkId),
      )
    })
  }

  private tellProposed(transaction: Transaction, result: EngineResult): void {
    if (this.subscribers.size === 0) return
    const accounts = new Set<string>()
    for (const name of ['Account', 'Destination', 'Owner', 'RegularKey']) {
      const value = transaction.fields[name]
      if (typeof value === 'string') accounts.add(value)
    }
    this.tell(accounts, 'proposed', (version) =>
      TransactionJson.proposedEvent(transaction, result, this.chain.openIndex, version),
    )
  }

  private tell(
    accounts: ReadonlySet<string>,
    kind: 'validated' | 'proposed',
    make: (version: ApiVersion) => JsonObject,
  ): void {
    const made = new Map<ApiVersion, JsonObject>()
    const eventFor = (version: ApiVersion) => {
      const event = made.get(version) ?? make(version)
      made.set(version, event)
      return event
    }
    for (const subscriber of this.subscribers) {
      const { version } = subscriber
      if (kind === 'validated' && subscriber.streams.has('transactions')) subscriber.send(eventFor(version))
      if (subscriber.streams.has('transactions_proposed')) subscriber.send(eventFor(version))
      const heard = (own: ReadonlySet<string>) => own.size > 0 && [...accounts].some((account) => own.has(account))
      if (heard(subscriber.accountsProposed) || (kind === 'validated' && heard(subscriber.accounts))) {
        subscriber.send(eventFor(version))
      }
    }
  }
}

export function subscribe(request: JsonObject, context: MethodContext): JsonObject {
  const subscriber = subscriberOf(context)
  const chosen = streamsOf(request)
  const accounts = accountsOf(request, 'accounts')
  const proposed = accountsOf(request, 'accounts_proposed')
  if (
    subscriber.accounts.size + subscriber.accountsProposed.size + accounts.length + proposed.length >
    subscribedAccountsMax
  ) {
    throw new ApiError('slowDown')
  }
  subscriber.version = context.version
  for (const account of accounts) subscriber.accounts.add(account)
  for (const account of proposed) subscriber.accountsProposed.add(account)
  let result: JsonObject = {}
  for (const stream of chosen) {
    subscriber.streams.add(stream)
    if (stream === 'ledger') {
      result = { ...result, ...ledgerFields(context.chain), validated_ledgers: completeLedgers(context.chain) }
    } else if (stream === 'server') {
      result = { ...result, load_base: 256, load_factor: 256, server_status: 'full', stand_alone: true }
    }
  }
  return result
}

export function unsubscribe(request: JsonObject, context: MethodContext): JsonObject {
  const subscriber = subscriberOf(context)
  for (const stream of streamsOf(request)) subscriber.streams.delete(stream)
  for (const account of accountsOf(request, 'accounts')) subscriber.accounts.delete(account)
  for (const account of accountsOf(request, 'accounts_proposed')) subscriber.accountsProposed.delete(account)
  return {}
}

function subscriberOf({ subscriber }: MethodContext): Subscriber {
  if (subscriber === undefined) throw new ApiError('invalidParams')
  return subscriber
}

function streamsOf(request: JsonObject): Stream[] {
  const names = request.streams
  if (names === undefined) return []
  if (!Array.isArray(names)) throw new ApiError('invalidParams')
  const chosen: Stream[] = []
  for (const name of names) {
    const stream = name === 'rt_transactions' ? 'transactions_proposed' : name
    if (streams.includes(stream)) chosen.push(stream)
    else if (!silentStreams.has(name)) throw new ApiError('malformedStream')
  }
  return chosen
}

function accountsOf(request: JsonObject, name: 'accounts' | 'accounts_proposed'): string[] {
  const accounts = request[name] ?? (name === 'accounts_proposed' ? request.rt_accounts : undefined)
  if (accounts === undefined) return []
  if (!Array.isArray(accounts)) throw new ApiError('invalidParams')
  if (accounts.length === 0) throw new ApiError('actMalformed')
  for (const account of accounts) {
    if (!isAddress(account)) throw new ApiError('actMalformed')
  }
  return accounts as string[]
}
