/**
 * Copies of payments that come too late. A customer whose connection fell silent opens another one and sends there what
 * has no outcome. When the new connection tells it that nothing is held, the copy on the old one may still be on its way,
 * from a network that was slow: it must not be taken now, since its payer believes that it costs nothing.
 *
 * What is refused without a record is therefore remembered as long as an older connection of the account is open, and
 * refused there as well.
 */
import type { Connection, HostAccount } from './host-account.js'
import type { Payment } from './payment.js'
import { transferKey } from './transfer-key.js'

export interface Outdated {
  /** Nothing is held for a payment, and nothing is recorded about it. */
  refused(payment: Payment): void
  /** A payment on an older connection than one on which it was refused. */
  has(payment: Payment): boolean
}

/** @param idsMax - Of one account; then the oldest are forgotten. */
export function createOutdated(idsMax: number): Outdated {
  /** By account and transfer: the connections that were older when it was refused. */
  const accounts = new WeakMap<HostAccount, Map<string, readonly Connection[]>>()

  return {
    refused({ account, connection, id }) {
      // Whoever has gone is not told, and asks again.
      const place = connection === undefined ? -1 : account.connections.indexOf(connection)
      if (place < 1) return
      const older = account.connections.slice(0, place)
      let ids = accounts.get(account)
      if (ids === undefined) {
        ids = new Map()
        accounts.set(account, ids)
      }
      if (ids.size >= idsMax) {
        for (const oldest of ids.keys()) {
          ids.delete(oldest)
          break
        }
      }
      ids.set(transferKey(id), older)
    },

    has({ account, connection, id }) {
      const ids = accounts.get(account)
      if (ids === undefined || connection === undefined) return false
      // Alone, it is the newest: whatever was older has gone, with all that was on its way there.
      if (account.connections.length < 2 && account.connections[0] === connection && !isOlder(ids, connection)) {
        accounts.delete(account)
        return false
      }
      return ids.get(transferKey(id))?.includes(connection) === true
    },
  }
}

function isOlder(ids: ReadonlyMap<string, readonly Connection[]>, connection: Connection): boolean {
  for (const older of ids.values()) if (older.includes(connection)) return true
  return false
}
