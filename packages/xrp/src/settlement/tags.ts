/**
 * Destination tags that stand for accounts: 32 bits are too few for a name. A tag is given once in the life of a shop,
 * and tags lie far apart, so that a mistyped one is nobody's.
 */
import type { Batch } from '../internal/batch.js'
import type { SettlementContext } from './context.js'

export interface Tags {
  restore(entries: ReadonlyMap<string, string>): void
  /** The tag of an account, given now if it has none; `undefined` when too many were given and not used. */
  give(name: string, batch: Batch): number | undefined
  nameOf(tag: number): string | undefined
  /** A deposit came to it: it is kept for good. */
  used(tag: number, batch: Batch): void
}

interface Tag {
  readonly name: string
  readonly givenAt: number
  isUsed: boolean
}

const keyPrefix = 'tag/'
const countKey = 'tags'
/** Odd, so that all counts up to 2^32 give different tags: 2^32 divided by the golden ratio. */
const stride = 0x9e37_79b1

export function createTags(context: Pick<SettlementContext, 'limits' | 'clock'>): Tags {
  const { limits, clock } = context
  const tags = new Map<number, Tag>()
  const byName = new Map<string, number>()
  /** Those without a deposit, oldest first. */
  const unused = new Set<number>()
  let count = 0

  return {
    restore(entries) {
      count = Number(JSON.parse(entries.get(countKey) ?? '0'))
      const kept: [number, Tag][] = []
      for (const [key, text] of entries) {
        if (key.startsWith(keyPrefix)) kept.push([Number(key.slice(keyPrefix.length)), JSON.parse(text) as Tag])
      }
      for (const [number, tag] of kept.sort((a, b) => a[1].givenAt - b[1].givenAt)) enter(number, tag)
    },
    give(name, batch) {
      const known = byName.get(name)
      if (known !== undefined) return known
      if (unused.size >= limits.tagsUnusedMax && !forgetOldest(batch)) return undefined
      count++
      const number = Math.imul(count, stride) >>> 0
      const tag = { name, givenAt: clock(), isUsed: false }
      enter(number, tag)
      batch.put(countKey, count)
      batch.put(keyPrefix + number, tag)
      return number
    },
    nameOf: (number) => tags.get(number)?.name,
    used(number, batch) {
      const tag = tags.get(number)
      if (tag === undefined || tag.isUsed) return
      tag.isUsed = true
      unused.delete(number)
      batch.put(keyPrefix + number, tag)
    },
  }

  function enter(number: number, tag: Tag): void {
    tags.set(number, tag)
    byName.set(tag.name, number)
    if (!tag.isUsed) unused.add(number)
  }

  function forgetOldest(batch: Batch): boolean {
    for (const number of unused) {
      const tag = tags.get(number)!
      if (clock() - tag.givenAt < limits.tagUnusedMsMin) return false
      tags.delete(number)
      byName.delete(tag.name)
      unused.delete(number)
      batch.remove(keyPrefix + number)
      return true
    }
    return false
  }
}
