/**
 * The order in which the transactions of a ledger are applied: by account, mixed with a hash of the whole set so that
 * nobody can choose a place, then by sequence, then by hash. It is not the order in which they came in.
 */
import { decodeAccountID } from 'ripple-address-codec'
import { toHex } from './hash.js'
import { RadixTree } from './state-tree.js'
import type { Transaction } from './transaction.js'

export function canonical(transactions: readonly Transaction[]): Transaction[] {
  const salt = saltOf(transactions)
  const keyed = transactions.map((transaction) => ({ transaction, key: keyOf(transaction.fields.Account, salt) }))
  keyed.sort((a, b) => {
    if (a.key !== b.key) return a.key < b.key ? -1 : 1
    const difference = a.transaction.fields.Sequence - b.transaction.fields.Sequence
    if (difference !== 0) return difference
    return a.transaction.hash < b.transaction.hash ? -1 : 1
  })
  return keyed.map(({ transaction }) => transaction)
}

/** The root of the tree over the transactions of the set, each its own leaf. */
function saltOf(transactions: readonly Transaction[]): Buffer {
  let set = RadixTree.empty<undefined>((key) => Buffer.from(key, 'hex'))
  for (const { hash } of transactions) set = set.set(hash, undefined)
  return set.hash()
}

function keyOf(address: string, salt: Buffer): string {
  const key = Buffer.from(salt)
  decodeAccountID(address).forEach((byte, at) => {
    key[at] = key[at]! ^ byte
  })
  return toHex(key)
}
