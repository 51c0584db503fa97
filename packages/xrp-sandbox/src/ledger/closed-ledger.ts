/** A ledger that is closed and validated, and its hash. */
import { encode } from 'ripple-binary-codec'
import { prefixes, sha512Half, toHex } from './hash.js'
import type { Metadata } from './metadata.js'
import { closeTimeResolution } from './ripple-time.js'
import { RadixTree, type StateTree } from './state-tree.js'
import type { Transaction } from './transaction.js'

export interface ValidatedTransaction {
  readonly transaction: Transaction
  readonly metadata: Metadata
  /** Who is told of it. */
  readonly accounts: ReadonlySet<string>
}

export interface ClosedLedger {
  readonly index: number
  readonly hash: string
  readonly parentHash: string
  readonly accountHash: string
  readonly transactionHash: string
  readonly closeTime: number
  readonly parentCloseTime: number
  /** Drops. Fees are destroyed. */
  readonly totalCoins: bigint
  readonly state: StateTree
  /** In the order in which they were applied. */
  readonly transactions: readonly ValidatedTransaction[]
}

export function create(content: Omit<ClosedLedger, 'hash' | 'accountHash' | 'transactionHash'>): ClosedLedger {
  const accountHash = content.state.hash()
  const transactionHash = hashOfTransactions(content.transactions)
  const header = Buffer.alloc(4 + 8 + 32 * 3 + 4 + 4 + 1 + 1)
  header.writeUInt32BE(content.index, 0)
  header.writeBigUInt64BE(content.totalCoins, 4)
  header.write(content.parentHash, 12, 'hex')
  transactionHash.copy(header, 44)
  accountHash.copy(header, 76)
  header.writeUInt32BE(content.parentCloseTime, 108)
  header.writeUInt32BE(content.closeTime, 112)
  header.writeUInt8(closeTimeResolution, 116)
  return {
    ...content,
    hash: toHex(sha512Half(prefixes.ledger, header)),
    accountHash: toHex(accountHash),
    transactionHash: toHex(transactionHash),
  }
}

function hashOfTransactions(transactions: readonly ValidatedTransaction[]): Buffer {
  let tree = RadixTree.empty<ValidatedTransaction>((key, { transaction, metadata }) => {
    const blob = Buffer.from(transaction.blob, 'hex')
    const meta = Buffer.from(encode(metadata), 'hex')
    return sha512Half(
      prefixes.transactionWithMetadata,
      lengthPrefix(blob.length),
      blob,
      lengthPrefix(meta.length),
      meta,
      Buffer.from(key, 'hex'),
    )
  })
  for (const validated of transactions) tree = tree.set(validated.transaction.hash, validated)
  return tree.hash()
}

/** The length prefix of variable fields: one octet to 192, two to 12,480, else three. */
function lengthPrefix(length: number): Buffer {
  if (length <= 192) return Buffer.from([length])
  if (length <= 12_480) {
    const rest = length - 193
    return Buffer.from([193 + (rest >>> 8), rest & 0xff])
  }
  const rest = length - 12_481
  return Buffer.from([241 + (rest >>> 16), (rest >>> 8) & 0xff, rest & 0xff])
}
