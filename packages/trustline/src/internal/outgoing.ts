/**
 * Payments of the host to its customers: change, refunds. The host keeps the book, so it holds first, then sends PREPARE,
 * and posts when the customer's FULFILL is right and in time by its own clock. It sends the PREPARE again to a customer
 * that comes back, until the transfer has ended.
 */
import { type Answer, BtpRefusal } from '@millstream/btp'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import {
  type Command,
  type FulfillOutcome,
  type Hold,
  type LookUp,
  type LookUpOutcome,
  type Outcome,
  type Prepare,
  type PrepareOutcome,
  type RejectOutcome,
  serverAccount,
} from '@millstream/ledger'
import type { OutgoingTransfer, Rejection, SendOutcome } from '@millstream/plugin'
import { type Condition, type Instant, Octets, type TransferId } from '@millstream/units'
import type { AccountTable } from './account-table.js'
import { contentHash } from './content-hash.js'
import { type Connection, type HostAccount, openConnection } from './host-account.js'
import type { HostContext } from './host-context.js'
import { ownBytes } from './own-bytes.js'
import * as Refusals from './refusals.js'
import { decodeRejection, ilpEntry } from './reject-packet.js'
import type { TickReport } from './tick-report.js'
import { takeToken } from './token-bucket.js'
import { transferKey } from './transfer-key.js'

export interface Outgoing {
  /** Transfers that wait for customers. */
  readonly held: number
  send(transfer: OutgoingTransfer): Promise<SendOutcome>
  /** Takes over a transfer that was held when the host started; whoever sends it again waits for it. */
  restore(hold: Hold, account: HostAccount): void
  fulfill(frame: BtpFrame.FulfillFrame, connection: Connection): void
  reject(frame: BtpFrame.RejectFrame, connection: Connection): void
  /** A customer is connected again: it gets what is held for it once more. */
  connected(connection: Connection): void
  /** Whether `resolve` has something to do. */
  readonly hasArrivals: boolean
  /** Step 1: accounts that are to be paid and that the ledger does not know. */
  resolve(): Promise<readonly HostAccount[]>
  collect(commands: Command[]): void
  /** `first`: where its outcomes start. */
  decide(outcomes: readonly Outcome[], first: number, report: TickReport): void
  expire(hold: Hold, report: TickReport): void
  /** Ends what is dead and was not reported so. */
  sweep(now: Instant.Instant): void
  /** Whoever waits is told that nobody knows. */
  close(reason: string): void
}

interface Payout {
  readonly key: string
  readonly id: TransferId.TransferId
  readonly contentHash: number
  readonly expiresAt: Instant.Instant
  readonly tell: ((outcome: SendOutcome) => void)[]
  account: HostAccount | undefined
  /** Absent for a hold of before the start, until somebody sends it again. */
  transfer: OutgoingTransfer | undefined
  isHeld: boolean
  isConnected: boolean
  /** The connection on which its PREPARE was sent. */
  connection: Connection | undefined
}

/** A frame of a customer about a transfer to it, or our own decision to end one. */
interface Verdict {
  readonly payout: Payout | undefined
  readonly id: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment | undefined
  readonly rejection: Rejection | undefined
  readonly by: 'payee' | 'ledger'
  readonly connection: Connection | undefined
  readonly requestId: number
}

const amountMax = 2n ** 64n - 1n

