/** The functions of the originals, held against what the originals were recorded to do. */
import { CodecError } from '@millstream/codec'
import { MillstreamError } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { readVectors } from '../../../codec/vectors/read.js'
import * as IlpPacket from './index.js'

type Call = (input: unknown) => unknown

interface Serialized {
  readonly name: string
  readonly fn: string
  readonly input: unknown
  readonly hex: string
  readonly decoded?: unknown
}

interface Refused extends Serialized {
  readonly error: string
  readonly original: { readonly throws?: string; readonly hex?: string }
}

const functions = IlpPacket as unknown as Readonly<Record<string, Call>>

/** Vectors have plain byte strings; the originals take and give Buffers. */
const withBuffers = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withBuffers(part)]))
}

const caught = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe.each(['ilp-packet-v1', 'ilp-packet-v4'])('%s', (folder) => {
  const files = ['examples', 'serialize', ...(folder === 'ilp-packet-v1' ? ['other-input'] : [])]
  const serialized = files.flatMap((file) => readVectors<Serialized>(`./${folder}/valid/${file}.json`))

  it.each(serialized)('$fn: $name', ({ fn, input, hex, decoded }) => {
    const bytes = functions[fn]!(withBuffers(input))
    expect(Buffer.isBuffer(bytes)).toBe(true)
    expect((bytes as Buffer).toString('hex')).toBe(hex)
    // The one time that the original of ILPv4 cannot read is the first instant of 1970.
    const expected = decoded ?? input
    expect(functions[`de${fn}`]!(bytes)).toEqual(withBuffers(expected))
  })

  it.each(readVectors<Serialized>(`./${folder}/valid/deserialize.json`))('$fn: $name', ({ fn, hex, decoded }) => {
    expect(functions[fn]!(Buffer.from(hex, 'hex'))).toEqual(withBuffers(decoded))
  })

  it.each(readVectors<Refused>(`./${folder}/invalid/serialize.json`))(
    '$fn refuses, where the original $original: $name',
    ({ fn, input, error }) => {
      const thrown = caught(() => functions[fn]!(withBuffers(input)))
      expect(thrown).toBeInstanceOf(MillstreamError)
      expect((thrown as MillstreamError).code).toBe(error)
    },
  )

  it.each(readVectors<Refused>(`./${folder}/invalid/deserialize.json`))(
    '$fn refuses, where the original $original: $name',
    ({ fn, hex, error }) => {
      const thrown = caught(() => functions[fn]!(Buffer.from(hex, 'hex')))
      expect(thrown).toBeInstanceOf(CodecError)
      expect((thrown as CodecError).code).toBe(error)
    },
  )

  it('differs from the original in nothing else', () => {
    const silent = readVectors<Refused>(`./${folder}/invalid/serialize.json`).filter(({ original }) => original.hex)
    expect(silent.map(({ name }) => name)).toEqual(
      folder === 'ilp-packet-v1'
        ? [
            'empty account',
            'account length 65535',
            'data length 32768',
            'amount "-1"',
            'amount "99999999999999999999999"',
            'amount "1e3"',
            'amount "1 "',
            'amount "+1"',
            'amount "1_000"',
            'amount "NaN"',
            'amount "--1"',
            'account unicode g.café✓',
            'account NUL and high bytes',
            'account Buffer',
            'data not base64 "!!!!"',
            'data utf8',
          ]
        : [
            'prepare data length 32768',
            'fulfill data 32768',
            'prepare destination ""',
            'prepare destination "g"',
            'prepare destination ".g.x"',
            'prepare destination "G.x"',
            'prepare destination "g.a b"',
            'prepare destination "g.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"',
          ],
    )
  })
})

describe('packets of any type', () => {
  const vectors = ['ilp-packet-v1', 'ilp-packet-v4'].flatMap((folder) =>
    readVectors<Serialized>(`./${folder}/valid/examples.json`),
  )

  it.each(vectors)('$name', ({ fn, input, hex }) => {
    const bytes = Buffer.from(hex, 'hex')
    const packet = IlpPacket.deserializeIlpPacket(bytes)
    expect(packet.type).toBe(bytes[0])
    expect(`serialize${packet.typeString.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}`).toBe(fn)
    expect(packet.data).toEqual(functions[`de${fn}`]!(bytes))
    expect(IlpPacket.serializeIlpPacket(packet)).toEqual(bytes)
    const { type, contents } = IlpPacket.deserializeEnvelope(bytes)
    expect([type, bytes.subarray(-contents.length)]).toEqual([bytes[0], contents])
    expect(functions[fn]!(withBuffers(input))).toEqual(bytes)
  })

  it.each([
    ['no packet', () => IlpPacket.deserializeIlpPacket(Buffer.alloc(0)), 'OER_TRUNCATED'],
    ['type 0', () => IlpPacket.deserializeIlpPacket(Buffer.from('0000', 'hex')), 'ILP_PACKET_TYPE'],
    ['type 15', () => IlpPacket.deserializeIlpPacket(Buffer.from('0f00', 'hex')), 'ILP_PACKET_TYPE'],
    ['an object of type 15', () => IlpPacket.serializeIlpPacket({ type: 15, data: {} } as never), 'ILP_PACKET_TYPE'],
    ['a type by name', () => IlpPacket.serializeIlpPacket({ type: 'toString', data: {} } as never), 'ILP_PACKET_TYPE'],
    ['undefined', () => IlpPacket.serializeIlpPacket(undefined as never), 'ILP_PACKET_VALUE'],
    ['a string', () => IlpPacket.deserializeIlpPacket('AUsA' as never), 'ILP_PACKET_VALUE'],
    ['a payment of undefined', () => IlpPacket.serializeIlpPayment(undefined as never), 'ILP_PACKET_VALUE'],
    ['a payment out of text', () => IlpPacket.deserializeIlpPayment('AUsA' as never), 'ILP_PACKET_VALUE'],
    ['trailing bytes', () => IlpPacket.deserializeEnvelope(Buffer.from('0e0000', 'hex')), 'OER_TRAILING_BYTES'],
  ])('refuses %s', (_, run, code) => {
    expect(caught(run)).toMatchObject({ code })
  })
})

describe('the tutorial', () => {
  it('reads what it wrote, through base64', () => {
    const account = 'test.crypto.xrp.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW.UUxOFrawp0A.1'
    const ilp = IlpPacket.serializeIlpPayment({ amount: '1', account, data: '' }).toString('base64')
    expect(IlpPacket.deserializeIlpPayment(Buffer.from(ilp, 'base64'))).toEqual({ amount: '1', account, data: '' })
  })
})

describe('data of an error', () => {
  const error = {
    code: 'F00',
    name: 'Bad Request',
    triggeredBy: 'g.a',
    forwardedBy: [],
    triggeredAt: new Date(1_508_932_800_123),
  }

  it('is UTF-8, where the original cuts characters to seven bits', () => {
    const bytes = IlpPacket.serializeIlpError({ ...error, data: 'zu wenig ✓' })
    expect(IlpPacket.deserializeIlpError(bytes).data).toBe('zu wenig ✓')
  })

  it('that is no text still can be read', () => {
    const bytes = IlpPacket.serializeIlpError({ ...error, data: Buffer.from('ff00', 'hex') as never })
    expect(IlpPacket.deserializeIlpError(bytes).data).toBe('\ufffd\0')
  })
})
