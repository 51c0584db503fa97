import { Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as InterledgerTime from './interledger-time.js'
import * as Oer from './oer.js'

const at = (iso: string): Instant.Instant => Instant.from(Date.parse(iso))
const times: readonly (readonly [string, string])[] = [
  ['1970-01-01T00:00:00.000Z', '19700101000000.000Z'],
  ['1999-12-31T23:59:59.999Z', '19991231235959.999Z'],
  ['2000-02-29T12:34:56.007Z', '20000229123456.007Z'],
  ['2017-10-25T12:00:00.123Z', '20171025120000.123Z'],
  ['2024-02-29T00:00:00.000Z', '20240229000000.000Z'],
  ['2024-03-01T00:00:00.000Z', '20240301000000.000Z'],
  ['2100-02-28T23:59:59.999Z', '21000228235959.999Z'],
  ['2100-03-01T00:00:00.000Z', '21000301000000.000Z'],
  ['9999-12-31T23:59:59.999Z', '99991231235959.999Z'],
]

describe('a time', () => {
  it.each(times)('%s is written and read', (iso, text) => {
    expect(InterledgerTime.format(at(iso))).toBe(text)
    expect(InterledgerTime.parse(text)).toBe(at(iso))
    const fixed = text.replace(/[.Z]/g, '')
    expect(InterledgerTime.formatFixed(at(iso))).toBe(fixed)
    expect(InterledgerTime.parseFixed(fixed)).toBe(at(iso))
  })

  it('agrees with Date on every day of eighty years and on the first of every month until 9999', () => {
    const wrong: number[] = []
    const check = (ms: number): void => {
      const text = new Date(ms).toISOString().replace(/[-:T]/g, '')
      const instant = Instant.from(ms)
      if (InterledgerTime.format(instant) !== text || InterledgerTime.parse(text) !== instant) wrong.push(ms)
    }
    for (let day = 0; day < 80 * 366; day++) check(day * 86_401_234)
    for (let month = 0; month < (9999 - 1970) * 12; month++) check(Date.UTC(1970, month, 1))
    expect(wrong).toEqual([])
  })

  it('is written where it was asked to be', () => {
    const target = new Uint8Array(30).fill(0xff)
    InterledgerTime.encode(at('2017-10-25T12:00:00.123Z'), target, 5)
    expect(Buffer.from(target).toString('latin1', 5, 24)).toBe('20171025120000.123Z')
    expect([target[4], target[24]]).toEqual([0xff, 0xff])
    expect(InterledgerTime.decode(target, 5)).toBe(at('2017-10-25T12:00:00.123Z'))
  })

  it.each([-1, 0.5, Number.NaN, 253_402_300_800_000, Number.POSITIVE_INFINITY])('of %d ms cannot be written', (ms) => {
    expect(() => InterledgerTime.format(ms as Instant.Instant)).toThrow(InterledgerTime.TimeRangeError)
    expect(() => InterledgerTime.formatFixed(ms as Instant.Instant)).toThrow(InterledgerTime.TimeRangeError)
  })
})

describe('text that is no time', () => {
  it.each([
    '',
    '20171025120000Z',
    '20171025120000.1Z',
    '20171025120000.12Z',
    '20171025120000.1234Z',
    '20171025120000.123z',
    '20171025120000,123Z',
    '20171025120000.123+',
    '2017-10-25T12:00:00',
    ' 0171025120000.123Z',
    '2017102512000a.123Z',
    '20171025120000.12aZ',
    '20171025120000.:23Z',
    '/0171025120000.123Z',
    '２0171025120000.123Z',
  ])('%j is refused', (text) => {
    expect(() => InterledgerTime.parse(text)).toThrow(InterledgerTime.TimeSyntaxError)
  })

  it.each(['', '2017102512000012', '201710251200001234', '2017102512000012a'])('%j is refused in ILPv4', (text) => {
    expect(() => InterledgerTime.parseFixed(text)).toThrow(InterledgerTime.TimeSyntaxError)
  })

  it('is refused when the bytes end before it does', () => {
    const bytes = new TextEncoder().encode('20171025120000.123Z')
    expect(() => InterledgerTime.decode(bytes, 1)).toThrow(InterledgerTime.TimeSyntaxError)
    expect(() => InterledgerTime.decodeFixed(bytes.subarray(0, 16), 0)).toThrow(InterledgerTime.TimeSyntaxError)
  })
})

describe('a day or hour that does not exist', () => {
  it.each([
    ['year 1969', '19691231235959.999Z'],
    ['year 0', '00000101000000.000Z'],
    ['month 0', '20170025120000.123Z'],
    ['month 13', '20171325120000.123Z'],
    ['day 0', '20171000120000.123Z'],
    ['31 April', '20170431120000.123Z'],
    ['32 January', '20170132120000.123Z'],
    ['29 February of a common year', '20170229120000.123Z'],
    ['29 February of 2100', '21000229120000.123Z'],
    ['30 February of a leap year', '20240230120000.123Z'],
    ['hour 24', '20171025240000.000Z'],
    ['minute 60', '20171025126000.000Z'],
    ['second 60', '20161231235960.000Z'],
  ])('is refused: %s', (_, text) => {
    expect(() => InterledgerTime.parse(text)).toThrow(InterledgerTime.TimeRangeError)
    expect(() => InterledgerTime.parseFixed(text.replace(/[.Z]/g, ''))).toThrow(InterledgerTime.TimeRangeError)
  })

  it('does not spoil the time that is read next', () => {
    const good = '20171025120000.123Z'
    expect(() => InterledgerTime.parse('20171332120000.123Z')).toThrow(InterledgerTime.TimeRangeError)
    expect(InterledgerTime.parse(good)).toBe(at('2017-10-25T12:00:00.123Z'))
    expect(() => InterledgerTime.parse('20171332120000.123Z')).toThrow(InterledgerTime.TimeRangeError)
  })
})

describe('a field', () => {
  it('has a length of exactly 19', () => {
    const text = new TextEncoder().encode('20171025120000.123Z')
    const field = new Oer.Reader(Uint8Array.of(19, ...text), 'test')
    expect(InterledgerTime.read(field)).toBe(at('2017-10-25T12:00:00.123Z'))
    expect(field.left).toBe(0)
    const trimmed = new Oer.Reader(Uint8Array.of(15, ...new TextEncoder().encode('20171025120000Z')), 'test')
    expect(() => InterledgerTime.read(trimmed)).toThrow(InterledgerTime.TimeSyntaxError)
    expect(() => InterledgerTime.read(new Oer.Reader(Uint8Array.of(19, 1), 'test'))).toThrow(Oer.TruncatedError)
  })
})
