import { createHash } from 'node:crypto'
import { hashes } from '@millstream/hashes'
import { describe, expect, it } from 'vitest'
import { accountName, mayHoldDeposits } from './account-name.js'

describe('account name', () => {
  it('is the first 16 bytes of the hash of label, user and token, as base64url', () => {
    const hash = createHash('sha256').update('millstream account\0alice\0a s3cret of 16 b.').digest()
    expect(accountName(hashes, 'alice', 'a s3cret of 16 b.')).toBe(hash.subarray(0, 16).toString('base64url'))
  })

  it('differs with the user, with the token, and with where one ends and the other begins', () => {
    const names = [
      accountName(hashes, 'alice', 's3cret'),
      accountName(hashes, 'alice', 's3cres'),
      accountName(hashes, 'alic', 'es3cret'),
      accountName(hashes, '', 'alices3cret'),
    ]
    expect(new Set(names).size).toBe(4)
  })

  it('is a segment of an ILP address, whatever the credentials are', () => {
    expect(accountName(hashes, 'Ærøskøbing', '🔑')).toMatch(/^~w[A-Za-z0-9_-]{22}$/)
    expect(accountName(hashes, 'Ærøskøbing', '🔑🔑🔑🔑')).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  it('is marked when the token is shorter than 16 bytes: such an account holds no deposits', () => {
    const [weak, strong] = [accountName(hashes, 'alice', 'x'.repeat(15)), accountName(hashes, 'alice', 'x'.repeat(16))]
    expect(weak).toMatch(/^~w[A-Za-z0-9_-]{22}$/)
    expect(strong).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect([weak, strong, '~p0-AAAAAAAA', 'alice'].map(mayHoldDeposits)).toEqual([false, true, false, true])
  })
})
