/**
 * FULFILL frames on their way to those who paid: sent, sent again when a connection ends before they were acknowledged,
 * and found again in the records after a restart. Kept until they are acknowledged or expire, within a bound.
 */
import { type Answer, BtpRefusal } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import type { Entry } from '@millstream/ledger'
import { TransferId } from '@millstream/units'
import { claimProtocol, type Settlement } from '../settlement.js'
import { type Connection, type Delivery, type HostAccount, openConnection } from './host-account.js'
import type { HostContext } from './host-context.js'
import { transferKey } from './transfer-key.js'

export interface Deliveries {
  /** Sends a FULFILL, or keeps it until the account is connected. */
  send(delivery: Delivery): void
  /** Sends again what the account has not acknowledged: it is connected once more. */
  sendAgain(account: HostAccount, connection: Connection): void
  /** Sends the FULFILL of a transfer whose payer asked for it again, from memory or from the records. */
  sendKnown(account: HostAccount, id: TransferId.TransferId): void
  /** What was fulfilled before this process began, and has not expired: its FULFILL may be lost. Once per account. */
  sendRecent(account: HostAccount): void
  /** Drops what has expired. */
  sweep(account: HostAccount): void
}

const noProtocolData: BtpFrame.ProtocolData = []
/** Between two looks into the records for one account. */
const recallPauseMs = 1_000

export function createDeliveries(context: HostContext, settlement: Settlement | undefined): Deliveries {
  const { store, limits, clock } = context
  const startedAt = clock()
  /** Accounts whose FULFILLs of the time before the start were sent again; of no use once those have expired. */
  const recalled = new Set<number>()

  function send(delivery: Delivery): void {
    const connection = openConnection(delivery.account, delivery.connection)
    if (connection === undefined || !sendOn(connection, delivery)) keep(delivery)
  }

  function sendOn(connection: Connection, delivery: Delivery): boolean {
    const { id, fulfillment } = delivery
    delivery.connection = connection
    const frame = BtpFrame.encode({
      type: 'fulfill',
      requestId: 0,
      transferId: id,
      fulfillment: fulfillment!,
      protocolData: noProtocolData,
    })
    return connection.session.requestEncoded(frame, answered, delivery)
  }

  function answered(answer: Answer, delivery: Delivery): void {
    if (answer === undefined) lost(delivery)
    else if (answer.type === 'error') dispute(answer, delivery)
    else if (settlement !== undefined && answer.protocolData.length > 0) settle(answer, delivery, settlement)
  }

  function settle({ protocolData }: BtpFrame.ResponseFrame, { account }: Delivery, by: Settlement): void {
    const claim = BtpFrame.entry(protocolData, claimProtocol)
    if (claim !== undefined) by.claim(claim, account)
  }

  function lost(delivery: Delivery): void {
    const other = openConnection(delivery.account, undefined)
    // On a connection that is silent but open nothing is sent twice; one that has gone is replaced by another.
    if (other === undefined || delivery.connection?.session.isOpen || !sendOn(other, delivery)) keep(delivery)
  }

  function dispute(answer: BtpFrame.ErrorFrame, delivery: Delivery): void {
    const { name } = BtpRefusal.fromFrame(answer)
    // A payer that has forgotten the transfer says so, which is no dispute: it has had this FULFILL before.
    if (name !== 'AlreadyRolledBackError' && name !== 'InvalidFulfillmentError') return
    context.observe({
      name: 'trustline.fulfillment_disputed',
      level: 'warn',
      account: delivery.account.name,
      transfer: TransferId.format(delivery.id),
      reason: name,
    })
  }

  function keep(delivery: Delivery): void {
    const { account } = delivery
    // Its only connection has gone: nobody can ask for this one again.
    if (account.standing === 'passing' || delivery.expiresAt <= clock()) return
    const kept = account.unacknowledged
    if (kept.size >= limits.unacknowledgedMax) {
      for (const oldest of kept.keys()) {
        kept.delete(oldest)
        break
      }
    }
    delivery.connection = undefined
    kept.set(transferKey(delivery.id), delivery)
  }

  function sendAgain(account: HostAccount, connection: Connection): void {
    const now = clock()
    for (const [key, delivery] of account.unacknowledged) {
      account.unacknowledged.delete(key)
      if (delivery.expiresAt <= now || sendOn(connection, delivery)) continue
      keep(delivery)
      return
    }
  }

  function sendKnown(account: HostAccount, id: TransferId.TransferId): void {
    const key = transferKey(id)
    const kept = account.unacknowledged.get(key)
    if (kept !== undefined) {
      account.unacknowledged.delete(key)
      send(kept)
    } else if (account.wanted.size < limits.unacknowledgedMax) {
      account.wanted.add(key)
      if (!account.isRecalling) void recall(account)
    }
  }

  /** One look serves all that were asked for meanwhile. */
  async function recall(account: HostAccount): Promise<void> {
    account.isRecalling = true
    try {
      const entries = account.id === undefined ? [] : await store.recentlyFulfilled(account.id)
      const { wanted } = account
      for (const entry of entries)
        if (entry.id !== undefined && wanted.delete(transferKey(entry.id))) again(entry, account)
    } catch (error) {
      context.fail(error)
    }
    account.wanted.clear()
    context.timers.setTimeout(() => {
      account.isRecalling = false
      if (account.wanted.size > 0) void recall(account)
    }, recallPauseMs)
  }

  function sendRecent(account: HostAccount): void {
    const { id } = account
    if (id === undefined || recalled.has(id) || account.standing === 'passing') return
    recalled.add(id)
    store.recentlyFulfilled(id).then(
      (entries) => {
        for (const entry of entries.slice(-limits.unacknowledgedMax)) {
          if (entry.postedAt < startedAt) again(entry, account)
        }
      },
      (error: unknown) => context.fail(error),
    )
  }

  function again(entry: Entry, account: HostAccount): void {
    const { id, expiresAt, fulfillment } = entry
    if (id === undefined || expiresAt === undefined || fulfillment === undefined) return
    if (expiresAt > clock()) send({ account, id, expiresAt, fulfillment, connection: undefined })
  }

  function sweep(account: HostAccount): void {
    const now = clock()
    for (const [key, delivery] of account.unacknowledged) {
      if (delivery.expiresAt <= now) account.unacknowledged.delete(key)
    }
  }

  return { send, sendAgain, sendKnown, sendRecent, sweep }
}
