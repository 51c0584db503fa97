/** EscrowCancel: whoever sends it, once the time is past the money goes back to the owner. */
import { escrowIndex } from '../ledger/entry.js'
import * as EscrowEntry from './escrow-entry.js'
import { credited, type Transactor } from './transactor.js'

export const escrowCancel: Transactor = {
  preclaim: EscrowEntry.preclaim,

  apply({ view, transaction: { fields }, ledger }) {
    const index = escrowIndex(fields.Owner as string, fields.OfferSequence as number)
    const escrow = view.escrow(index)
    if (escrow === undefined) return 'tecNO_TARGET'
    if (escrow.CancelAfter === undefined || ledger.parentCloseTime <= escrow.CancelAfter) return 'tecNO_PERMISSION'
    EscrowEntry.release(view, index, escrow)
    view.writeAccount(credited(view.account(escrow.Account)!, BigInt(escrow.Amount)))
    return 'tesSUCCESS'
  },
}
