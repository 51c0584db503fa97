/**
 * One account of the XRP Ledger: what it holds, what it sends, and every validated transaction that touches it, once
 * and in order.
 *
 * The ledgers are read, not listened to: word of a new ledger only says that there is something to read. So what was
 * missed during a cut or between two runs comes the same way as everything else. Nothing of a ledger is told before how
 * far the ledgers were read is durable with it.
 */
import { type Instant, MillstreamError, type Timers } from '@millstream/units'
import {
  askEscrows,
  askFees,
  askSequence,
  askState,
  askTransaction,
  askTransactions,
  type FoundEscrows,
} from './account-queries.js'
import type { AccountState } from './account-state.js'
import type { ServerFees } from './fees.js'
import { type Batch, createBatches } from './internal/batch.js'
import { integerOf, type JsonObject, objectOf } from './internal/json.js'
import { accountAfter, type EscrowEntry, type LedgerTransaction } from './ledger-transaction.js'
import { type XrpLimits, xrpLimits } from './limits.js'
import * as RippleTime from './ripple-time.js'
import { XrpRequestError, type XrpServer, XrpUnreachableError } from './server.js'
import type { Signer } from './signer.js'
import type { XrpStore } from './store.js'
import type { Purpose, Submission } from './submission.js'
import { createSubmitter, type Draft, type SubmissionOutcome } from './submitter.js'
import type { XrpObserver } from './xrp-event.js'

export interface XrpAccountOptions {
  readonly server: XrpServer
  readonly signer: Signer
  readonly store: XrpStore
  readonly clock: Instant.Clock
  readonly timers: Timers
  readonly limits?: Partial<XrpLimits>
  readonly observer?: XrpObserver
}

/** Who uses the account. All calls are synchronous; what they put into `batch` is durable before its jobs run. */
export interface AccountUser {
  /** What the process before has kept, before anything else. */
  restore(entries: ReadonlyMap<string, string>): void
  /** A validated transaction that touches the account. */
  saw(transaction: LedgerTransaction, batch: Batch): void
  /** What became of a transaction that `submit` was given, in this process or the one before. */
  ended(purpose: Purpose, outcome: SubmissionOutcome, batch: Batch): void
  /** All ledgers up to this one were read. */
  stepped(ledger: ReadLedger, batch: Batch): void
  /** Whether it wants to know the transaction that made an open escrow. */
  wants(entry: EscrowEntry): boolean
  /** Open escrows of the account, at a start and after missing ledgers. */
  found(escrows: FoundEscrows, batch: Batch): void
  /** Nothing can be stored any more: nothing must be sent, and what waits is told that it is unknown. */
  broken(): void
}

export interface ReadLedger {
  readonly index: number
  readonly closedAt: RippleTime.RippleTime
}

export interface XrpAccount {
  readonly address: string
  readonly isConnected: boolean
  readonly limits: XrpLimits
  /** @throws {AccountNotReadyError} Before `open`. */
  state(): AccountState
  fees(): ServerFees
  /** The newest ledger that was read. */
  readLedger(): ReadLedger | undefined
  /** The later of the clock and the newest validated ledger's close: what a time is measured from. */
  now(): Instant.Instant
  /** The state less what transactions in flight will take. */
  stateCommitted(): AccountState
  /** @throws {QueueFullError} */
  submit(draft: Draft): void
  isSubmitting(purpose: Purpose): boolean
  inFlight(): readonly Submission[]
  /** Changes that are durable before their jobs run. */
  commit(work: (batch: Batch) => void): void
  /** Resolves when all that was committed is durable and told. */
  settled(): Promise<void>
  /**
   * Connects, and reads what happened since the process before.
   *
   * @param learned - Called when state and fees are known, before anything is read.
   * @throws {XrpUnreachableError} No server.
   * @throws {AccountNotFundedError} There is no such account.
   * @throws {OtherAccountError} The store is of another account or network.
   */
  open(learned?: () => void): Promise<void>
  close(): Promise<void>
}

const readKey = 'read'
const waitForSyncMs = 30_000
/** A server may be this far behind the one that was asked before. */
const ledgersBehindMax = 100

interface KeptRead extends ReadLedger {
  readonly networkId: number | undefined
}