export function createOutgoing(context: HostContext, accounts: AccountTable): Outgoing {
  const { store, clock, limits, prefix, counters } = context
  const payouts = new Map<string, Payout>()
  /** Sent since the last tick; and those of the tick under way, in the order of their commands. */
  let arrived: Payout[] = []
  let asking: Payout[] = []
  let verdicts: Verdict[] = []
  let deciding: Verdict[] = []
  let held = 0

  return {
    get held() {
      return held
    },
    get hasArrivals() {
      return arrived.length > 0
    },
    send,
    restore(hold, account) {
      const { id, expiresAt } = hold
      const payout = createPayout(id, hold.contentHash, expiresAt, undefined)
      payout.isHeld = true
      payout.account = account
      account.outgoing++
      held++
      payouts.set(payout.key, payout)
    },
    fulfill(frame, connection) {
      judge(frame.transferId, frame.requestId, ownBytes(frame.fulfillment), undefined, connection)
    },
    reject(frame, connection) {
      judge(frame.transferId, frame.requestId, undefined, decodeRejection(frame.protocolData), connection)
    },
    connected(connection) {
      if (connection.account.outgoing === 0) return
      for (const payout of payouts.values()) if (payout.account === connection.account) sendPrepare(payout)
    },
    resolve,
    collect,
    decide,
    expire(hold, report) {
      const payout = payouts.get(transferKey(hold.id))
      if (payout?.isHeld) end(payout, { status: 'expired' }, report)
    },
    sweep(now) {
      for (const payout of payouts.values()) {
        if (payout.isHeld && payout.expiresAt <= now) decideOurselves(payout, Refusals.tooLate)
      }
    },
    close(reason) {
      for (const payout of payouts.values())
        for (const tell of payout.tell.splice(0)) tell({ status: 'unknown', reason })
      payouts.clear()
    },
  }

  function send(transfer: OutgoingTransfer): Promise<SendOutcome> {
    const { id, amount, condition, expiresAt, packet } = transfer
    if (id.length !== 16 || condition.length !== 32 || amount < 0n || amount > amountMax || !isPayment(packet)) {
      return Promise.resolve(refused('F01', 'A field of the transfer is out of range.'))
    }
    const hash = contentHash(amount, condition, expiresAt, ilpEntry(packet))
    return new Promise((resolve) => {
      const known = payouts.get(transferKey(id))
      if (known === undefined) {
        const own = { ...transfer, id: ownBytes(id), condition: ownBytes(condition), packet: ownBytes(packet) }
        const payout = createPayout(own.id, hash, expiresAt, own)
        payout.tell.push(resolve)
        payouts.set(payout.key, payout)
        arrived.push(payout)
        context.wake()
      } else if (known.contentHash !== hash) {
        resolve(refused('F05', 'Another transfer has this id.'))
      } else {
        known.tell.push(resolve)
        if (known.transfer !== undefined) return
        known.transfer = transfer
        sendPrepare(known)
      }
    })
  }

  async function resolve(): Promise<readonly HostAccount[]> {
    const opening: HostAccount[] = []
    const arrivedNow = arrived
    arrived = []
    for (const payout of arrivedNow) {
      const target = payout.transfer?.target ?? ''
      const account = target.startsWith(prefix) ? await accountOf(target.slice(prefix.length)) : undefined
      if (account === undefined) {
        drop(payout, refused('F02', 'There is no such account.'))
      } else if (account.outgoing >= limits.outgoingPerAccountMax) {
        drop(payout, refused('T05', 'Too many transfers to this account are held.'))
      } else {
        payout.account = account
        account.outgoing++
        payout.isConnected = openConnection(account, undefined) !== undefined
        if (account.id === undefined) opening.push(account)
        asking.push(payout)
      }
    }
    return opening
  }

  async function accountOf(name: string): Promise<HostAccount | undefined> {
    const present = accounts.byName(name)
    if (present !== undefined) return present
    const found = await store.find(name)
    if (found === undefined || found.kind === 'system') return undefined
    return accounts.enter({ name, standing: found.kind === 'passing' ? 'passing' : 'lasting', found })
  }

  function collect(commands: Command[]): void {
    for (const payout of asking) commands.push(payout.isConnected ? prepareCommand(payout) : lookUpCommand(payout))
    deciding = verdicts
    verdicts = []
    for (const { id, fulfillment } of deciding) {
      const source = serverAccount
      commands.push(
        fulfillment === undefined ? { type: 'reject', source, id } : { type: 'fulfill', source, id, fulfillment },
      )
    }
  }

  function decide(outcomes: readonly Outcome[], first: number, report: TickReport): void {
    const asked = asking
    asking = []
    let next = first
    for (const payout of asked) decidePrepare(payout, outcomes[next++] as PrepareOutcome | LookUpOutcome, report)
    const decided = deciding
    deciding = []
    for (const verdict of decided) decideVerdict(verdict, outcomes[next++] as FulfillOutcome | RejectOutcome, report)
  }

  function decidePrepare(payout: Payout, { status }: PrepareOutcome | LookUpOutcome, report: TickReport): void {
    if (status === 'prepared' || status === 'exists') {
      payout.isHeld = true
      held++
      report.jobs.push(() => sendPrepare(payout))
    } else if (status === 'exists_fulfilled') {
      report.jobs.push(() => void findFulfillment(payout))
    } else if (status === 'expired') {
      report.jobs.push(() => void search(payout))
    } else {
      end(payout, outcomeOf(status), report)
    }
  }

  /** Paid before: the fulfillment is in the records, as long as the transfer has not expired. */
  async function findFulfillment(payout: Payout): Promise<void> {
    try {
      const entries = await store.recentlyFulfilled(serverAccount)
      const entry = entries.find(({ id }) => id !== undefined && Octets.equal(id, payout.id))
      const fulfillment = entry?.fulfillment
      drop(payout, fulfillment === undefined ? { status: 'fulfilled' } : { status: 'fulfilled', fulfillment })
    } catch (error) {
      context.fail(error)
    }
  }

  /** Dead when it was sent; it may be the repeat of one that was paid in its time. */
  async function search(payout: Payout): Promise<void> {
    try {
      const outcome = await store.search(serverAccount, payout.id, payout.expiresAt)
      if (outcome === 'fulfilled') drop(payout, { status: 'fulfilled' })
      else if (outcome === 'rejected') drop(payout, refused('F06', Refusals.alreadyRolledBack.message))
      else if (outcome === 'busy') drop(payout, { status: 'unknown', reason: 'the records cannot be searched now' })
      else if (outcome === 'pruned') drop(payout, { status: 'unknown', reason: 'its records are no longer kept' })
      else drop(payout, { status: 'expired' })
    } catch (error) {
      context.fail(error)
    }
  }

  function decideVerdict(verdict: Verdict, outcome: FulfillOutcome | RejectOutcome, report: TickReport): void {
    const { payout, connection, requestId, fulfillment, rejection, by } = verdict
    const refusal = refusalOf(outcome.status, fulfillment !== undefined)
    report.jobs.push(() => {
      if (refusal === undefined) connection?.session.respond(requestId)
      else connection?.session.refuse(requestId, refusal)
    })
    if (payout === undefined) return
    if (outcome.status === 'fulfilled') {
      counters.paidOut++
      end(payout, { status: 'fulfilled', fulfillment: fulfillment! }, report)
    } else if (outcome.status === 'rejected') {
      end(payout, { status: 'rejected', by, ...rejection! }, report)
    } else if (outcome.status === 'exists_expired') {
      end(payout, { status: 'expired' }, report)
    }
  }

  function judge(
    transferId: TransferId.TransferId,
    requestId: number,
    fulfillment: Condition.Fulfillment | undefined,
    rejection: Rejection | undefined,
    connection: Connection,
  ): void {
    const { account, session } = connection
    const key = transferKey(transferId)
    const payout = payouts.get(key)
    const refusal = objection(payout, key, account)
    if (refusal !== undefined) {
      session.refuse(requestId, refusal)
      return
    }
    verdicts.push({ payout, id: ownBytes(transferId), fulfillment, rejection, by: 'payee', connection, requestId })
    context.wake()
  }

  function objection(payout: Payout | undefined, key: string, account: HostAccount): BtpRefusal.Refusal | undefined {
    if (payout !== undefined) return payout.account === account ? undefined : Refusals.transferNotFound
    if (account.held.has(key)) return Refusals.notYourRole
    // Of a transfer that has ended, as a rule; the ledger tells how. It cannot change anything any more.
    return takeToken(account.messages, clock()) ? undefined : Refusals.tooManyMessages
  }

  function sendPrepare(payout: Payout): void {
    const { account, transfer, isHeld } = payout
    if (account === undefined || transfer === undefined || !isHeld) return
    const connection = openConnection(account, payout.connection)
    if (connection === undefined) return
    payout.connection = connection
    const { id, amount, condition, expiresAt, packet } = transfer
    const protocolData = ilpEntry(packet)
    connection.session.requestEncoded(
      BtpFrame.encode({ type: 'prepare', requestId: 0, transferId: id, amount, condition, expiresAt, protocolData }),
      prepareAnswered,
      payout,
    )
  }

  function prepareAnswered(answer: Answer, payout: Payout): void {
    if (answer?.type !== 'error' || !payout.isHeld) return
    const { name, code, message } = BtpRefusal.fromFrame(answer)
    // These two say that the customer has the transfer: its FULFILL, its REJECT or expiry decides.
    if (name === 'DuplicateIdError' || name === 'AlreadyFulfilledError') return
    decideOurselves(payout, { code, message })
  }

  function decideOurselves(payout: Payout, rejection: Rejection): void {
    const { id } = payout
    const [fulfillment, connection] = [undefined, undefined]
    verdicts.push({ payout, id, fulfillment, rejection, by: 'ledger', connection, requestId: 0 })
    context.wake()
  }

  function end(payout: Payout, outcome: SendOutcome, report: TickReport): void {
    if (!forget(payout)) return
    report.jobs.push(() => tellAll(payout, outcome))
  }

  /** For outcomes that wait for no disk. */
  function drop(payout: Payout, outcome: SendOutcome): void {
    if (forget(payout)) tellAll(payout, outcome)
  }

  function forget(payout: Payout): boolean {
    const { account } = payout
    if (!payouts.delete(payout.key)) return false
    if (payout.isHeld) held--
    payout.isHeld = false
    if (account !== undefined) {
      account.outgoing--
      accounts.released(account)
    }
    return true
  }
}

