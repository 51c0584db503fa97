/**
 * Requests in flight by their ids, for one session: a ring of slots, so that a request costs no Map entry, no closure
 * and no timer. Ids count up; an id whose slot is still taken by a slow request is skipped.
 *
 * Time is counted in sweeps of the session's one timer: a wall clock that jumps times nothing out, and a process that
 * was held up for a while does not blame its peer for it.
 */
const capacityMin = 64

export interface RequestTable<Callback> {
  readonly size: number
  /** Takes an id, 1 to 2^32 - 1, that no request in flight has. */
  add(callback: Callback, context: unknown): number
  /** Takes the request `id` out; false when there is none. Its callback and context are then in `taken`. */
  take(id: number): boolean
  /** The request that `take` took out last. Read at once. */
  readonly takenCallback: Callback
  readonly takenContext: unknown
  /** Counts one sweep and returns the ids of requests that have seen `sweepsMax` of them. */
  sweep(sweepsMax: number): number[]
  ids(): number[]
}

export function createRequestTable<Callback>(none: Callback): RequestTable<Callback> {
  let mask = capacityMin - 1
  // Id 0 marks a free slot.
  let ids = new Uint32Array(capacityMin)
  let sweeps = new Uint32Array(capacityMin)
  let callbacks: Callback[] = new Array(capacityMin).fill(none)
  let contexts: unknown[] = new Array(capacityMin).fill(undefined)
  let size = 0
  let idLast = 0
  let sweepNow = 0

  const table = {
    get size() {
      return size
    },
    takenCallback: none,
    takenContext: undefined as unknown,
    add(callback: Callback, context: unknown): number {
      if (size * 2 > mask) grow()
      let id = idLast
      do id = id === 0xffff_ffff ? 1 : id + 1
      while (ids[id & mask] !== 0)
      idLast = id
      const slot = id & mask
      ids[slot] = id
      sweeps[slot] = sweepNow
      callbacks[slot] = callback
      contexts[slot] = context
      size++
      return id
    },
    take(id: number): boolean {
      const slot = id & mask
      if (id === 0 || ids[slot] !== id) return false
      table.takenCallback = callbacks[slot]!
      table.takenContext = contexts[slot]
      ids[slot] = 0
      callbacks[slot] = none
      contexts[slot] = undefined
      size--
      return true
    },
    sweep(sweepsMax: number): number[] {
      sweepNow++
      return inOrder().filter((id) => sweepNow - sweeps[id & mask]! >= sweepsMax)
    },
    ids: inOrder,
  }
  return table

  function grow(): void {
    const old = { ids, sweeps, callbacks, contexts }
    const capacity = (mask + 1) * 2
    mask = capacity - 1
    ids = new Uint32Array(capacity)
    sweeps = new Uint32Array(capacity)
    callbacks = new Array(capacity).fill(none)
    contexts = new Array(capacity).fill(undefined)
    // Two ids that share no slot of the smaller ring share none of the larger.
    for (let i = 0; i < old.ids.length; i++) {
      const id = old.ids[i]!
      if (id === 0) continue
      ids[id & mask] = id
      sweeps[id & mask] = old.sweeps[i]!
      callbacks[id & mask] = old.callbacks[i]!
      contexts[id & mask] = old.contexts[i]
    }
  }

  /** In the order in which they were sent: by their distance behind the last id, around the end of the id space. */
  function inOrder(): number[] {
    const found: number[] = []
    for (const id of ids) if (id !== 0) found.push(id)
    return found.sort((a, b) => ((idLast - b) >>> 0) - ((idLast - a) >>> 0))
  }
}
