/** PaymentChannelFund: the source puts more in, and may set when the channel ends. */
import * as ChannelEntry from './channel-entry.js'
import { credited, dropsOf, reserveOf, type Transactor } from './transactor.js'

export const channelFund: Transactor = {
  preflight(fields) {
    const amount = dropsOf(fields.Amount)
    return amount === undefined || amount <= 0n ? 'temBAD_AMOUNT' : 'tesSUCCESS'
  },

  apply({ view, transaction: { fields }, ledger }) {
    const index = fields.Channel as string
    const channel = view.channel(index)
    if (channel === undefined) return 'tecNO_ENTRY'
    if (ChannelEntry.isExpired(channel, ledger.parentCloseTime)) {
      ChannelEntry.close(view, index, channel)
      return 'tesSUCCESS'
    }
    if (channel.Account !== fields.Account) return 'tecNO_PERMISSION'
    const expiration = fields.Expiration as number | undefined
    if (expiration !== undefined) {
      const earliest = Math.min(ledger.parentCloseTime + channel.SettleDelay, channel.Expiration ?? Infinity)
      if (expiration < earliest) return 'temBAD_EXPIRATION'
    }
    const amount = dropsOf(fields.Amount)!
    const source = view.account(fields.Account)!
    const reserve = reserveOf(ledger.fees, source.OwnerCount)
    if (BigInt(source.Balance) < reserve) return 'tecINSUFFICIENT_RESERVE'
    if (BigInt(source.Balance) < reserve + amount) return 'tecUNFUNDED'
    if (view.account(channel.Destination) === undefined) return 'tecNO_DST'
    view.write(index, {
      ...channel,
      Amount: String(BigInt(channel.Amount) + amount),
      ...(expiration === undefined ? {} : { Expiration: expiration }),
    })
    view.writeAccount(credited(source, -amount))
    return 'tesSUCCESS'
  },
}
