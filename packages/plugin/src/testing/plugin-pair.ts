/**
 * A ledger of one page and the plugins on it, for tests of those who pay and are paid: the simplest honest
 * implementation of `Plugin`. All in memory, nothing is forgotten, time is the clock's.
 *
 * Transfers that are sent in one run of the event loop are decided together, as a host does it: all checks, all holds,
 * all fulfillments, one commit, all of `settled`, then the payers are told.
 */
import { type Asset, type Condition, type Hashes, Hex, Instant, Octets } from '@millstream/units'
import type { Cursor, LedgerInfo, Payee, Plugin, Posted, SettledOutcome } from '../plugin.js'
import type { IncomingTransfer, OutgoingTransfer, Rejection, SendOutcome } from '../transfer.js'
import { decodePayment } from './payment-packet.js'

export interface PluginPairOptions {
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  /** `{ code: 'XRP', scale: 9 }` when left out. */
  readonly asset?: Asset
  /** `g.letter-shop.mytrustline.` when left out. */
  readonly prefix?: string
  /** What each customer may owe; 1,000,000,000 when left out. The payee may owe anything. */
  readonly credit?: bigint
  /** Furthest `expiresAt`; 3,600,000 ms when left out. */
  readonly expiresInMsMax?: number
  /** Stands for the disk: nobody is told what a tick decided before this has returned or resolved. */
  commit?(): void | Promise<void>
  /** Stands for the network between a customer and the ledger: may lose, delay or repeat what it carries. */
  carry?(transfer: OutgoingTransfer, deliver: () => Promise<SendOutcome>): Promise<SendOutcome>
}

export interface PluginPair {
  /** The customer `alice`. */
  readonly payer: Plugin
  /** The side that keeps the book, `<prefix>server`. Registering a payee again hands it what is held: a restart. */
  readonly payee: Plugin
  /** Another customer, or the same one for the same name. */
  customer(name: string): Plugin
  /** Looks at the clock. A timer does it every 20 ms while something is held; tests that drive the clock call it. */
  sweep(): void
  /** How many transfers are held. */
  held(): number
}

interface Account {
  readonly address: string
  readonly creditLimit: bigint | undefined
  readonly plugin: Plugin
  readonly transfers: Map<string, Transfer>
  posted: bigint
  heldOut: bigint
  payee: Payee | undefined
}

interface Transfer {
  readonly source: Account
  readonly target: Account
  readonly incoming: IncomingTransfer
  readonly tell: ((outcome: SendOutcome) => void)[]
  state: 'held' | SettledOutcome
  /** Whoever was asked for the fulfillment; a payee that was replaced is not heard any more. */
  asked: Payee | undefined
  outcome: SendOutcome | undefined
  cursor: Cursor
}

type Answer = Condition.Fulfillment | Rejection
type Job = () => void

const beginning = 0 as Cursor
const amountMax = 2n ** 64n - 1n

