/** SetRegularKey: another key may sign for the account. With the master key it is free of charge once. */
import { accountFlags, hasFlag } from '../ledger/entry.js'
import type { Transactor } from './transactor.js'

export const setRegularKey: Transactor = {
  preflight(fields) {
    return fields.RegularKey === fields.Account ? 'temBAD_REGKEY' : 'tesSUCCESS'
  },

  apply({ view, transaction: { fields, signer } }) {
    const account = view.account(fields.Account)!
    const free = signer === fields.Account && !hasFlag(account, accountFlags.passwordSpent)
    const flags = free ? account.Flags | accountFlags.passwordSpent : account.Flags
    if (fields.RegularKey !== undefined) {
      view.writeAccount({ ...account, Flags: flags >>> 0, RegularKey: fields.RegularKey as string })
      return 'tesSUCCESS'
    }
    if (hasFlag(account, accountFlags.disableMaster)) return 'tecNO_ALTERNATIVE_KEY'
    const { RegularKey: _, ...rest } = account
    view.writeAccount({ ...rest, Flags: flags >>> 0 })
    return 'tesSUCCESS'
  },
}
