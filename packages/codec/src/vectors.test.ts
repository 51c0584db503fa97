/** Agreement with the modules of 2017 and 2018, and with the worked examples of the standards. */

import { hashes } from '@millstream/hashes'
import { Condition, Hex, type Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { type DecodedByOriginal, frameOf } from '../vectors/frame-of.js'
import { packetOf, typeReadBy } from '../vectors/packet-of.js'
import { readVectors } from '../vectors/read.js'
import { BtpFrame, CodecError, Derivation, IlpPacket, Oer, PayHeader } from './index.js'

interface Serialized {
  readonly name: string
  readonly fn: string
  readonly input: unknown
  readonly hex: string
}

interface Refused {
  readonly name: string
  readonly fn: string
  readonly hex: string
  readonly error: string
}

const isIlp = (entry: { readonly protocolName: string }): boolean => entry.protocolName === 'ilp'

const caught = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe.each(['ilp-packet-v1', 'ilp-packet-v4'])('packets of %s', (folder) => {
  const serialized = ['examples', 'serialize'].flatMap((file) =>
    readVectors<Serialized>(`./${folder}/valid/${file}.json`),
  )

  it.each(serialized)('encodes and decodes: $name', ({ fn, input, hex }) => {
    const packet = packetOf(fn, input)
    expect(Hex.fromBytes(IlpPacket.encode(packet))).toBe(hex)
    expect(IlpPacket.decode(Hex.toBytes(hex))).toEqual(packet)
  })

  it.each(readVectors<Refused>(`./${folder}/invalid/deserialize.json`))('refuses: $name', ({ fn, hex, error }) => {
    const type = typeReadBy(fn)
    const bytes = Hex.toBytes(hex)
    const thrown = caught(() => (type === undefined ? IlpPacket.decode(bytes) : IlpPacket.decodeAs(type, bytes)))
    expect(thrown).toBeInstanceOf(CodecError)
    expect((thrown as CodecError).code).toBe(error)
  })
})

describe('BTP frames', () => {
  const valid = ['examples', 'recorded'].flatMap((file) =>
    readVectors<{ name: string; hex: string; decoded: DecodedByOriginal }>(`./btp-frame/valid/${file}.json`),
  )

  it.each(valid)('encodes and decodes: $name', ({ hex, decoded }) => {
    const frame = BtpFrame.decode(Hex.toBytes(hex))
    expect(frame).toEqual(frameOf(decoded))
    expect(Hex.fromBytes(BtpFrame.encode(frame as BtpFrame.KnownFrame))).toBe(hex)
  })

  // What the original sent in spite of the standard: three zero bytes, and braces in an address.
  const badPackets = ['garbage ilp packet', 'rejectIncomingTransfer(id, {}); PREPARE']

  it.each(valid.filter(({ decoded }) => decoded.type === 3 && decoded.protocolData.some(isIlp)))(
    'reads the packet inside: $name',
    ({ name, hex }) => {
      const frame = BtpFrame.decode(Hex.toBytes(hex)) as BtpFrame.PrepareFrame
      const { data } = BtpFrame.entry(frame.protocolData, 'ilp')!
      const payment = caught(() => IlpPacket.decodePayment(data))
      if (badPackets.some((part) => name.includes(part))) {
        expect(payment).toBeInstanceOf(CodecError)
      } else {
        const { amount, account, data: payload } = payment as IlpPacket.Payment
        expect(IlpPacket.encodePayment(amount, account, payload)).toEqual(data)
      }
    },
  )

  it.each(readVectors<{ name: string; hex: string }>('./btp-frame/valid/unknown-types.json'))(
    'names the type of what it does not know: $name',
    ({ hex }) => {
      const bytes = Hex.toBytes(hex)
      expect(BtpFrame.decode(bytes)).toEqual({ type: 'unknown', requestId: 1, typeNumber: bytes[0] })
    },
  )

  it.each(readVectors<Refused>('./btp-frame/invalid/recorded.json'))('refuses: $name', ({ hex, error }) => {
    const thrown = caught(() => BtpFrame.decode(Hex.toBytes(hex)))
    expect(thrown).toBeInstanceOf(CodecError)
    expect((thrown as CodecError).code).toBe(error)
  })
})

describe('OER', () => {
  it.each(readVectors<{ length: number; hex: string }>('./oer/valid/lengths.json'))(
    'writes and reads a length of $length',
    ({ length, hex }) => {
      const prefix = new Uint8Array(Oer.lengthSize(length))
      expect(Oer.writeLength(prefix, 0, length)).toBe(prefix.length)
      expect(Hex.fromBytes(prefix)).toBe(hex)
      const whole = new Uint8Array(prefix.length + length)
      whole.set(prefix)
      expect(new Oer.Reader(whole, 'test').varOctets('test', Oer.uint32Max).length).toBe(length)
    },
  )

  it.each(readVectors<Refused>('./oer/invalid/lengths.json'))('refuses a length: $name', ({ hex, error }) => {
    const thrown = caught(() => new Oer.Reader(Hex.toBytes(hex), 'test').varOctets('test', Oer.uint32Max))
    expect((thrown as CodecError).code).toBe(error)
  })

  it.each(readVectors<{ count: number; hex: string }>('./oer/valid/counts.json'))(
    'writes and reads a count of $count',
    ({ count, hex }) => {
      const writer = new Oer.Writer()
      writer.count('test', count)
      expect(Hex.fromBytes(writer.finish())).toBe(hex)
      const whole = new Uint8Array(hex.length / 2 + count)
      whole.set(Hex.toBytes(hex))
      expect(new Oer.Reader(whole, 'test').count('test', 1)).toBe(count)
    },
  )

  it.each(readVectors<Refused>('./oer/invalid/counts.json'))('refuses a count: $name', ({ hex, error }) => {
    const thrown = caught(() => new Oer.Reader(Hex.toBytes(hex), 'test').count('test', 1))
    expect((thrown as CodecError).code).toBe(error)
  })
})

describe('the Pay header of the tutorial', () => {
  const vectors = readVectors<{
    name: string
    payHeader: string
    secret: Uint8Array
    address: string
    paymentId: string
    account: string
    fulfillment: Uint8Array
    condition: Uint8Array
    packet: string
  }>('./pay-header/valid/tutorial.json')

  it.each(vectors)('gives the fulfillment and condition: $name, $account', (vector) => {
    const header = PayHeader.parse(vector.payHeader)
    const { secret, address } = vector
    expect(header).toEqual({ form: 'tutorial', amount: 1n, address, secret })
    expect(PayHeader.format(header)).toBe(vector.payHeader)
    const account = `${address}.${vector.paymentId}`
    expect(account).toBe(vector.account)
    const fulfillment = Derivation.tutorial(hashes, secret)(account)
    expect(fulfillment).toEqual(vector.fulfillment)
    expect(Derivation.condition(hashes, fulfillment)).toEqual(vector.condition)
    expect(Buffer.from(IlpPacket.encodePayment(1n, account)).toString('base64url')).toBe(vector.packet)
  })
})

describe('derivations', () => {
  const vectors = readVectors<{
    name: string
    secret: Uint8Array
    address: string
    paymentId: string
    amount: string
    packet?: Uint8Array
    tutorial?: { fulfillment: Uint8Array; condition: Uint8Array }
    psk: { fulfillment: Uint8Array; condition: Uint8Array }
  }>('./pay-header/valid/derivations.json')

  it.each(vectors)('agree: $name', ({ secret, address, paymentId, amount, packet, tutorial, psk }) => {
    const payAddress = `${address}.${paymentId}`
    const bytes = IlpPacket.encodePayment(BigInt(amount), payAddress)
    if (packet !== undefined) expect(bytes).toEqual(packet)
    if (tutorial !== undefined) {
      const fulfillment = Derivation.tutorial(hashes, secret)(payAddress)
      expect(fulfillment).toEqual(tutorial.fulfillment)
      expect(Derivation.condition(hashes, fulfillment)).toEqual(tutorial.condition)
    }
    const fulfillment = Derivation.psk(hashes, secret)(bytes)
    expect(fulfillment).toEqual(psk.fulfillment)
    expect(Derivation.condition(hashes, fulfillment)).toEqual(psk.condition)
  })
})

describe.each(['valid', 'invalid'])('Pay headers, %s', (kind) => {
  const vectors = readVectors<{
    name: string
    value: string
    hint?: PayHeader.Hint
    header?: Record<string, unknown>
    error?: string
  }>(`./pay-header/${kind}/headers.json`)

  it.each(vectors)('$name', ({ value, hint, header, error }) => {
    const outcome = caught(() => PayHeader.parse(value, hint))
    if (error !== undefined) {
      expect(outcome).toBeInstanceOf(CodecError)
      expect((outcome as CodecError).code).toBe(error)
    } else {
      expect(outcome).toEqual({ ...header, amount: BigInt(String(header?.amount)) })
    }
  })
})

describe('times of a frame', () => {
  it('are milliseconds since 1970', () => {
    const frame = BtpFrame.decode(Hex.toBytes(readVectors<Refused>('./btp-frame/valid/examples.json')[4]!.hex))
    expect(frame).toMatchObject({ type: 'prepare', expiresAt: 1_508_932_800_123 as Instant.Instant })
    expect(() => Condition.from((frame as BtpFrame.PrepareFrame).condition)).not.toThrow()
  })
})