export function createPluginPair(options: PluginPairOptions): PluginPair {
  const { clock, hashes } = options
  const prefix = options.prefix ?? 'g.letter-shop.mytrustline.'
  const asset = options.asset ?? { code: 'XRP', scale: 9 }
  const accounts = new Map<string, Account>()
  const feed: Posted[] = []
  const heldTransfers = new Set<Transfer>()

  /** What waits for the next tick, by the step in which it is done. */
  let arrived: Job[] = []
  let answered: Job[] = []
  /** What the tick under way has decided. */
  let prepared: Transfer[] = []
  let ended: Transfer[] = []
  let told: Job[] = []
  let ticking = false
  let again = false
  let timer: ReturnType<typeof setInterval> | undefined

  const server = open('server', undefined)
  const payer = customer('alice')
  return { payer, payee: server.plugin, customer, sweep: wake, held: () => heldTransfers.size }

  function customer(name: string): Plugin {
    const known = accounts.get(prefix + name)
    return (known ?? open(name, options.credit ?? 1_000_000_000n)).plugin
  }

  function open(name: string, creditLimit: bigint | undefined): Account {
    const address = prefix + name
    const info: LedgerInfo = { prefix, asset, account: address, direct: true }
    const plugin: Plugin = {
      info: () => info,
      balance: async () => account.posted,
      send: (transfer) => {
        const deliver = () => send(account, transfer)
        return options.carry === undefined || account === server ? deliver() : options.carry(transfer, deliver)
      },
      receive(payee) {
        account.payee = payee
        arrived.push(() => {
          for (const transfer of heldTransfers) {
            if (transfer.target === account && transfer.asked !== undefined) prepared.push(transfer)
          }
        })
        wake()
      },
    }
    if (creditLimit === undefined) plugin.posted = postedAfter
    const account: Account = {
      address,
      creditLimit,
      plugin,
      transfers: new Map(),
      posted: 0n,
      heldOut: 0n,
      payee: undefined,
    }
    accounts.set(address, account)
    return account
  }

  async function* postedAfter(after: Cursor): AsyncGenerator<Posted> {
    yield* feed.filter((posted) => posted.cursor > after)
  }

  function send(source: Account, outgoing: OutgoingTransfer): Promise<SendOutcome> {
    return new Promise((resolve) => {
      arrived.push(() => {
        const outcome = prepare(source, outgoing, resolve)
        if (outcome !== undefined) told.push(() => resolve(outcome))
      })
      wake()
    })
  }

  function wake(): void {
    again = true
    if (ticking) return
    ticking = true
    afterThisRun(tick)
  }

  async function tick(): Promise<void> {
    again = false
    expireWhatIsDead()
    const arrivedNow = arrived
    arrived = []
    for (const job of arrivedNow) job()
    const preparedNow = prepared
    prepared = []
    for (const transfer of preparedNow) ask(transfer)
    const answeredNow = answered
    answered = []
    for (const job of answeredNow) job()

    const endedNow = ended
    const toldNow = told
    ended = []
    told = []
    await options.commit?.()
    for (const transfer of endedNow) {
      if (transfer.state !== 'held') transfer.asked?.settled(transfer.incoming, transfer.state, transfer.cursor)
    }
    for (const transfer of endedNow) for (const tell of transfer.tell.splice(0)) tell(transfer.outcome!)
    for (const tell of toldNow) tell()
    ticking = again
    if (again) afterThisRun(tick)
    watchTheClock()
  }

  /** Holds the transfer, or gives the outcome that it has already. */
  function prepare(
    source: Account,
    outgoing: OutgoingTransfer,
    tell: (outcome: SendOutcome) => void,
  ): SendOutcome | undefined {
    const { amount } = outgoing
    if (outgoing.id.length !== 16 || outgoing.condition.length !== 32 || amount < 0n || amount > amountMax) {
      return refused('ledger', 'F01', 'A field of the transfer is out of range.')
    }
    const key = Hex.fromBytes(outgoing.id)
    const known = source.transfers.get(key)
    if (known !== undefined) {
      if (!sameTransfer(known.incoming, outgoing)) return refused('ledger', 'F05', 'The transfer id is taken.')
      if (known.outcome === undefined) known.tell.push(tell)
      return known.outcome
    }
    const target = accounts.get(outgoing.target ?? server.address)
    if (target === undefined) return refused('ledger', 'F02', 'There is no such account.')
    const payment = decodePayment(outgoing.packet)
    if (payment === undefined) return refused('payee', 'F01', 'The packet is not an ILP payment.')
    const payee = target.payee
    if (payee === undefined) return refused('payee', 'F06', 'Nobody receives payments here.')
    const incoming: IncomingTransfer = {
      id: outgoing.id.slice() as IncomingTransfer['id'],
      source: source.address,
      amount,
      condition: outgoing.condition.slice() as Condition.Condition,
      expiresAt: outgoing.expiresAt,
      packet: outgoing.packet.slice(),
      destination: payment.account,
      destinationAmount: payment.amount,
    }
    const rejection = checkBy(payee, incoming)
    if (rejection !== undefined) return refused('payee', rejection.code, rejection.message)
    const now = clock()
    if (incoming.expiresAt <= now) return refused('ledger', 'F00', 'The transfer has expired.')
    if (incoming.expiresAt > Instant.after(now, options.expiresInMsMax ?? 3_600_000)) {
      return refused('ledger', 'F00', 'The transfer expires too late.')
    }
    const { creditLimit } = source
    if (creditLimit !== undefined && source.posted - source.heldOut - amount < -creditLimit) {
      return refused('ledger', 'F08', `${source.address} holds ${source.posted} and may owe ${creditLimit}.`)
    }
    const transfer: Transfer = {
      source,
      target,
      incoming,
      tell: [tell],
      state: 'held',
      asked: undefined,
      outcome: undefined,
      cursor: beginning,
    }
    source.transfers.set(key, transfer)
    source.heldOut += amount
    heldTransfers.add(transfer)
    prepared.push(transfer)
    return undefined
  }

  function checkBy(payee: Payee, incoming: IncomingTransfer): Rejection | undefined {
    try {
      return payee.check(incoming)
    } catch {
      return internalError
    }
  }

  function ask(transfer: Transfer): void {
    const payee = transfer.target.payee!
    transfer.asked = payee
    const answer = (value: Answer) => void answered.push(() => decide(transfer, payee, value))
    const answerLater = (value: Answer) => {
      answer(value)
      wake()
    }
    try {
      const value = payee.fulfill(transfer.incoming)
      if (value instanceof Promise) value.then(answerLater, () => answerLater(internalError))
      else answer(value)
    } catch {
      answer(internalError)
    }
  }

  function decide(transfer: Transfer, payee: Payee, answer: Answer): void {
    const { source, target, incoming } = transfer
    if (transfer.state !== 'held' || transfer.asked !== payee) return
    if (incoming.expiresAt <= clock()) {
      expireWhatIsDead()
    } else if (!(answer instanceof Uint8Array)) {
      end(transfer, 'rejected', refused('payee', answer.code, answer.message))
    } else if (answer.length !== 32 || !Octets.equal(hashes.sha256(answer), incoming.condition)) {
      end(transfer, 'rejected', refused('payee', 'F05', 'The fulfillment is not that of the condition.'))
    } else {
      source.posted -= incoming.amount
      target.posted += incoming.amount
      if (target === server) {
        feed.push({
          cursor: (feed.length + 1) as Cursor,
          source: source.address,
          destination: incoming.destination,
          amount: incoming.amount,
          postedAt: clock(),
        })
      }
      end(transfer, 'fulfilled', { status: 'fulfilled', fulfillment: answer.slice() as Condition.Fulfillment })
    }
  }

  function expireWhatIsDead(): void {
    const now = clock()
    for (const transfer of heldTransfers) {
      if (transfer.incoming.expiresAt <= now) end(transfer, 'expired', { status: 'expired' })
    }
  }

  function end(transfer: Transfer, state: SettledOutcome, outcome: SendOutcome): void {
    transfer.source.heldOut -= transfer.incoming.amount
    transfer.state = state
    transfer.outcome = outcome
    transfer.cursor = feed.length as Cursor
    heldTransfers.delete(transfer)
    ended.push(transfer)
  }

  function watchTheClock(): void {
    if (heldTransfers.size > 0 && timer === undefined) {
      timer = setInterval(wake, 20)
      timer.unref?.()
    } else if (heldTransfers.size === 0 && timer !== undefined) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Once what is ready in the event loop has had its turn: two sides that feed each other starve nobody. */
function afterThisRun(job: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(job)
  else setTimeout(job)
}

const internalError: Rejection = { code: 'T00', message: 'The payee failed.' }

function refused(by: 'payee' | 'ledger', code: string, message: string): SendOutcome {
  return { status: 'rejected', by, code, message }
}

function sameTransfer(known: IncomingTransfer, again: OutgoingTransfer): boolean {
  return (
    known.amount === again.amount &&
    known.expiresAt === again.expiresAt &&
    Octets.equal(known.condition, again.condition) &&
    Octets.equal(known.packet, again.packet)
  )
}
