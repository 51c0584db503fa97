/** AccountDelete: an account without obligations goes, and what it had goes to another. */
import { accountFlags, accountIndex, hasFlag } from '../ledger/entry.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import { credited, type Transactor } from './transactor.js'

/** An account may go this many ledgers after its last sequence number at the earliest. */
const ledgersMin = 255

export const accountDelete: Transactor = {
  fee: (_fields, fees) => fees.reserveIncrement,

  preflight(fields) {
    return fields.Account === fields.Destination ? 'temDST_IS_SRC' : 'tesSUCCESS'
  },

  preclaim({ view, fields, ledger }) {
    const target = view.account(fields.Destination as string)
    if (target === undefined) return 'tecNO_DST'
    if (hasFlag(target, accountFlags.requireDestTag) && fields.DestinationTag === undefined) return 'tecDST_TAG_NEEDED'
    if (hasFlag(target, accountFlags.depositAuth)) return 'tecNO_PERMISSION'
    const account = view.account(fields.Account)
    if (account === undefined) return 'terNO_ACCOUNT'
    if (account.Sequence + ledgersMin > ledger.index) return 'tecTOO_SOON'
    // Escrows and channels are obligations on both sides; the sandbox has no objects that go with their account.
    for (const _ of OwnerDirectory.entries(view, fields.Account)) return 'tecHAS_OBLIGATIONS'
    return 'tesSUCCESS'
  },

  apply({ view, transaction: { fields }, deliver }) {
    const account = view.account(fields.Account)!
    const rest = BigInt(account.Balance)
    const target = view.account(fields.Destination as string)!
    view.writeAccount({ ...credited(target, rest), Flags: (target.Flags & ~accountFlags.passwordSpent) >>> 0 })
    view.writeAccount({ ...account, Balance: '0' })
    OwnerDirectory.eraseEmpty(view, fields.Account)
    view.erase(accountIndex(fields.Account))
    deliver(rest)
    return 'tesSUCCESS'
  },
}
