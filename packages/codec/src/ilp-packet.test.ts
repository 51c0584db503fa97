import { Hex, Instant } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { InvalidAddressError } from './ilp-address.js'
import * as IlpPacket from './ilp-packet.js'
import { TimeRangeError, TimeSyntaxError } from './interledger-time.js'
import * as Oer from './oer.js'

const now = Instant.from(1_508_932_800_123)
const empty = new Uint8Array()
const zeros = (length: number): Uint8Array => new Uint8Array(length)
const letters = (length: number): string => 'x'.repeat(length)
const account = 'g.a.b'

/** Round trip at a bound. */
const holds = (packet: IlpPacket.Packet): void => expect(IlpPacket.decode(IlpPacket.encode(packet))).toEqual(packet)

const refuses = (packet: IlpPacket.Packet, error: new (...values: never[]) => Error): void =>
  expect(() => IlpPacket.encode(packet)).toThrow(error)

/** Packet of a type with a content that is put together by hand. */
const packetBytes = (typeNumber: number, contentHex: string): Uint8Array => {
  const length = contentHex.length / 2
  const prefix = new Uint8Array(Oer.lengthSize(length))
  Oer.writeLength(prefix, 0, length)
  return Hex.toBytes(`${typeNumber.toString(16).padStart(2, '0')}${Hex.fromBytes(prefix)}${contentHex}`)
}

describe('a payment', () => {
  it('has an amount of 0 to 2^64 - 1', () => {
    for (const amount of [0n, 1n, 2n ** 53n, 2n ** 64n - 1n]) {
      expect(IlpPacket.decodePayment(IlpPacket.encodePayment(amount, account)).amount).toBe(amount)
    }
    for (const amount of [-1n, 2n ** 64n, 2n ** 80n, 1 as unknown as bigint]) {
      expect(() => IlpPacket.encodePayment(amount, account)).toThrow(Oer.IntegerRangeError)
    }
  })

  it('goes to an address of up to 1,023 characters', () => {
    for (const to of ['g.a', `g.${letters(1021)}`]) {
      expect(IlpPacket.decodePayment(IlpPacket.encodePayment(1n, to)).account).toBe(to)
    }
    for (const to of ['', 'g', 'g.', 'g.é', `g.${letters(1022)}`]) {
      expect(() => IlpPacket.encodePayment(1n, to)).toThrow(InvalidAddressError)
    }
  })

  it('carries up to 32,767 bytes', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 32_767]) {
      const data = zeros(length).fill(7)
      expect(IlpPacket.decodePayment(IlpPacket.encodePayment(1n, account, data)).data).toEqual(data)
    }
    expect(() => IlpPacket.encodePayment(1n, account, zeros(32_768))).toThrow(Oer.FieldLengthError)
  })

  it('is the same through the functions for all types', () => {
    const packet = { type: 'payment', amount: 5n, account, data: Uint8Array.of(1, 2) } as const
    expect(IlpPacket.encode(packet)).toEqual(IlpPacket.encodePayment(5n, account, packet.data))
    expect(IlpPacket.decode(IlpPacket.encode(packet))).toEqual(packet)
    expect(IlpPacket.decodeAs('payment', IlpPacket.encode(packet))).toEqual(packet)
  })

  it('belongs to whoever asked for it', () => {
    const data = zeros(100)
    const first = IlpPacket.encodePayment(1n, account, data)
    const copy = first.slice()
    for (let i = 0; i < 1000; i++) IlpPacket.encodePayment(BigInt(i), account, data)
    expect(first).toEqual(copy)
  })

  it('is not decoded from what is too long', () => {
    const tooLong = `g.${letters(1022)}`
    const address = `820400${Hex.fromBytes(new TextEncoder().encode(tooLong))}`
    expect(() => IlpPacket.decode(packetBytes(1, `0000000000000001${address}0000`))).toThrow(Oer.FieldLengthError)
    const data = `828000${'00'.repeat(32_768)}`
    expect(() => IlpPacket.decode(packetBytes(1, `000000000000000105672e612e62${data}00`))).toThrow(
      Oer.FieldLengthError,
    )
  })

  it('is not decoded from a packet of another type', () => {
    expect(() => IlpPacket.decodePayment(Hex.toBytes('09050304104100'))).toThrow(IlpPacket.PacketTypeError)
    expect(() => IlpPacket.decodeAs('payment', Hex.toBytes('09050304104100'))).toThrow(IlpPacket.PacketTypeError)
    expect(() => IlpPacket.decodeAs('payment', empty)).toThrow(Oer.TruncatedError)
    expect(() => IlpPacket.decodePayment(empty)).toThrow(Oer.TruncatedError)
  })
})

