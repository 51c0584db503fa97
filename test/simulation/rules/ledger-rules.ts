/**
 * The truth about the money: what is on the shop's disk and would survive, folded here by other code than the ledger's.
 * With each batch that becomes durable the books are proved: what leaves one account arrives at another, a transfer ends
 * once, nobody is beyond a limit, and each number of each stream is paid once, in its window, by one account.
 */
import { type AccountId, type Changes, Journal, type LedgerRecord, serverAccount } from '@millstream/ledger'
import { numbersWindow } from '@millstream/shop'
import { type Hashes, Hex } from '@millstream/units'
import { short } from '../shop-disk.js'
import type { Findings } from './findings.js'

export interface TransferTruth {
  readonly id: string
  readonly source: AccountId
  readonly amount: bigint
  readonly destination: string
  state: 'held' | 'fulfilled' | 'rejected' | 'expired'
  fulfillment: Uint8Array | undefined
}

interface AccountTruth {
  readonly id: AccountId
  name: string
  kind: string
  creditLimit: bigint
  /** The sum of its entries. */
  posted: bigint
  heldOut: bigint
  /** Every balance that it ever had. */
  readonly balances: Set<bigint>
  /** The operator lowered its limit below what it owes. */
  isExcused: boolean
}

/** A stream as the shop opened it, and what was paid to it. */
export interface StreamTruth {
  readonly userId: string
  readonly price: bigint
  /** Of all the content. */
  readonly pieces: number
  readonly numbers: Map<number, number>
  highest: number
  paid: number
  owner: AccountId | undefined
  readonly payments: { readonly cursor: number; readonly number: number; readonly pieces: number }[]
}

export interface LedgerRulesOptions {
  readonly findings: Findings
  readonly hashes: Hashes
  readonly account: string
  readonly strangersTotal: bigint
  /** The record of a stream is on the disk. */
  readonly hasRecord: (userId: string) => boolean
  readonly posted: (transfer: TransferTruth) => void
}

export class LedgerRules {
  readonly accounts = new Map<AccountId, AccountTruth>()
  readonly byName = new Map<string, AccountTruth>()
  readonly streams = new Map<string, StreamTruth>()
  /** By id; payers may choose the same ones. */
  readonly transfers = new Map<string, TransferTruth[]>()
  readonly held = new Map<number, TransferTruth>()
  cursor = 0
  private readonly options: LedgerRulesOptions

  constructor(options: LedgerRulesOptions) {
    this.options = options
  }

  /** A batch is on the disk. */
  written(batch: Uint8Array): void {
    const { findings, hashes } = this.options
    const decoded = Journal.decode(batch, hashes)
    if (decoded === undefined) {
      findings.add('the journal can be read', 'A batch that was written whole is not whole.')
      return
    }
    this.fold(decoded.changes)
  }

  stateOf(id: string, source: AccountId | undefined): TransferTruth | undefined {
    const found = this.transfers.get(id)
    return source === undefined ? found?.at(-1) : found?.find((transfer) => transfer.source === source)
  }

  private fold(changes: Changes): void {
    const { findings } = this.options
    for (const row of changes.accounts) {
      const account = this.account(row.id)
      if (row.creditLimit < account.creditLimit) account.isExcused = true
      account.name = row.name
      account.kind = row.closed ? 'closed' : row.kind
      account.creditLimit = row.creditLimit
      this.byName.set(row.name, account)
    }
    for (const record of changes.records) this.record(record)
    for (const serial of changes.released) {
      const transfer = this.held.get(serial)
      findings.claim(transfer !== undefined, 'a hold ends once', () => `Hold ${serial} ended without having begun.`)
      if (transfer === undefined) continue
      this.held.delete(serial)
      this.account(transfer.source).heldOut -= transfer.amount
      findings.claim(transfer.state !== 'held', 'a hold ends with a record', () => `Hold ${serial} has none.`)
    }
    for (const hold of changes.held) {
      const transfer = this.transfer(Hex.fromBytes(hold.id), hold, 'held')
      this.held.set(hold.serial, transfer)
      this.account(hold.source).heldOut += hold.amount
    }
    let exposed = 0n
    for (const account of this.accounts.values()) {
      const { posted, heldOut, kind, name } = account
      const left = posted - heldOut
      if (kind === 'stranger' || kind === 'passing') exposed += left < 0n ? -left : 0n
      if (left >= -account.creditLimit) account.isExcused = false
      else if (kind !== 'system' && !account.isExcused && !name.startsWith('~passing-')) {
        findings.add(
          'nobody is beyond a limit',
          `${name} has ${posted}, holds ${heldOut}, may owe ${account.creditLimit}.`,
        )
      }
    }
    findings.claim(
      exposed <= this.options.strangersTotal,
      'strangers stay within their total',
      () => `Together they owe or hold ${exposed} of ${this.options.strangersTotal}.`,
    )
    for (const row of changes.accounts) {
      const { posted } = this.account(row.id)
      // The server's balance is derived: no row says it.
      if (row.id === serverAccount) continue
      findings.claim(
        posted === row.posted,
        'debits equal credits',
        () => `${row.name} has ${row.posted}, its entries add up to ${posted}.`,
      )
    }
  }

