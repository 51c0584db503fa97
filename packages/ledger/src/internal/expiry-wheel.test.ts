import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpiryWheel, TimedLink } from './expiry-wheel.js'

function wheelAt(now: number): { wheel: ExpiryWheel<TimedLink>; advance: (now: number) => number[] } {
  const wheel = new ExpiryWheel<TimedLink>()
  const advance = (to: number) => {
    const due: number[] = []
    wheel.advance(to, (timed) => due.push(timed.expiresAt))
    return due
  }
  advance(now)
  return { wheel, advance }
}

describe('ExpiryWheel', () => {
  it('gives out a hold at its millisecond and not before', () => {
    const { wheel, advance } = wheelAt(1_000_000)
    wheel.add(new TimedLink(1_000_500))
    expect(advance(1_000_499)).toEqual([])
    expect(advance(1_000_500)).toEqual([1_000_500])
    expect(advance(1_000_501)).toEqual([])
  })

  it('gives out holds of far spans in the order of expiry after a long silence', () => {
    const { wheel, advance } = wheelAt(5_000)
    for (const at of [3_600_000, 90_000, 90_001, 6_000, 5_001]) wheel.add(new TimedLink(at))
    expect(advance(10_000_000)).toEqual([5_001, 6_000, 90_000, 90_001, 3_600_000])
  })

  it('gives out what was due before it came', () => {
    const { wheel, advance } = wheelAt(5_000)
    wheel.add(new TimedLink(4_000))
    wheel.add(new TimedLink(5_000))
    expect(advance(5_000)).toEqual([])
    expect(advance(5_001)).toEqual([4_000, 5_000])
  })

  it('never gives out what was removed, and everything else exactly when it is due', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('add' as const), inMs: fc.integer({ min: 1, max: 5_000 }) }),
      fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.oneof(fc.nat(5), fc.nat(3_000), fc.nat(100_000)) }),
    )
    fc.assert(
      fc.property(fc.nat(10_000), fc.array(step, { maxLength: 200 }), (start, steps) => {
        const { wheel, advance } = wheelAt(start)
        let now = start
        const open: TimedLink[] = []
        for (const one of steps) {
          if (one.type === 'add') {
            const timed = new TimedLink(now + one.inMs)
            open.push(timed)
            wheel.add(timed)
          } else if (one.type === 'remove' && open.length > 0) {
            wheel.remove(open.splice(one.which % open.length, 1)[0]!)
          } else if (one.type === 'advance') {
            now += one.ms
            const expected = open.filter((timed) => timed.expiresAt <= now).map((timed) => timed.expiresAt)
            for (let i = open.length - 1; i >= 0; i--) if (open[i]!.expiresAt <= now) open.splice(i, 1)
            expect(advance(now)).toEqual(expected.sort((a, b) => a - b))
          }
        }
      }),
    )
  })
})
