/** AccountSet, as far as it sets and clears flags and the domain of an account. */

import type { EngineResult } from '../ledger/engine-result.js'
import { type AccountRoot, accountFlags } from '../ledger/entry.js'
import { zero256 } from '../ledger/hash.js'
import type { Transactor } from './transactor.js'

const asfDisableMaster = 4
const asfAccountTxnId = 5

const flagOfAsf: { readonly [asf: number]: number } = {
  1: accountFlags.requireDestTag,
  2: accountFlags.requireAuth,
  3: accountFlags.disallowXrp,
  [asfDisableMaster]: accountFlags.disableMaster,
  6: accountFlags.noFreeze,
  7: accountFlags.globalFreeze,
  8: accountFlags.defaultRipple,
  9: accountFlags.depositAuth,
  12: accountFlags.disallowIncomingNftOffer,
  13: accountFlags.disallowIncomingCheck,
  14: accountFlags.disallowIncomingPayChan,
  15: accountFlags.disallowIncomingTrustline,
}

/** The older way: flags of the transaction, in pairs that set and clear. */
const pairs = [
  { set: 0x0001_0000, clear: 0x0002_0000, flag: accountFlags.requireDestTag },
  { set: 0x0004_0000, clear: 0x0008_0000, flag: accountFlags.requireAuth },
  { set: 0x0010_0000, clear: 0x0020_0000, flag: accountFlags.disallowXrp },
] as const

const domainBytesMax = 256

export const accountSet: Transactor = {
  flags: 0x003f_0000,

  preflight(fields) {
    const setFlag = (fields.SetFlag as number | undefined) ?? 0
    if (setFlag !== 0 && setFlag === fields.ClearFlag) return 'temINVALID_FLAG'
    const flags = fields.Flags ?? 0
    if (pairs.some(({ set, clear }) => (flags & set) !== 0 && (flags & clear) !== 0)) return 'temINVALID_FLAG'
    if (((fields.Domain as string | undefined)?.length ?? 0) / 2 > domainBytesMax) return 'telBAD_DOMAIN'
    return 'tesSUCCESS'
  },

  apply({ view, transaction }) {
    const { fields } = transaction
    const account = view.account(fields.Account)!
    const refused = refusalOf(account, fields.SetFlag as number | undefined, transaction.signer)
    if (refused !== undefined) return refused
    let flags = account.Flags
    for (const pair of pairs) {
      if (((fields.Flags ?? 0) & pair.set) !== 0) flags |= pair.flag
      if (((fields.Flags ?? 0) & pair.clear) !== 0) flags &= ~pair.flag
    }
    flags |= flagOfAsf[fields.SetFlag as number] ?? 0
    flags &= ~(flagOfAsf[fields.ClearFlag as number] ?? 0)
    let changed: AccountRoot = { ...account, Flags: flags >>> 0 }
    if (fields.SetFlag === asfAccountTxnId) changed = { ...changed, AccountTxnID: account.AccountTxnID ?? zero256 }
    if (fields.ClearFlag === asfAccountTxnId) changed = without(changed, 'AccountTxnID')
    if (fields.Domain === '') changed = without(changed, 'Domain')
    else if (fields.Domain !== undefined) changed = { ...changed, Domain: fields.Domain as string }
    view.writeAccount(changed)
    return 'tesSUCCESS'
  },
}

function refusalOf(
  account: AccountRoot,
  setFlag: number | undefined,
  signer: string | undefined,
): EngineResult | undefined {
  if (setFlag !== asfDisableMaster) return undefined
  if (signer !== account.Account) return 'tecNEED_MASTER_KEY'
  return account.RegularKey === undefined ? 'tecNO_ALTERNATIVE_KEY' : undefined
}

function without(account: AccountRoot, name: 'AccountTxnID' | 'Domain'): AccountRoot {
  const { [name]: _, ...rest } = account
  return rest
}