export function createXrpAccount(options: XrpAccountOptions, user: AccountUser): XrpAccount {
  const { server, signer, store, clock, timers } = options
  const limits: XrpLimits = { ...xrpLimits, ...options.limits }
  const observer: XrpObserver = options.observer ?? (() => {})
  const { address } = signer
  const batches = createBatches(store, (error) => {
    observer({ name: 'xrp.store_failed', level: 'error', error })
    submitter.stop()
    user.broken()
  })
  const submitter = createSubmitter({
    signer,
    batches,
    limits,
    observer,
    request: (blob) => server.request({ command: 'submit', tx_blob: blob }),
    fees: () => fees,
    refreshFees,
    validated: () => newest?.index ?? 0,
    networkId: () => networkId,
    ended: (purpose, outcome, batch) => user.ended(purpose, outcome, batch),
  })

  let state: AccountState | undefined
  /** The ledger that `state` was asked for at: older transactions do not change it. */
  let stateAt = 0
  let fees: ServerFees = { base: 10n, open: 10n }
  let networkId: number | undefined
  /** The newest validated ledger that the server told of. */
  let newest: ReadLedger | undefined
  let read: ReadLedger | undefined
  let reading: Promise<void> | undefined
  let isAsked = false
  let isStarted = false
  let isClosed = false
  let synced: (() => void) | undefined

  return {
    address,
    limits,
    get isConnected() {
      return server.isConnected
    },
    state: () => known(),
    fees: () => fees,
    readLedger: () => read,
    now() {
      const closedAt = newest === undefined ? 0 : RippleTime.toInstant(newest.closedAt)
      return Math.max(clock(), closedAt) as Instant.Instant
    },
    stateCommitted() {
      const { drops, objects } = submitter.committed()
      const { balance, ownerCount, ...rest } = known()
      return { ...rest, balance: balance - drops, ownerCount: ownerCount + objects }
    },
    submit: submitter.submit,
    isSubmitting: submitter.has,
    inFlight: submitter.inFlight,
    commit: batches.commit,
    settled: batches.settled,
    open,
    async close() {
      isClosed = true
      submitter.stop()
      await server.close()
      await reading?.catch(() => undefined)
      await batches.settled()
      batches.stop()
      await store.close()
    },
  }

  async function open(learned: () => void = () => {}): Promise<void> {
    const entries = await store.load()
    submitter.restore(entries)
    const before = restoreRead(entries.get(readKey))
    user.restore(entries)
    await server.open({
      connected: () => {
        if (isStarted) void resume()
      },
      disconnected: () => observer({ name: 'xrp.disconnected', level: 'warn', server: server.name }),
      ledgerClosed,
      transaction: () => wake(),
    })
    await subscribe()
    if (newest === undefined) await nextLedger()
    await learnState()
    assertSameNetwork(before)
    learned()
    // Without a memory the account's past is none of ours; what is open now is found below.
    read = before ?? newest!
    // From here on everything is read: a transaction that is sent next is found by whoever comes after.
    batches.commit(keepRead)
    await batches.settled()
    await readLedgers()
    await findEscrows()
    submitter.begin((await askSequence(server, address)) ?? known().sequence)
    isStarted = true
    observer({ name: 'xrp.connected', level: 'info', server: server.name, ledger: newest!.index })
    submitter.send(true)
    wake()
    await batches.settled()
  }

  async function resume(): Promise<void> {
    try {
      await subscribe()
      observer({ name: 'xrp.connected', level: 'info', server: server.name, ledger: newest?.index ?? 0 })
      submitter.send(true)
      wake()
    } catch (error) {
      failed('subscribe', error)
    }
  }

  async function subscribe(): Promise<void> {
    const answer = await server.request({ command: 'subscribe', streams: ['ledger'], accounts: [address] })
    ledgerSeen(answer)
  }

  /** A server that is not synchronized yet says nothing of ledgers until it is. */
  async function nextLedger(): Promise<void> {
    let timer: unknown
    const isSynced = await new Promise<boolean>((resolve) => {
      synced = () => resolve(true)
      timer = timers.setTimeout(() => resolve(false), waitForSyncMs)
    })
    timers.clearTimeout(timer)
    if (!isSynced) throw new XrpUnreachableError(server.name, 'it has no validated ledger yet')
  }

  function ledgerClosed(message: JsonObject): void {
    ledgerSeen(message)
    synced?.()
    wake()
  }

  function ledgerSeen(message: JsonObject): void {
    const index = integerOf(message.ledger_index)
    const time = message.ledger_time
    if (index === undefined || !RippleTime.isRippleTime(time)) return
    if (newest === undefined || index > newest.index) newest = { index, closedAt: time }
    const base = integerOf(message.fee_base)
    if (base !== undefined && BigInt(base) !== fees.base) {
      fees = { base: BigInt(base), open: fees.open > BigInt(base) ? fees.open : BigInt(base) }
    }
    const reserveBase = integerOf(message.reserve_base)
    const reserveIncrement = integerOf(message.reserve_inc)
    if (state !== undefined && reserveBase !== undefined && reserveIncrement !== undefined) {
      state = { ...state, reserveBase: BigInt(reserveBase), reserveIncrement: BigInt(reserveIncrement) }
    }
  }

  async function learnState(): Promise<void> {
    const learned = await askState(server, address)
    state = learned.state
    stateAt = learned.ledger ?? newest!.index
    networkId = learned.networkId
    const { baseFee } = learned
    if (baseFee !== undefined && baseFee > 0n) fees = { base: baseFee, open: baseFee }
    await refreshFees()
  }

  async function refreshFees(): Promise<void> {
    try {
      fees = await askFees(server, fees)
    } catch (error) {
      failed('fee', error)
    }
  }

  function wake(): void {
    if (!isStarted || isClosed) return
    isAsked = true
    reading ??= readAll().finally(() => {
      reading = undefined
      if (isAsked) wake()
    })
  }

  async function readAll(): Promise<void> {
    while (isAsked && !isClosed) {
      isAsked = false
      try {
        await readLedgers()
      } catch (error) {
        // The next ledger, or the next connection, brings another try.
        failed('account_tx', error)
      }
    }
  }

  /** Reads up to the newest validated ledger, as far as the server has it. */
  async function readLedgers(): Promise<void> {
    const target = newest!
    const from = read!.index + 1
    if (from > target.index) return
    let marker: unknown
    let covered = target.index
    let hasGap = false
    for (let page = 0; page === 0 || marker !== undefined; page++) {
      const found = await askTransactions(server, address, from, target.index, marker)
      if (found === undefined) return
      if (page === 0 && found.first !== undefined && found.first > from) hasGap = true
      covered = Math.min(covered, found.last ?? target.index)
      batches.commit((batch) => {
        for (const transaction of found.transactions) see(transaction, batch)
      })
      marker = found.marker
      await batches.settled()
    }
    if (covered < from) return
    if (hasGap) await lookUpMissing(from, covered)
    const closedAt = covered === target.index ? target.closedAt : read!.closedAt
    step({ index: covered, closedAt })
    await batches.settled()
    if (hasGap) await findEscrows()
    if (isStarted) submitter.send(false)
  }

  function see(transaction: LedgerTransaction, batch: Batch): void {
    if (transaction.ledgerIndex > stateAt && state !== undefined) {
      state = { ...state, ...accountAfter(transaction, address) }
    }
    if (transaction.account === address) submitter.saw(transaction, batch)
    user.saw(transaction, batch)
  }

  function step(ledger: ReadLedger): void {
    read = ledger
    batches.commit((batch) => {
      keepRead(batch)
      if (ledger.index >= stateAt) submitter.stepped(ledger.index, known().sequence, batch)
      user.stepped(ledger, batch)
    })
  }

  function keepRead(batch: Batch): void {
    const { index, closedAt } = read!
    batch.put(readKey, { address, networkId, index, closedAt })
  }

  /** Ledgers that the server has forgotten: transactions of ours are looked up by their hashes. */
  async function lookUpMissing(from: number, to: number): Promise<void> {
    observer({ name: 'xrp.history_missing', level: 'warn', from, to })
    for (const { hashes } of submitter.inFlight()) {
      for (const hash of hashes) {
        const transaction = await askTransaction(server, hash)
        if (transaction !== undefined) batches.commit((batch) => see(transaction, batch))
      }
    }
    batches.commit((batch) => submitter.forget(to, batch))
    await learnState()
  }

  async function findEscrows(): Promise<void> {
    const found = await askEscrows(server, address, user.wants, limits.pagesMax)
    batches.commit((batch) => user.found(found, batch))
  }

  function restoreRead(text: string | undefined): KeptRead | undefined {
    if (text === undefined) return undefined
    const kept = objectOf(JSON.parse(text))
    if (kept?.address !== address) throw new OtherAccountError(String(kept?.address), address)
    const index = integerOf(kept.index)
    if (index === undefined) return undefined
    return { index, closedAt: RippleTime.from(Number(kept.closedAt)), networkId: integerOf(kept.networkId) }
  }

  function assertSameNetwork(before: KeptRead | undefined): void {
    if (before === undefined) return
    const isOther = before.networkId !== undefined && networkId !== undefined && before.networkId !== networkId
    if (isOther || before.index > newest!.index + ledgersBehindMax) throw new OtherNetworkError(server.name)
  }

  function known(): AccountState {
    if (state === undefined) throw new AccountNotReadyError()
    return state
  }

  function failed(command: string, error: unknown): void {
    if (isClosed) return
    const reason = error instanceof XrpRequestError ? error.result : error instanceof Error ? error.name : 'error'
    observer({ name: 'xrp.request_failed', level: 'warn', command, reason })
  }
}

export class AccountNotReadyError extends MillstreamError {
  override readonly name = 'XrpAccount.AccountNotReadyError'
  readonly code = 'XRP_ACCOUNT_NOT_READY'
  constructor() {
    super('Nothing is known of the XRP account yet: it has not been opened. Nothing was sent.')
  }
}

export class OtherAccountError extends MillstreamError {
  override readonly name = 'XrpAccount.OtherAccountError'
  readonly code = 'XRP_OTHER_ACCOUNT'
  constructor(kept: string, address: string) {
    super(
      `The folder belongs to the account ${kept}, and the seed to ${address}. Nothing was sent. Use a folder for each ` +
        'account.',
    )
  }
}

export class OtherNetworkError extends MillstreamError {
  override readonly name = 'XrpAccount.OtherNetworkError'
  readonly code = 'XRP_OTHER_NETWORK'
  constructor(server: string) {
    super(
      `The folder was used on another XRP Ledger than that of ${server}: its number or its ledgers do not fit. Nothing ` +
        'was sent. Use a folder for each network, or a new one when the network was begun anew.',
    )
  }
}
