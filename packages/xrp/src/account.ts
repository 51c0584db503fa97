/**
 * One account of the XRP Ledger: what it holds, what it sends, and every validated transaction that touches it, once
 * and in order.
 *
 * The ledgers are read, not listened to: word of a new ledger only says that there is something to read. So what was
 * missed during a cut or between two runs comes the same way as everything else. Nothing of a ledger is told before how
 * far the ledgers were read is durable with it.
 */
import { type Instant, MillstreamError, type Timers } from '@millstream/units'
import type { AccountState } from './account-state.js'
import * as Drops from './drops.js'
import type { ServerFees } from './fees.js'
import { type Batch, createBatches } from './internal/batch.js'
import { arrayOf, integerOf, type JsonObject, objectOf, textOf } from './internal/json.js'
import * as LedgerTransaction from './ledger-transaction.js'
import { type XrpLimits, xrpLimits } from './limits.js'
import * as RippleTime from './ripple-time.js'
import { XrpRequestError, type XrpServer, XrpUnreachableError } from './server.js'
import type { Signer } from './signer.js'
import type { XrpStore } from './store.js'
import { createSubmitter, type Draft, type Purpose, type Submission, type SubmissionOutcome } from './submitter.js'
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
  saw(transaction: LedgerTransaction.LedgerTransaction, batch: Batch): void
  /** What became of a transaction that `submit` was given, in this process or the one before. */
  ended(purpose: Purpose, outcome: SubmissionOutcome, batch: Batch): void
  /** All ledgers up to this one were read. */
  stepped(ledger: ReadLedger, batch: Batch): void
  /** Whether it wants to know the transaction that made an open escrow. */
  wants(entry: LedgerTransaction.EscrowEntry): boolean
  /** Open escrows of the account, at a start and after missing ledgers. */
  found(escrows: FoundEscrows, batch: Batch): void
  /** Nothing can be stored any more: nothing must be sent, and what waits is told that it is unknown. */
  broken(): void
}

export interface ReadLedger {
  readonly index: number
  readonly closedAt: RippleTime.RippleTime
}

export interface FoundEscrows {
  readonly escrows: readonly FoundEscrow[]
  /** All that are open, the unwanted ones too; `undefined` when there are too many to tell. */
  readonly ids: ReadonlySet<string> | undefined
  /** The ledger in which they were open. */
  readonly ledger: number
}

