import { Hex } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { CodecError } from './codec-error.js'
import * as Oer from './oer.js'

const reader = (hex: string): Oer.Reader => new Oer.Reader(Hex.toBytes(hex), 'test')
const written = (write: (writer: Oer.Writer) => void): string => {
  const writer = new Oer.Writer()
  write(writer)
  return Hex.fromBytes(writer.finish())
}

describe('integers', () => {
  it('are big-endian', () => {
    expect(
      written((writer) => {
        writer.uint8('a', 1)
        writer.uint16('b', 0x0203)
        writer.uint32('c', 0x0405_0607)
        writer.uint64('d', 0x0809_0a0b_0c0d_0e0fn)
      }),
    ).toBe('0102030405060708090a0b0c0d0e0f')
    const fields = reader('0102030405060708090a0b0c0d0e0f')
    expect([fields.uint8(), fields.uint16(), fields.uint32(), fields.uint64()]).toEqual([
      1,
      0x0203,
      0x0405_0607,
      0x0809_0a0b_0c0d_0e0fn,
    ])
    expect(fields.left).toBe(0)
  })

  it('reach from 0 to their maximum', () => {
    for (const value of [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const hex = written((writer) => writer.uint64('amount', value))
      expect(hex).toBe(value.toString(16).padStart(16, '0'))
      expect(reader(hex).uint64()).toBe(value)
    }
    expect(written((writer) => writer.uint8('a', 255))).toBe('ff')
    expect(written((writer) => writer.uint16('a', 65_535))).toBe('ffff')
    expect(written((writer) => writer.uint32('a', 4_294_967_295))).toBe('ffffffff')
    expect(reader('ffffffff').uint32()).toBe(4_294_967_295)
  })

  it('are refused beyond it, and so is what is no integer', () => {
    const writer = new Oer.Writer()
    for (const value of [-1, 256, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => writer.uint8('a', value)).toThrow(Oer.IntegerRangeError)
    }
    expect(() => writer.uint16('a', 65_536)).toThrow(Oer.IntegerRangeError)
    expect(() => writer.uint32('a', 4_294_967_296)).toThrow(Oer.IntegerRangeError)
    expect(() => writer.uint64('a', -1n)).toThrow(Oer.IntegerRangeError)
    expect(() => writer.uint64('a', 2n ** 64n)).toThrow(Oer.IntegerRangeError)
    expect(() => writer.uint64('a', 1 as unknown as bigint)).toThrow(Oer.IntegerRangeError)
    expect(writer.finish().length).toBe(0)
  })

  it('are refused when a byte is missing', () => {
    expect(() => reader('').uint8()).toThrow(Oer.TruncatedError)
    expect(() => reader('01').uint16()).toThrow(Oer.TruncatedError)
    expect(() => reader('010203').uint32()).toThrow(Oer.TruncatedError)
    expect(() => reader('01020304050607').uint64()).toThrow(Oer.TruncatedError)
  })
})

describe('lengths', () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535, 65_536, 0xff_ffff, 0x100_0000])(
    'of %i take their shortest form',
    (length) => {
      const prefix = new Uint8Array(Oer.lengthSize(length))
      expect(Oer.writeLength(prefix, 0, length)).toBe(prefix.length)
      expect(Oer.varSize(length)).toBe(prefix.length + length)
      let value = 0
      for (const byte of prefix.length === 1 ? prefix : prefix.subarray(1)) value = value * 256 + byte
      expect(value).toBe(length)
      expect(prefix.length === 1 || prefix[1] !== 0).toBe(true)
    },
  )

  it('are compared with the bytes that are left before anything is sliced', () => {
    expect(() => reader('84ffffffff').varOctets('a', 10)).toThrow(Oer.TruncatedError)
    expect(() => reader('03aabb').length()).toThrow(Oer.TruncatedError)
    expect(reader('02aabb').length()).toBe(2)
  })

  it('are compared with the bounds of the field', () => {
    expect(reader('02aabb').varOctets('a', 2, 2)).toEqual(Uint8Array.of(0xaa, 0xbb))
    expect(() => reader('02aabb').varOctets('a', 1)).toThrow(Oer.FieldLengthError)
    expect(() => reader('02aabb').varOctets('a', 9, 3)).toThrow(Oer.FieldLengthError)
    expect(() => new Oer.Writer().varOctets('a', new Uint8Array(3), 2)).toThrow(Oer.FieldLengthError)
    expect(() => new Oer.Writer().varOctets('a', new Uint8Array(3), 9, 4)).toThrow(Oer.FieldLengthError)
    expect(() => new Oer.Writer().octets('a', new Uint8Array(3), 4)).toThrow(Oer.FieldLengthError)
  })
})

