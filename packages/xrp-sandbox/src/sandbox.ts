/**
 * An XRP Ledger for one machine: `rippled`'s WebSocket API and JSON-RPC over a ledger in memory, with real
 * transactions, signatures, hashes and result codes. For development and tests: its money is worth nothing.
 *
 * ```ts
 * const sandbox = await createSandbox({ closeEveryMs: 'manual' })
 * sandbox.url                               // ws://127.0.0.1:54321, for `new xrpl.Client(url)`
 * sandbox.httpUrl                           // http://127.0.0.1:54321, for JSON-RPC; `/accounts` is the faucet
 * await sandbox.fund('r…', 1000n * xrp)     // drops, from the account that has everything; in a closed ledger
 * sandbox.submit(blob)                      // as the command `submit`: hex of a signed transaction
 * sandbox.closeLedger()                     // what was submitted is validated now; gives the ledger
 * sandbox.advance(30)                       // it is 30 seconds later; closes a ledger at that time
 * sandbox.faults.drop = 1                   // the next transaction is lost (see `Faults`)
 * sandbox.disconnectAll()                   // every client is cut off
 * sandbox.balanceOf('r…')                   // drops in the last closed ledger
 * await sandbox.close()
 * ```
 *
 * Rules about time go by the close time of the parent ledger, so after `advance` a finish or a cancel that is submitted
 * sees the new time.
 */
import { MillstreamError, type Timers } from '@millstream/units'
import { encode, encodeForSigning } from 'ripple-binary-codec'
import { deriveAddress, deriveKeypair, sign } from 'ripple-keypairs'
import { isAddress } from './ledger/address.js'
import { Chain, type ChainEvents, type Submitted } from './ledger/chain.js'
import type { ClosedLedger } from './ledger/closed-ledger.js'
import { type AccountRoot, accountIndex, type Entry } from './ledger/entry.js'
import * as Faults from './ledger/faults.js'
import { zero256 } from './ledger/hash.js'
import { type HistoryLimits, historyLimits } from './ledger/history.js'
import * as RippleTime from './ledger/ripple-time.js'
import * as Transaction from './ledger/transaction.js'
import { listen, type ServerLimits, serverLimits } from './server.js'
import type { Fees } from './transactors/transactor.js'

/** Drops of one XRP. */
export const xrp = 1_000_000n

/** The shop's and the tool's account of the Letter Shop tutorial, with 10,000 XRP each. */
export const tutorialFund: ReadonlyMap<string, bigint> = new Map([
  ['rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', 10_000n * xrp],
  ['rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj', 10_000n * xrp],
])

/** The account that has everything at first has this seed on every server that starts a ledger of its own. */
const masterSeed = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'
const totalDrops = 100_000_000_000n * xrp

export interface SandboxOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** How often a ledger closes; `manual`: by `closeLedger` and the command `ledger_accept` alone. Default: 1,000. */
  readonly closeEveryMs?: number | 'manual'
  /** Addresses and the drops that they have at first. Default: the tutorial's two with 10,000 XRP each. */
  readonly fund?: ReadonlyMap<string, bigint> | Readonly<Record<string, bigint>>
  /** Milliseconds since 1970. Default: the clock of the machine. */
  readonly clock?: () => number
  readonly timers?: Timers
  /** Drops. Default: 10 for a transaction, reserves of 1 XRP and 0.2 XRP for each object. */
  readonly fees?: Partial<Fees>
  /** Default: 0, the main network's. */
  readonly networkId?: number
  /** Drops that the faucet gives if nobody says, and at most. Default: 100 and 1,000,000 XRP. */
  readonly faucet?: { readonly drops?: bigint; readonly dropsMax?: bigint }
  readonly history?: Partial<HistoryLimits>
  readonly limits?: Partial<ServerLimits>
  /** Transactions of one ledger. Default: 10,000. */
  readonly ledgerTransactionsMax?: number
}

export interface Sandbox {
  readonly port: number
  readonly url: string
  readonly httpUrl: string
  readonly faults: Faults.Faults
  /** @throws {InvalidTransactionError} `blob` is no signed transaction. */
  submit(blob: string): Submitted
  /** @param closeTime - Ripple time; by the clock if left out. */
  closeLedger(closeTime?: number): ClosedLedger
  /** So many seconds later it is from now on; a ledger closes then. */
  advance(seconds: number): ClosedLedger
  /** Ripple time now: seconds since 2000. */
  now(): number
  /** Resolves when the payment is validated, for which a ledger is closed where none closes by itself. */
  fund(address: string, drops: bigint): Promise<{ readonly hash: string }>
  readonly lastLedger: ClosedLedger
  /** Drops in the last closed ledger; 0 for an account that is not there. */
  balanceOf(address: string): bigint
  listen(events: Partial<ChainEvents>): void
  disconnectAll(): void
  close(): Promise<void>
}

