/** A failure as a person reads it: what does not hold, how to see it again, and the story of a smaller one. */
import * as Faults from './faults.js'
import type { Plan } from './plan.js'
import type { Result } from './simulate.js'

const linesMax = 120

export function failure(found: Result, smallest: Result): string {
  const { plan, finding, hash } = found
  const story = smallest.story.slice(-linesMax)
  const left = smallest.story.length - story.length
  return [
    `Seed ${plan.seed} breaks a rule: ${finding!.rule}.`,
    '',
    `  ${finding!.detail}`,
    `  replay   npm run simulate -- --seed ${plan.seed}`,
    `  trace    ${hash}, ${found.steps} steps`,
    '',
    'The smallest that was found to break it:',
    ...settings(smallest.plan).map((line) => `  ${line}`),
    '',
    ...(left > 0 ? [`  (${left} lines before this)`] : []),
    ...story.map((line) => `  ${line}`),
    '',
    `  ${smallest.finding!.rule}: ${smallest.finding!.detail}`,
  ].join('\n')
}

function settings({ shop, payers, liars, faults, mendMs }: Plan): string[] {
  return [
    `shop     ${text(shop)}`,
    ...payers.map((payer, i) => `payer${i}   ${text(payer)}`),
    ...liars.map((liar, i) => `liar${i}    ${text(liar)}`),
    ...faults.map((fault) => `fault    at ${(fault.atMs / 1000).toFixed(3)}s: ${Faults.words(fault)}`),
    `mended   at ${(mendMs / 1000).toFixed(3)}s`,
  ]
}

function text(part: object): string {
  return Object.entries(part)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? `(${text(value)})` : String(value)}`)
    .join(', ')
}
