/** The planted errors: all of them can still be planted, and the ones that are found soonest are. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bundle } from './bundle.mjs'
import { mutants } from './mutants/list.js'

const root = new URL('../../', import.meta.url)
const execute = promisify(execFile)
const seedsMax = 200
const msMax = 120_000

describe('a planted error', () => {
  it.each(mutants)('has its place in the sources: $name', async ({ changes }) => {
    for (const { file, from, to } of changes) {
      const text = await readFile(new URL(file, root), 'utf8')
      expect(text.split(from)).toHaveLength(2)
      expect(to).not.toBe(from)
    }
  })

  it.each([
    'a limit is off by one',
    'a group commit does not wait for its write',
    'a piece leaves when it is promised',
    'a payer does not wait for its book',
  ])(
    'is found: %s',
    async (name) => {
      const program = await bundle('command.ts', mutants.find((mutant) => mutant.name === name)!)
      const run = execute(process.execPath, [program, '--json', '--from', '1', '--seeds', `${seedsMax}`])
      await expect(run).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('"rule"') })
    },
    msMax,
  )

  it('has a name of its own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })
})
