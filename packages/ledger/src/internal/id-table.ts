/**
 * The ids of transfers that may still be repeated: which account used which id for what, and what became of it.
 *
 * A payer may send a PREPARE again until it expires, so each id is remembered until then, thousands a second for half a
 * minute or an hour. They live in typed arrays with open addressing, 32 bytes each and at most 58 with the free places
 * between them. The table is cut into shards that grow one by one, so that no insert waits for more than one of them to
 * be copied. Ids are chosen by payers; the hash has a random key (HalfSipHash), so nobody can choose ids that collide.
 *
 * Entries that have expired are passed over at once; their places are used again, and given back when a shard is
 * copied or `sweep` comes by. Entries of open holds do not expire: their holds do.
 *
 * | word | content                                             |
 * | ---- | --------------------------------------------------- |
 * | 0–3  | transfer id                                         |
 * | 4    | source account, 0 for nobody                        |
 * | 5    | content hash                                        |
 * | 6    | second from which on it is forgotten, 0 for no entry |
 * | 7    | state in the upper two bits, below them the hold    |
 */

/** States as they stand in the table; the value is the place in this list. */
export const idStates = ['held', 'fulfilled', 'rejected', 'expired'] as const
export type IdState = 0 | 1 | 2 | 3
export const held = 0
export const fulfilled = 1
export const rejected = 2
export const expired = 3

const wordsPerEntry = 8
const shardsDefault = 256
/** Places of an empty shard; each starts with another size, so that they do not grow all at the same time. */
const placesMin = 16
/** A shard is copied when this part of its places is taken, into one where this part would be. */
const fullAt = 0.8
const fullAfterCopy = 0.55
/** All shards are looked over for what has expired in about half a minute. */
const sweepEveryMs = 120
const sweepShardsMax = 4
const secondMax = 0xffff_ffff

interface Shard {
  words: Uint32Array
  places: number
  /** Places that are not free: live ones and expired ones. */
  taken: number
}

export class IdTable {
  readonly #shards: Shard[]
  /** All ones: which bits of the upper eight choose the shard. */
  readonly #shardMask: number
  readonly #key0: number
  readonly #key1: number
  readonly #forgotten: (source: number) => void
  #sweptShard = 0
  #sweptAt = 0

  // Where the last `find` stopped.
  #shard: Shard
  #offset = 0
  #id0 = 0
  #id1 = 0
  #id2 = 0
  #id3 = 0

  /**
   * @param key - 8 bytes that nobody can predict.
   * @param forgotten - Called with the source of each entry when its place is given back.
   * @param shards - A power of two, at most 256.
   * @param entries - How many each shard has room for without being copied.
   */
  constructor(key: Uint8Array, forgotten: (source: number) => void, shards = shardsDefault, entries = 0) {
    const view = new DataView(key.buffer, key.byteOffset, 8)
    this.#key0 = view.getInt32(0)
    this.#key1 = view.getInt32(4)
    this.#forgotten = forgotten
    const placesLeast = entries === 0 ? 0 : placesAfterCopy(entries)
    this.#shards = Array.from({ length: shards }, (_, i) => emptyShard(Math.max(placesLeast, placesFor(i, shards))))
    this.#shardMask = shards - 1
    this.#shard = this.#shards[0]!
  }

