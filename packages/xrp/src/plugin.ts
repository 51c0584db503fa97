/**
 * The plugin over XRP: conditional transfers as escrows of the XRP Ledger.
 *
 * | here    | there                                                                          |
 * | ------- | ------------------------------------------------------------------------------ |
 * | prepare | EscrowCreate with condition, expiry and memos                                  |
 * | fulfill | EscrowFinish with the fulfillment                                              |
 * | expire  | EscrowCancel by the payer                                                      |
 * | reject  | nothing: the ledger has no such thing, the money comes back when it has expired |
 *
 * Only a validated success counts. What a payee rejects its payer learns as `expired`.
 *
 * @see docs/xrp.md
 */
import type { Cursor, LedgerInfo, OutgoingTransfer, Plugin, SendOutcome } from '@millstream/plugin'
import { type Hashes, type Instant, MillstreamError, type Timers } from '@millstream/units'
import { isValidClassicAddress } from 'xrpl'
import { type AccountUser, createXrpAccount, type XrpAccount } from './account.js'
import { connectXrpl } from './connect-xrpl.js'
import * as Drops from './drops.js'
import * as EscrowMemos from './escrow-memos.js'
import { feeFactors, feeFor, spendableDrops } from './fees.js'
import { decodePayment, type EscrowRules } from './incoming-escrow.js'
import { createIncomingEscrows, finishKind } from './incoming-escrows.js'
import { type XrpLimits, xrpLimits } from './limits.js'
import { type CheckedTransfer, cancelKind, createKind, createOutgoingEscrows, refused } from './outgoing-escrows.js'
import type { SendWatch } from './send-watch.js'
import type { XrpServer } from './server.js'
import type { Signer } from './signer.js'
import { createMemoryStore, type XrpStore } from './store.js'
import type { XrpObserver } from './xrp-event.js'

export interface XrpPluginOptions {
  /** `wss://…`, or a server that is there already. */
  readonly server: string | XrpServer
  /** The key of the account: `signerFromSeed`. */
  readonly signer: Signer
  /** Keeps what must survive the process; in memory when left out, for those who can do without. */
  readonly store?: XrpStore
  /** Makes the account of that server, key and store, where it is shared: `shareAccount`. */
  readonly account?: (user: AccountUser) => XrpAccount
  /** Ledger prefix, ends with `.`; the one of 2017 when left out. */
  readonly prefix?: string
  /** 6, drops, when left out. */
  readonly scale?: number
  /** Smallest escrow, in drops, that is finished; ten times what that costs when left out. */
  readonly dropsMin?: bigint
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  /** The process's own when left out. */
  readonly timers?: Timers
  readonly limits?: Partial<XrpLimits>
  readonly observer?: XrpObserver
}

export interface XrpPlugin extends Plugin {
  /**
   * Reads what happened since the process before. A plugin that could not connect is closed.
   *
   * @throws {XrpUnreachableError} No server.
   * @throws {AccountNotFundedError} The ledger has no such account.
   * @throws {OtherAccountError} The store is of another account.
   * @throws {OtherNetworkError} The store is of another network.
   */
  connect(): Promise<void>
  isConnected(): boolean
  /** What the account holds, what of that is in escrow, and what can be spent. */
  account(): AccountSummary
  send(transfer: OutgoingTransfer, watch?: SendWatch): Promise<SendOutcome>
  posted(after: Cursor): ReturnType<NonNullable<Plugin['posted']>>
  /** Forgets the feed up to a cursor: nobody starts from there any more. */
  prunePosted(upTo: Cursor): Promise<void>
  /** What is under way goes on at the next start with the same store; who waits here is told `unknown`. */
  close(): Promise<void>
}

