/** One customer while it is connected or has something open, and its connections. Gone from memory after that. */
import type { Session } from '@millstream/btp'
import type { BtpFrame } from '@millstream/codec'
import type { AccountId } from '@millstream/ledger'
import type { Condition, Instant, TransferId } from '@millstream/units'
import type { TrustlineLimits } from '../trustline-limits.js'
import type { Payment } from './payment.js'
import { createBucket, type TokenBucket } from './token-bucket.js'

/** `passing`: of empty credentials; ends with its one connection. `lasting`: whoever comes with the same credentials. */
export type Standing = 'lasting' | 'passing'

export interface Connection {
  readonly account: HostAccount
  readonly session: Session
  readonly remoteAddress: string
}

/** A FULFILL that its payer has not acknowledged. */
export interface Delivery {
  readonly account: HostAccount
  readonly id: TransferId.TransferId
  readonly expiresAt: Instant.Instant
  fulfillment: Condition.Fulfillment | undefined
  /** Where it goes, or went: the connection that prepared while that is open, then another of the account. */
  connection: Connection | undefined
}

export interface HostAccount {
  readonly name: string
  /** `<prefix><name>` */
  readonly address: string
  readonly standing: Standing
  /** Absent until the ledger has such an account: it is opened with its first payment, not with a connection. */
  id: AccountId | undefined
  /** The ledger must be told before the next payment: there is no account, or a stranger's limit has changed. */
  mustOpen: boolean
  /** Opened since it was entered here. */
  isNew: boolean
  /** Too many accounts were opened from where it comes from, at its last try. */
  openingRefused: boolean
  readonly connections: Connection[]
  /** PREPAREs that wait for their tick, and the connection of each. */
  frames: BtpFrame.PrepareFrame[]
  framesFrom: Connection[]
  /** Payments that wait for the payee. */
  readonly held: Map<string, Payment>
  readonly unacknowledged: Map<string, Delivery>
  /** Fulfilled transfers whose payer asked again and whose fulfillment only the records have. */
  readonly wanted: Set<string>
  isRecalling: boolean
  readonly refused: TokenBucket
  isLimited: boolean
  readonly messages: TokenBucket
  searches: number
  /** Payments that wait for what the payee finds out about them. */
  lookedFor: number
  /** Settlements that are on their way to the disk. */
  untold: number
  /** Transfers that the host holds for this customer. */
  outgoing: number
}

export function createHostAccount(
  name: string,
  prefix: string,
  standing: Standing,
  limits: TrustlineLimits,
  now: Instant.Instant,
): HostAccount {
  return {
    name,
    address: prefix + name,
    standing,
    id: undefined,
    mustOpen: true,
    isNew: false,
    openingRefused: false,
    connections: [],
    frames: [],
    framesFrom: [],
    held: new Map(),
    unacknowledged: new Map(),
    wanted: new Set(),
    isRecalling: false,
    refused: createBucket(limits.refusedBurst, limits.refusedPerSecond, now),
    isLimited: false,
    messages: createBucket(limits.messagesBurst, limits.messagesPerSecond, now),
    searches: 0,
    lookedFor: 0,
    untold: 0,
    outgoing: 0,
  }
}

/** The connection for what concerns `account`: `preferred` while it is open, else the newest of the account. */
export function openConnection(account: HostAccount, preferred: Connection | undefined): Connection | undefined {
  if (preferred?.session.isOpen) return preferred
  for (let i = account.connections.length - 1; i >= 0; i--) {
    const connection = account.connections[i]!
    if (connection.session.isOpen) return connection
  }
  return undefined
}

/** Nothing of it is open: it can leave memory. */
export function isIdle(account: HostAccount): boolean {
  return (
    account.connections.length === 0 &&
    account.frames.length === 0 &&
    account.held.size === 0 &&
    account.unacknowledged.size === 0 &&
    account.wanted.size === 0 &&
    account.searches === 0 &&
    account.lookedFor === 0 &&
    account.untold === 0 &&
    account.outgoing === 0
  )
}
