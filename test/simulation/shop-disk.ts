/**
 * The disk of the shop: the journal of its ledger, and the records of its streams. Batches and records are whole or not
 * there, but for the batch at the end of the journal that a crash cut short.
 */
import type { Journal } from '@millstream/ledger'
import type { StreamRecord, StreamStore } from '@millstream/shop'
import { Disk, type DiskOptions } from './disk.js'
import type { Process } from './process.js'

export interface ShopDiskOptions extends DiskOptions {
  /** A batch would survive a crash from now on. */
  readonly batchWritten: (batch: Uint8Array) => void
  readonly recordWritten: (record: StreamRecord) => void
}

export class ShopDisk extends Disk {
  readonly batches: Uint8Array[] = []
  readonly records = new Map<string, StreamRecord>()
  private readonly written: ShopDiskOptions

  constructor(options: ShopDiskOptions) {
    super(options)
    this.written = options
  }

  journal(process: Process): Journal.Journal {
    const { batches, written } = this
    return {
      append: (batch) =>
        this.perform(process, {
          words: `a batch of ${batch.length} bytes`,
          commit() {
            batches.push(batch)
            written.batchWritten(batch)
          },
          tear: (random) => void batches.push(batch.slice(0, random.below(batch.length))),
        }),
      batches: () => batches.filter((batch) => batch.length > 0),
    }
  }

  streams(process: Process): StreamStore {
    const { records, written } = this
    // Writes of one record take effect in their order.
    const last = new Map<string, Promise<void>>()
    const inOrder = (userId: string, write: () => Promise<void>): Promise<void> => {
      const done = (last.get(userId) ?? Promise.resolve()).then(write, write)
      last.set(userId, done)
      done.catch(() => {})
      return done
    }
    return {
      put: (record) => {
        const copy: StreamRecord = { ...record, numbers: record.numbers.slice() }
        return inOrder(record.userId, () =>
          this.perform(process, {
            words: `the record of stream ${short(record.userId)} (${record.pieces} pieces up to ${record.cursor})`,
            commit() {
              records.set(copy.userId, copy)
              written.recordWritten(copy)
            },
          }),
        )
      },
      get: async (userId) => records.get(userId),
      async *all() {
        for (const record of [...records.values()]) yield { ...record, numbers: record.numbers.slice() }
      },
      delete: (userId) =>
        inOrder(userId, () =>
          this.perform(process, {
            words: `the end of the record of stream ${short(userId)}`,
            commit: () => void records.delete(userId),
          }),
        ),
    }
  }
}

/** Enough of an id to tell it from the others. */
export function short(id: string): string {
  return id.slice(0, 6)
}
