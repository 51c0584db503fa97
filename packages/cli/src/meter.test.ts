import { describe, expect, it } from 'vitest'
import * as Meter from './meter.js'

const xrp = { code: 'XRP', scale: 9 }

function setUp(style: Meter.MeterOptions['style'], columns = 80) {
  let at = 0
  let written: string[] = []
  const meter = Meter.create({
    write: (text) => written.push(text),
    style,
    now: () => at,
    unit: 'letter',
    asset: xrp,
    size: () => ({ columns, rows: 24 }),
  })
  return {
    meter,
    advance: (ms: number) => {
      at += ms
    },
    taken: () => {
      const texts = written
      written = []
      return texts
    },
  }
}

describe('the meter on a terminal', () => {
  it('shows pieces, paid, rate and what is left', () => {
    const { meter, advance, taken } = setUp('line')
    meter.update({ pieces: 0, paid: 0n, left: 1000n })
    advance(500)
    taken()
    meter.update({ pieces: 340, paid: 340n, left: 660n })
    expect(taken()).toEqual(['\r340 letters   paid 340 (0.00000034 XRP)   680/s   left 660\u001b[K'])
  })

  it('redraws at most ten times a second', () => {
    const { meter, advance, taken } = setUp('line')
    for (let ms = 0; ms < 1000; ms++) {
      meter.update({ pieces: ms, paid: BigInt(ms) })
      advance(1)
    }
    expect(taken()).toHaveLength(10)
  })

  it('measures the rate over the last two seconds', () => {
    const { meter, advance, taken } = setUp('line')
    for (let second = 0; second < 10; second++) {
      meter.update({ pieces: second < 5 ? second * 1000 : 5000, paid: 0n })
      advance(1000)
    }
    const rates = taken().map((text) => /([0-9.]+)\/s/.exec(text)?.[1])
    expect(rates.slice(1, 5)).toEqual(['1000', '1000', '1000', '1000'])
    expect(rates.at(-1)).toBe('0.0')
  })

  it('clears its line at the end, and writes nothing if there is none', () => {
    const { meter, taken } = setUp('line')
    meter.end()
    expect(taken()).toEqual([])
    meter.update({ pieces: 1, paid: 1n })
    taken()
    meter.end()
    expect(taken()).toEqual(['\r\u001b[K'])
    meter.end()
    expect(taken()).toEqual([])
  })

  it('never wraps', () => {
    const { meter, taken } = setUp('line', 20)
    meter.update({ pieces: 123_456_789, paid: 123_456_789n, left: 1n })
    expect(taken()).toEqual(['\r123456789 letters  \u001b[K'])
  })

  it('keeps the bottom row for itself where content scrolls above, and gives it back', () => {
    const { meter, advance, taken } = setUp('bottom')
    meter.update({ pieces: 1, paid: 1n })
    expect(taken()[0]).toContain('\u001b[1;23r')
    advance(100)
    meter.update({ pieces: 2, paid: 2n })
    const [second] = taken()
    expect(second).not.toContain('\u001b[1;23r')
    expect(second?.startsWith('\u001b7\u001b[24;1H2 letters')).toBe(true)
    expect(second?.endsWith('\u001b8')).toBe(true)
    meter.end()
    expect(taken()[0]).toContain('\u001b[r')
  })
})

describe('the meter elsewhere', () => {
  it('writes few plain lines without control characters', () => {
    const { meter, advance, taken } = setUp('plain')
    for (let second = 0; second < 60; second++) {
      meter.update({ pieces: second, paid: BigInt(second) })
      advance(1000)
    }
    const lines = taken()
    expect(lines).toHaveLength(2)
    for (const control of ['\u001b', '\r']) expect(lines.join('')).not.toContain(control)
    meter.end()
    expect(taken()).toEqual([])
  })

  it('can be silent', () => {
    const { meter, taken } = setUp('none')
    meter.update({ pieces: 1, paid: 1n })
    meter.end()
    expect(taken()).toEqual([])
  })
})

describe('words', () => {
  it('count pieces by their unit', () => {
    expect(Meter.pieces(1, 'letter')).toBe('1 letter')
    expect(Meter.pieces(2n, 'line')).toBe('2 lines')
    expect(Meter.pieces(3, 'bytes:1024')).toBe('3 pieces of 1024 bytes')
    expect(Meter.pieces(1, 'opaque')).toBe('1 piece')
  })

  it('round rates', () => {
    expect(Meter.formatRate(3.149)).toBe('3.1/s')
    expect(Meter.formatRate(28_512.4)).toBe('28512/s')
  })
})
