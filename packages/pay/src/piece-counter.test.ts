import { describe, expect, it } from 'vitest'
import * as PieceCounter from './piece-counter.js'

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('PieceCounter', () => {
  it.each([
    ['letter', 'Grüße, 世界 🎉', 11],
    ['bytes:4', '0123456789', 3],
    ['bytes:4', '01234567', 2],
    ['line', 'one\ntwo\r\n\nthree', 4],
    ['event', ': hello\n\ndata: 1\n\ndata: 2\r\n\r\nid: 3\r\r', 3],
    ['opaque', 'abc', 3],
    ['letter', '', 0],
    ['line', '', 0],
  ])('by %s counts %j', (unit, text, pieces) => {
    const counter = PieceCounter.create(unit)!
    expect(counter.count(bytesOf(text)) + counter.end()).toBe(pieces)
  })

  it('counts a letter when its last byte is there', () => {
    const counter = PieceCounter.create('letter')!
    expect(Array.from(bytesOf('€'), (byte) => counter.count(Uint8Array.of(byte)))).toEqual([0, 0, 1])
  })

  it('counts each byte that belongs to no letter as one', () => {
    const counter = PieceCounter.create('letter')!
    expect(counter.count(Uint8Array.of(0xe2, 0x82, 0x41, 0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80))).toBe(9)
  })

  it('takes the bytes of a letter that does not go on for whole ones, but only once', () => {
    const counter = PieceCounter.create('letter')!
    expect(counter.count(Uint8Array.of(0xe2, 0x82))).toBe(0)
    expect(counter.settle()).toBe(2)
    expect(counter.settle()).toBe(0)
    expect(counter.ahead).toBe(2)
    expect(counter.end()).toBe(0)
    expect(counter.ahead).toBe(0)
  })

  it('counts so many fewer when they turn out to be parts after all', () => {
    const counter = PieceCounter.create('letter')!
    counter.count(Uint8Array.of(0xe2, 0x82))
    expect(counter.settle()).toBe(2)
    // The third byte of the euro sign: one letter, where two pieces were counted.
    expect(counter.count(Uint8Array.of(0xac))).toBe(0)
    expect(counter.ahead).toBe(1)
    expect(counter.count(bytesOf('ab'))).toBe(1)
    expect(counter.ahead).toBe(0)
  })

  it('waits for the LF of a CR at the end of an event', () => {
    const counter = PieceCounter.create('event')!
    expect(counter.count(bytesOf('data: 1\r\n\r'))).toBe(0)
    expect(counter.count(bytesOf('\n'))).toBe(1)
    expect(counter.count(bytesOf('data: 2\r\r'))).toBe(0)
    expect(counter.settle()).toBe(1)
    expect(counter.count(bytesOf('\n'))).toBe(0)
    expect(counter.count(bytesOf('data: 3\n\n'))).toBe(1)
  })

  it.each(['', 'word', 'bytes', 'bytes:', 'bytes:0', 'bytes:-1', 'bytes:1.5', 'Letter'])('knows no unit %j', (unit) => {
    expect(PieceCounter.create(unit)).toBeUndefined()
  })
})
