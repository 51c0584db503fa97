import { describe, expect, it } from 'vitest'
import { createMeter } from './meter.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (of: Uint8Array) => new TextDecoder().decode(of)

describe('the meter', () => {
  it('cuts no more than is wanted', () => {
    const meter = createMeter('letter')
    meter.push(bytes('abcdefgh'))
    expect(meter.pieces).toBe(0)
    meter.cut(3)
    expect(meter.pieces).toBe(3)
    meter.cut(2)
    expect(meter.pieces).toBe(3)
  })

  it('gives several pieces of a large chunk as one view of it', () => {
    const chunk = bytes('x'.repeat(1000))
    const meter = createMeter('letter')
    meter.push(chunk)
    meter.cut(10)
    const taken = meter.take(3) + meter.take(2)
    const view = meter.draw(taken)
    expect(view.length).toBe(5)
    expect(view.buffer).toBe(chunk.buffer)
    expect(meter.draw(meter.take(1)).byteOffset).toBe(5)
  })

  it('knows what it holds', () => {
    const meter = createMeter('line')
    meter.push(bytes('one\ntwo\nthr'))
    expect(meter.bytes).toBe(11)
    meter.cut(2)
    expect(meter.size(0, 1)).toBe(4)
    expect(meter.size(0, 2)).toBe(8)
    expect(meter.size(1, 1)).toBe(4)
    expect(meter.take(2)).toBe(8)
    expect(meter.pieces).toBe(0)
    expect(meter.bytes).toBe(11)
    expect(text(meter.draw(8))).toBe('one\ntwo\n')
    expect(meter.bytes).toBe(3)
  })

  it('has ended when all of the content is cut, not before', () => {
    const meter = createMeter('letter')
    meter.push(bytes('ab'))
    meter.end()
    meter.cut(2)
    expect(meter.ended).toBe(false)
    meter.cut(3)
    expect(meter.ended).toBe(true)
    expect(meter.pieces).toBe(2)
  })

  it('has ended at once when there is no content', () => {
    const meter = createMeter('letter')
    meter.push(new Uint8Array())
    meter.end()
    meter.cut(1)
    expect(meter.ended).toBe(true)
    expect(meter.pieces).toBe(0)
    expect(meter.draw(0).length).toBe(0)
  })

  it('gathers small chunks and leaves what it gave out alone', () => {
    const meter = createMeter('line')
    const given: Uint8Array[] = []
    for (let i = 0; i < 2000; i++) {
      meter.push(bytes(`line ${i}\n`))
      meter.cut(1)
      given.push(meter.draw(meter.take(1)))
    }
    expect(given.map(text)).toEqual(Array.from({ length: 2000 }, (_, i) => `line ${i}\n`))
    expect(meter.bytes).toBe(0)
  })
})
