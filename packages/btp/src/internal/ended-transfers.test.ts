import { describe, expect, it } from 'vitest'
import { createEndedTransfers } from './ended-transfers.js'

function id(n: number): Uint8Array {
  const bytes = new Uint8Array(16).fill(7)
  new DataView(bytes.buffer).setUint32(12, n)
  return bytes
}

const hash = (n: number) => new Uint8Array(32).fill(n)

describe('ended transfers', () => {
  it('remembers what became of a transfer, with its hash', () => {
    const ended = createEndedTransfers(4)
    ended.add(id(1), 0, 'fulfilled', hash(1))
    ended.add(id(2), 0, 'rolled_back', hash(2))
    expect(ended.find(id(1))).toEqual({ state: 'fulfilled', hash: hash(1) })
    expect(ended.find(id(2))).toEqual({ state: 'rolled_back', hash: hash(2) })
    expect(ended.find(id(3))).toBeUndefined()
  })

  it('finds nothing while it is empty', () => {
    expect(createEndedTransfers(4).find(id(0))).toBeUndefined()
    expect(createEndedTransfers(4).find(new Uint8Array(16))).toBeUndefined()
  })

  it('forgets the oldest for the newest, and no other', () => {
    const ended = createEndedTransfers(4)
    for (let n = 0; n < 11; n++) ended.add(id(n), 0, 'fulfilled', hash(n))
    const found = Array.from({ length: 11 }, (_, n) => ended.find(id(n))?.hash[0])
    expect(found).toEqual([...Array(7).fill(undefined), 7, 8, 9, 10])
  })

  it('says the newest of an id that ended twice, wherever the two stand in the ring', () => {
    for (let before = 0; before < 8; before++) {
      const ended = createEndedTransfers(4)
      for (let n = 0; n < before; n++) ended.add(id(100 + n), 0, 'fulfilled', hash(0))
      ended.add(id(1), 0, 'rolled_back', hash(1))
      ended.add(id(2), 0, 'fulfilled', hash(2))
      ended.add(id(1), 0, 'fulfilled', hash(3))
      expect(ended.find(id(1))).toEqual({ state: 'fulfilled', hash: hash(3) })
    }
  })
})
