/**
 * The transfers that ended last, in a ring of bytes: a host may say FULFILL or REJECT twice (its peer's answer was
 * lost, or it has restarted) and must be answered the same way again. 53 bytes each and no objects, since every payment
 * passes through here.
 */

/** `unknown` may still be fulfilled; its hash is then the condition. Else the hash of `fulfilled` is the fulfillment. */
export type EndedState = 'fulfilled' | 'fulfilled_unseen' | 'rolled_back' | 'unknown'

export interface EndedTransfer {
  readonly state: EndedState
  /** A view: the fulfillment of `fulfilled`, the condition of `fulfilled_unseen` and `unknown`. */
  readonly hash: Uint8Array
}

export interface EndedTransfers {
  /** Remembers a transfer, instead of the oldest when the ring is full. Its id stands at `idOffset`. */
  add(bytes: Uint8Array, idOffset: number, state: EndedState, hash: Uint8Array): void
  /** What was remembered last of an id. */
  find(id: Uint8Array): EndedTransfer | undefined
}

const states: readonly EndedState[] = ['fulfilled', 'fulfilled_unseen', 'rolled_back', 'unknown']
const idBytes = 16
const hashBytes = 32

export function createEndedTransfers(capacity: number): EndedTransfers {
  // The first four bytes of each id, to search in: a scan of 4,096 numbers takes a microsecond or two.
  let heads = new Uint32Array(0)
  let ids = new Uint8Array(0)
  let hashes = new Uint8Array(0)
  let stateNumbers = new Uint8Array(0)
  let count = 0
  let next = 0

  return {
    add(bytes, idOffset, state, hash) {
      if (heads.length === 0) allocate()
      heads[next] = headOf(bytes, idOffset)
      for (let i = 0; i < idBytes; i++) ids[next * idBytes + i] = bytes[idOffset + i]!
      for (let i = 0; i < hashBytes; i++) hashes[next * hashBytes + i] = hash[i]!
      stateNumbers[next] = states.indexOf(state)
      next = (next + 1) % capacity
      if (count < capacity) count++
    },
    find(id) {
      const slot = slotOf(id)
      if (slot === undefined) return undefined
      const start = slot * hashBytes
      return { state: states[stateNumbers[slot]!]!, hash: hashes.subarray(start, start + hashBytes) }
    },
  }

  /** The newest slot of an id: backwards from the last that was written, once around. */
  function slotOf(id: Uint8Array): number | undefined {
    const head = headOf(id, 0)
    for (let slot = last(head, next - 1); slot >= 0; slot = last(head, slot - 1)) if (isAt(slot, id)) return slot
    for (let slot = last(head, count - 1); slot >= next; slot = last(head, slot - 1)) if (isAt(slot, id)) return slot
    return undefined
  }

  function last(head: number, from: number): number {
    return from < 0 ? -1 : heads.lastIndexOf(head, from)
  }

  function isAt(slot: number, id: Uint8Array): boolean {
    for (let i = 0; i < idBytes; i++) if (ids[slot * idBytes + i] !== id[i]) return false
    return true
  }

  function allocate(): void {
    heads = new Uint32Array(capacity)
    ids = new Uint8Array(capacity * idBytes)
    hashes = new Uint8Array(capacity * hashBytes)
    stateNumbers = new Uint8Array(capacity)
  }
}

function headOf(bytes: Uint8Array, offset: number): number {
  const head = (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!
  return head >>> 0
}