  private record(record: LedgerRecord): void {
    const { findings } = this.options
    findings.claim(
      record.cursor === this.cursor + 1,
      'the feed has no gaps',
      () => `${record.cursor} follows ${this.cursor}.`,
    )
    this.cursor = record.cursor
    if (record.kind === 'transfer') this.ended(record)
    if (record.state !== 'fulfilled' && record.state !== 'posted') return
    for (const [id, change] of [
      [record.source, -record.amount],
      [record.target, record.amount],
    ] as const) {
      const account = this.account(id)
      account.posted += change
      account.balances.add(account.posted)
    }
  }

  private ended(record: LedgerRecord): void {
    const { findings, posted } = this.options
    const id = Hex.fromBytes(record.id!)
    const known = this.stateOf(id, record.source)
    findings.claim(
      known === undefined || known.state === 'held',
      'a transfer ends once',
      () => `${id.slice(0, 8)} was ${known!.state} and is now ${record.state}.`,
    )
    const transfer = this.transfer(id, { ...record, destination: record.destination! }, record.state as 'fulfilled')
    if (record.state !== 'fulfilled') return
    transfer.fulfillment = record.fulfillment
    findings.claim(
      record.at < record.expiresAt!,
      'a transfer is dead at the instant it expires',
      () => `${id.slice(0, 8)} was fulfilled at ${record.at}, it expired at ${record.expiresAt}.`,
    )
    if (record.target === serverAccount) this.paid(record)
    posted(transfer)
  }

  private paid({ destination = '', amount, source, cursor }: LedgerRecord): void {
    const { findings, account, hasRecord } = this.options
    const [userId = '', digits = ''] = destination.slice(account.length + 1).split('.')
    const number = Number(digits)
    const stream = this.streams.get(userId)
    if (stream === undefined) {
      findings.add('a payment is for a stream', `${amount} went to ${destination}, where there is none.`)
      return
    }
    const what = `number ${number} of stream ${short(userId)}`
    findings.claim(!stream.numbers.has(number), 'a number is paid once', () => `Twice: ${what}.`)
    findings.claim(
      number > stream.highest - numbersWindow && number <= stream.highest + numbersWindow && String(number) === digits,
      'numbers stay in their window',
      () => `${what} was paid after number ${stream.highest}.`,
    )
    findings.claim(amount % stream.price === 0n, 'the price is met', () => `${what} cost ${amount}.`)
    findings.claim(
      stream.owner === undefined || stream.owner === source,
      'one account owns a stream',
      () => `${what} was paid by account ${source}, it belongs to account ${stream.owner}.`,
    )
    findings.claim(
      hasRecord(userId),
      'the record of a stream comes before its first payment',
      () => `There is none on the disk for ${what}.`,
    )
    const pieces = Number(amount / stream.price)
    stream.numbers.set(number, cursor)
    stream.highest = Math.max(stream.highest, number)
    stream.paid += pieces
    stream.owner = source
    stream.payments.push({ cursor, number, pieces })
    findings.claim(
      stream.paid <= stream.pieces,
      'nothing is paid beyond the end',
      () => `${stream.paid} pieces of stream ${short(userId)} are paid, it has ${stream.pieces}.`,
    )
  }

  private account(id: AccountId): AccountTruth {
    let account = this.accounts.get(id)
    if (account === undefined) {
      account = {
        id,
        name: `account ${id}`,
        kind: 'system',
        creditLimit: 0n,
        posted: 0n,
        heldOut: 0n,
        balances: new Set([0n]),
        isExcused: false,
      }
      this.accounts.set(id, account)
    }
    return account
  }

  private transfer(
    id: string,
    from: { readonly source: AccountId; readonly amount: bigint; readonly destination: string },
    state: TransferTruth['state'],
  ): TransferTruth {
    const known = this.stateOf(id, from.source)
    if (known !== undefined) {
      known.state = state
      return known
    }
    const { source, amount, destination } = from
    const transfer: TransferTruth = { id, source, amount, destination, state, fulfillment: undefined }
    this.transfers.set(id, [...(this.transfers.get(id) ?? []), transfer])
    return transfer
  }
}
