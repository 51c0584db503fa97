import { Base64Url, type Hashes } from '@millstream/units'

const textEncoder = new TextEncoder()
const label = 'millstream account'
const nameBytes = 16
/** A token with fewer bytes of UTF-8 could be guessed. */
const strongTokenBytesMin = 16
const weakMark = '~w'

/**
 * The name of the account that credentials open at a host: the first 16 bytes of
 * SHA-256(`millstream account` 0 username 0 token) as base64url, 22 characters. A hash, so that nobody can take a name
 * without its token; known to the payer too, so that it can tell an operator which account to fund.
 *
 * With a token under 16 bytes `~w` stands before it: whoever guesses the token has the account, so it may be given
 * credit, but must not hold deposits (`mayHoldDeposits`). The name says so itself, because nobody but the customer knows
 * the token, and an operator funds accounts while their customers are away.
 *
 * @param username - Without NUL, and so is `token`: hosts refuse such credentials, or two pairs could share a name.
 * @example
 * accountName(hashes, 'alice', 'a token of sixteen bytes or more') // 22 characters of A-Z a-z 0-9 - _
 */
export function accountName(hashes: Hashes, username: string, token: string): string {
  const hash = hashes.sha256(textEncoder.encode(`${label}\0${username}\0${token}`))
  const mark = textEncoder.encode(token).length < strongTokenBytesMin ? weakMark : ''
  return mark + Base64Url.fromBytes(hash.subarray(0, nameBytes))
}

/** Whether value may be deposited to an account: not with a token that could be guessed, nor with none at all. */
export function mayHoldDeposits(name: string): boolean {
  return !name.startsWith('~')
}
