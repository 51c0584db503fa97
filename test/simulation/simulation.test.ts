/**
 * A few thousand worlds, always the same ones: what fails here fails again with its seed. `npm run simulate` runs as many
 * others as asked.
 */
import { describe, expect, it } from 'vitest'
import * as Plan from './plan.js'
import * as Report from './report.js'
import { shrink } from './shrink.js'
import * as Simulate from './simulate.js'

const seeds = 3_000
const seedsPerTest = 250
const msMax = 120_000

describe('any simulated world', () => {
  const starts = Array.from({ length: seeds / seedsPerTest }, (_, i) => 1 + i * seedsPerTest)
  it.each(starts)(
    'keeps every rule of money, from seed %i on',
    async (first) => {
      for (let seed = first; seed < first + seedsPerTest; seed++) {
        const result = await Simulate.seed(seed)
        if (result.finding !== undefined) expect.fail(await told(result))
      }
    },
    msMax,
  )

  it('is the same whenever it is run', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const first = await Simulate.seed(seed)
      const again = await Simulate.run(Plan.fromSeed(seed), { story: true })
      expect({ hash: again.hash, steps: again.steps }).toEqual({ hash: first.hash, steps: first.steps })
      expect(again.story.length).toBeGreaterThan(0)
      expect((await Simulate.seed(seed + 1)).hash).not.toBe(first.hash)
    }
  })

  it('has payments in it, and faults of every kind', () => {
    const kinds = new Set<string>()
    for (let seed = 1; seed <= 500; seed++) for (const { kind } of Plan.fromSeed(seed).faults) kinds.add(kind)
    expect([...kinds].sort()).toEqual(
      [
        'clock',
        'crash',
        'cut',
        'cut_off',
        'delay',
        'deposit',
        'fail_write',
        'freeze',
        'lag',
        'limit',
        'restart',
        'slow_disk',
        'stall',
      ].sort(),
    )
  })
})

async function told(result: Simulate.Result): Promise<string> {
  const smallest = await shrink(result)
  return Report.failure(result, await Simulate.run(smallest.plan, { story: true }))
}
