/** `--keep`: removes old records now and then, in the background, and leaves most of the time to payments. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Cursor, Store } from '@millstream/ledger'
import { Instant } from '@millstream/units'
import type { Logger } from './logs.js'
import * as Suspense from './suspense.js'

export interface RetentionOptions {
  readonly store: Store
  /** How long records are kept after they have ended, in milliseconds. */
  readonly keepMs: number
  readonly clock: Instant.Clock
  readonly logger: Logger
  readonly readers: () => readonly Cursor[]
}

export interface Retention {
  close(): Promise<void>
}

/** Each look for old records proves the books first, so it is not done oftener than there is reason to. */
const [everyMsMin, everyMsMax] = [1_000, 86_400_000]
/** A shop that has just started has other things to do. */
const firstAfterMsMax = 60_000
/** Pauses are this many times as long as the work before them. */
const pausesPerWork = 4

export function start({ store, keepMs, clock, logger, readers }: RetentionOptions): Retention {
  const ended = new AbortController()
  const { signal } = ended
  const everyMs = Math.min(everyMsMax, Math.max(everyMsMin, Math.floor(keepMs / 10)))
  const running = run().catch((error: unknown) => {
    if (!signal.aborted) logger.error({ error }, 'cli.prune_failed')
  })

  async function run(): Promise<void> {
    await delay(Math.min(everyMs, firstAfterMsMax), undefined, { signal })
    for (;;) {
      await prune()
      await delay(everyMs, undefined, { signal })
    }
  }

  async function prune(): Promise<void> {
    try {
      const before = Instant.after(clock(), -keepMs)
      const suspended = await Suspense.reader(store)
      const all = [...readers(), ...(suspended === undefined ? [] : [suspended])]
      const { records, history } = await store.prune({ before, readers: all, pause: paused(signal) })
      if (records > 0) logger.info({ records, after: history.after }, 'cli.pruned')
    } catch (error) {
      if (signal.aborted) throw error
      // What is wrong stays so until somebody looks; payments are not affected, and the next time may be another.
      logger.error({ error }, 'cli.prune_failed')
    }
  }

  return {
    async close() {
      ended.abort()
      await running
    },
  }
}

/** @returns Leaves most of the time to others; throws once the signal says so. */
export function paused(signal?: AbortSignal): (workedMs: number) => Promise<void> {
  return (workedMs) => delay(pausesPerWork * workedMs, undefined, signal === undefined ? {} : { signal })
}
