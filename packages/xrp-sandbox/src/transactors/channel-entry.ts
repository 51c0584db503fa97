/** What funding and claiming from a payment channel have in common: one that is past its end closes. */
import type { PayChannel } from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import type { View } from '../ledger/view.js'
import { credited, owning } from './transactor.js'

export function isExpired(channel: PayChannel, parentCloseTime: number): boolean {
  const { CancelAfter, Expiration } = channel
  return (
    (CancelAfter !== undefined && parentCloseTime >= CancelAfter) ||
    (Expiration !== undefined && parentCloseTime >= Expiration)
  )
}

/** What was not claimed goes back to the source. */
export function close(view: View, index: string, channel: PayChannel): void {
  OwnerDirectory.remove(view, channel.Account, channel.OwnerNode, index)
  OwnerDirectory.remove(view, channel.Destination, channel.DestinationNode, index)
  const rest = BigInt(channel.Amount) - BigInt(channel.Balance)
  view.writeAccount(owning(credited(view.account(channel.Account)!, rest), -1))
  view.erase(index)
}
