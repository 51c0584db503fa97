/**
 * How movements of the ledger name what happened on the XRP Ledger: each reference counts once, which is what makes
 * every step here safe to do again.
 *
 * | reference                      | movement                                                        |
 * | ------------------------------ | --------------------------------------------------------------- |
 * | `xrp HASH`                     | deposit: the payment of this hash                               |
 * | `xrp claim CHANNEL DROPS`      | deposit: a claim that raised the total of the channel to DROPS  |
 * | `xrp withdrawal ACCOUNT ID`    | withdrawal: XRP that is paid out                                |
 * | `xrp return ACCOUNT ID`        | deposit: the same, which was never paid                         |
 * | `moved xrp HASH`               | from suspense to its owner: a withdrawal and a deposit          |
 */

export function ofDeposit(hash: string): string {
  return `xrp ${hash}`
}

export function ofClaim(channel: string, drops: bigint): string {
  return `xrp claim ${channel} ${drops}`
}

export function ofWithdrawal(account: string, id: string): string {
  return `xrp withdrawal ${account} ${id}`
}

export function ofReturn(account: string, id: string): string {
  return `xrp return ${account} ${id}`
}

/** What a reference names; `undefined` for movements that are none of ours. */
export function parse(
  reference: string,
):
  | { readonly kind: 'deposit'; readonly hash: string }
  | { readonly kind: 'claim'; readonly channel: string; readonly drops: bigint }
  | { readonly kind: 'withdrawal' | 'return'; readonly key: string }
  | undefined {
  const [first, second = '', third = '', fourth = ''] = reference.split(' ')
  if (first !== 'xrp') return undefined
  if (second === 'claim') return { kind: 'claim', channel: third, drops: BigInt(fourth) }
  if (second === 'withdrawal' || second === 'return') return { kind: second, key: `${third} ${fourth}` }
  return { kind: 'deposit', hash: second }
}
