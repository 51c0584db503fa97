/** PaymentChannelClaim: the destination is paid up to what the source has signed, or the source pays; either closes. */

import * as ChannelClaim from '../ledger/channel-claim.js'
import type { EngineResult } from '../ledger/engine-result.js'
import { accountFlags, hasFlag, type PayChannel } from '../ledger/entry.js'
import type { TransactionFields } from '../ledger/transaction.js'
import * as ChannelEntry from './channel-entry.js'
import { type ApplyContext, credited, dropsOf, type Transactor } from './transactor.js'

const tfRenew = 0x0001_0000
const tfClose = 0x0002_0000

export const channelClaim: Transactor = {
  flags: tfRenew | tfClose,

  preflight(fields) {
    const balance = dropsOf(fields.Balance)
    const amount = dropsOf(fields.Amount)
    if (fields.Balance !== undefined && (balance === undefined || balance <= 0n)) return 'temBAD_AMOUNT'
    if (fields.Amount !== undefined && (amount === undefined || amount <= 0n)) return 'temBAD_AMOUNT'
    if (balance !== undefined && amount !== undefined && balance > amount) return 'temBAD_AMOUNT'
    const flags = fields.Flags ?? 0
    if ((flags & tfClose) !== 0 && (flags & tfRenew) !== 0) return 'temMALFORMED'
    return fields.Signature === undefined ? 'tesSUCCESS' : preflightSignature(fields, balance, amount)
  },

  apply(context) {
    const { view, ledger } = context
    const { fields } = context.transaction
    const index = fields.Channel as string
    const found = view.channel(index)
    if (found === undefined) return 'tecNO_TARGET'
    let channel = found
    if (ChannelEntry.isExpired(channel, ledger.parentCloseTime)) {
      ChannelEntry.close(view, index, channel)
      return 'tesSUCCESS'
    }
    if (fields.Account !== channel.Account && fields.Account !== channel.Destination) return 'tecNO_PERMISSION'
    if (fields.Balance !== undefined) {
      const refused = refusalOf(context, channel)
      if (refused !== undefined) return refused
      const paid = dropsOf(fields.Balance)! - BigInt(channel.Balance)
      channel = { ...channel, Balance: fields.Balance as string }
      view.writeAccount(credited(view.account(channel.Destination)!, paid))
    }
    const flags = fields.Flags ?? 0
    if ((flags & tfRenew) !== 0) {
      if (fields.Account !== channel.Account) return 'tecNO_PERMISSION'
      const { Expiration: _, ...renewed } = channel
      channel = renewed
    }
    if ((flags & tfClose) !== 0) {
      view.write(index, channel)
      if (fields.Account === channel.Destination || channel.Balance === channel.Amount) {
        ChannelEntry.close(view, index, channel)
        return 'tesSUCCESS'
      }
      const settled = ledger.parentCloseTime + channel.SettleDelay
      channel = { ...channel, Expiration: Math.min(settled, channel.Expiration ?? Infinity) }
    }
    view.write(index, channel)
    return 'tesSUCCESS'
  },
}

function preflightSignature(
  fields: TransactionFields,
  balance: bigint | undefined,
  amount: bigint | undefined,
): EngineResult {
  if (fields.PublicKey === undefined || balance === undefined) return 'temMALFORMED'
  const publicKey = fields.PublicKey as string
  if (!ChannelClaim.isPublicKey(publicKey)) return 'temMALFORMED'
  const claim = { channel: fields.Channel as string, drops: amount ?? balance }
  return ChannelClaim.isSigned(claim, fields.Signature as string, publicKey) ? 'tesSUCCESS' : 'temBAD_SIGNATURE'
}

function refusalOf({ view, transaction: { fields } }: ApplyContext, channel: PayChannel): EngineResult | undefined {
  if (fields.Account === channel.Destination && fields.Signature === undefined) return 'temBAD_SIGNATURE'
  if (fields.Signature !== undefined && fields.PublicKey !== channel.PublicKey) return 'temBAD_SIGNER'
  const balance = dropsOf(fields.Balance)!
  if (balance > BigInt(channel.Amount) || balance <= BigInt(channel.Balance)) return 'tecUNFUNDED_PAYMENT'
  const target = view.account(channel.Destination)
  if (target === undefined) return 'tecNO_DST'
  if (hasFlag(target, accountFlags.depositAuth) && fields.Account !== channel.Destination) return 'tecNO_PERMISSION'
  return undefined
}
