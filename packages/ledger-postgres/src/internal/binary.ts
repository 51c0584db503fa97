/**
 * Parameters in PostgreSQL's binary form, arrays of them above all: half the bytes of the text form, and neither side has
 * to print and parse. `pg` sends a Buffer as binary.
 *
 * | array   | shape                                                                           |
 * | ------- | ------------------------------------------------------------------------------- |
 * | header  | int32 dimensions, int32 1 if there are nulls, uint32 type, int32 length, int32 1 |
 * | element | int32 length, -1 for null; the element's own form                               |
 *
 * @see PostgreSQL, src/backend/utils/adt/arrayfuncs.c (array_recv), numeric.c (numeric_recv)
 */

const oids = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, numeric: 1700 } as const
const headerBytes = 20
const emptyHeaderBytes = 12
const high32 = 2 ** 32

/** Whole numbers up to 2^53 on either side of 0. */
export function int8Array(values: readonly (number | undefined)[]): Buffer {
  const buffer = header(oids.int8, values, 12)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    at = buffer.writeInt32BE(8, at)
    const high = Math.floor(value / high32)
    at = buffer.writeInt32BE(high, at)
    at = buffer.writeUInt32BE(value - high * high32, at)
  }
  return ended(buffer, values, at)
}

export function int4Array(values: readonly number[]): Buffer {
  const buffer = header(oids.int4, values, 8)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    at = buffer.writeInt32BE(4, at)
    at = buffer.writeInt32BE(values[i]!, at)
  }
  return ended(buffer, values, at)
}

export function int2Array(values: readonly number[]): Buffer {
  const buffer = header(oids.int2, values, 6)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    at = buffer.writeInt32BE(2, at)
    at = buffer.writeInt16BE(values[i]!, at)
  }
  return ended(buffer, values, at)
}

export function byteaArray(values: readonly (Uint8Array | undefined)[], bytesMax: number): Buffer {
  const buffer = header(oids.bytea, values, 4 + bytesMax)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    at = buffer.writeInt32BE(value.length, at)
    buffer.set(value, at)
    at += value.length
  }
  return ended(buffer, values, at)
}

export function textArray(values: readonly (string | undefined)[]): Buffer {
  let bytes = 0
  for (let i = 0; i < values.length; i++) bytes += 4 + 3 * (values[i]?.length ?? 0)
  const buffer = header(oids.text, values, 0, bytes)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    const written = buffer.write(value, at + 4)
    buffer.writeInt32BE(written, at)
    at += 4 + written
  }
  return ended(buffer, values, at)
}

/** Four decimal digits in each unsigned 16-bit digit, the most significant first. */
export function numericArray(values: readonly bigint[]): Buffer {
  let bytes = 0
  for (let i = 0; i < values.length; i++) bytes += 12 + numericDigitsBytes(values[i]!)
  const buffer = header(oids.numeric, values, 0, bytes)
  let at = headerBytes
  for (let i = 0; i < values.length; i++) {
    const end = writeNumeric(buffer, values[i]!, at + 4)
    buffer.writeInt32BE(end - at - 4, at)
    at = end
  }
  return ended(buffer, values, at)
}

function numericDigitsBytes(value: bigint): number {
  // 10,000 is more than 2^13; one digit more for what is left.
  return value < 10_000n && value > -10_000n ? 2 : 2 * (Math.ceil(value.toString(16).length * (4 / 13)) + 1)
}

function writeNumeric(buffer: Buffer, value: bigint, start: number): number {
  const isNegative = value < 0n
  let left = isNegative ? -value : value
  const digits: number[] = []
  while (left >= high53) {
    digits.push(Number(left % 10_000n))
    left /= 10_000n
  }
  for (let rest = Number(left); rest > 0; rest = Math.floor(rest / 10_000)) digits.push(rest % 10_000)
  let at = buffer.writeInt16BE(digits.length, start)
  at = buffer.writeInt16BE(digits.length === 0 ? 0 : digits.length - 1, at)
  at = buffer.writeUInt16BE(isNegative ? 0x4000 : 0, at)
  at = buffer.writeInt16BE(0, at)
  for (let i = digits.length - 1; i >= 0; i--) at = buffer.writeInt16BE(digits[i]!, at)
  return at
}

const high53 = 2n ** 53n

function header(oid: number, values: readonly unknown[], elementBytes: number, bytes?: number): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + (bytes ?? values.length * elementBytes))
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(values.includes(undefined) ? 1 : 0, 4)
  buffer.writeUInt32BE(oid, 8)
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

function ended(buffer: Buffer, values: readonly unknown[], at: number): Buffer {
  if (values.length > 0) return buffer.subarray(0, at)
  // An array of nothing has no dimension either.
  buffer.writeInt32BE(0, 0)
  return buffer.subarray(0, emptyHeaderBytes)
}
