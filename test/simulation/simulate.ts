/** Runs one plan. The same plan always runs the same way: the hash of its trace says so. */
import * as Plan from './plan.js'
import type { Finding } from './rules/findings.js'
import { World } from './world.js'

export interface Result {
  readonly plan: Plan.Plan
  /** Of everything that happened, in order. */
  readonly hash: string
  readonly steps: number
  /** Milliseconds of the simulated world. */
  readonly ms: number
  /** Payments that were posted. */
  readonly posted: number
  readonly finding: Finding | undefined
  readonly story: readonly string[]
}

export async function run(plan: Plan.Plan, options: { readonly story?: boolean } = {}): Promise<Result> {
  const world = new World(plan, options.story === true)
  const { setImmediate: before } = globalThis
  const thrown = (error: unknown) => {
    const detail = error instanceof Error ? String(error.stack) : String(error)
    world.findings.add('nothing unexpected is thrown', detail)
  }
  process.on('unhandledRejection', thrown)
  globalThis.setImmediate = world.immediate as unknown as typeof setImmediate
  try {
    await world.run()
  } catch (error) {
    thrown(error)
  } finally {
    globalThis.setImmediate = before
    process.off('unhandledRejection', thrown)
  }
  const { timeline, trace, findings, ledgerRules } = world
  return {
    plan,
    hash: trace.hash,
    steps: timeline.steps,
    ms: timeline.now,
    posted: [...ledgerRules.streams.values()].reduce((sum, { payments }) => sum + payments.length, 0),
    finding: findings.first,
    story: trace.lines ?? [],
  }
}

export function seed(seed: number): Promise<Result> {
  return run(Plan.fromSeed(seed))
}