/** An open escrow and the transaction that made it. */
export interface FoundEscrow {
  readonly entry: LedgerTransaction.EscrowEntry
  readonly created: LedgerTransaction.LedgerTransaction
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
const pageSize = 200
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
    await readLedgers()
    await findEscrows()
    submitter.begin(await currentSequence())
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
    const [info, serverInfo] = await Promise.all([
      accountInfo('validated'),
      server.request({ command: 'serverStateinfo' }),
    ])
    const data = objectOf(info.account_data)
    const balance = Drops.fromLedger(data?.Balance)
    const ownerCount = integerOf(data?.OwnerCount)
    const sequence = integerOf(data?.Sequence)
    const at = integerOf(info.ledger_index)
    const serverState = objectOf(serverInfo.info)
    const ledger = objectOf(serverState?.validated_ledger)
    networkId = integerOf(serverState?.network_id)
    const base = Drops.fromXrpNumber(ledger?.base_fee_xrp)
    const reserveBase = Drops.fromXrpNumber(ledger?.reserve_base_xrp)
    const reserveIncrement = Drops.fromXrpNumber(ledger?.reserve_inc_xrp)
    if (
      balance === undefined ||
      ownerCount === undefined ||
      sequence === undefined ||
      reserveBase === undefined ||
      reserveIncrement === undefined
    ) {
      throw new XrpUnreachableError(server.name, 'it does not say what the account holds or what the reserves are')
    }
    if (base !== undefined && base > 0n) fees = { base, open: base }
    state = { balance, ownerCount, sequence, reserveBase, reserveIncrement }
    stateAt = at ?? newest!.index
    await refreshFees()
  }

  async function accountInfo(ledger: 'validated' | 'current'): Promise<JsonObject> {
    try {
      return await server.request({ command: 'account_info', account: address, ledger_index: ledger })
    } catch (error) {
      if (error instanceof XrpRequestError && error.result === 'actNotFound') throw new AccountNotFundedError(address)
      throw error
    }
  }

  async function currentSequence(): Promise<number> {
    const { account_data: data } = await accountInfo('current')
    return integerOf(objectOf(data)?.Sequence) ?? known().sequence
  }

  async function refreshFees(): Promise<void> {
    try {
      const drops = objectOf((await server.request({ command: 'fee' })).drops)
      const base = Drops.fromLedger(drops?.base_fee) ?? fees.base
      const openFee = Drops.fromLedger(drops?.open_ledger_fee) ?? base
      fees = { base, open: openFee > base ? openFee : base }
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
      const answer = await accountTransactions(from, target.index, marker)
      if (answer === undefined) return
      const first = integerOf(answer.ledger_index_min)
      if (page === 0 && first !== undefined && first > from) hasGap = true
      covered = Math.min(covered, integerOf(answer.ledger_index_max) ?? target.index)
      tell(arrayOf(answer.transactions) ?? [])
      marker = answer.marker
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

  /** @returns `undefined` when the server does not have those ledgers yet. */
  async function accountTransactions(from: number, to: number, marker: unknown): Promise<JsonObject | undefined> {
    try {
      return await server.request({
        command: 'account_tx',
        account: address,
        ledger_index_min: from,
        ledger_index_max: to,
        forward: true,
        limit: pageSize,
        ...(marker === undefined ? undefined : { marker }),
      })
    } catch (error) {
      if (error instanceof XrpRequestError && /^lgrIdx|^lgrNotFound/.test(error.result)) {
        // Its oldest ledger is younger than the last one that was read, or its newest not stored yet.
        if (!(await isForgotten(from))) return undefined
        return { ledger_index_min: to + 1, ledger_index_max: to, transactions: [] }
      }
      throw error
    }
  }

  async function isForgotten(ledger: number): Promise<boolean> {
    const { info } = await server.request({ command: 'serverStateinfo' })
    const complete = textOf(objectOf(info)?.complete_ledgers) ?? ''
    const first = /^([0-9]+)/.exec(complete)?.[1]
    return first !== undefined && Number(first) > ledger
  }

  function tell(list: readonly unknown[]): void {
    const transactions = list
      .map(LedgerTransaction.parse)
      .filter((transaction) => transaction !== undefined)
      .sort((a, b) => a.ledgerIndex - b.ledgerIndex || a.index - b.index)
    batches.commit((batch) => {
      for (const transaction of transactions) see(transaction, batch)
    })
  }

  function see(transaction: LedgerTransaction.LedgerTransaction, batch: Batch): void {
    if (transaction.ledgerIndex > stateAt && state !== undefined) {
      state = { ...state, ...LedgerTransaction.accountAfter(transaction, address) }
    }
    if (transaction.account === address) submitter.saw(transaction, batch)
    user.saw(transaction, batch)
  }

  function step(ledger: ReadLedger): void {
    read = ledger
    batches.commit((batch) => {
      batch.put(readKey, { address, networkId, ...ledger })
      if (ledger.index >= stateAt) submitter.stepped(ledger.index, known().sequence, batch)
      user.stepped(ledger, batch)
    })
  }

  /** Ledgers that the server has forgotten: transactions of ours are looked up by their hashes. */
  async function lookUpMissing(from: number, to: number): Promise<void> {
    observer({ name: 'xrp.history_missing', level: 'warn', from, to })
    for (const { hashes } of submitter.inFlight()) {
      for (const hash of hashes) {
        const transaction = await lookUp(hash)
        if (transaction !== undefined) batches.commit((batch) => see(transaction, batch))
      }
    }
    batches.commit((batch) => submitter.forget(to, batch))
    await learnState()
  }

  async function lookUp(hash: string): Promise<LedgerTransaction.LedgerTransaction | undefined> {
    try {
      return LedgerTransaction.parse(await server.request({ command: 'tx', transaction: hash }))
    } catch (error) {
      if (error instanceof XrpRequestError && error.result === 'txnNotFound') return undefined
      throw error
    }
  }

  async function findEscrows(): Promise<void> {
    const escrows: FoundEscrow[] = []
    const ids = new Set<string>()
    let ledger: number | undefined
    let marker: unknown
    let pages = 0
    do {
      const answer = await server.request({
        command: 'account_objects',
        account: address,
        type: 'escrow',
        // All pages of one ledger.
        ledger_index: ledger ?? 'validated',
        limit: pageSize,
        ...(marker === undefined ? undefined : { marker }),
      })
      ledger ??= integerOf(answer.ledger_index) ?? newest!.index
      for (const value of arrayOf(answer.account_objects) ?? []) {
        const fields = objectOf(value)
        const id = textOf(fields?.index)
        const hash = textOf(fields?.PreviousTxnID)
        if (fields === undefined || id === undefined || hash === undefined) continue
        ids.add(id)
        const entry = LedgerTransaction.escrowEntry(id, fields)
        const created = user.wants(entry) ? await lookUp(hash) : undefined
        if (created !== undefined) escrows.push({ entry, created })
      }
      marker = answer.marker
      pages++
    } while (marker !== undefined && pages < limits.pagesMax)
    const found = { escrows, ids: marker === undefined ? ids : undefined, ledger }
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

export class AccountNotFundedError extends MillstreamError {
  override readonly name = 'XrpAccount.AccountNotFundedError'
  readonly code = 'XRP_ACCOUNT_NOT_FUNDED'
  constructor(address: string) {
    super(
      `There is no account ${address} on this XRP Ledger. Nothing was sent. An account begins with its first payment, ` +
        'which must be at least the base reserve (1 XRP on the main network): send XRP to it, or check the network.',
    )
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
