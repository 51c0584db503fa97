import { describe, expect, it } from 'vitest'
import { createMeter } from './meter.js'
import {
  type CutFunction,
  countPieces,
  longPieceBytes,
  type Piece,
  PieceLengthError,
  PieceTooLongError,
  parseUnit,
  pieceBytesMax,
  UnitError,
} from './piece.js'

/** The pieces of content that arrives in these chunks, as latin1 text. */
function piecesOf(piece: Piece, ...chunks: (string | number[] | Uint8Array)[]): string[] {
  const meter = createMeter(piece)
  for (const chunk of chunks) meter.push(typeof chunk === 'string' ? Buffer.from(chunk) : Uint8Array.from(chunk))
  meter.end()
  meter.cut(Number.POSITIVE_INFINITY)
  const pieces: string[] = []
  while (meter.pieces > 0) pieces.push(Buffer.from(meter.draw(meter.take(1))).toString('latin1'))
  expect(meter.bytes).toBe(0)
  expect(meter.ended).toBe(true)
  return pieces
}

const hex = (...pieces: string[]) => pieces.map((piece) => Buffer.from(piece, 'hex').toString('latin1'))

describe('letters', () => {
  it('are code points, however many bytes they have', () => {
    expect(piecesOf('letter', 'aé€😀')).toEqual(hex('61', 'c3a9', 'e282ac', 'f09f9880'))
  })

  it('may span chunks', () => {
    expect(piecesOf('letter', [0xf0], [0x9f, 0x98], [], [0x80, 0x61])).toEqual(hex('f09f9880', '61'))
  })

  it.each([
    ['a lone continuation byte', [0x80, 0x61], ['80', '61']],
    ['a sequence that breaks off', [0xe2, 0x82, 0x61], ['e2', '82', '61']],
    ['a sequence that another one interrupts', [0xf0, 0x9f, 0xc3, 0xa9], ['f0', '9f', 'c3a9']],
    ['the end in a sequence', [0x61, 0xf0, 0x9f, 0x98], ['61', 'f0', '9f', '98']],
    ['bytes that UTF-8 never has', [0xc0, 0xc1, 0xf5, 0xff], ['c0', 'c1', 'f5', 'ff']],
    [
      'a longer form than needed',
      [0xe0, 0x9f, 0xbf, 0xf0, 0x8f, 0x80, 0x80],
      ['e0', '9f', 'bf', 'f0', '8f', '80', '80'],
    ],
    ['a surrogate', [0xed, 0xa0, 0x80], ['ed', 'a0', '80']],
    ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], ['f4', '90', '80', '80']],
  ])('count each byte of %s as one', (_name, bytes, pieces) => {
    expect(piecesOf('letter', bytes)).toEqual(hex(...pieces))
    expect(piecesOf('letter', ...bytes.map((byte) => [byte]))).toEqual(hex(...pieces))
  })

  it('are whole at the bounds of what is well-formed', () => {
    const bounds = ['c280', 'dfbf', 'e0a080', 'ed9fbf', 'ee8080', 'efbfbf', 'f0908080', 'f48fbfbf']
    expect(piecesOf('letter', Buffer.from(bounds.join(''), 'hex'))).toEqual(hex(...bounds))
  })
})

describe('pieces of N bytes', () => {
  it('have N bytes, the last one what is left', () => {
    expect(piecesOf('bytes:3', 'abcdefgh')).toEqual(['abc', 'def', 'gh'])
    expect(piecesOf('bytes:3', 'abcdef')).toEqual(['abc', 'def'])
    expect(piecesOf('bytes:3', 'a', 'b', 'cde', 'f')).toEqual(['abc', 'def'])
    expect(piecesOf('bytes:1', 'abc')).toEqual(['a', 'b', 'c'])
  })

  it('are counted from the length of the content', () => {
    expect(countPieces('bytes:3', 8)).toBe(3)
    expect(countPieces('bytes:3', 9)).toBe(3)
    expect(countPieces('bytes:3', 10)).toBe(4)
    expect(countPieces('letter', 8)).toBeUndefined()
    expect(countPieces('line', 0)).toBe(0)
    expect(countPieces(() => 1, 8)).toBeUndefined()
  })
})

describe('lines', () => {
  it('end with their LF, the last one without if it has none', () => {
    expect(piecesOf('line', 'one\ntwo\r\n\nfour')).toEqual(['one\n', 'two\r\n', '\n', 'four'])
    expect(piecesOf('line', 'one', '\ntw', 'o\n')).toEqual(['one\n', 'two\n'])
    expect(piecesOf('line', 'a\rb')).toEqual(['a\rb'])
  })

  it('that are too long are cut', () => {
    const lengths = (text: string) => piecesOf('line', text).map((piece) => piece.length)
    expect(lengths(`${'x'.repeat(longPieceBytes - 1)}\ny`)).toEqual([longPieceBytes, 1])
    expect(lengths(`${'x'.repeat(longPieceBytes)}\ny`)).toEqual([longPieceBytes, 1, 1])
    expect(lengths('x'.repeat(2 * longPieceBytes + 5))).toEqual([longPieceBytes, longPieceBytes, 5])
  })
})

