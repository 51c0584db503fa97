import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Csv from './csv.js'

const text = (value: string) => ({ text: value })

/** A reader by the grammar of RFC 4180, section 2. */
function parse(csv: string): string[][] {
  const lines: string[][] = []
  let line: string[] = []
  for (let at = 0; at < csv.length; ) {
    let cell = ''
    if (csv[at] === '"') {
      for (at++; ; at++) {
        if (csv[at] !== '"') cell += csv[at]
        else if (csv[at + 1] === '"') {
          cell += '"'
          at++
        } else break
      }
      at++
    } else {
      while (at < csv.length && csv[at] !== ',' && !csv.startsWith('\r\n', at)) {
        if (csv[at] === '"' || csv[at] === '\n' || csv[at] === '\r')
          throw new Error(`a bare ${JSON.stringify(csv[at])}`)
        cell += csv[at++]
      }
    }
    line.push(cell)
    if (csv[at] === ',') {
      at++
      continue
    }
    if (!csv.startsWith('\r\n', at)) throw new Error(`${JSON.stringify(csv.slice(at))} after a cell`)
    at += 2
    lines.push(line)
    line = []
  }
  return lines
}

describe('a line of CSV', () => {
  it('ends with CRLF and leaves alone what needs no quotes', () => {
    expect(Csv.line([text('alice'), { number: '-20' }, undefined, text('g.shop.alice.7')])).toBe(
      'alice,-20,,g.shop.alice.7\r\n',
    )
  })

  it('quotes what would end a cell or a line', () => {
    expect(Csv.line([text('a,b'), text('a"b'), text('a\r\nb'), text(' a'), text('')])).toBe(
      '"a,b","a""b","a\r\nb"," a",\r\n',
    )
  })

  it.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '=cmd|"/c calc"!A1',
    '\t=1',
    '\r=1',
    ' =1',
    '\u0000=1',
    '＝1',
    '＋1',
    '－1',
    '＠A',
    '\tx',
    '\nx',
    "'x",
  ])('makes no formula of %j', (value) => {
    const [[cell]] = parse(Csv.line([text(value)])) as [[string]]
    expect(cell).toBe(`'${value}`)
  })

  it('can be read back by a reader of RFC 4180 that takes the apostrophe away', () => {
    const cells = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '=', "'", ' ', 'a') }),
      ),
      { minLength: 2, maxLength: 6 },
    )
    fc.assert(
      fc.property(fc.array(cells, { maxLength: 5 }), (rows) => {
        const read = parse(rows.map((row) => Csv.line(row.map(text))).join(''))
        expect(read.map((row) => row.map((cell) => (cell.startsWith("'") ? cell.slice(1) : cell)))).toEqual(rows)
        for (const cell of read.flat()) expect(cell).not.toMatch(/^\s*[=+\-@]/)
      }),
    )
  })
})
