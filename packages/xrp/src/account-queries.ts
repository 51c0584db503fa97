/** What is asked of a server about one account, and how its answers are read. */
import { MillstreamError } from '@millstream/units'
import type { AccountState } from './account-state.js'
import * as Drops from './drops.js'
import type { ServerFees } from './fees.js'
import { arrayOf, integerOf, type JsonObject, objectOf, textOf } from './internal/json.js'
import * as LedgerTransaction from './ledger-transaction.js'
import { XrpRequestError, type XrpServer, XrpUnreachableError } from './server.js'

export interface LearnedState {
  readonly state: AccountState
  /** The ledger that it was asked for at. */
  readonly ledger: number | undefined
  readonly networkId: number | undefined
  readonly baseFee: bigint | undefined
}

export interface TransactionPage {
  readonly transactions: readonly LedgerTransaction.LedgerTransaction[]
  /** The ledgers that the server has looked through. */
  readonly first: number | undefined
  readonly last: number | undefined
  readonly marker: unknown
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

const pageSize = 200
/** A server with the usual settings looks so many ledgers back for what it lacks: an older hole stays. */
const holeFilledWithin = 256

/** @throws {AccountNotFundedError} The ledger has no such account. */
export async function askState(server: XrpServer, address: string): Promise<LearnedState> {
  const [answer, { info }] = await Promise.all([
    accountInfo(server, address, 'validated'),
    server.request({ command: 'server_info' }),
  ])
  const data = objectOf(answer.account_data)
  const balance = Drops.fromLedger(data?.Balance)
  const ownerCount = integerOf(data?.OwnerCount)
  const sequence = integerOf(data?.Sequence)
  const ledger = objectOf(objectOf(info)?.validated_ledger)
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
  return {
    state: { balance, ownerCount, sequence, reserveBase, reserveIncrement },
    ledger: integerOf(answer.ledger_index),
    networkId: integerOf(objectOf(info)?.network_id),
    baseFee: Drops.fromXrpNumber(ledger?.base_fee_xrp),
  }
}

/** The next sequence number, transactions of the open ledger included. */
export async function askSequence(server: XrpServer, address: string): Promise<number | undefined> {
  const { account_data: data } = await accountInfo(server, address, 'current')
  return integerOf(objectOf(data)?.Sequence)
}

export async function askFees(server: XrpServer, known: ServerFees): Promise<ServerFees> {
  const drops = objectOf((await server.request({ command: 'fee' })).drops)
  const base = Drops.fromLedger(drops?.base_fee) ?? known.base
  const open = Drops.fromLedger(drops?.open_ledger_fee) ?? base
  return { base, open: open > base ? open : base }
}

/**
 * Validated transactions that touch the account, in order.
 *
 * @returns `undefined` when the server does not have those ledgers yet.
 */
export async function askTransactions(
  server: XrpServer,
  address: string,
  from: number,
  to: number,
  marker: unknown,
): Promise<TransactionPage | undefined> {
  try {
    const answer = await server.request({
      command: 'account_tx',
      account: address,
      ledger_index_min: from,
      ledger_index_max: to,
      forward: true,
      limit: pageSize,
      ...(marker === undefined ? undefined : { marker }),
    })
    return {
      transactions: (arrayOf(answer.transactions) ?? [])
        .map(LedgerTransaction.parse)
        .filter((transaction) => transaction !== undefined)
        .sort((a, b) => a.ledgerIndex - b.ledgerIndex || a.index - b.index),
      first: integerOf(answer.ledger_index_min),
      last: integerOf(answer.ledger_index_max),
      marker: answer.marker,
    }
  } catch (error) {
    if (!(error instanceof XrpRequestError) || !/^lgrIdx|^lgrNotFound/.test(error.result)) throw error
    // Its oldest ledger is younger than what was asked for, or its newest not stored yet.
    const oldest = await askOldestLedger(server, from)
    if (oldest === undefined || oldest <= from) return undefined
    if (oldest > to) return { transactions: [], first: oldest, last: to, marker: undefined }
    const rest = await askTransactions(server, address, oldest, to, marker)
    return rest === undefined ? undefined : { ...rest, first: oldest }
  }
}

/** @returns `undefined` when the server does not know it, or it is not validated. */
export async function askTransaction(
  server: XrpServer,
  hash: string,
): Promise<LedgerTransaction.LedgerTransaction | undefined> {
  try {
    return LedgerTransaction.parse(await server.request({ command: 'tx', transaction: hash }))
  } catch (error) {
    if (error instanceof XrpRequestError && error.result === 'txnNotFound') return undefined
    throw error
  }
}

/**
 * Open escrows from and to the account, with the transactions that made them.
 *
 * @param wants - Whose transaction is asked for: anybody can make as many escrows as he likes.
 */
export async function askEscrows(
  server: XrpServer,
  address: string,
  wants: (entry: LedgerTransaction.EscrowEntry) => boolean,
  pagesMax: number,
): Promise<FoundEscrows> {
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
    ledger ??= integerOf(answer.ledger_index) ?? 0
    for (const value of arrayOf(answer.account_objects) ?? []) {
      const fields = objectOf(value)
      const id = textOf(fields?.index)
      const hash = textOf(fields?.PreviousTxnID)
      if (fields === undefined || id === undefined || hash === undefined) continue
      ids.add(id)
      const entry = LedgerTransaction.escrowEntry(id, fields)
      const created = wants(entry) ? await askTransaction(server, hash) : undefined
      if (created !== undefined) escrows.push({ entry, created })
    }
    marker = answer.marker
    pages++
  } while (marker !== undefined && pages < pagesMax)
  return { escrows, ids: marker === undefined ? ids : undefined, ledger }
}

async function accountInfo(server: XrpServer, address: string, ledger: 'validated' | 'current'): Promise<JsonObject> {
  try {
    return await server.request({ command: 'account_info', account: address, ledger_index: ledger })
  } catch (error) {
    if (error instanceof XrpRequestError && error.result === 'actNotFound') throw new AccountNotFundedError(address)
    throw error
  }
}

/** The oldest ledger from which the server can be asked, unless it may still find those from `from` on. */
async function askOldestLedger(server: XrpServer, from: number): Promise<number | undefined> {
  const { info } = await server.request({ command: 'server_info' })
  // `32570-77841,77900-78200`: only what reaches its newest without a hole is looked through.
  const ranges = (textOf(objectOf(info)?.complete_ledgers) ?? '')
    .split(',')
    .map((range) => range.split('-').map(Number))
  const first = ranges[0]?.[0]
  const [start, end = start] = ranges.at(-1) ?? []
  if (first === undefined || start === undefined || end === undefined || !Number.isInteger(first)) return undefined
  return start > from && end - start >= holeFilledWithin ? start : first
}

export class AccountNotFundedError extends MillstreamError {
  override readonly name = 'AccountQueries.AccountNotFundedError'
  readonly code = 'XRP_ACCOUNT_NOT_FUNDED'
  constructor(address: string) {
    super(
      `There is no account ${address} on this XRP Ledger. Nothing was sent. An account begins with its first payment, ` +
        'which must be at least the base reserve (1 XRP on the main network): send XRP to it, or check the network.',
    )
  }
}
