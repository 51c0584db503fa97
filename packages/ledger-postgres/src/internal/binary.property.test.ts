import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { usePostgres } from '../testing/index.js'
import { byteaArray, int2Array, int4Array, int8Array, numericArray, textArray } from './binary.js'
import { types } from './rows.js'

const postgres = await usePostgres()

postgres.describe('arrays in binary', () => {
  let client: pg.Client
  beforeAll(async () => {
    client = new pg.Client({ connectionString: postgres.server.url, types })
    await client.connect()
  })
  afterAll(() => client.end())

  const same = async (type: string, parameter: Buffer, values: readonly unknown[]) => {
    const { rows } = await client.query({
      text: `SELECT value FROM unnest($1::${type}[]) WITH ORDINALITY AS v (value, n) ORDER BY n`,
      values: [parameter],
      rowMode: 'array',
    })
    expect(rows.map(([value]) => (value instanceof Buffer ? Uint8Array.from(value) : value))).toEqual(
      values.map((value) => value ?? null),
    )
  }
  const check = <Value>(
    values: fc.Arbitrary<Value>,
    type: string,
    encode: (values: readonly Value[]) => Buffer,
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 30 }), (all) => same(type, encode(all), all)),
      { numRuns: 60 },
    )
  const orNothing = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })

  it('are whole numbers, nothing among them', async () => {
    await check(orNothing(fc.maxSafeInteger()), 'bigint', int8Array)
    await check(fc.integer(), 'integer', int4Array)
    await check(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }), 'smallint', int2Array)
  })

  it('are sums beyond 64 bits, of either sign', async () => {
    const near = fc.constantFrom(0n, 9_999n, 10_000n, 2n ** 53n, 2n ** 64n - 1n, 10n ** 20n, -1n, -(2n ** 64n))
    await check(fc.oneof(fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }), near), 'numeric', numericArray)
  })

  it('are texts and bytes', async () => {
    // What is no text in UTF-8 cannot be written either.
    const isText = (string: string) => !string.includes('\0') && Buffer.from(string).toString() === string
    const text = fc.string({ unit: 'binary' }).filter(isText)
    await check(orNothing(text), 'text', textArray)
    await check(orNothing(fc.uint8Array({ maxLength: 32 })), 'bytea', (all) => byteaArray(all, 32))
  })
})
