/**
 * What a seed stands for: who takes part, how they are set, and what goes wrong when. A plan is data, so that a failure
 * can be told with less and less of it.
 */
import type { Unit } from './content.js'
import type { Death } from './disk.js'
import type { WriteFailure } from './process.js'
import { Random } from './random.js'

export interface Plan {
  readonly seed: number
  readonly shop: ShopPlan
  readonly payers: readonly PayerPlan[]
  readonly liars: readonly LiarPlan[]
  readonly network: { readonly latencyMs: number; readonly jitterMs: number }
  readonly writeMs: number
  /** Faults happen before this time; then everything is mended and must come to rest. */
  readonly mendMs: number
  readonly faults: readonly Fault[]
}

export interface ShopPlan {
  readonly unit: Unit
  readonly price: bigint
  readonly pieces: number
  /** The shop says how many pieces there are. */
  readonly tellsPieces: boolean
  readonly chunkBytesMax: number
  readonly chunkMs: number
  readonly sourceFailsAt: number | undefined
  /** What each stranger may owe, and all of them. */
  readonly creditEach: bigint
  readonly creditTotal: bigint
  /** Bytes of a body that may wait for a slow reader. */
  readonly roomBytes: number
  /** How long until the host does what has arrived, at most: more, and it comes in larger batches. */
  readonly tickMs: number
  readonly shopLie: ShopLie | undefined
  readonly hostLie: HostLie | undefined
}

/** A shop that is paid and does not deliver, from so many bytes on; or gives other bytes; or sends old headers again. */
export type ShopLie = { readonly kind: 'keeps' | 'garbles' | 'old_header' | 'dearer'; readonly fromBytes: number }
/** What a host says to payers instead of the truth, for one frame in so many. */
export type HostLie = {
  readonly kind: 'wrong_fulfillment' | 'denies' | 'repeats' | 'silent' | 'already_fulfilled'
  readonly oneIn: number
}

export interface PayerPlan {
  /** Without credentials its account ends with its connection. */
  readonly isPassing: boolean
  readonly budget: bigint
  readonly risk: bigint
  readonly window: number | 'auto'
  readonly pieces: number | undefined
  readonly expiresInMs: number
  readonly startMs: number
  /** How often it is started, crashes not counted. */
  readonly lives: number
  readonly fetches: number
  /** Two at a time, where there are two. */
  readonly isParallel: boolean
  /** How long its reader thinks about each chunk, at most. */
  readonly readMs: number
  readonly stopsAfterBytes: number | undefined
  /** Leaves in the middle instead of stopping. */
  readonly leaves: boolean
}

/** A customer that tries everything: see `liar.ts`. */
export interface LiarPlan {
  readonly startMs: number
  readonly everyMs: number
  readonly acts: number
  /** Leaves what the host sends it unanswered. */
  readonly isSilent: boolean
}

export type Fault = { readonly atMs: number } & (
  | { readonly kind: 'cut'; readonly payer: number; readonly what: 'btp' | 'http' }
  | {
      readonly kind: 'freeze'
      readonly payer: number
      readonly what: 'btp' | 'http'
      readonly ways: 'both' | 'up' | 'down'
    }
  /** One connection is so much slower than others. */
  | {
      readonly kind: 'delay'
      readonly payer: number
      readonly what: 'btp' | 'http'
      readonly ms: number
      /** Both when left out. */
      readonly ways?: 'up' | 'down'
    }
  | { readonly kind: 'cut_off'; readonly payer: number; readonly forMs: number }
  | { readonly kind: 'lag'; readonly ms: number; readonly forMs: number }
  /** Dies after so many more frames and writes: 0 is before the next one. */
  | {
      readonly kind: 'crash'
      readonly who: 'shop' | number
      readonly death: Death
      readonly outputs: number | undefined
      readonly downMs: number
    }
  | { readonly kind: 'restart'; readonly downMs: number }
  | { readonly kind: 'fail_write'; readonly who: 'shop' | number; readonly in: number; readonly how: WriteFailure }
  | { readonly kind: 'slow_disk'; readonly who: 'shop' | number; readonly ms: number; readonly forMs: number }
  | { readonly kind: 'clock'; readonly who: 'shop' | number; readonly byMs: number }
  | { readonly kind: 'stall'; readonly who: 'shop' | number; readonly ms: number }
  /** The operator's hand. */
  | { readonly kind: 'deposit'; readonly payer: number; readonly amount: bigint }
  | { readonly kind: 'limit'; readonly payer: number; readonly amount: bigint }
)

export function fromSeed(seed: number): Plan {
  const random = new Random(seed).fork('plan')
  const price = random.pick([1n, 1n, 7n, 100n])
  const mendMs = random.pick([3_000, 10_000, 30_000, 60_000])
  const payers = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3]) }, (_, i) =>
    payer(random.fork(`payer ${i}`), price, mendMs),
  )
  const liars = Array.from({ length: random.pick([0, 0, 1, 2]) }, (_, i) => liar(random.fork(`liar ${i}`), mendMs))
  const faults = random.fork('faults')
  return {
    seed,
    shop: shop(random.fork('shop'), price),
    payers,
    liars,
    network: random.pick([
      { latencyMs: 0.2, jitterMs: 1 },
      { latencyMs: 5, jitterMs: 20 },
      { latencyMs: 40, jitterMs: 300 },
    ]),
    writeMs: random.pick([0.1, 1, 8, 40]),
    mendMs,
    faults: Array.from({ length: faults.pick([0, 1, 2, 3, 4, 6, 8]) }, () =>
      fault(faults, payers.length, mendMs, price),
    ),
  }
}