function createPayout(
  id: TransferId.TransferId,
  hash: number,
  expiresAt: Instant.Instant,
  transfer: OutgoingTransfer | undefined,
): Payout {
  return {
    key: transferKey(id),
    id,
    contentHash: hash,
    expiresAt,
    tell: [],
    account: undefined,
    transfer,
    isHeld: false,
    isConnected: false,
    connection: undefined,
  }
}

function tellAll(payout: Payout, outcome: SendOutcome): void {
  for (const tell of payout.tell.splice(0)) tell(outcome)
}

function prepareCommand(payout: Payout): Prepare {
  const { id, amount, condition, expiresAt, packet } = payout.transfer!
  return {
    type: 'prepare',
    id,
    source: serverAccount,
    target: payout.account!.id!,
    amount,
    condition,
    expiresAt,
    destination: IlpPacket.decodePayment(packet).account,
    contentHash: payout.contentHash,
  }
}

function lookUpCommand({ id, contentHash: hash, expiresAt }: Payout): LookUp {
  return { type: 'look_up', source: serverAccount, id, contentHash: hash, expiresAt }
}

/** What whoever pays is told when the ledger holds nothing. */
function outcomeOf(status: PrepareOutcome['status'] | LookUpOutcome['status']): SendOutcome {
  switch (status) {
    case 'exists_rejected':
      return refused('F06', Refusals.alreadyRolledBack.message)
    case 'exists_expired':
      return { status: 'expired' }
    case 'exists_different':
      return refused('F05', 'Another transfer has this id.')
    case 'not_found':
      return refused('T01', 'The customer is not connected. Nothing was paid.')
    default:
      return refused('F00', Refusals.ofStatus(status).message)
  }
}

/** What a customer is told of its FULFILL or REJECT; nothing when it was taken, or taken before. */
function refusalOf(status: FulfillOutcome['status'] | RejectOutcome['status'], isFulfill: boolean) {
  switch (status) {
    case 'fulfilled':
    case 'rejected':
      return undefined
    case 'exists_fulfilled':
      return isFulfill ? undefined : Refusals.alreadyFulfilled
    case 'exists_rejected':
    case 'exists_expired':
      return isFulfill ? Refusals.alreadyRolledBack : undefined
    case 'wrong_fulfillment':
      return Refusals.invalidFulfillment
    case 'not_found':
      return Refusals.transferNotFound
  }
}

function isPayment(packet: Uint8Array): boolean {
  try {
    IlpPacket.decodePayment(packet)
    return true
  } catch {
    return false
  }
}

function refused(code: string, message: string): SendOutcome {
  return { status: 'rejected', by: 'ledger', code, message }
}
