import { Base64Url, type Hashes } from '@millstream/units'

const textEncoder = new TextEncoder()
const label = 'millstream account'
const nameBytes = 16

/**
 * The name of the account that credentials open at a host: the first 16 bytes of
 * SHA-256(`millstream account` 0 username 0 token) as base64url, 22 characters. A hash, so that nobody can take a name
 * without its token; known to the payer too, so that it can tell an operator which account to fund.
 *
 * @param username - Without NUL, and so is `token`: hosts refuse such credentials, or two pairs could share a name.
 * @example
 * accountName(hashes, 'alice', 's3cret') // 22 characters of A-Z a-z 0-9 - _
 */
export function accountName(hashes: Hashes, username: string, token: string): string {
  const hash = hashes.sha256(textEncoder.encode(`${label}\0${username}\0${token}`))
  return Base64Url.fromBytes(hash.subarray(0, nameBytes))
}