function shop(random: Random, price: bigint): ShopPlan {
  const pieces = random.pick([1, 5, 20, 60, 120])
  const lies = random.below(10)
  const shopLie = random.pick(['keeps', 'keeps', 'garbles', 'old_header', 'dearer'])
  const unit = random.pick<Unit>(['letter', 'bytes:1', 'bytes:1', 'bytes:3', 'line', 'event', 'opaque'])
  return {
    // Other bytes would be other pieces, but for those that are counted by their number.
    unit: lies === 0 && shopLie === 'garbles' ? 'bytes:1' : unit,
    price,
    pieces,
    tellsPieces: random.chance(0.5),
    chunkBytesMax: random.pick([1, 7, 100]),
    chunkMs: random.pick([0, 0, 3, 200, 4_000]),
    sourceFailsAt: random.chance(0.1) ? random.below(pieces * 2) : undefined,
    creditEach: price * BigInt(random.pick([3, 25, 1_000, 1_000_000])) + BigInt(random.below(2)),
    creditTotal: price * BigInt(random.pick([40, 1_000, 10_000_000])),
    roomBytes: random.pick([0, 10, 16_384]),
    tickMs: random.pick([0, 0.3, 5]),
    shopLie: lies === 0 ? { kind: shopLie, fromBytes: random.skewed(0, pieces) } : undefined,
    hostLie:
      lies === 1
        ? {
            kind: random.pick(['wrong_fulfillment', 'denies', 'repeats', 'silent', 'already_fulfilled']),
            oneIn: random.between(1, 6),
          }
        : undefined,
  }
}

function payer(random: Random, price: bigint, mendMs: number): PayerPlan {
  const risk = price * BigInt(random.pick([1, 3, 10, 50]))
  return {
    isPassing: random.chance(0.1),
    budget: price * BigInt(random.pick([5, 40, 500])) + BigInt(random.below(2)),
    risk: risk + BigInt(random.below(2)) * (price - 1n),
    window: random.pick(['auto', 'auto', 1, 4, 1_000]),
    pieces: random.pick([undefined, undefined, 3, 30]),
    expiresInMs: random.pick([1_500, 5_000, 30_000]),
    startMs: random.skewed(0, mendMs / 2),
    lives: random.pick([1, 1, 2, 3]),
    fetches: random.pick([1, 1, 2]),
    isParallel: random.chance(0.5),
    readMs: random.pick([0, 0, 5, 500]),
    stopsAfterBytes: random.chance(0.2) ? random.below(60) : undefined,
    leaves: random.chance(0.5),
  }
}

function liar(random: Random, mendMs: number): LiarPlan {
  return {
    startMs: random.skewed(0, mendMs / 2),
    everyMs: random.pick([2, 30, 300]),
    acts: random.between(5, 40),
    isSilent: random.chance(0.3),
  }
}

function fault(random: Random, payers: number, mendMs: number, price: bigint): Fault {
  // Most of what is worth disturbing happens early.
  const atMs = random.skewed(0, mendMs)
  const payer = random.below(payers)
  const who = random.chance(0.6) ? 'shop' : payer
  const what = random.chance(0.7) ? 'btp' : 'http'
  const kind = random.pick([
    'cut',
    'cut',
    'freeze',
    'delay',
    'delay',
    'cut_off',
    'lag',
    'crash',
    'crash',
    'crash',
    'crash',
    'restart',
    'fail_write',
    'slow_disk',
    'slow_disk',
    'clock',
    'stall',
    'stall',
    'deposit',
    'limit',
  ])
  switch (kind) {
    case 'cut':
      return { atMs, kind, payer, what }
    case 'freeze':
      return { atMs, kind, payer, what, ways: random.pick(['both', 'up', 'down']) }
    case 'delay':
      return { atMs, kind, payer, what, ms: random.pick([100, 3_000, 9_000, 20_000]) }
    case 'cut_off':
      return { atMs, kind, payer, forMs: random.skewed(100, 30_000) }
    case 'lag':
      return { atMs, kind, ms: random.skewed(50, 4_000), forMs: random.skewed(100, 10_000) }
    case 'crash': {
      const outputs = random.chance(0.7) ? random.skewed(0, 40) : undefined
      return { atMs, kind, who, death: random.pick(['kill', 'power']), outputs, downMs: random.skewed(5, 20_000) }
    }
    case 'restart':
      return { atMs, kind, downMs: random.skewed(5, 5_000) }
    case 'fail_write':
      return { atMs, kind, who, in: random.skewed(0, 20), how: random.pick(['nothing', 'torn', 'whole']) }
    case 'slow_disk':
      return { atMs, kind, who, ms: random.skewed(50, 20_000), forMs: random.skewed(100, 20_000) }
    case 'clock':
      return { atMs, kind, who, byMs: random.pick([-600_000, -10_000, -900, 900, 10_000, 600_000, 4_000_000]) }
    case 'stall':
      return { atMs, kind, who, ms: random.skewed(50, 20_000) }
    case 'deposit':
      return { atMs, kind, payer, amount: price * BigInt(random.between(1, 50)) }
    case 'limit':
      return { atMs, kind, payer, amount: price * BigInt(random.pick([0, 2, 100])) }
  }
}