/** Amounts are drops. */
export interface AccountSummary {
  /** Classic address. */
  readonly address: string
  readonly balance: bigint
  /** In open escrows of this account; it is not in `balance`. */
  readonly held: bigint
  /** What the ledger keeps back now. */
  readonly reserve: bigint
  /** What one more escrow may hold. */
  readonly spendable: bigint
  /** What creating one more costs. */
  readonly fee: bigint
  /** Paid by escrows over the life of the store; what nobody can tell counts as paid. */
  readonly paid: bigint
  readonly openEscrows: number
  /** Transactions that are in no validated ledger yet. */
  readonly inFlight: number
  /** The newest ledger that was read; 0 before the first. */
  readonly ledger: number
}

/** The default of ilp-plugin-xrp-escrow. */
export const prefixDefault = 'g.crypto.ripple.escrow.'

const finishFeesPerPayment = 10n
const sweepMs = 5000

export function createXrpPlugin(options: XrpPluginOptions): XrpPlugin {
  const { hashes, signer } = options
  const prefix = options.prefix ?? prefixDefault
  const scale = options.scale ?? Drops.dropScale
  const limits: XrpLimits = { ...xrpLimits, ...options.limits }
  const observer: XrpObserver = options.observer ?? (() => {})
  const timers = options.timers ?? processTimers
  const store = options.store ?? createMemoryStore()
  // Throws for a scale that XRP cannot be counted in.
  const unitsPerDrop = Drops.toUnits(1n, scale)
  const server =
    typeof options.server === 'string' ? connectXrpl({ url: options.server, timers, limits }) : options.server

  let info: LedgerInfo | undefined
  let dropsMin = options.dropsMin ?? 0n
  let timer: unknown
  let isBroken = false
  let isClosed = false

  const user: AccountUser = {
    restore(entries) {
      outgoing.restore(entries)
      incoming.restore(entries)
    },
    saw(transaction, batch) {
      incoming.saw(transaction, batch)
      outgoing.saw(transaction, batch)
    },
    ended({ kind, key }, outcome, batch) {
      if (kind === createKind) outgoing.createEnded(key, outcome, batch)
      else if (kind === finishKind) incoming.ended(key, outcome, batch)
      else if (kind === cancelKind) outgoing.cancelEnded(key, outcome)
    },
    stepped(ledger, batch) {
      incoming.stepped(ledger, batch)
      outgoing.stepped(ledger, batch)
    },
    wants: (entry) => (entry.owner === signer.address ? !outgoing.isKnown(entry.id) : incoming.wants(entry)),
    found(found, batch) {
      incoming.found(found.escrows, batch)
      outgoing.found(found, batch)
      const [inCount, outCount] = [incoming.count, outgoing.openCount]
      observer({ name: 'xrp.escrows_found', level: 'info', incoming: inCount, outgoing: outCount })
    },
    broken() {
      isBroken = true
      outgoing.abandon('What is kept of transfers cannot be written any more; look at the disk.')
    },
  }
  const account = options.account?.(user) ?? createXrpAccount({ ...options, server, store, timers, limits }, user)
  const rules = (): EscrowRules => ({
    address: signer.address,
    prefix,
    scale,
    dropsMin,
    marginMs: limits.expiryMarginMs,
    expiresInMsMax: limits.expiresInMsMax,
  })
  const outgoing = createOutgoingEscrows({ account, hashes })
  const incoming = createIncomingEscrows({ account, rules, hashes, observer, lastCursor: () => store.lastCursor })

  return {
    info: () => known(),
    isConnected: () => info !== undefined && account.isConnected,
    async connect() {
      if (info !== undefined) return
      try {
        await account.open(() => {
          // Known before escrows are found, which are judged by it.
          const finishFee = account.fees().base * BigInt(feeFactors.finish)
          dropsMin = options.dropsMin ?? finishFee * finishFeesPerPayment
        })
      } catch (error) {
        await close()
        throw error
      }
      info = {
        prefix,
        asset: { code: 'XRP', scale },
        account: prefix + signer.address,
        direct: true,
        paymentMin: dropsMin * unitsPerDrop,
        expiryMarginMs: limits.expiryMarginMs,
      }
      sweepLater()
    },
    account: summary,
    async balance() {
      known()
      const { balance, held } = summary()
      return Drops.toUnits(balance + held, scale)
    },
    send(transfer, watch = {}) {
      if (isBroken || isClosed) return refused('T00', 'The plugin has stopped. Nothing was sent.')
      if (info === undefined) return refused('T01', 'The plugin is not connected. Nothing was sent.')
      const checked = check(transfer)
      return 'status' in checked ? Promise.resolve(checked) : outgoing.send(checked, watch)
    },
    receive: incoming.receive,
    async *posted(after) {
      await account.settled()
      yield* store.posted(after)
    },
    prunePosted: (upTo) => store.prunePosted(upTo),
    close,
  }

  async function close(): Promise<void> {
    if (isClosed) return
    isClosed = true
    timers.clearTimeout(timer)
    await account.close()
    outgoing.abandon('The plugin was closed. The escrow is taken up at the next start with the same store.')
  }

  function known(): LedgerInfo {
    if (info === undefined) throw new NotConnectedError()
    return info
  }

  function summary(): AccountSummary {
    const state = account.state()
    const fee = feeFor(account.fees(), feeFactors.plain, limits.feeDropsMax) ?? limits.feeDropsMax
    return {
      address: signer.address,
      balance: state.balance,
      held: outgoing.heldDrops(),
      reserve: state.reserveBase + state.reserveIncrement * BigInt(state.ownerCount),
      spendable: spendableDrops(account.stateCommitted(), fee),
      fee,
      paid: outgoing.paidDrops(),
      openEscrows: outgoing.openCount,
      inFlight: account.inFlight().length,
      ledger: account.readLedger()?.index ?? 0,
    }
  }

  /** Whether a transfer can be an escrow at all. */
  function check(transfer: OutgoingTransfer): CheckedTransfer | SendOutcome {
    const { id, amount, condition, expiresAt, packet } = transfer
    if (id.length !== 16 || condition.length !== 32) return rejected('F01', 'A field of the transfer is malformed.')
    if (amount <= 0n) return rejected('F03', 'An escrow holds at least one drop: an amount of zero cannot be carried.')
    const drops = Drops.exactFromUnits(amount, scale)
    if (drops === undefined)
      return rejected('F03', `The amount is no whole number of drops (${unitsPerDrop} units each).`)
    if (drops > Drops.dropsMax) return rejected('F03', 'The amount is more than all XRP.')
    if (packet.length > EscrowMemos.packetBytesMax) {
      return rejected('F01', `The packet has ${packet.length} bytes; memos hold ${EscrowMemos.packetBytesMax}.`)
    }
    const now = account.now()
    if (expiresAt <= now) return rejected('F00', 'The transfer has expired.')
    if (expiresAt - now > limits.expiresInMsMax) return rejected('F00', 'The transfer expires too late.')
    const destination = addressOf(transfer.target ?? decodePayment(packet)?.account)
    if (destination === undefined) {
      return rejected('F02', `Neither target nor packet names an account below ${prefix}`)
    }
    if (destination === signer.address) return rejected('F02', 'The account cannot pay itself.')
    return { id, destination, drops, condition, expiresAt, packet }
  }

  /** The classic address in `<prefix><address>[.more]`. */
  function addressOf(text: string | undefined): string | undefined {
    if (text === undefined || !text.startsWith(prefix)) return undefined
    const address = text.slice(prefix.length).split('.', 1)[0]!
    return isValidClassicAddress(address) ? address : undefined
  }

  function sweepLater(): void {
    timer = timers.setTimeout(() => {
      outgoing.sweep()
      if (!isClosed) sweepLater()
    }, sweepMs)
    // Nobody waits for a sweep alone.
    ;(timer as { unref?: () => void }).unref?.()
  }
}

function rejected(code: string, message: string): SendOutcome {
  return { status: 'rejected', by: 'ledger', code, message: `${message} Nothing was sent.` }
}

const processTimers: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export class NotConnectedError extends MillstreamError {
  override readonly name = 'XrpPlugin.NotConnectedError'
  readonly code = 'XRP_NOT_CONNECTED'
  constructor() {
    super('The plugin does not know its ledger yet: connect it first. Nothing was sent.')
  }
}
