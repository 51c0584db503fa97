/** PaymentChannelCreate: XRP is set aside, from which signed claims pay the destination. */

import * as ChannelClaim from '../ledger/channel-claim.js'
import { accountFlags, channelIndex, hasFlag } from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import { credited, dropsOf, owning, pick, reserveOf, type Transactor } from './transactor.js'

export const channelCreate: Transactor = {
  preflight(fields) {
    const amount = dropsOf(fields.Amount)
    if (amount === undefined || amount <= 0n) return 'temBAD_AMOUNT'
    if (fields.Account === fields.Destination) return 'temDST_IS_SRC'
    return ChannelClaim.isPublicKey(fields.PublicKey as string) ? 'tesSUCCESS' : 'temMALFORMED'
  },

  preclaim({ view, fields, ledger }) {
    const source = view.account(fields.Account)
    if (source === undefined) return 'terNO_ACCOUNT'
    const reserve = reserveOf(ledger.fees, source.OwnerCount + 1)
    if (BigInt(source.Balance) < reserve) return 'tecINSUFFICIENT_RESERVE'
    if (BigInt(source.Balance) < reserve + dropsOf(fields.Amount)!) return 'tecUNFUNDED'
    const target = view.account(fields.Destination as string)
    if (target === undefined) return 'tecNO_DST'
    if (hasFlag(target, accountFlags.disallowIncomingPayChan)) return 'tecNO_PERMISSION'
    if (hasFlag(target, accountFlags.requireDestTag) && fields.DestinationTag === undefined) return 'tecDST_TAG_NEEDED'
    return 'tesSUCCESS'
  },

  apply({ view, transaction: { fields }, ledger }) {
    if (fields.CancelAfter !== undefined && ledger.parentCloseTime > (fields.CancelAfter as number)) return 'tecEXPIRED'
    const destination = fields.Destination as string
    const index = channelIndex(fields.Account, destination, fields.Sequence)
    const ownerNode = OwnerDirectory.insert(view, fields.Account, index)
    const destinationNode = OwnerDirectory.insert(view, destination, index)
    view.write(index, {
      LedgerEntryType: 'PayChannel',
      Flags: 0,
      Account: fields.Account,
      Destination: destination,
      Amount: fields.Amount as string,
      Balance: '0',
      PublicKey: fields.PublicKey as string,
      SettleDelay: fields.SettleDelay as number,
      Sequence: fields.Sequence,
      ...pick(fields, ['CancelAfter', 'SourceTag', 'DestinationTag']),
      OwnerNode: ownerNode,
      DestinationNode: destinationNode,
    })
    view.writeAccount(owning(credited(view.account(fields.Account)!, -dropsOf(fields.Amount)!), 1))
    return 'tesSUCCESS'
  },
}
