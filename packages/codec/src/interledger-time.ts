/**
 * The two forms in which Interledger writes time, always UTC, always milliseconds:
 *
 * | form        | text                  | characters | used by                          |
 * | ----------- | --------------------- | ---------- | -------------------------------- |
 * | generalized | `20171025120000.123Z` | 19         | BTP 1.0, ILP errors, ILQP        |
 * | fixed       | `20171025120000123`   | 17         | ILPv4                            |
 *
 * Calendar arithmetic of its own, since a Date costs more than the rest of a frame. Exactly one text stands for each
 * instant; RFC 30 of 2018 trims zeros at the end of the fraction, which no module of 2017 can read, so that form is
 * refused. Instants go from 1970 to 9999.
 *
 * @see Interledger RFC 30; ITU-T X.680, 46 (GeneralizedTime)
 */
import { Instant } from '@millstream/units'
import { CodecError } from './codec-error.js'
import type * as Oer from './oer.js'

export const generalizedBytes = 19
export const fixedBytes = 17

const msPerDay = 86_400_000
const digitZero = 0x30
const point = 0x2e
const zulu = 0x5a

/** Less than any sum of other digits can make up for. */
const notDigits = -1_000_000

const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

// The last day that was written and the last one that was read: nearly every time is of the same day as the one before.
const writtenDigits = new Uint8Array(8)
let writtenDay = -1
let readDate = -1
let readDayMs = 0

/**
 * Writes the 19 characters of the generalized form.
 *
 * @throws {TimeRangeError} `instant` is not a whole number of milliseconds between 1970 and 9999.
 */
export function encode(instant: Instant.Instant, target: Uint8Array, offset: number): void {
  const ms = writeSeconds(instant, target, offset)
  target[offset + 14] = point
  writeMs(ms, target, offset + 15)
  target[offset + 18] = zulu
}

/**
 * Writes the 17 digits of the fixed form.
 *
 * @throws {TimeRangeError} `instant` is not a whole number of milliseconds between 1970 and 9999.
 */
export function encodeFixed(instant: Instant.Instant, target: Uint8Array, offset: number): void {
  const ms = writeSeconds(instant, target, offset)
  writeMs(ms, target, offset + 14)
}

/**
 * Reads the 19 characters of the generalized form that start at `offset`.
 *
 * @throws {TimeSyntaxError} They are not `YYYYMMDDHHMMSS.fffZ`.
 * @throws {TimeRangeError} No such day or time of day (leap seconds included), or before 1970.
 * @example
 * InterledgerTime.decode(new TextEncoder().encode('20171025120000.123Z'), 0) // 1508932800123
 */
export function decode(bytes: Uint8Array, offset: number): Instant.Instant {
  if (offset + generalizedBytes > bytes.length || bytes[offset + 14] !== point || bytes[offset + 18] !== zulu) {
    throw new TimeSyntaxError()
  }
  return readInstant(bytes, offset, offset + 15)
}

/**
 * Reads the 17 digits of the fixed form that start at `offset`.
 *
 * @throws {TimeSyntaxError} They are not 17 digits.
 * @throws {TimeRangeError} No such day or time of day (leap seconds included), or before 1970.
 */
export function decodeFixed(bytes: Uint8Array, offset: number): Instant.Instant {
  if (offset + fixedBytes > bytes.length) throw new TimeSyntaxError()
  return readInstant(bytes, offset, offset + 14)
}

/** Reads a field in the generalized form: a length determinant, then the 19 characters. Throws as `decode` does. */
export function read(reader: Oer.Reader): Instant.Instant {
  if (reader.length() !== generalizedBytes) throw new TimeSyntaxError()
  return decode(reader.bytes, reader.skip(generalizedBytes))
}

/** Reads a field in the fixed form. Throws as `decodeFixed` does. */
export function readFixed(reader: Oer.Reader): Instant.Instant {
  return decodeFixed(reader.bytes, reader.skip(fixedBytes))
}

/** The generalized form as text. */
export function format(instant: Instant.Instant): string {
  const bytes = new Uint8Array(generalizedBytes)
  encode(instant, bytes, 0)
  return String.fromCharCode(...bytes)
}

/** The generalized form out of text. Throws as `decode` does. */
export function parse(text: string): Instant.Instant {
  if (text.length !== generalizedBytes) throw new TimeSyntaxError()
  return decode(bytesOf(text), 0)
}

