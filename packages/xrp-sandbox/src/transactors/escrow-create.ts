/** EscrowCreate: XRP is set aside for a destination, under a condition or until a time. */

import * as CryptoCondition from '../ledger/crypto-condition.js'
import { accountFlags, escrowIndex, hasFlag } from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import { credited, dropsOf, owning, pick, reserveOf, type Transactor } from './transactor.js'

export const escrowCreate: Transactor = {
  preflight(fields) {
    const amount = dropsOf(fields.Amount)
    if (amount !== undefined && amount <= 0n) return 'temBAD_AMOUNT'
    const cancelAfter = fields.CancelAfter as number | undefined
    const finishAfter = fields.FinishAfter as number | undefined
    if (cancelAfter === undefined && finishAfter === undefined) return 'temBAD_EXPIRATION'
    if (cancelAfter !== undefined && finishAfter !== undefined && cancelAfter <= finishAfter) return 'temBAD_EXPIRATION'
    if (finishAfter === undefined && fields.Condition === undefined) return 'temMALFORMED'
    if (fields.Condition !== undefined) {
      const condition = CryptoCondition.parseCondition(Buffer.from(fields.Condition as string, 'hex'))
      if (condition === undefined) return 'temMALFORMED'
    }
    return 'tesSUCCESS'
  },

  preclaim({ view, fields }) {
    if (view.account(fields.Destination as string) === undefined) return 'tecNO_DST'
    return dropsOf(fields.Amount) === undefined ? 'tecNO_PERMISSION' : 'tesSUCCESS'
  },

  apply({ view, transaction: { fields }, ledger }) {
    const { parentCloseTime } = ledger
    if (fields.CancelAfter !== undefined && parentCloseTime > (fields.CancelAfter as number)) return 'tecNO_PERMISSION'
    if (fields.FinishAfter !== undefined && parentCloseTime > (fields.FinishAfter as number)) return 'tecNO_PERMISSION'
    const amount = dropsOf(fields.Amount)!
    const owner = view.account(fields.Account)!
    const reserve = reserveOf(ledger.fees, owner.OwnerCount + 1)
    if (BigInt(owner.Balance) < reserve) return 'tecINSUFFICIENT_RESERVE'
    if (BigInt(owner.Balance) < reserve + amount) return 'tecUNFUNDED'
    const destination = fields.Destination as string
    const target = view.account(destination)
    if (target === undefined) return 'tecNO_DST'
    if (hasFlag(target, accountFlags.requireDestTag) && fields.DestinationTag === undefined) return 'tecDST_TAG_NEEDED'

    const index = escrowIndex(fields.Account, fields.Sequence)
    const ownerNode = OwnerDirectory.insert(view, fields.Account, index)
    const destinationNode = destination === fields.Account ? undefined : OwnerDirectory.insert(view, destination, index)
    view.write(index, {
      LedgerEntryType: 'Escrow',
      Flags: 0,
      Account: fields.Account,
      Destination: destination,
      Amount: String(amount),
      Sequence: fields.Sequence,
      ...pick(fields, ['Condition', 'CancelAfter', 'FinishAfter', 'SourceTag', 'DestinationTag']),
      OwnerNode: ownerNode,
      ...(destinationNode === undefined ? {} : { DestinationNode: destinationNode }),
    })
    view.writeAccount(owning(credited(owner, -amount), 1))
    return 'tesSUCCESS'
  },
}
