/**
 * The key of an account. A seed comes from a file or from the environment, never from an argument, which every user of
 * the machine can read; it stays in here and appears in no error.
 */
import { readFile } from 'node:fs/promises'
import { MillstreamError } from '@millstream/units'
import { type ECDSA, type Transaction, Wallet } from 'xrpl'
import type { JsonObject } from './internal/json.js'

export interface Signer {
  /** Classic address: `r…`. */
  readonly address: string
  /** @returns Upper-case hexadecimal. */
  sign(transaction: JsonObject): { readonly blob: string; readonly hash: string }
}

/**
 * Seeds that begin with `sEd` are of ed25519, others of secp256k1.
 *
 * @throws {SeedError} Not a seed.
 */
export function signerFromSeed(seed: string): Signer {
  let wallet: Wallet
  try {
    const text = seed.trim()
    // The client would take every seed for one of ed25519, and sign for an account that nobody has.
    const algorithm = text.startsWith('sEd') ? 'ed25519' : 'ecdsa-secp256k1'
    // Node does not find the names of `ECDSA` in a CommonJS module.
    wallet = Wallet.fromSeed(text, { algorithm: algorithm as ECDSA })
  } catch {
    throw new SeedError('The seed is none of the XRP Ledger: those begin with "s" and have a check sum.')
  }
  return signerFromWallet(wallet)
}

export function signerFromWallet(wallet: Wallet): Signer {
  return {
    address: wallet.classicAddress,
    sign(transaction) {
      try {
        const { tx_blob: blob, hash } = wallet.sign(transaction as unknown as Transaction)
        return { blob, hash }
      } catch {
        // What the client throws quotes the transaction.
        throw new SignError(String(transaction.TransactionType))
      }
    },
  }
}

/**
 * Reads a seed: the first line of a file, or a variable of the environment.
 *
 * @throws {SeedError} There is none.
 */
export async function readSeed(
  from: { readonly file: string } | { readonly variable: string; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  if ('variable' in from) {
    const seed = (from.env ?? process.env)[from.variable]?.trim()
    if (!seed)
      throw new SeedError(`The variable ${from.variable} is not set: it shall hold the seed of an XRP account.`)
    return seed
  }
  let text: string
  try {
    text = await readFile(from.file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'error'
    throw new SeedError(`The seed file ${from.file} cannot be read (${reason}).`)
  }
  const seed = text.split('\n', 1)[0]!.trim()
  if (seed === '') throw new SeedError(`The seed file ${from.file} is empty: its first line shall be the seed.`)
  return seed
}

export class SeedError extends MillstreamError {
  override readonly name = 'Signer.SeedError'
  readonly code = 'XRP_SEED'
}

export class SignError extends MillstreamError {
  override readonly name = 'Signer.SignError'
  readonly code = 'XRP_SIGN'
  constructor(type: string) {
    super(`A transaction (${type}) cannot be signed: one of its fields is malformed. Nothing was sent.`)
  }
}
