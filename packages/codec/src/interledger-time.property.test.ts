import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant } from '../vectors/arbitrary.js'
import { CodecError } from './codec-error.js'
import * as InterledgerTime from './interledger-time.js'

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`))

describe('any time', () => {
  it('is written as Date would write it, and read again', () => {
    fc.assert(
      fc.property(instant, (value) => {
        const text = new Date(value).toISOString().replace(/[-:T]/g, '')
        expect(InterledgerTime.format(value)).toBe(text)
        expect(InterledgerTime.parse(text)).toBe(value)
        expect(InterledgerTime.formatFixed(value)).toBe(text.replace(/[.Z]/g, ''))
        expect(InterledgerTime.parseFixed(text.replace(/[.Z]/g, ''))).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })

  it('of digits exists if Date says so, and else is refused by name', () => {
    const nearlyReal = fc
      .tuple(
        fc.integer({ min: 1960, max: 2110 }),
        ...[14, 33, 26, 62, 62].map((max) => fc.integer({ min: 0, max })),
        digits(3),
      )
      .map((parts) => parts.map((part, i) => String(part).padStart(i === 0 ? 4 : 2, '0')).join(''))
    fc.assert(
      fc.property(fc.oneof(digits(17), nearlyReal), (text) => {
        const iso = text.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, '$1-$2-$3T$4:$5:$6.$7Z')
        const date = new Date(iso)
        const real = !Number.isNaN(date.getTime()) && date.toISOString() === iso && date.getTime() >= 0
        try {
          expect(InterledgerTime.parseFixed(text)).toBe(date.getTime())
          expect(real).toBe(true)
        } catch (error) {
          if (!(error instanceof CodecError)) throw error
          expect(real).toBe(false)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
