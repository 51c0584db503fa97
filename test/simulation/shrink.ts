/**
 * Makes a failing plan smaller while it fails in the same way: fewer faults, fewer people, less content, earlier rest.
 * What is left is a story that a person can read.
 */
import type { Plan } from './plan.js'
import * as Simulate from './simulate.js'

const runsMax = 400

export async function shrink(result: Simulate.Result): Promise<Simulate.Result> {
  const rule = result.finding?.rule
  if (rule === undefined) return result
  let smallest = result
  let runs = 0
  for (let progress = true; progress; ) {
    progress = false
    for (const plan of smaller(smallest.plan)) {
      if (++runs > runsMax) return smallest
      const tried = await Simulate.run(plan)
      if (tried.finding?.rule !== rule) continue
      smallest = tried
      progress = true
      break
    }
  }
  return smallest
}

/** Plans with less in them, the ones that leave out most first. */
function* smaller(plan: Plan): Generator<Plan> {
  const { faults, payers, liars, shop } = plan
  for (let size = faults.length; size >= 1; size = size >> 1) {
    for (let from = 0; from < faults.length; from += size) {
      yield { ...plan, faults: [...faults.slice(0, from), ...faults.slice(from + size)] }
    }
  }
  for (let i = 0; i < liars.length; i++) yield { ...plan, liars: liars.filter((_, other) => other !== i) }
  for (const [i, liar] of liars.entries()) {
    if (liar.acts > 1) yield { ...plan, liars: liars.with(i, { ...liar, acts: liar.acts >> 1 }) }
  }
  // The last one: faults name the others by their place.
  if (payers.length > 1) {
    const last = payers.length - 1
    yield { ...plan, payers: payers.slice(0, last), faults: faults.filter((fault) => !concerns(fault, last)) }
  }
  for (const [i, payer] of payers.entries()) {
    const change = (less: Partial<typeof payer>) => ({ ...plan, payers: payers.with(i, { ...payer, ...less }) })
    if (payer.lives > 1) yield change({ lives: payer.lives - 1 })
    if (payer.fetches > 1) yield change({ fetches: 1 })
    if (payer.readMs > 0) yield change({ readMs: 0 })
    if (payer.stopsAfterBytes !== undefined) yield change({ stopsAfterBytes: undefined })
    if (payer.window !== 1) yield change({ window: 1 })
  }
  const less = (change: Partial<typeof shop>) => ({ ...plan, shop: { ...shop, ...change } })
  if (shop.shopLie !== undefined) yield less({ shopLie: undefined })
  if (shop.hostLie !== undefined) yield less({ hostLie: undefined })
  if (shop.pieces > 1) yield less({ pieces: shop.pieces >> 1 })
  if (shop.unit !== 'bytes:1') yield less({ unit: 'bytes:1' })
  if (shop.chunkMs > 0) yield less({ chunkMs: 0 })
  if (shop.sourceFailsAt !== undefined) yield less({ sourceFailsAt: undefined })
  if (plan.mendMs > 1_000) yield { ...plan, mendMs: plan.mendMs >> 1 }
}

function concerns(fault: Plan['faults'][number], payer: number): boolean {
  return ('payer' in fault && fault.payer === payer) || ('who' in fault && fault.who === payer)
}
