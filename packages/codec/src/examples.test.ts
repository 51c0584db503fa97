/** Runs the examples in docstrings: an expression, then the value it has, as a comment. */
import { readdirSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import * as Units from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as Codec from './index.js'

const names = { ...Units, ...Codec }

const examplesOf = (folder: string): readonly (readonly [string, string, string])[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
    .flatMap((file) => {
      const source = readFileSync(new URL(`${folder}${file}`, import.meta.url), 'utf8')
      return [...source.matchAll(/ \* @example\n((?: \* .*\n)+)/g)].map(([, block = '']) => {
        const [code = '', ...results] = block.replace(/^ \* /gm, '').split(/(?<=^|\s)\/\/ /)
        return [file, code.trim(), results.map((line) => line.trim()).join(' ')] as const
      })
    })

describe.each(['./', '../../units/src/'])('the examples in %s', (folder) => {
  const examples = examplesOf(folder)

  it('are there', () => expect(examples.length).toBeGreaterThan(3))

  it.each(examples)('%s: %s', (_, code, result) => {
    const value: unknown = new Function(...Object.keys(names), `return ${code}`)(...Object.values(names))
    const text = inspect(value).replace(/\s+/g, ' ')
    // A long byte string stands in an example with its length alone.
    expect(text.replace(/(Uint8Array\(\d+\)) \[[^\]]*\]/g, (whole, short) => (whole.length > 60 ? short : whole))).toBe(
      result,
    )
  })
})