describe('byte strings', () => {
  it('are views, also of a Buffer', () => {
    const bytes = Buffer.from('0301020304', 'hex')
    const octets = new Oer.Reader(bytes, 'test').varOctets('a', 3)
    expect(octets.buffer).toBe(bytes.buffer)
    expect(octets.constructor).toBe(Uint8Array)
    bytes[1] = 9
    expect(octets[0]).toBe(9)
  })

  it('stay inside a view that the reader was given', () => {
    const whole = Hex.toBytes('ff0201020304ff')
    const view = new Oer.Reader(whole.subarray(1, 4), 'test')
    expect(view.varOctets('a', 2)).toEqual(Uint8Array.of(1, 2))
    expect(() => view.uint8()).toThrow(Oer.TruncatedError)
  })

  it('make the buffer of the writer grow', () => {
    const long = new Uint8Array(1000).fill(7)
    expect(
      written((writer) => {
        writer.uint8('a', 1)
        writer.varOctets('b', long, 1000)
        writer.uint8('c', 2)
      }),
    ).toBe(`018203e8${'07'.repeat(1000)}02`)
  })
})

describe('text', () => {
  it('is ASCII where it must be', () => {
    expect(written((writer) => writer.ascii('a', 'ab\x7f', 3))).toBe('0361627f')
    expect(reader('0361627f').ascii('a', 3)).toBe('ab\x7f')
    expect(() => new Oer.Writer().ascii('a', 'é', 9)).toThrow(Oer.CharacterError)
    expect(() => reader('02c3a9').ascii('a', 9)).toThrow(Oer.CharacterError)
    expect(() => reader('0180').ascii('a', 9)).toThrow(Oer.CharacterError)
    expect(() => reader('03efbbbf').ascii('a', 9)).toThrow(Oer.CharacterError)
    expect(() => reader('80').fixedAscii('a', 1)).toThrow(Oer.CharacterError)
    expect(() => new Oer.Writer().ascii('a', 'abc', 2)).toThrow(Oer.FieldLengthError)
    expect(() => new Oer.Writer().ascii('a', '', 2, 1)).toThrow(Oer.FieldLengthError)
    expect(() => new Oer.Writer().fixedAscii('a', 'ab', 3)).toThrow(Oer.FieldLengthError)
  })

  it('is whole UTF-8, counted in bytes', () => {
    expect(written((writer) => writer.utf8('a', '✓', 3))).toBe('03e29c93')
    expect(() => new Oer.Writer().utf8('a', '✓', 2)).toThrow(Oer.FieldLengthError)
    expect(reader('03e29c93').utf8('a', 3)).toBe('✓')
    expect(reader('03efbbbf').utf8('a', 3)).toBe('\ufeff')
    expect(() => reader('02e29c').utf8('a', 3)).toThrow(Oer.CharacterError)
    expect(() => reader('03eda080').utf8('a', 3)).toThrow(Oer.CharacterError)
    expect(() => new Oer.Writer().utf8('a', '\ud800', 9)).toThrow(Oer.CharacterError)
  })

  it('is written the same whether it is short or long', () => {
    for (const length of [0, 1, 16, 17, 255, 1023, 1024, 1025, 5000]) {
      const target = new Uint8Array(length + 2)
      expect(Oer.writeAscii(target, 1, 'x'.repeat(length))).toBe(length + 1)
      expect(target).toEqual(Uint8Array.of(0, ...new Uint8Array(length).fill(0x78), 0))
    }
  })
})

describe('counts', () => {
  it.each([0, 1, 255, 256, 65_535, 65_536, 0xff_ffff, 0x100_0000, 0xffff_ffff])('of %i are minimal', (count) => {
    const hex = written((writer) => writer.count('a', count))
    const digits = count.toString(16)
    const magnitude = digits.padStart(digits.length + (digits.length % 2), '0')
    expect(hex).toBe(`0${magnitude.length / 2}${magnitude}`)
  })

  it('cannot announce more elements than the bytes left could hold', () => {
    expect(reader(`0102${'00'.repeat(8)}`).count('a', 4)).toBe(2)
    expect(() => reader(`0102${'00'.repeat(7)}`).count('a', 4)).toThrow(Oer.CountError)
    expect(() => reader('06ffffffffffff').count('a', 1)).toThrow(Oer.CountError)
    expect(() => reader('').count('a', 1)).toThrow(Oer.TruncatedError)
    expect(() => new Oer.Writer().count('a', -1)).toThrow(Oer.IntegerRangeError)
  })
})

describe('the end', () => {
  it('is where the bytes end', () => {
    const fields = reader('0102')
    fields.uint8()
    expect(() => fields.end()).toThrow(Oer.TrailingBytesError)
    fields.uint8()
    expect(() => fields.end()).not.toThrow()
  })

  it('of the last field is the end of the whole', () => {
    expect(() => reader('020102').enterLast()).not.toThrow()
    expect(() => reader('02010203').enterLast()).toThrow(Oer.TrailingBytesError)
    expect(() => reader('0201').enterLast()).toThrow(Oer.TruncatedError)
  })
})

describe('errors', () => {
  it('have a stable code and say where and what', () => {
    try {
      reader('05aa').length()
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError)
      expect(error).toMatchObject({ name: 'Oer.TruncatedError', code: 'OER_TRUNCATED' })
      expect((error as Error).message).toBe('test is cut short: at offset 1 it needs 5 more bytes, but 1 are left.')
    }
  })
})