/** The fixed form as text. */
export function formatFixed(instant: Instant.Instant): string {
  const bytes = new Uint8Array(fixedBytes)
  encodeFixed(instant, bytes, 0)
  return String.fromCharCode(...bytes)
}

/** The fixed form out of text. Throws as `decodeFixed` does. */
export function parseFixed(text: string): Instant.Instant {
  if (text.length !== fixedBytes) throw new TimeSyntaxError()
  return decodeFixed(bytesOf(text), 0)
}

/** Characters above 255 must not be cut down to digits. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => Math.min(character.charCodeAt(0), 0xff))
}

/** Writes the 14 digits down to the second and returns the milliseconds that are left. */
function writeSeconds(instant: number, target: Uint8Array, offset: number): number {
  if (!(instant >= 0 && instant <= Instant.instantMax && Number.isInteger(instant))) throw new TimeRangeError()
  const day = Math.floor(instant / msPerDay)
  if (day !== writtenDay) writeDay(day)
  for (let i = 0; i < 8; i++) target[offset + i] = writtenDigits[i]!
  const ofDay = instant - day * msPerDay
  const seconds = (ofDay / 1000) | 0
  const minutes = (seconds / 60) | 0
  const hours = (minutes / 60) | 0
  writeTwo(hours, target, offset + 8)
  writeTwo(minutes - hours * 60, target, offset + 10)
  writeTwo(seconds - minutes * 60, target, offset + 12)
  return ofDay - seconds * 1000
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days, for days from 1970 on. */
function writeDay(day: number): void {
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  writeTwo(Math.floor(year / 100), writtenDigits, 0)
  writeTwo(year % 100, writtenDigits, 2)
  writeTwo(month, writtenDigits, 4)
  writeTwo(dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1, writtenDigits, 6)
  writtenDay = day
}

function writeTwo(value: number, target: Uint8Array, offset: number): void {
  const tens = (value / 10) | 0
  target[offset] = digitZero + tens
  target[offset + 1] = digitZero + value - tens * 10
}

function writeMs(ms: number, target: Uint8Array, offset: number): void {
  const hundreds = (ms / 100) | 0
  target[offset] = digitZero + hundreds
  writeTwo(ms - hundreds * 100, target, offset + 1)
}

function readInstant(bytes: Uint8Array, offset: number, msOffset: number): Instant.Instant {
  const year = readTwo(bytes, offset) * 100 + readTwo(bytes, offset + 2)
  const month = readTwo(bytes, offset + 4)
  const day = readTwo(bytes, offset + 6)
  const hours = readTwo(bytes, offset + 8)
  const minutes = readTwo(bytes, offset + 10)
  const seconds = readTwo(bytes, offset + 12)
  const hundreds = bytes[msOffset]! - digitZero
  const ms = hundreds < 0 || hundreds > 9 ? notDigits : hundreds * 100 + readTwo(bytes, msOffset + 1)
  if (year < 0 || month < 0 || day < 0 || hours < 0 || minutes < 0 || seconds < 0 || ms < 0) throw new TimeSyntaxError()
  if (hours > 23 || minutes > 59 || seconds > 59) throw new TimeRangeError()
  const date = (year * 100 + month) * 100 + day
  if (date !== readDate) {
    readDayMs = dayMs(year, month, day)
    readDate = date
  }
  return (readDayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms) as Instant.Instant
}

function readTwo(bytes: Uint8Array, offset: number): number {
  const tens = bytes[offset]! - digitZero
  const ones = bytes[offset + 1]! - digitZero
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? notDigits : tens * 10 + ones
}

/** The same paper: days_from_civil. */
function dayMs(year: number, month: number, day: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const daysMax = month === 2 && leap ? 29 : (daysInMonth[month - 1] ?? 0)
  if (year < 1970 || day < 1 || day > daysMax) throw new TimeRangeError()
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return (era * 146_097 + dayOfEra - 719_468) * msPerDay
}

export class TimeSyntaxError extends CodecError {
  override readonly name = 'InterledgerTime.TimeSyntaxError'
  readonly code = 'TIME_SYNTAX'
  constructor() {
    super('A time is not of the form YYYYMMDDHHMMSS.fffZ, or of 17 digits in ILPv4.')
  }
}

export class TimeRangeError extends CodecError {
  override readonly name = 'InterledgerTime.TimeRangeError'
  readonly code = 'TIME_RANGE'
  constructor() {
    super('A time does not exist in the calendar or is not between 1970 and 9999.')
  }
}