describe('the envelope', () => {
  const payment = IlpPacket.encodePayment(1n, account)

  it('ends where its length says', () => {
    for (const read of [IlpPacket.decode, IlpPacket.decodePayment]) {
      expect(() => read(Uint8Array.of(...payment, 0))).toThrow(Oer.TrailingBytesError)
      for (let length = 0; length < payment.length; length++) {
        expect(() => read(payment.subarray(0, length))).toThrow(Oer.TruncatedError)
      }
    }
  })

  it('ends with an extensions byte of 00, up to type 11', () => {
    const wrong = payment.slice()
    wrong[wrong.length - 1] = 1
    expect(() => IlpPacket.decode(wrong)).toThrow(IlpPacket.ExtensionsError)
    expect(() => IlpPacket.decodePayment(wrong)).toThrow(IlpPacket.ExtensionsError)
    expect(() => IlpPacket.decode(Hex.toBytes('090403041041'))).toThrow(Oer.TruncatedError)
    expect(() => IlpPacket.decode(Hex.toBytes('0906030410410000'))).toThrow(Oer.TrailingBytesError)
  })

  it('is of a type from 1 to 14', () => {
    for (const typeNumber of [0, 15, 42, 255]) {
      expect(() => IlpPacket.decode(packetBytes(typeNumber, '00'))).toThrow(IlpPacket.PacketTypeError)
    }
    expect(() => IlpPacket.encode({ type: 'unheard' } as never)).toThrow(IlpPacket.PacketTypeError)
    expect(Object.values(IlpPacket.typeNumbers)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  })
})

describe('quotes', () => {
  it('have durations of 32 bits', () => {
    for (const duration of [0, 4_294_967_295]) {
      holds({ type: 'liquidity_request', destinationAccount: account, destinationHoldDuration: duration })
      holds({ type: 'by_source_response', destinationAmount: 1n, sourceHoldDuration: duration })
    }
    for (const duration of [-1, 1.5, 4_294_967_296]) {
      refuses(
        { type: 'liquidity_request', destinationAccount: account, destinationHoldDuration: duration },
        Oer.IntegerRangeError,
      )
      refuses(
        { type: 'by_destination_response', sourceAmount: 1n, sourceHoldDuration: duration },
        Oer.IntegerRangeError,
      )
    }
  })

  it('have amounts of 64 bits', () => {
    for (const amount of [0n, 2n ** 64n - 1n]) {
      holds({
        type: 'by_source_request',
        destinationAccount: account,
        sourceAmount: amount,
        destinationHoldDuration: 1,
      })
    }
    for (const amount of [-1n, 2n ** 64n]) {
      refuses(
        {
          type: 'by_destination_request',
          destinationAccount: account,
          destinationAmount: amount,
          destinationHoldDuration: 1,
        },
        Oer.IntegerRangeError,
      )
    }
  })

  const curve = (...points: readonly (readonly [bigint, bigint])[]): IlpPacket.LiquidityResponse => ({
    type: 'liquidity_response',
    liquidityCurve: points.map(([x, y]) => ({ x, y })),
    appliesToPrefix: 'example.nexus.',
    sourceHoldDuration: 15_000,
    expiresAt: now,
  })

  it('have curves that go to the right and never down', () => {
    holds(curve())
    holds(curve([0n, 0n]))
    holds(curve([0n, 0n], [10n, 265n]))
    holds(curve([0n, 5n], [1n, 5n]))
    refuses(curve([0n, 0n], [0n, 1n]), IlpPacket.CurveError)
    refuses(curve([1n, 0n], [0n, 1n]), IlpPacket.CurveError)
    refuses(curve([0n, 1n], [1n, 0n]), IlpPacket.CurveError)
    const bytes = Hex.toBytes(
      Hex.fromBytes(IlpPacket.encode(curve([0n, 0n], [10n, 265n]))).replace('0000000a', '00000000'),
    )
    expect(() => IlpPacket.decode(bytes)).toThrow(IlpPacket.CurveError)
  })

  it('have a bounded number of points', () => {
    const points = Array.from({ length: IlpPacket.curvePointsMax }, (_, i) => [BigInt(i), 0n] as const)
    holds(curve(...points))
    refuses(curve(...points, [BigInt(points.length), 0n]), Oer.IntegerRangeError)
    const many = `021001${'00'.repeat(4097 * 16)}`
    expect(() => IlpPacket.decode(packetBytes(3, many))).toThrow(Oer.CountError)
    expect(() => IlpPacket.decode(packetBytes(3, '0101'))).toThrow(Oer.CountError)
  })

  it('apply to an address or a prefix', () => {
    holds({ ...curve([0n, 0n]), appliesToPrefix: 'example.nexus.bob' })
    refuses({ ...curve([0n, 0n]), appliesToPrefix: 'nexus' }, InvalidAddressError)
    refuses({ ...curve([0n, 0n]), appliesToPrefix: '' }, InvalidAddressError)
  })

  it('expire at a time that exists', () => {
    holds({ ...curve(), expiresAt: Instant.instantMax })
    refuses({ ...curve(), expiresAt: -1 as Instant.Instant }, TimeRangeError)
  })
})

describe('an error', () => {
  const error: IlpPacket.ErrorPacket = {
    type: 'error',
    code: 'F04',
    name: 'Insufficient Destination Amount',
    triggeredBy: 'g.letter-shop.mytrustline.server',
    forwardedBy: [],
    triggeredAt: now,
    data: empty,
  }

  it('has a code of three ASCII characters, known or not', () => {
    holds({ ...error, code: 'F04' })
    holds({ ...error, code: 'X77' })
    for (const code of ['', 'F0', 'F004']) refuses({ ...error, code }, Oer.FieldLengthError)
    refuses({ ...error, code: 'F0é' }, Oer.CharacterError)
  })

  it('has a name of up to 255 characters', () => {
    holds({ ...error, name: '' })
    holds({ ...error, name: letters(255) })
    refuses({ ...error, name: letters(256) }, Oer.FieldLengthError)
    refuses({ ...error, name: 'é' }, Oer.CharacterError)
  })

  it('is triggered by an address or a ledger', () => {
    holds({ ...error, triggeredBy: 'g.letter-shop.mytrustline.' })
    refuses({ ...error, triggeredBy: '' }, InvalidAddressError)
    refuses({ ...error, triggeredBy: 'nobody' }, InvalidAddressError)
  })

  it('was forwarded by up to 255 addresses', () => {
    holds({ ...error, forwardedBy: ['g.a', 'g.b'] })
    holds({ ...error, forwardedBy: Array.from({ length: 255 }, (_, i) => `g.c${i}`) })
    refuses({ ...error, forwardedBy: Array.from({ length: 256 }, () => 'g.a') }, Oer.IntegerRangeError)
    refuses({ ...error, forwardedBy: ['g.'] }, InvalidAddressError)
    const forwarders = `020100${'03672e61'.repeat(256)}`
    const content = `46303400${'03672e61'}${forwarders}1332303137313032353132303030302e3132335a0000`
    expect(() => IlpPacket.decode(packetBytes(8, content))).toThrow(Oer.CountError)
  })

  it('carries up to 8,192 bytes', () => {
    holds({ ...error, data: zeros(8192) })
    refuses({ ...error, data: zeros(8193) }, Oer.FieldLengthError)
  })

  it('takes the usual values for what is left out', () => {
    const bytes = IlpPacket.encodeError({ code: 'F06', triggeredBy: 'g.a', triggeredAt: now })
    expect(IlpPacket.decode(bytes)).toEqual({
      ...error,
      code: 'F06',
      name: 'Unexpected Payment',
      triggeredBy: 'g.a',
    })
    const unknown = IlpPacket.decodeAs(
      'error',
      IlpPacket.encodeError({ code: 'X00', triggeredBy: 'g.a', triggeredAt: now }),
    )
    expect(unknown.name).toBe('')
  })

  it('is named by its code', () => {
    expect(IlpPacket.errorName('R00')).toBe('Transfer Timed Out')
    expect(IlpPacket.errorName('toString')).toBeUndefined()
    expect(IlpPacket.errorNames.F99).toBe('Application Error')
  })

  it('is refused with a time that is not one', () => {
    const content = (time: string) => `4630340003672e610100${time}0000`
    expect(() => IlpPacket.decode(packetBytes(8, content('0f32303137313032353132303030305a')))).toThrow(TimeSyntaxError)
    expect(() => IlpPacket.decode(packetBytes(8, content('1332303137313333353132303030302e3132335a')))).toThrow(
      TimeRangeError,
    )
  })
})

describe('data beside a fulfillment, and forwarded payments', () => {
  it('are bounded', () => {
    holds({ type: 'fulfillment', data: zeros(32_767) })
    refuses({ type: 'fulfillment', data: zeros(32_768) }, Oer.FieldLengthError)
    holds({ type: 'forwarded_payment', account, data: zeros(32_767) })
    refuses({ type: 'forwarded_payment', account, data: zeros(32_768) }, Oer.FieldLengthError)
    refuses({ type: 'forwarded_payment', account: 'a', data: empty }, InvalidAddressError)
  })
})

describe.each(['rejection', 'reject'] as const)('a %s', (type) => {
  const packet: IlpPacket.Rejection | IlpPacket.Reject = {
    type,
    code: 'F00',
    triggeredBy: 'g.us.nexus.bob',
    message: 'no',
    data: empty,
  }

  it('has a message of up to 8,191 bytes of UTF-8', () => {
    holds({ ...packet, message: '' })
    holds({ ...packet, message: '✓'.repeat(2730) })
    holds({ ...packet, message: letters(8191) })
    refuses({ ...packet, message: letters(8192) }, Oer.FieldLengthError)
    refuses({ ...packet, message: '✓'.repeat(2731) }, Oer.FieldLengthError)
    refuses({ ...packet, message: '\udc00' }, Oer.CharacterError)
  })

  it('has data of up to 32,767 bytes and a code of three characters', () => {
    holds({ ...packet, data: zeros(32_767) })
    refuses({ ...packet, data: zeros(32_768) }, Oer.FieldLengthError)
    refuses({ ...packet, code: 'F' }, Oer.FieldLengthError)
  })

  it(`is triggered by an address${type === 'reject' ? ' or nobody' : ''}`, () => {
    refuses({ ...packet, triggeredBy: 'g.' }, InvalidAddressError)
    if (type === 'reject') holds({ ...packet, triggeredBy: '' })
    else refuses({ ...packet, triggeredBy: '' }, InvalidAddressError)
    const nobody = packetBytes(type === 'reject' ? 14 : 11, `4630300000${type === 'reject' ? '00' : '0000'}`)
    if (type === 'reject') expect(IlpPacket.decode(nobody)).toMatchObject({ triggeredBy: '' })
    else expect(() => IlpPacket.decode(nobody)).toThrow(Oer.FieldLengthError)
  })
})

describe('ILPv4', () => {
  const prepare: IlpPacket.Prepare = {
    type: 'prepare',
    amount: 1n,
    expiresAt: now,
    executionCondition: zeros(32),
    destination: 'g.alice',
    data: empty,
  }

  it('has conditions and fulfillments of 32 bytes', () => {
    holds(prepare)
    for (const length of [0, 31, 33]) {
      refuses({ ...prepare, executionCondition: zeros(length) }, Oer.FieldLengthError)
      refuses({ type: 'fulfill', fulfillment: zeros(length), data: empty }, Oer.FieldLengthError)
    }
  })

  it('has bounds on amount, time, destination and data', () => {
    refuses({ ...prepare, amount: 2n ** 64n }, Oer.IntegerRangeError)
    refuses({ ...prepare, expiresAt: 253_402_300_800_000 as Instant.Instant }, TimeRangeError)
    refuses({ ...prepare, destination: 'g' }, InvalidAddressError)
    holds({ ...prepare, data: zeros(32_767) })
    refuses({ ...prepare, data: zeros(32_768) }, Oer.FieldLengthError)
    holds({ type: 'fulfill', fulfillment: zeros(32), data: zeros(32_767) })
    refuses({ type: 'fulfill', fulfillment: zeros(32), data: zeros(32_768) }, Oer.FieldLengthError)
  })

  it('has no extensions byte', () => {
    const bytes = IlpPacket.encode({ type: 'fulfill', fulfillment: zeros(32), data: empty })
    expect(bytes.length).toBe(2 + 32 + 1)
    expect(() => IlpPacket.decode(packetBytes(13, `${'00'.repeat(32)}0000`))).toThrow(Oer.TrailingBytesError)
  })
})
