/**
 * The StreamStore: what must survive of a stream when the shop's process does not.
 *
 * The money is the ledger's: which numbers of a stream were used and how many pieces were paid are folds of the
 * ledger's feed. A record holds what the feed lacks (price, unit, resource, ETag), and a snapshot of the fold with the
 * place in the feed up to which it goes, so that a start replays only what came after. It is written before the first
 * fulfillment of its stream, now and then, and at the end of the stream: never once per payment.
 *
 * Implemented in memory here and in SQLite by `@millstream/ledger-sqlite`; both pass `@millstream/shop/testing`.
 */
import type { Cursor } from '@millstream/plugin'
import { type Instant, MillstreamError } from '@millstream/units'

/** How a stream ended. */
export type StreamEnding =
  /** All of the content was paid and went to the body. */
  | 'content_ended'
  /** The source of the content failed. */
  | 'source_failed'
  /** The reader went away before the end. */
  | 'reader_left'
  /** The reader stayed and stopped paying. */
  | 'idle'
  /** The shop closed, or its process died. */
  | 'shop_closed'

export interface StreamRecord {
  /** 22 characters of base64url: the key. */
  readonly userId: string
  /** Which of the shop's keys the secret of the stream is derived from: 0 to 255. */
  readonly kid: number
  /** Base units for one piece: 1 to 2^64 - 1. */
  readonly price: bigint
  /** What a piece is, as in `Pay-Terms`: `letter`, `bytes:1024`. */
  readonly unit: string
  /** What is read: a path and query, or what the program calls it. At most 2,048 characters. */
  readonly resource: string
  /** Strong validator of the resource, with its quotes. At most 256 characters. */
  readonly etag?: string
  readonly createdAt: Instant.Instant
  /**
   * Ledger address of the account that owns the stream: the first one that posted a payment to it. Before that, the one
   * that may be the first: what is posted to the stream after this record is posted by this account.
   */
  readonly owner?: string
  /** What was posted to the stream up to here is in `pieces`, `floor` and `numbers`. */
  readonly cursor: Cursor
  /** Pieces paid: 0 to 2^63 - 1. */
  readonly pieces: bigint
  /** Every payment number up to this one is used or will never be taken: 0 to 2^53 - 1. */
  readonly floor: number
  /**
   * The numbers above the floor that are used: bit `i & 7` of byte `i >> 3` stands for the number `floor + 1 + i`.
   * At most 2,048 bytes, without zero bytes at the end; empty when numbers came in order.
   */
  readonly numbers: Uint8Array
  /** Both are absent as long as the stream is open. */
  readonly endedAt?: Instant.Instant
  readonly ending?: StreamEnding
}

export interface StreamStore {
  /**
   * Writes a record, in place of the one of the same user id. Resolves when it would survive a crash. Puts and deletes
   * of one user id take effect in the order of the calls. The store keeps nothing of the object that it is given.
   */
  put(record: StreamRecord): Promise<void>
  get(userId: string): Promise<StreamRecord | undefined>
  /**
   * Every record, in no promised order. Records that are put or deleted while it runs may or may not be seen; all others
   * are seen exactly once.
   */
  all(): AsyncIterable<StreamRecord>
  /**
   * Present where several shops share the store: records of open streams whose shop has died. Each shop then serves its
   * own streams only, and finds those of others when somebody pays for one.
   */
  abandoned?(): AsyncIterable<StreamRecord>
  /** Forgets a record; nothing happens if there is none. Resolves when that would survive a crash. */
  delete(userId: string): Promise<void>
}

/**
 * A StreamStore in memory: for tests, and for shops whose ledger is in memory too, so that both are lost together.
 */
export function createMemoryStreamStore(): StreamStore {
  const records = new Map<string, StreamRecord>()
  return {
    async put(record) {
      if (records.size >= recordsMax && !records.has(record.userId)) throw new StreamStoreFullError()
      records.set(record.userId, copy(record))
    },
    async get(userId) {
      const record = records.get(userId)
      return record === undefined ? undefined : copy(record)
    },
    async *all() {
      for (const record of records.values()) yield copy(record)
    },
    async delete(userId) {
      records.delete(userId)
    },
  }
}

/** Records that the memory store holds: 2^20, some 300 MB. */
const recordsMax = 2 ** 20

function copy(record: StreamRecord): StreamRecord {
  return { ...record, numbers: record.numbers.slice() }
}

export class StreamStoreFullError extends MillstreamError {
  override readonly name = 'StreamStore.StreamStoreFullError'
  readonly code = 'STREAM_STORE_FULL'
  constructor() {
    super(`The store in memory holds ${recordsMax} streams and takes no more: use one on disk.`)
  }
}
