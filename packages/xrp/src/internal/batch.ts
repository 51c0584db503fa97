/**
 * Changes that become durable together, and what is done once they are.
 *
 * Whatever is committed while a write is under way goes into the next one: a hundred payments of one tick cost one
 * flush. Jobs run in the order in which their batches were committed. When a write fails nothing is done any more: what
 * the disk does not know must not be told, nor sent.
 */
import type { Posted } from '@millstream/plugin'
import type { XrpStore } from '../store.js'

export interface Batch {
  /** `value` is kept as JSON. */
  put(key: string, value: unknown): void
  remove(key: string): void
  post(posted: Posted): void
  /** Once everything of this batch is durable. */
  after(job: () => void): void
}

export interface Batches {
  /** Runs `work` with a new batch and commits it. */
  commit(work: (batch: Batch) => void): void
  /** Resolves when everything that was committed is durable and done. */
  settled(): Promise<void>
  /** What is committed from now on is neither written nor done. */
  stop(): void
}

export function createBatches(store: XrpStore, failed: (error: unknown) => void): Batches {
  let put = new Map<string, string>()
  let remove = new Set<string>()
  let posted: Posted[] = []
  let jobs: (() => void)[] = []
  let writing: Promise<void> | undefined
  let isBroken = false

  const batch: Batch = {
    put(key, value) {
      remove.delete(key)
      put.set(key, JSON.stringify(value))
    },
    remove(key) {
      put.delete(key)
      remove.add(key)
    },
    post: (one) => void posted.push(one),
    after: (job) => void jobs.push(job),
  }

  return {
    commit(work) {
      if (isBroken) return
      work(batch)
      writing ??= writeAll()
    },
    async settled() {
      await writing
    },
    stop() {
      isBroken = true
    },
  }

  async function writeAll(): Promise<void> {
    // What is committed in the same run of the event loop goes along.
    await Promise.resolve()
    while (!isBroken && (put.size > 0 || remove.size > 0 || posted.length > 0 || jobs.length > 0)) {
      const write = { put, remove: [...remove], posted }
      const done = jobs
      put = new Map()
      remove = new Set()
      posted = []
      jobs = []
      try {
        if (write.put.size > 0 || write.remove.length > 0 || write.posted.length > 0) await store.write(write)
      } catch (error) {
        isBroken = true
        failed(error)
        break
      }
      for (const job of done) job()
    }
    writing = undefined
  }
}
