/** What finishing and cancelling an escrow have in common. */

import type { EngineResult } from '../ledger/engine-result.js'
import { type Escrow, escrowIndex } from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import type { TransactionFields } from '../ledger/transaction.js'
import type { View } from '../ledger/view.js'
import { owning } from './transactor.js'

export function preclaim(context: { readonly view: View; readonly fields: TransactionFields }): EngineResult {
  const { Owner, OfferSequence } = context.fields
  const index = escrowIndex(Owner as string, OfferSequence as number)
  return context.view.escrow(index) === undefined ? 'tecNO_TARGET' : 'tesSUCCESS'
}

/** Takes the entry away. Its amount is then nobody's, until the caller credits it. */
export function release(view: View, index: string, escrow: Escrow): void {
  OwnerDirectory.remove(view, escrow.Account, escrow.OwnerNode, index)
  if (escrow.DestinationNode !== undefined) {
    OwnerDirectory.remove(view, escrow.Destination, escrow.DestinationNode, index)
  }
  view.writeAccount(owning(view.account(escrow.Account)!, -1))
  view.erase(index)
}
