/**
 * Runs the simulator on each mutant until it is found, and prints a table:
 * `npm run simulate:mutants -- [--seeds 2000] [--only "part of a name"]`.
 */
import { execFile } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { bundle } from '../bundle.mjs'

const { values } = parseArgs({ options: { seeds: { type: 'string' }, only: { type: 'string' } } })
const seeds = values.seeds ?? '2000'
const { mutants } = await import(pathToFileURL(await bundle('mutants/list.ts')).href)
const execute = promisify(execFile)
/** Exit codes: 0 none was found, 1 one was. */
const found = 1
let missed = 0

console.log('| mutant | found after | by the rule |')
console.log('| --- | --- | --- |')
for (const mutant of mutants) {
  if (values.only !== undefined && !mutant.name.includes(values.only)) continue
  const program = await bundle('command.ts', mutant)
  const { stdout } = await execute(process.execPath, [program, '--json', '--from', '1', '--seeds', seeds]).catch(
    (error) => {
      if (error.code === found) return error
      throw error
    },
  )
  const { runs, rule } = JSON.parse(stdout)
  if (rule === undefined) missed++
  console.log(`| ${mutant.name} | ${rule === undefined ? `not in ${runs} seeds` : runs} | ${rule ?? ''} |`)
}
process.exitCode = missed === 0 ? 0 : 1
