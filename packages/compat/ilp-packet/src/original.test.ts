/** Side by side with the module of 2017 itself, and loaded the way its programs load it. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { address, uint32, uint64 } from '../../../codec/vectors/arbitrary.js'
import * as Ours from './index.js'

// Version 1.7.0, which the interop tests install.
const Original = createRequire(import.meta.url)('ilp-packet') as typeof Ours & { readonly Type: object }

const namesOfVersion3 =
  'Errors isValidIlpAddress IlpError isCanonicalIlpRejectCode Type IlpPacketType deserializeEnvelope ' +
  'serializeIlpPrepare deserializeIlpPrepare isIlpReply isPrepare isFulfill isReject serializeIlpFulfill ' +
  'deserializeIlpFulfill serializeIlpReject deserializeIlpReject serializeIlpPacket deserializeIlpPacket ' +
  'deserializeIlpReply serializeIlpReply errorToReject errorToIlpReject getScheme'

const amount = uint64.map(String)
const base64url = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
// The original cannot read the first instant of 1970.
const date = fc.integer({ min: 1, max: Date.UTC(9999, 11, 31) }).map((ms) => new Date(ms))
const buffer = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const ascii = (lengthMax: number, lengthMin = 0) =>
  fc.string({ unit: 'binary-ascii', minLength: lengthMin, maxLength: lengthMax })

const inputs: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  IlpPayment: fc.record({ amount, account: address, data: base64url }),
  IlpForwardedPayment: fc.record({ account: address, data: base64url }),
  IlqpLiquidityRequest: fc.record({ destinationAccount: address, destinationHoldDuration: uint32 }),
  IlqpBySourceRequest: fc.record({
    destinationAccount: address,
    sourceAmount: amount,
    destinationHoldDuration: uint32,
  }),
  IlqpBySourceResponse: fc.record({ destinationAmount: amount, sourceHoldDuration: uint32 }),
  IlqpByDestinationRequest: fc.record({
    destinationAccount: address,
    destinationAmount: amount,
    destinationHoldDuration: uint32,
  }),
  IlqpByDestinationResponse: fc.record({ sourceAmount: amount, sourceHoldDuration: uint32 }),
  IlpError: fc.record({
    code: ascii(3, 3),
    name: ascii(100),
    triggeredBy: address,
    forwardedBy: fc.array(address, { maxLength: 3 }),
    triggeredAt: date,
    data: ascii(300),
  }),
  IlpFulfillment: fc.record({ data: base64url }),
  IlpRejection: fc.record({
    code: ascii(3, 3),
    triggeredBy: address,
    message: fc.string({ unit: 'grapheme', maxLength: 100 }),
    data: buffer,
  }),
}

describe('the module of 2017', () => {
  it('has no name that this one lacks', () => {
    for (const name of [...Object.keys(Original), ...namesOfVersion3.split(' ')]) expect(Ours).toHaveProperty(name)
    for (const [name, number] of Object.entries(Original.Type)) {
      expect(Ours.Type).toHaveProperty(name, number)
    }
  })

  it.each(Object.keys(inputs))('writes and reads the same bytes: %s', (name) => {
    type Call = (value: unknown) => unknown
    const [ours, original] = [Ours, Original] as unknown as [Record<string, Call>, Record<string, Call>]
    fc.assert(
      fc.property(inputs[name]!, (input) => {
        const bytes = ours[`serialize${name}`]!(input)
        expect(bytes).toEqual(original[`serialize${name}`]!(input))
        expect(ours[`deserialize${name}`]!(bytes)).toEqual(original[`deserialize${name}`]!(bytes))
        expect(ours.deserializeIlpPacket!(bytes)).toEqual(original.deserializeIlpPacket!(bytes))
      }),
    )
  })
})

describe('the bundle', () => {
  const built = fileURLToPath(new URL('../', import.meta.url))
  let folder = ''

  beforeAll(() => {
    // A program of its own, with nothing but this package under the name of the original.
    folder = mkdtempSync(join(tmpdir(), 'ilp-packet-'))
    const installed = join(folder, 'node_modules/ilp-packet')
    mkdirSync(installed, { recursive: true })
    cpSync(join(built, 'package.json'), join(installed, 'package.json'))
    cpSync(join(built, 'dist'), join(installed, 'dist'), { recursive: true })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (file: string, code: string): string => {
    writeFileSync(join(folder, file), code)
    return execFileSync(process.execPath, [join(folder, file)], { cwd: folder, encoding: 'utf8' })
  }
  const payment = "{ amount: '1', account: 'g.a.b', data: '' }"

  it('is loaded with require, from another folder and with nothing else installed', () => {
    const output = run(
      'program.cjs',
      `const IlpPacket = require('ilp-packet')
       console.log(IlpPacket.serializeIlpPayment(${payment}).toString('hex'))
       try { IlpPacket.serializeIlpPayment({ amount: '18446744073709551616', account: 'g.a.b' }) }
       catch (error) { console.log(error.name, error.code) }
       console.log(Object.keys(IlpPacket).length)`,
    )
    expect(output.split('\n')).toEqual([
      '0110000000000000000105672e612e620000',
      'Amount.AmountOutOfRangeError AMOUNT_OUT_OF_RANGE',
      String(Object.keys(Ours).length),
      '',
    ])
  })

  it('is loaded with import, by name too', () => {
    const output = run(
      'program.mjs',
      `import IlpPacket, { serializeIlpPayment } from 'ilp-packet'
       console.log(serializeIlpPayment === IlpPacket.serializeIlpPayment)`,
    )
    expect(output).toBe('true\n')
  })
})
