/**
 * Streams that other shops of a fleet serve or served: found in the stream store that all share, when somebody pays for
 * one here. Nothing is sold for them here. A late payment is told what the shop that opened the stream would tell it: its
 * number was used, the content has ended, its reader has left.
 *
 * Streams of shops that have died are ended by whoever finds them: their readers went with the process. Payments that
 * their feed has and their records lack are folded in first.
 */
import type { Plugin } from '@millstream/plugin'
import type { Instant } from '@millstream/units'
import { refusalOfGone } from './gone-streams.js'
import { type Keyring, keyIdOf } from './keyring.js'
import type { ShopLimits } from './limits.js'
import * as Refusal from './refusal.js'
import { ended } from './restore.js'
import { foldOwn } from './stream-fold.js'
import type { StreamRecord, StreamStore } from './stream-store.js'

export interface Elsewhere {
  /**
   * Finds out about a stream of this user id. `undefined` when there is nothing to wait for: it was looked for a moment
   * ago, it can be none of ours, or too many are looked for. Never rejects.
   */
  lookFor(userId: string): Promise<void> | undefined
  /** Why a payment of `source` with this number is refused, as far as was found out. */
  refusal(userId: string, source: string, number: number): Refusal.Refusal
  /** Writes down the end of streams whose shop has died, and tells their records. */
  endAbandoned(): Promise<readonly StreamRecord[]>
  /** Forgets what is old. */
  sweep(): void
}

export interface ElsewhereContext {
  readonly streams: StreamStore
  readonly plugin: Plugin
  readonly account: string
  readonly keyring: Keyring
  readonly clock: Instant.Clock
  readonly limits: ShopLimits
  readonly failed: (error: unknown) => void
}

interface Known {
  /** `unavailable`: the store did not answer. */
  readonly record: StreamRecord | undefined | 'unavailable'
  readonly until: number
}

/**
 * The stream of a user id as it is now: its record, and folded into it what was posted since, so that every number that
 * was used counts as used and every paid piece is counted.
 *
 * @returns `undefined` when there is no such record.
 */
export async function loadStream(
  streams: StreamStore,
  plugin: Plugin,
  account: string,
  userId: string,
): Promise<StreamRecord | undefined> {
  const record = await streams.get(userId)
  return record === undefined ? undefined : foldOwn(record, plugin, account)
}

export function createElsewhere(context: ElsewhereContext): Elsewhere {
  const { streams, plugin, account, keyring, clock, limits, failed } = context
  const known = new Map<string, Known>()
  const looking = new Map<string, Promise<void>>()
  let second = 0
  let looks = 0

  return {
    lookFor(userId) {
      if (recent(userId) !== undefined) return undefined
      const under = looking.get(userId)
      if (under !== undefined) return under
      if (!isOurs(userId) || !mayLook()) return undefined
      const look = find(userId).finally(() => looking.delete(userId))
      looking.set(userId, look)
      return look
    },

    refusal(userId, source, number) {
      if (!isOurs(userId)) return Refusal.unknownStream
      const found = recent(userId)
      if (found === undefined || found.record === 'unavailable') return Refusal.notLookedFor
      const { record } = found
      if (record === undefined) return Refusal.unknownStream
      const { owner, ending } = record
      return refusalOfGone({ owner, numbers: record, end: ending ?? 'elsewhere' }, source, number)
    },

    async endAbandoned() {
      const records: StreamRecord[] = []
      for await (const record of streams.abandoned!()) {
        const whole = ended(await foldOwn(record, plugin, account), clock())
        await streams.put(whole)
        known.delete(record.userId)
        records.push(whole)
      }
      return records
    },

    sweep() {
      const now = clock()
      for (const [userId, { until }] of known) if (until <= now) known.delete(userId)
    },
  }

  /** None else has a secret here, so nobody can have been asked to pay for it. */
  function isOurs(userId: string): boolean {
    const kid = keyIdOf(userId)
    return kid !== undefined && keyring.has(kid)
  }

  function recent(userId: string): Known | undefined {
    const found = known.get(userId)
    return found !== undefined && found.until > clock() ? found : undefined
  }

  function mayLook(): boolean {
    const now = Math.floor(clock() / 1000)
    if (now !== second) {
      second = now
      looks = 0
    }
    if (looking.size >= limits.lookingMax || looks >= limits.looksPerSecond) return false
    looks++
    return true
  }

  async function find(userId: string): Promise<void> {
    const shortly = () => clock() + limits.elsewhereMs
    try {
      const record = await loadStream(streams, plugin, account, userId)
      if (record?.endedAt === undefined) remember(userId, { record, until: shortly() })
      else {
        const until = record.endedAt + limits.rememberedMs
        // What ended long ago is forgotten everywhere.
        remember(userId, until > clock() ? { record, until } : { record: undefined, until: shortly() })
      }
    } catch (error) {
      failed(error)
      remember(userId, { record: 'unavailable', until: shortly() })
    }
  }

  function remember(userId: string, found: Known): void {
    known.delete(userId)
    known.set(userId, found)
    if (known.size > limits.elsewhereMax) known.delete(known.keys().next().value!)
  }
}