describe('events', () => {
  it('end with the blank line after them', () => {
    expect(piecesOf('event', 'data: 1\n\nid: 2\ndata: 2\n\n')).toEqual(['data: 1\n\n', 'id: 2\ndata: 2\n\n'])
  })

  it('may have any of the three line ends', () => {
    expect(piecesOf('event', 'data: 1\r\n\r\ndata: 2\r\n\r\n')).toEqual(['data: 1\r\n\r\n', 'data: 2\r\n\r\n'])
    expect(piecesOf('event', 'data: 1\r\rdata: 2\r\r')).toEqual(['data: 1\r\r', 'data: 2\r\r'])
    expect(piecesOf('event', 'data: 1\n\r\ndata: 2\r\n\n')).toEqual(['data: 1\n\r\n', 'data: 2\r\n\n'])
    expect(piecesOf('event', 'data: 1\n\r', '\ndata: 2\r\n\n')).toEqual(['data: 1\n\r\n', 'data: 2\r\n\n'])
  })

  it('bring the comments and blank lines before them for nothing', () => {
    expect(piecesOf('event', ': hello\n\n\n: still here\n\ndata: 1\n\n: bye\ndata: 2\n\n')).toEqual([
      ': hello\n\n\n: still here\n\ndata: 1\n\n',
      ': bye\ndata: 2\n\n',
    ])
  })

  it('are also what is left at the end', () => {
    expect(piecesOf('event', 'data: 1\n\ndata: 2\n')).toEqual(['data: 1\n\n', 'data: 2\n'])
    expect(piecesOf('event', ': only a comment\n\n')).toEqual([': only a comment\n\n'])
  })

  it('that are too long are cut, but not between CR and LF', () => {
    const lengths = (text: string) => piecesOf('event', text).map((piece) => piece.length)
    const x = (count: number) => 'x'.repeat(count)
    expect(lengths(`${x(longPieceBytes)}\n\ndata: 2\n\n`)).toEqual([longPieceBytes, 2, 9])
    expect(lengths(`${x(longPieceBytes - 1)}\r\n\r\ndata: 2\n\n`)).toEqual([longPieceBytes + 1, 2, 9])
    expect(lengths(`${x(longPieceBytes - 3)}\r\n\r\ndata: 2\n\n`)).toEqual([longPieceBytes + 1, 9])
    expect(lengths(`${x(longPieceBytes - 1)}\ry\n\n`)).toEqual([longPieceBytes, 3])
    expect(lengths('\r'.repeat(longPieceBytes + 2))).toEqual([longPieceBytes, 2])
    expect(lengths('\n'.repeat(longPieceBytes + 2))).toEqual([longPieceBytes, 2])
    expect(lengths(`:${x(longPieceBytes)}`)).toEqual([longPieceBytes, 1])
  })
})

describe('pieces of a function', () => {
  const untilSemicolon: CutFunction = (bytes) => bytes.indexOf(0x3b) + 1

  it('end where the function says', () => {
    expect(piecesOf(untilSemicolon, 'a;bc;', 'd', 'e;f')).toEqual(['a;', 'bc;', 'de;', 'f'])
  })

  it('learn that the content has ended', () => {
    const seen: boolean[] = []
    const allAtTheEnd: CutFunction = (_bytes, ended) => {
      seen.push(ended)
      return ended ? 2 : 0
    }
    expect(piecesOf(allAtTheEnd, 'abcd')).toEqual(['ab', 'cd'])
    expect(seen).toEqual([false, true, true])
  })

  it.each([-1, 3, 0.5, Number.NaN, '1', undefined])('may not have the length %s of two bytes', (length) => {
    expect(() => piecesOf((() => length) as unknown as CutFunction, 'ab')).toThrow(PieceLengthError)
  })

  it('may not grow without end', () => {
    const meter = createMeter(() => 0)
    const chunk = new Uint8Array(pieceBytesMax / 4)
    for (let i = 0; i < 4; i++) meter.push(chunk)
    meter.cut(1)
    expect(meter.pieces).toBe(0)
    meter.push(Uint8Array.of(1))
    expect(() => meter.cut(1)).toThrow(PieceTooLongError)
  })
})

describe('units', () => {
  it('are read as the command line says them', () => {
    for (const unit of ['letter', 'line', 'event', 'bytes:1', 'bytes:1024', `bytes:${pieceBytesMax}`]) {
      expect(parseUnit(unit)).toBe(unit)
    }
    for (const text of [
      '',
      'opaque',
      'Letter',
      'bytes',
      'bytes:',
      'bytes:0',
      'bytes:01',
      'bytes:-1',
      'bytes:1.5',
      `bytes:${pieceBytesMax + 1}`,
    ]) {
      expect(parseUnit(text)).toBeUndefined()
    }
    expect(() => createMeter('bytes:0')).toThrow(UnitError)
    expect(() => createMeter('word' as 'letter')).toThrow(UnitError)
  })
})
