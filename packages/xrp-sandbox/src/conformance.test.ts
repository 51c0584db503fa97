import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as RippleTime from './ledger/ripple-time.js'
import { knownDifferences, unrecorded } from './testing/known-differences.js'
import { chainFor, type Difference, genesis, type Replayed, read, replay } from './testing/replay.js'

const genesisCloseTime = 848_650_920

describe('against what a real server answered', () => {
  test('makes the same ledgers from the first one on, hash by hash', () => {
    const chain = genesis(genesisCloseTime)
    const hashes = ['00-close-times', '01-server', '02-payment'].map((name) => {
      const { differences } = replay(read(name), chain)
      return left(differences)
    })
    expect(hashes).toEqual([[], [], []])
    expect(chain.closedLedger.index).toBe(26)
  })

  test.each([
    ['03-sequence-signature-ledger', 93],
    ['05-escrow-finish-errors', 118],
    ['06-escrow-expiry-cancel', 81],
    ['07-escrow-create-errors', 186],
    ['08-escrow-time-boundaries', 79],
    ['11-paychan', 176],
    ['12-api-errors', 43],
    ['13-simulate-and-proposed', 45],
    ['14-account-delete', 28],
    ['17-subscriptions', 40],
    ['19-ed25519', 26],
  ])('answers and tells the same in %s', (name, atLeast) => {
    const { differences, compared } = replayed(name)
    expect(left(differences, unrecorded)).toEqual([])
    expect(compared).toBeGreaterThanOrEqual(atLeast)
  })

  test('answers and tells the same in 04-escrow-happy-finish, but for the history before it', () => {
    const earlier = [...unrecorded, /^result\.(transactions|marker)$/]
    expect(left(replayed('04-escrow-happy-finish').differences, earlier)).toEqual([])
  })

  test('answers the same in 15-load-and-fees, but for payments that were not recorded', () => {
    const differences = left(replayed('15-load-and-fees').differences, unrecorded)
    // Those payments are in the balances at the end, too.
    expect(differences.every(({ step }) => /^(2 fee after 300|6 end)$/.test(step))).toBe(true)
    expect(differences.length).toBeLessThanOrEqual(4)
  })

  test('closes at the times at which the real server closed, by the clock of the machine', () => {
    let parent = genesisCloseTime
    const { steps } = read('00-close-times')
    const ours = steps.map((step) => {
      parent = RippleTime.nextCloseTime(step.wall_clock!, parent)
      return parent
    })
    expect(ours).toEqual(steps.map((step) => step.validated_ledger?.close_time))
  })

  test('differs in no field that the docs do not list', () => {
    const docs = readFileSync(new URL('../../../docs/xrp-sandbox.md', import.meta.url), 'utf8')
    for (const { field } of knownDifferences) expect(docs).toContain(`\`${field}\``)
  })
})

function replayed(name: string): Replayed {
  const scenario = read(name)
  return replay(scenario, chainFor(scenario))
}

function left(differences: readonly Difference[], more: readonly RegExp[] = []): readonly Difference[] {
  const known = [...knownDifferences.map(({ path }) => path), ...more]
  return differences.filter(({ path }) => !known.some((pattern) => pattern.test(path)))
}
