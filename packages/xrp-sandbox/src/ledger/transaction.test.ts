import fc from 'fast-check'
import { encode } from 'ripple-binary-codec'
import { describe, expect, it } from 'vitest'
import { hashes, Wallet } from 'xrpl'
import * as Transaction from './transaction.js'

const wallets = [
  Wallet.generate(),
  Wallet.fromSeed('snoPBrXtMeMyMHUVTgbuqAfg1SUTb', { algorithm: 'ecdsa-secp256k1' as never }),
]
const hex = (bytes: number) => 'AB'.repeat(bytes)

function payment(fields: object = {}) {
  return {
    TransactionType: 'Payment' as const,
    Destination: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW',
    Amount: '7',
    Fee: '10',
    Sequence: 1,
    ...fields,
  }
}

function exceptionOf(blob: string): string {
  try {
    Transaction.parse(blob)
  } catch (error) {
    if (error instanceof Transaction.InvalidTransactionError) return error.exception
    throw error
  }
  return 'none'
}

describe('a transaction', () => {
  it('is known by the hash that the official client gives it, and by who signed it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...wallets), fc.nat(), fc.uint8Array({ maxLength: 600 }), (wallet, tag, data) => {
        const memo = { Memo: { MemoType: '74', MemoData: Buffer.from(data).toString('hex').toUpperCase() } }
        const Memos = data.length === 0 ? {} : { Memos: [memo] }
        const fields = payment({ Account: wallet.address, DestinationTag: tag % 2 ** 32, ...Memos })
        const { tx_blob, hash } = wallet.sign(fields as never)
        expect(Transaction.parse(tx_blob)).toMatchObject({ hash, blob: tx_blob, signer: wallet.address })
        expect(hashes.hashSignedTx(tx_blob)).toBe(hash)
      }),
      { numRuns: 40 },
    )
  })

  it('has memos of 1,024 octets at most', () => {
    const [wallet] = wallets
    const withData = (bytes: number) => {
      const Memos = [{ Memo: { MemoData: hex(bytes) } }]
      const memos = (encode({ Memos }).length - 2) / 2
      return { memos, blob: wallet!.sign(payment({ Account: wallet!.address, Memos }) as never).tx_blob }
    }
    const full = withData(1_018)
    expect(full.memos).toBe(1_024)
    expect(exceptionOf(full.blob)).toBe('none')
    expect(exceptionOf(withData(1_019).blob)).toBe('fails local checks: The memo exceeds the maximum allowed size.')
  })

  it('says in its memos what kind they are in characters of URLs', () => {
    const [wallet] = wallets
    const sent = payment({ Account: wallet!.address, Memos: [{ Memo: { MemoType: '20', MemoData: 'AB' } }] })
    expect(exceptionOf(wallet!.sign(sent as never).tx_blob)).toContain('RFC 3986')
  })

  it('is none without its fields, with others, or with a signature of nobody', () => {
    const base = {
      ...payment({ Account: wallets[0]!.address }),
      SigningPubKey: wallets[0]!.publicKey,
      TxnSignature: 'AB',
    }
    expect(exceptionOf(encode(base))).toBe('fails local checks: Invalid signature.')
    expect(exceptionOf(encode({ ...base, TxnSignature: hex(300) }))).toBe('fails local checks: Invalid signature.')
    const { Destination: _, ...without } = base
    expect(exceptionOf(encode(without))).toBe("Field 'Destination' is required but missing.")
    expect(exceptionOf(encode({ ...base, Owner: base.Destination }))).toBe(
      "Field 'Owner' found in disallowed location.",
    )
  })

  it('is read from whatever octets, or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 200 }), (octets) => {
        expect(exceptionOf(Buffer.from(octets).toString('hex'))).not.toBe('none')
      }),
    )
  })
})