/** @throws {ListenError} The port is taken, or may not be used. */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = options.clock ?? Date.now
  const timers = options.timers ?? machineTimers
  const closeEveryMs = options.closeEveryMs ?? 1_000
  let offsetMs = 0
  const nowMs = () => clock() + offsetMs
  const now = () => RippleTime.fromUnixMs(nowMs())
  const faults = Faults.none()
  const chain = new Chain({
    fees: { base: 10n, reserveBase: 1n * xrp, reserveIncrement: xrp / 5n, ...options.fees },
    networkId: options.networkId ?? 0,
    now,
    faults,
    history: { ...historyLimits, ...options.history },
    ledgerTransactionsMax: options.ledgerTransactionsMax ?? 10_000,
    entries: firstEntries(options.fund ?? tutorialFund),
    firstIndex: 2,
  })
  const close = (closeTime?: number) => chain.close(closeTime)
  const advance = (seconds: number) => {
    offsetMs += seconds * 1_000
    return chain.close(Math.max(now(), chain.closedLedger.closeTime + 1))
  }
  const fund = (address: string, drops: bigint) => {
    const hash = payFromMaster(chain, address, drops)
    if (closeEveryMs === 'manual') close()
    return hash
  }
  const server = await listen({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    chain,
    timers,
    limits: { ...serverLimits, ...options.limits },
    faucet: { drops: 100n * xrp, dropsMax: 1_000_000n * xrp, ...options.faucet },
    control: {
      faults,
      startedAtMs: nowMs(),
      nowMs,
      close,
      advance,
      fund,
    },
  })
  const stopClosing = closeEveryMs === 'manual' ? () => {} : closeRegularly(chain, timers, closeEveryMs)
  const host = (options.host ?? '127.0.0.1').includes(':') ? `[${options.host}]` : (options.host ?? '127.0.0.1')
  return {
    port: server.port,
    url: `ws://${host}:${server.port}`,
    httpUrl: `http://${host}:${server.port}`,
    faults,
    submit: (blob) => chain.submit(Transaction.parse(blob)),
    closeLedger: close,
    advance,
    now,
    fund: async (address, drops) => validated(chain, fund(address, drops), address),
    get lastLedger() {
      return chain.closedLedger
    },
    balanceOf: (address) => {
      const account = chain.closedLedger.state.get(accountIndex(address)) as AccountRoot | undefined
      return account === undefined ? 0n : BigInt(account.Balance)
    },
    listen: (events) => chain.listen({ closed: () => {}, proposed: () => {}, ...events }),
    disconnectAll: server.disconnectAll,
    close: async () => {
      stopClosing()
      await server.close()
    },
  }
}

/** The accounts of the first ledger. What the others get the master does not have, so that it all sums up. */
function firstEntries(fund: NonNullable<SandboxOptions['fund']>): Map<string, Entry> {
  const balances = fund instanceof Map ? fund : new Map<string, bigint>(Object.entries(fund))
  const given = [...balances.values()].reduce((sum, drops) => sum + drops, 0n)
  for (const address of balances.keys()) if (!isAddress(address)) throw new AddressError(address)
  if (given > totalDrops || [...balances.values()].some((drops) => drops <= 0n)) throw new FundError('first ledger')
  const entries = new Map<string, Entry>()
  const add = (address: string, drops: bigint) =>
    entries.set(accountIndex(address), {
      LedgerEntryType: 'AccountRoot',
      Account: address,
      Balance: String(drops),
      Flags: 0,
      OwnerCount: 0,
      Sequence: 1,
      PreviousTxnID: zero256,
      PreviousTxnLgrSeq: 0,
    })
  add(master.address, totalDrops - given)
  for (const [address, drops] of balances) add(address, drops)
  return entries
}

const masterKeys = deriveKeypair(masterSeed)
const master = { ...masterKeys, address: deriveAddress(masterKeys.publicKey) }

/** @throws {FundError} The ledger did not take the payment. */
function payFromMaster(chain: Chain, address: string, drops: bigint): string {
  const account = chain.openState.read(accountIndex(master.address)) as AccountRoot
  const fields = {
    TransactionType: 'Payment',
    Account: master.address,
    Destination: address,
    Amount: String(drops),
    Fee: String(chain.fees.base),
    Sequence: account.Sequence,
    SigningPubKey: master.publicKey,
    ...(chain.networkId > 1024 ? { NetworkID: chain.networkId } : {}),
  }
  const TxnSignature = sign(encodeForSigning(fields), master.privateKey)
  const transaction = Transaction.parse(encode({ ...fields, TxnSignature }))
  const { result } = chain.submit(transaction, { failHard: true, faultless: true })
  if (result !== 'tesSUCCESS') throw new FundError(address, result)
  return transaction.hash
}

/** @throws {FundError} The payment came into a ledger and failed there. */
function validated(chain: Chain, hash: string, address: string): Promise<{ readonly hash: string }> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = chain.history.transaction(hash)
      if (found === undefined) return false
      const result = found.validated.metadata.TransactionResult
      if (result === 'tesSUCCESS') resolve({ hash })
      else reject(new FundError(address, result))
      return true
    }
    if (look()) return
    const stop = chain.listen({
      proposed: () => {},
      closed: () => {
        if (look()) stop()
      },
    })
  })
}

function closeRegularly(chain: Chain, timers: Timers, everyMs: number): () => void {
  let timer: unknown
  const wait = () => {
    timer = timers.setTimeout(() => {
      chain.close()
      wait()
    }, everyMs)
  }
  wait()
  return () => timers.clearTimeout(timer)
}

const machineTimers: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export class FundError extends MillstreamError {
  override readonly name = 'XrpSandbox.FundError'
  readonly code = 'XRP_SANDBOX_FUND'
  constructor(what: string, result = 'temBAD_AMOUNT') {
    super(
      `Funding ${what} failed with ${result}. Nothing was paid. ` +
        'A new account needs at least the base reserve, and all together there are 100 billion XRP.',
    )
  }
}

export class AddressError extends MillstreamError {
  override readonly name = 'XrpSandbox.AddressError'
  readonly code = 'XRP_SANDBOX_ADDRESS'
  constructor(address: string) {
    super(`${address} is no address of the XRP Ledger. Nothing was started. Look for a letter that is wrong.`)
  }
}
