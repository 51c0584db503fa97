/** Payment of XRP, which creates its destination where there is none. Of tokens the sandbox knows nothing. */
import { accountFlags, hasFlag } from '../ledger/entry.js'
import { credited, dropsOf, reserveOf, type Transactor } from './transactor.js'

const tfNoRippleDirect = 0x0001_0000
const tfPartialPayment = 0x0002_0000
const tfLimitQuality = 0x0004_0000

export const payment: Transactor = {
  flags: tfNoRippleDirect | tfPartialPayment | tfLimitQuality,

  preflight(fields) {
    const flags = fields.Flags ?? 0
    const amount = dropsOf(fields.Amount)
    if (amount === undefined) return 'tesSUCCESS'
    if (amount <= 0n) return 'temBAD_AMOUNT'
    if (fields.Account === fields.Destination && fields.Paths === undefined) return 'temREDUNDANT'
    if (fields.SendMax !== undefined) return 'temBAD_SEND_XRP_MAX'
    if (fields.Paths !== undefined) return 'temBAD_SEND_XRP_PATHS'
    if ((flags & tfPartialPayment) !== 0) return 'temBAD_SEND_XRP_PARTIAL'
    if ((flags & tfLimitQuality) !== 0) return 'temBAD_SEND_XRP_LIMIT'
    if ((flags & tfNoRippleDirect) !== 0) return 'temBAD_SEND_XRP_NO_DIRECT'
    if (fields.DeliverMin !== undefined) return 'temBAD_AMOUNT'
    return 'tesSUCCESS'
  },

  preclaim({ view, fields, ledger }) {
    const amount = dropsOf(fields.Amount)
    const target = view.account(fields.Destination as string)
    if (target === undefined) {
      if (amount === undefined) return 'tecNO_DST'
      return amount < ledger.fees.reserveBase ? 'tecNO_DST_INSUF_XRP' : 'tesSUCCESS'
    }
    if (hasFlag(target, accountFlags.requireDestTag) && fields.DestinationTag === undefined) return 'tecDST_TAG_NEEDED'
    return amount === undefined ? 'tecPATH_DRY' : 'tesSUCCESS'
  },

  apply({ view, transaction: { fields }, ledger, before }) {
    const amount = dropsOf(fields.Amount)!
    const fee = BigInt(fields.Fee)
    const reserve = reserveOf(ledger.fees, before.OwnerCount)
    // The fee may come out of the reserve, but not out of what is paid.
    if (BigInt(before.Balance) < amount + (reserve > fee ? reserve : fee)) return 'tecUNFUNDED_PAYMENT'
    const destination = fields.Destination as string
    const target = view.account(destination)
    if (target === undefined) {
      view.writeAccount({
        LedgerEntryType: 'AccountRoot',
        Account: destination,
        Balance: String(amount),
        Flags: 0,
        OwnerCount: 0,
        Sequence: ledger.index,
      })
    } else {
      // So that an account with deposit authorization cannot be locked out by falling below its reserve.
      const rescue = BigInt(target.Balance) <= ledger.fees.reserveBase && amount <= ledger.fees.reserveBase
      if (hasFlag(target, accountFlags.depositAuth) && !rescue) return 'tecNO_PERMISSION'
      view.writeAccount({ ...credited(target, amount), Flags: (target.Flags & ~accountFlags.passwordSpent) >>> 0 })
    }
    view.writeAccount(credited(view.account(fields.Account)!, -amount))
    return 'tesSUCCESS'
  },
}
