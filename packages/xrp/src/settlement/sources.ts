/**
 * Addresses from which an account was funded: the only ones to which it can withdraw. A source tag belongs to its
 * address, since an address of an exchange is that of many. Anybody may fund an account from there: with two tags nobody
 * can tell which one is the customer's.
 */
import type { Batch } from '../internal/batch.js'
import type { SettlementContext } from './context.js'

export interface Source {
  readonly address: string
  readonly tag: number | undefined
}

export interface Sources {
  restore(entries: ReadonlyMap<string, string>): void
  add(name: string, source: Source, drops: bigint, batch: Batch): void
  /** Addresses, the one that brought most first. */
  of(name: string): readonly Source[]
  /** That address with each source tag under which money came from it. */
  at(name: string, address: string): readonly Source[]
}

interface Proved extends Source {
  drops: bigint
}

type Kept = readonly [address: string, tag: number | null, drops: string]

const keyPrefix = 'source/'

export function createSources(context: Pick<SettlementContext, 'limits'>): Sources {
  const { limits } = context
  const accounts = new Map<string, Proved[]>()

  return {
    restore(entries) {
      for (const [key, text] of entries) {
        if (!key.startsWith(keyPrefix)) continue
        const kept = JSON.parse(text) as readonly Kept[]
        const sources = kept.map(([address, tag, drops]) => ({ address, tag: tag ?? undefined, drops: BigInt(drops) }))
        accounts.set(key.slice(keyPrefix.length), sources)
      }
    },
    add(name, { address, tag }, drops, batch) {
      const sources = accounts.get(name) ?? []
      accounts.set(name, sources)
      const known = sources.find((one) => one.address === address && one.tag === tag)
      if (known === undefined) sources.push({ address, tag, drops })
      else known.drops += drops
      sources.sort((a, b) => (a.drops < b.drops ? 1 : a.drops > b.drops ? -1 : 0))
      sources.splice(limits.sourcesPerAccountMax)
      const kept: Kept[] = sources.map((one) => [one.address, one.tag ?? null, String(one.drops)])
      batch.put(keyPrefix + name, kept)
    },
    of: (name) => accounts.get(name) ?? [],
    at: (name, address) => (accounts.get(name) ?? []).filter((one) => one.address === address),
  }
}
