/**
 * `npm run simulate`: as many seeds as asked.
 *
 * | option      | means                                              | default       |
 * | ----------- | -------------------------------------------------- | ------------- |
 * | `--seeds N` | how many                                           | 1,000         |
 * | `--from S`  | the first                                          | a random one  |
 * | `--seed S`  | this one alone, with its story                     |               |
 * | `--json`    | one line of JSON, for programs; nothing is shrunk  |               |
 */
import { parseArgs } from 'node:util'
import * as Report from './report.js'
import { shrink } from './shrink.js'
import * as Simulate from './simulate.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
  },
})
const isOne = values.seed !== undefined
const first = Number(values.seed ?? values.from ?? Math.floor(Math.random() * 2 ** 31))
const count = isOne ? 1 : Number(values.seeds ?? 1_000)
const tellEveryMs = 10_000

if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error('Write whole numbers: npm run simulate -- --seeds 1000 --from 1')
  process.exit(2)
}

const began = performance.now()
let told = began
let payments = 0
let steps = 0
let failed: Simulate.Result | undefined
let runs = 0
for (let seed = first; seed < first + count && failed === undefined; seed++) {
  const result = await Simulate.seed(seed)
  runs++
  payments += result.posted
  steps += result.steps
  if (result.finding !== undefined) failed = result
  if (!values.json && performance.now() - told > tellEveryMs) {
    told = performance.now()
    console.log(`${runs} of ${count} seeds, ${payments} payments, no rule broken`)
  }
}
const { user, system } = process.cpuUsage()
const cpuMs = Math.round((user + system) / 1000)

if (values.json) {
  const { seed, rule } = { seed: failed?.plan.seed, rule: failed?.finding?.rule }
  console.log(JSON.stringify({ runs, steps, payments, cpuMs, seed, rule, detail: failed?.finding?.detail }))
} else if (failed !== undefined) {
  const smallest = await shrink(failed)
  console.log(Report.failure(failed, await Simulate.run(smallest.plan, { story: true })))
} else {
  if (isOne) console.log((await Simulate.run((await Simulate.seed(first)).plan, { story: true })).story.join('\n'))
  console.log(
    `${runs} seeds from ${first}: no rule broken. ${payments} payments, ${steps} steps, ${cpuMs} ms of CPU, ` +
      `${Math.round(performance.now() - began)} ms.`,
  )
}
process.exitCode = failed === undefined ? 0 : 1
