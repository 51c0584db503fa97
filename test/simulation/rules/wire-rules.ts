/**
 * What the host says to its customers against what is on its disk at that moment: nobody is told of a hold, a payment, a
 * refusal or a balance that a crash could still take back.
 */
import { BtpFrame } from '@millstream/codec'
import { Hex, Octets } from '@millstream/units'
import { hostSide } from '../btp-wire.js'
import type { Link } from '../network.js'
import type { Findings } from './findings.js'
import type { LedgerRules, TransferTruth } from './ledger-rules.js'

interface Customer {
  /** Undefined for one without credentials. */
  readonly account: string | undefined
  /** Transfer ids of PREPAREs by their request ids. */
  readonly prepares: Map<number, string>
  readonly balances: Set<number>
  /** A RESPONSE said that they are held, the disk does not: a REJECT must follow at once. */
  readonly unrecorded: Set<string>
}

export class WireRules {
  private readonly customers = new Map<Link, Customer>()
  private readonly unrecorded = new Map<Customer, Link>()
  private readonly findings: Findings
  private readonly ledger: LedgerRules

  constructor(findings: Findings, ledger: LedgerRules) {
    this.findings = findings
    this.ledger = ledger
  }

  connected(link: Link, account: string | undefined): void {
    this.customers.set(link, { account, prepares: new Map(), balances: new Set(), unrecorded: new Set() })
  }

  fromCustomer(link: Link, bytes: Uint8Array): void {
    const customer = this.customers.get(link)
    const frame = decode(bytes)
    if (customer === undefined || frame === undefined) return
    if (frame.type === 'prepare') customer.prepares.set(frame.requestId, Hex.fromBytes(frame.transferId))
    if (frame.type === 'message' && frame.protocolData[0]?.name === 'balance') customer.balances.add(frame.requestId)
  }

  fromHost(link: Link, bytes: Uint8Array): void {
    const customer = this.customers.get(link)
    const frame = decode(bytes)
    if (customer === undefined || frame === undefined) return
    switch (frame.type) {
      case 'response':
        this.response(customer, frame, link)
        return
      case 'error':
        this.error(customer, frame)
        return
      case 'fulfill':
        this.fulfill(customer, frame)
        return
      case 'reject':
        this.reject(customer, Hex.fromBytes(frame.transferId))
    }
  }

  /** After each step. */
  check(): void {
    for (const [{ unrecorded }, link] of this.unrecorded) {
      // Between the two the process may die, or the connection end.
      for (const id of link.isOpenAt(hostSide) ? unrecorded : []) {
        this.findings.add('nothing is told before it is durable', `RESPONSE for ${name(id)}, which is nowhere.`)
      }
      unrecorded.clear()
    }
    this.unrecorded.clear()
  }

  private response(customer: Customer, frame: BtpFrame.ResponseFrame, link: Link): void {
    const id = customer.prepares.get(frame.requestId)
    if (id !== undefined && this.transfer(customer, id) === undefined) {
      customer.unrecorded.add(id)
      this.unrecorded.set(customer, link)
    }
    const balance = customer.balances.has(frame.requestId) ? frame.protocolData[0]?.data : undefined
    if (balance?.length !== 8 || customer.account === undefined) return
    const told = -new DataView(balance.buffer, balance.byteOffset).getBigInt64(0)
    const balances = this.ledger.byName.get(customer.account)?.balances ?? new Set([0n])
    this.findings.claim(
      balances.has(told),
      'nothing is told before it is durable',
      () => `${customer.account} is told a balance of ${told}, which it never had.`,
    )
  }

  private error(customer: Customer, frame: BtpFrame.ErrorFrame): void {
    const id = customer.prepares.get(frame.requestId)
    if (id === undefined) return
    const state = this.transfer(customer, id)?.state
    if (frame.name === 'AlreadyFulfilledError') {
      this.findings.claim(
        state === 'fulfilled',
        'nothing is told before it is durable',
        () => `${name(id)} is said to be paid, and is ${state ?? 'nowhere'}.`,
      )
    } else if (frame.name === 'AlreadyRolledBackError') {
      this.findings.claim(
        state !== 'fulfilled' && state !== 'held',
        'nothing is told before it is durable',
        () => `${name(id)} is said to be rolled back, and is ${state}.`,
      )
    }
  }

  private fulfill(customer: Customer, { transferId, fulfillment }: BtpFrame.FulfillFrame): void {
    const id = Hex.fromBytes(transferId)
    const transfer = this.transfer(customer, id)
    this.findings.claim(
      transfer?.state === 'fulfilled',
      'nothing is told before it is durable',
      () => `FULFILL for ${name(id)}, which is ${transfer?.state ?? 'nowhere'} for this customer.`,
    )
    if (transfer?.fulfillment === undefined) return
    this.findings.claim(Octets.equal(transfer.fulfillment, fulfillment), 'the fulfillment is that of the books', () =>
      name(id),
    )
  }

  private reject(customer: Customer, id: string): void {
    const state = this.transfer(customer, id)?.state
    customer.unrecorded.delete(id)
    this.findings.claim(
      state !== 'fulfilled' && state !== 'held',
      'nothing is told before it is durable',
      () => `REJECT for ${name(id)}, which is ${state}.`,
    )
  }

  private transfer({ account }: Customer, id: string): TransferTruth | undefined {
    if (account === undefined) return this.ledger.stateOf(id, undefined)
    const source = this.ledger.byName.get(account)?.id
    return source === undefined ? undefined : this.ledger.stateOf(id, source)
  }
}

function name(id: string): string {
  return `transfer ${id.slice(0, 8)}`
}

function decode(bytes: Uint8Array): BtpFrame.Frame | undefined {
  try {
    return BtpFrame.decode(bytes)
  } catch {
    return undefined
  }
}