  /** Bytes of the typed arrays. */
  get byteLength(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.words.byteLength, 0)
  }

  /**
   * Looks for an id that is still remembered. After `true`, `state`, `contentHash`, `hold` and `end` are about that entry;
   * after `false`, `add` puts it in.
   *
   * @param now - Whole seconds, ledger time.
   */
  find(source: number, id: Uint8Array, now: number): boolean {
    const id0 = id[0]! | (id[1]! << 8) | (id[2]! << 16) | (id[3]! << 24)
    const id1 = id[4]! | (id[5]! << 8) | (id[6]! << 16) | (id[7]! << 24)
    const id2 = id[8]! | (id[9]! << 8) | (id[10]! << 16) | (id[11]! << 24)
    const id3 = id[12]! | (id[13]! << 8) | (id[14]! << 16) | (id[15]! << 24)
    this.#id0 = id0 >>> 0
    this.#id1 = id1 >>> 0
    this.#id2 = id2 >>> 0
    this.#id3 = id3 >>> 0
    const hash = halfSipHash(this.#key0, this.#key1, id0, id1, id2, id3, source)
    const shard = this.#shards[(hash >>> 24) & this.#shardMask]!
    this.#shard = shard
    const words = shard.words
    const end = shard.places * wordsPerEntry
    let offset = place(hash, shard.places) * wordsPerEntry
    let free = -1
    for (;;) {
      const until = words[offset + 6]!
      if (until === 0) {
        this.#offset = free < 0 ? offset : free
        return false
      }
      if (until <= now && words[offset + 7]! >>> 30 !== held) {
        if (free < 0) free = offset
      } else if (
        words[offset] === this.#id0 &&
        words[offset + 1] === this.#id1 &&
        words[offset + 2] === this.#id2 &&
        words[offset + 3] === this.#id3 &&
        words[offset + 4] === source
      ) {
        this.#offset = offset
        return true
      }
      offset += wordsPerEntry
      if (offset === end) offset = 0
    }
  }

  get state(): IdState {
    return (this.#shard.words[this.#offset + 7]! >>> 30) as IdState
  }

  get contentHash(): number {
    return this.#shard.words[this.#offset + 5]!
  }

  /** Until when it is remembered, in milliseconds: a whole second. */
  get until(): number {
    return this.#shard.words[this.#offset + 6]! * 1000
  }

  /** The number of the hold, while the state is `held`. */
  get hold(): number {
    return this.#shard.words[this.#offset + 7]! & 0x3fff_ffff
  }

  /** Ends what `find` has found: it is remembered until then, in milliseconds. */
  end(state: IdState, until: number): void {
    const { words } = this.#shard
    words[this.#offset + 6] = second(until)
    words[this.#offset + 7] = state << 30
  }

  /** Forgets at once what `find` has found, an open hold too. */
  forget(): void {
    const { words } = this.#shard
    this.#forget(words[this.#offset + 4]!)
    // The place stays taken, by nobody, so that what was put behind it is still found.
    words[this.#offset + 4] = 0
    words[this.#offset + 6] = 1
    words[this.#offset + 7] = expired << 30
  }

  /**
   * Puts in what `find` has just not found.
   *
   * @param until - Milliseconds, ledger time.
   * @param now - Whole seconds.
   */
  add(source: number, contentHash: number, state: IdState, hold: number, until: number, now: number): void {
    const shard = this.#shard
    let offset = this.#offset
    let words = shard.words
    if (words[offset + 6] === 0) {
      if (shard.taken + 1 > shard.places * fullAt) {
        this.#copy(shard, now, 1)
        words = shard.words
        offset = this.#freePlace(shard, source)
      }
      shard.taken += 1
    } else {
      this.#forget(words[offset + 4]!)
    }
    words[offset] = this.#id0
    words[offset + 1] = this.#id1
    words[offset + 2] = this.#id2
    words[offset + 3] = this.#id3
    words[offset + 4] = source
    words[offset + 5] = contentHash
    words[offset + 6] = second(until)
    words[offset + 7] = (state << 30) | hold
    this.#offset = offset
  }

  /** Gives back, now and then, what expired entries occupy. Called with every batch; does nothing most of the time. */
  sweep(nowMs: number): void {
    const shards = Math.floor((nowMs - this.#sweptAt) / sweepEveryMs)
    if (shards === 0) return
    this.#sweptAt = shards > sweepShardsMax ? nowMs : this.#sweptAt + shards * sweepEveryMs
    const now = Math.floor(nowMs / 1000)
    for (let i = 0; i < Math.min(shards, sweepShardsMax); i++) {
      const shard = this.#shards[this.#sweptShard]!
      this.#sweptShard = (this.#sweptShard + 1) & this.#shardMask
      if (shard.places <= 2 * placesMin) continue
      if (placesAfterCopy(countLive(shard, now)) < shard.places * 0.6) this.#copy(shard, now, 0)
    }
  }

  /** Forgets everything that has expired, wherever it is, so that what accounts have is exact for this second. */
  forgetExpired(now: number): void {
    for (const { words } of this.#shards) {
      for (let offset = 0; offset < words.length; offset += wordsPerEntry) {
        const source = words[offset + 4]!
        if (source === 0 || isLive(words, offset, now)) continue
        // The place stays taken, by nobody, so that what was put behind it is still found.
        words[offset + 4] = 0
        this.#forgotten(source)
      }
    }
  }

  #forget(source: number): void {
    if (source !== 0) this.#forgotten(source)
  }

  #copy(shard: Shard, now: number, more: number): void {
    const from = shard.words
    const places = Math.max(placesMin, placesAfterCopy(countLive(shard, now) + more))
    const to = new Uint32Array(places * wordsPerEntry)
    shard.words = to
    shard.places = places
    shard.taken = 0
    for (let offset = 0; offset < from.length; offset += wordsPerEntry) {
      if (from[offset + 6] === 0) continue
      if (!isLive(from, offset, now)) {
        this.#forget(from[offset + 4]!)
        continue
      }
      const hash = this.#hashAt(from, offset)
      let at = place(hash, places) * wordsPerEntry
      while (to[at + 6] !== 0) {
        at += wordsPerEntry
        if (at === to.length) at = 0
      }
      for (let word = 0; word < wordsPerEntry; word++) to[at + word] = from[offset + word]!
      shard.taken += 1
    }
  }

  #freePlace(shard: Shard, source: number): number {
    const { words } = shard
    const hash = halfSipHash(this.#key0, this.#key1, this.#id0, this.#id1, this.#id2, this.#id3, source)
    let at = place(hash, shard.places) * wordsPerEntry
    while (words[at + 6] !== 0) {
      at += wordsPerEntry
      if (at === words.length) at = 0
    }
    return at
  }

  #hashAt(words: Uint32Array, offset: number): number {
    return halfSipHash(
      this.#key0,
      this.#key1,
      words[offset]!,
      words[offset + 1]!,
      words[offset + 2]!,
      words[offset + 3]!,
      words[offset + 4]!,
    )
  }
}

function emptyShard(places: number): Shard {
  return { words: new Uint32Array(places * wordsPerEntry), places, taken: 0 }
}

function placesFor(shard: number, shards: number): number {
  return Math.floor(placesMin * (1 + shard / shards))
}

function placesAfterCopy(live: number): number {
  return Math.ceil(live / fullAfterCopy) + 2
}

/** The upper eight bits of the hash choose the shard, the others the place in it. */
function place(hash: number, places: number): number {
  return Math.floor(((hash & 0xff_ffff) * places) / 0x100_0000)
}

function isLive(words: Uint32Array, offset: number, now: number): boolean {
  return words[offset + 6]! > now || (words[offset + 6] !== 0 && words[offset + 7]! >>> 30 === held)
}

function countLive(shard: Shard, now: number): number {
  let live = 0
  const { words } = shard
  for (let offset = 0; offset < words.length; offset += wordsPerEntry) if (isLive(words, offset, now)) live += 1
  return live
}

function second(ms: number): number {
  return Math.min(Math.max(1, Math.ceil(ms / 1000)), secondMax)
}

/**
 * HalfSipHash-1-3 of five words, 32 bits: a keyed hash for tables, from the authors of SipHash; with fewer rounds than
 * for authentication, as Linux has it.
 */
function halfSipHash(k0: number, k1: number, a: number, b: number, c: number, d: number, e: number): number {
  let v0 = k0
  let v1 = k1
  let v2 = k0 ^ 0x6c79_6765
  let v3 = k1 ^ 0x7465_6462
  // Five words of message, the length in the upper byte of the last, then three rounds to end with.
  for (let round = 0; round < 9; round++) {
    const word =
      round === 0
        ? a
        : round === 1
          ? b
          : round === 2
            ? c
            : round === 3
              ? d
              : round === 4
                ? e
                : round === 5
                  ? 20 << 24
                  : 0
    if (round === 6) v2 ^= 0xff
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return (v1 ^ v3) >>> 0
}
