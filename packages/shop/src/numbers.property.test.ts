import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNumbers, numbersWindow } from './numbers.js'

type Step = { readonly do: 'hold' | 'use' | 'release' | 'fold' | 'restart'; readonly at: number; readonly jump: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('hold', 'hold', 'hold', 'hold', 'use', 'use', 'use', 'release', 'fold', 'restart'),
  at: fc.nat({ max: 7 }),
  jump: fc.oneof(
    fc.integer({ min: -20, max: 20 }),
    fc.integer({ min: numbersWindow - 3, max: numbersWindow + 3 }),
    fc.constant(2 * numbersWindow),
  ),
})

describe('payment numbers, against a plain set', () => {
  it('are never taken twice, and never refused as used unless they were or a later one has passed them', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let numbers = createNumbers()
        const posted = new Set<number>()
        const held: number[] = []
        const top = () => Math.max(0, ...posted)
        let highest = 0
        for (const { do: what, at, jump } of steps) {
          if (what === 'hold') {
            const number = Math.max(1, top() + jump)
            const judged = numbers.judge(number)
            expect(numbers.hold(number)).toBe(judged)
            if (held.includes(number)) expect(judged).toBe('in_use')
            else if (posted.has(number)) expect(judged).toBe('used')
            else if (judged === 'used') expect(number).toBeLessThanOrEqual(highest - numbersWindow)
            else if (judged === 'beyond_window') {
              const lowestHeld = Math.min(number, ...held)
              expect(number - lowestHeld >= numbersWindow || number > top() + numbersWindow).toBe(true)
            }
            if (judged === 'free') {
              held.push(number)
              highest = Math.max(highest, number)
            }
          } else if (what === 'use' && held.length > 0) {
            const [number] = held.splice(at % held.length, 1)
            numbers.use(number!)
            posted.add(number!)
          } else if (what === 'release' && held.length > 0) {
            const [number] = held.splice(at % held.length, 1)
            numbers.release(number!)
          } else if (what === 'fold') {
            // A start folds the feed: what comes out knows every number that was posted.
            const folded = createNumbers()
            for (const number of posted) folded.use(number)
            for (const number of posted) expect(folded.judge(number)).toBe('used')
          } else if (what === 'restart') {
            // What was held is lost with the process; what was posted is not.
            numbers = createNumbers(numbers.snapshot())
            held.length = 0
          }
          for (const number of posted) expect(numbers.judge(number)).toBe('used')
          for (const number of held) expect(numbers.judge(number)).toBe('in_use')
        }
        const { floor, numbers: bits } = numbers.snapshot()
        expect(bits.length).toBeLessThanOrEqual(numbersWindow / 8)
        expect(bits.at(-1)).not.toBe(0)
        for (const number of held) expect(number).toBeGreaterThan(floor)
      }),
      { numRuns: 300 },
    )
  })

  it('give the same snapshot when the feed is folded in one go or with snapshots in between', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 3000 }), { maxLength: 300 }),
        fc.nat({ max: 300 }),
        (feed, cut) => {
          const whole = createNumbers()
          for (const number of feed) whole.use(number)
          const before = createNumbers()
          for (const number of feed.slice(0, cut)) before.use(number)
          const after = createNumbers(before.snapshot())
          for (const number of feed.slice(cut)) after.use(number)
          expect(after.snapshot()).toEqual(whole.snapshot())
        },
      ),
    )
  })
})
