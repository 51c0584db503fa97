/** EscrowFinish: whoever sends it, the money goes to the destination. */

import * as CryptoCondition from '../ledger/crypto-condition.js'
import { accountFlags, escrowIndex, hasFlag } from '../ledger/entry.js'
import * as EscrowEntry from './escrow-entry.js'
import { credited, type Transactor } from './transactor.js'

export const escrowFinish: Transactor = {
  fee(fields, fees) {
    const fulfillment = fields.Fulfillment as string | undefined
    if (fulfillment === undefined) return fees.base
    return fees.base * BigInt(33 + Math.floor(fulfillment.length / 2 / 16))
  },

  preflight(fields) {
    return (fields.Condition === undefined) === (fields.Fulfillment === undefined) ? 'tesSUCCESS' : 'temMALFORMED'
  },

  preclaim: EscrowEntry.preclaim,

  apply({ view, transaction: { fields }, ledger }) {
    const index = escrowIndex(fields.Owner as string, fields.OfferSequence as number)
    const escrow = view.escrow(index)
    if (escrow === undefined) return 'tecNO_TARGET'
    const { parentCloseTime } = ledger
    if (escrow.FinishAfter !== undefined && parentCloseTime <= escrow.FinishAfter) return 'tecNO_PERMISSION'
    if (escrow.CancelAfter !== undefined && parentCloseTime > escrow.CancelAfter) return 'tecNO_PERMISSION'
    if (fields.Condition !== undefined) {
      const condition = Buffer.from(fields.Condition as string, 'hex')
      const fulfillment = Buffer.from(fields.Fulfillment as string, 'hex')
      if (!CryptoCondition.isFulfilledBy(condition, fulfillment)) return 'tecCRYPTOCONDITION_ERROR'
    }
    if (fields.Condition !== escrow.Condition) return 'tecCRYPTOCONDITION_ERROR'
    const target = view.account(escrow.Destination)
    if (target === undefined) return 'tecNO_DST'
    if (hasFlag(target, accountFlags.depositAuth) && fields.Account !== escrow.Destination) return 'tecNO_PERMISSION'

    EscrowEntry.release(view, index, escrow)
    view.writeAccount(credited(view.account(escrow.Destination)!, BigInt(escrow.Amount)))
    return 'tesSUCCESS'
  },
}
