import { type Condition, Hex, Instant, TransferId } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as BtpFrame from './btp-frame.js'
import { TimeRangeError, TimeSyntaxError } from './interledger-time.js'
import * as Oer from './oer.js'

const now = Instant.from(1_508_932_800_123)
const zeros = (length: number): Uint8Array => new Uint8Array(length)
const transferId = TransferId.parse('b4c838f6-80b1-47f8-a82e-b1fcfbed89d5')
const condition = zeros(32).fill(1) as Condition.Condition
const fulfillment = zeros(32).fill(2) as Condition.Fulfillment
const ilp: BtpFrame.ProtocolEntry = { name: 'ilp', contentType: 0, data: Uint8Array.of(1, 2, 3) }

const prepare: BtpFrame.PrepareFrame = {
  type: 'prepare',
  requestId: 3,
  transferId,
  amount: 1n,
  condition,
  expiresAt: now,
  protocolData: [ilp],
}
const error: BtpFrame.ErrorFrame = {
  type: 'error',
  requestId: 3,
  code: 'F00',
  name: 'NotAcceptedError',
  triggeredAt: now,
  data: zeros(0),
  protocolData: [],
}
const message = (...protocolData: readonly BtpFrame.ProtocolEntry[]): BtpFrame.MessageFrame => ({
  type: 'message',
  requestId: 1,
  protocolData,
})
const entry = (name: string, data: Uint8Array = zeros(0), contentType = 0): BtpFrame.ProtocolEntry => ({
  name,
  contentType,
  data,
})

const holds = (frame: BtpFrame.KnownFrame, bytesMax?: number): void =>
  expect(BtpFrame.decode(BtpFrame.encode(frame, bytesMax), bytesMax)).toEqual(frame)

const refuses = (frame: BtpFrame.KnownFrame, error: new (...values: never[]) => Error): void =>
  expect(() => BtpFrame.encode(frame)).toThrow(error)

/** Frame of a type with a body that is put together by hand. */
const frameBytes = (typeNumber: number, bodyHex: string): Uint8Array => {
  const prefix = zeros(Oer.lengthSize(bodyHex.length / 2))
  Oer.writeLength(prefix, 0, bodyHex.length / 2)
  return Hex.toBytes(`${typeNumber.toString(16).padStart(2, '0')}00000001${Hex.fromBytes(prefix)}${bodyHex}`)
}

describe('every type of frame', () => {
  it.each<BtpFrame.KnownFrame>([
    { type: 'response', requestId: 1, protocolData: [] },
    { type: 'response', requestId: 1, protocolData: [entry('claim', Uint8Array.of(1), 2)] },
    error,
    { ...error, protocolData: [ilp] },
    prepare,
    { ...prepare, protocolData: [] },
    { type: 'fulfill', requestId: 4, transferId, fulfillment, protocolData: [] },
    { type: 'fulfill', requestId: 4, transferId, fulfillment, protocolData: [ilp] },
    { type: 'reject', requestId: 5, transferId, protocolData: [ilp] },
    message(),
    message(entry('auth'), entry('auth_username', zeros(0), 1), entry('auth_token', zeros(0), 1)),
    { type: 'transfer', requestId: 7, amount: 100n, protocolData: [] },
  ])('is read as it was written: $type', (frame) => holds(frame))

  it('that is not known is named by its number, whatever is in its body', () => {
    for (const typeNumber of [0, 8, 99, 255]) {
      for (const body of ['', '00', 'ffffffff']) {
        expect(BtpFrame.decode(frameBytes(typeNumber, body))).toEqual({ type: 'unknown', requestId: 1, typeNumber })
      }
    }
    expect(() => BtpFrame.decode(Hex.toBytes('630000000102'))).toThrow(Oer.TruncatedError)
    expect(() => BtpFrame.encode({ type: 'unknown', requestId: 1, typeNumber: 9, protocolData: [] } as never)).toThrow(
      BtpFrame.FrameTypeError,
    )
  })

  it('ends where its length says', () => {
    for (const frame of [prepare, error, message()]) {
      const bytes = BtpFrame.encode(frame)
      expect(() => BtpFrame.decode(Uint8Array.of(...bytes, 0))).toThrow(Oer.TrailingBytesError)
      for (let length = 0; length < bytes.length; length++) {
        expect(() => BtpFrame.decode(bytes.subarray(0, length))).toThrow(Oer.TruncatedError)
      }
    }
  })

  it('has nothing after the protocol data', () => {
    expect(() => BtpFrame.decode(frameBytes(1, '010000'))).toThrow(Oer.TrailingBytesError)
    expect(() => BtpFrame.decode(frameBytes(6, '010104696e666f00010200'))).toThrow(Oer.TrailingBytesError)
  })

  it('belongs to whoever asked for it', () => {
    const first = BtpFrame.encode(prepare)
    const copy = first.slice()
    for (let i = 0; i < 1000; i++) BtpFrame.encode({ ...prepare, requestId: i })
    expect(first).toEqual(copy)
  })

  it('is read out of the middle of a buffer, as views into it', () => {
    const bytes = BtpFrame.encode(prepare)
    const whole = Buffer.alloc(bytes.length + 20, 0xff)
    whole.set(bytes, 7)
    const frame = BtpFrame.decode(whole.subarray(7, 7 + bytes.length)) as BtpFrame.PrepareFrame
    expect(frame).toEqual(prepare)
    expect(frame.condition.buffer).toBe(whole.buffer)
    expect(frame.condition.constructor).toBe(Uint8Array)
  })
})

describe('bounds of a frame', () => {
  it('are 32 bits for the request id', () => {
    for (const requestId of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) holds({ ...prepare, requestId })
    for (const requestId of [-1, 0.5, 2 ** 32, Number.NaN]) refuses({ ...prepare, requestId }, Oer.IntegerRangeError)
  })

  it('are 64 bits for the amount', () => {
    for (const amount of [0n, 1n, 2n ** 53n, 2n ** 64n - 1n]) {
      holds({ ...prepare, amount })
      holds({ type: 'transfer', requestId: 1, amount, protocolData: [] })
    }
    for (const amount of [-1n, 2n ** 64n, 1 as unknown as bigint]) {
      refuses({ ...prepare, amount }, Oer.IntegerRangeError)
      refuses({ type: 'transfer', requestId: 1, amount, protocolData: [] }, Oer.IntegerRangeError)
    }
  })

  it('are exact for ids and hashes', () => {
    for (const length of [0, 15, 17]) {
      const id = zeros(length) as TransferId.TransferId
      refuses({ ...prepare, transferId: id }, Oer.FieldLengthError)
      refuses({ type: 'fulfill', requestId: 1, transferId: id, fulfillment, protocolData: [] }, Oer.FieldLengthError)
      refuses({ type: 'reject', requestId: 1, transferId: id, protocolData: [] }, Oer.FieldLengthError)
    }
    for (const length of [0, 31, 33]) {
      const hash = zeros(length) as Condition.Condition & Condition.Fulfillment
      refuses({ ...prepare, condition: hash }, Oer.FieldLengthError)
      refuses({ type: 'fulfill', requestId: 1, transferId, fulfillment: hash, protocolData: [] }, Oer.FieldLengthError)
    }
  })

  it('are those of the calendar for times', () => {
    holds({ ...prepare, expiresAt: Instant.from(0) })
    holds({ ...prepare, expiresAt: Instant.instantMax })
    refuses({ ...prepare, expiresAt: -1 as Instant.Instant }, TimeRangeError)
    refuses({ ...error, triggeredAt: Number.NaN as Instant.Instant }, TimeRangeError)
    const body = (time: string) => `46303000${time}000100`
    expect(() => BtpFrame.decode(frameBytes(2, body('0f32303137313032353132303030305a')))).toThrow(TimeSyntaxError)
    expect(() => BtpFrame.decode(frameBytes(2, body('1332303137313333353132303030302e3132335a')))).toThrow(
      TimeRangeError,
    )
  })

  it('are 255 characters for the name of an error, three for its code, 8,192 bytes for its data', () => {
    holds({ ...error, name: '' })
    holds({ ...error, name: 'n'.repeat(255) })
    refuses({ ...error, name: 'n'.repeat(256) }, Oer.FieldLengthError)
    refuses({ ...error, name: 'é' }, Oer.CharacterError)
    for (const code of ['', 'F0', 'F000']) refuses({ ...error, code }, Oer.FieldLengthError)
    refuses({ ...error, code: 'Fé0' }, Oer.CharacterError)
    holds({ ...error, data: zeros(8192) })
    refuses({ ...error, data: zeros(8193) }, Oer.FieldLengthError)
    const data = `822001${'00'.repeat(8193)}`
    expect(() => BtpFrame.decode(frameBytes(2, `463030001332303137313032353132303030302e3132335a${data}0100`))).toThrow(
      Oer.FieldLengthError,
    )
  })

  it('are 1 to 255 ASCII characters for the name of a protocol', () => {
    holds(message(entry('a')))
    holds(message(entry('n'.repeat(255))))
    refuses(message(entry('')), Oer.FieldLengthError)
    refuses(message(entry('n'.repeat(256))), Oer.FieldLengthError)
    refuses(message(entry('é')), Oer.CharacterError)
    expect(() => BtpFrame.decode(frameBytes(6, '0101000000ff'))).toThrow(Oer.FieldLengthError)
    expect(() => BtpFrame.decode(frameBytes(6, '010102c3a90000'))).toThrow(Oer.CharacterError)
  })

  it('are 8 bits for a content type, assigned or not', () => {
    for (const contentType of [0, 1, 2, 3, 255]) holds(message(entry('a', zeros(1), contentType)))
    for (const contentType of [-1, 256, 0.5]) refuses(message(entry('a', zeros(1), contentType)), Oer.IntegerRangeError)
  })

  it('are 68 KiB for the whole, or what the caller says', () => {
    const around = BtpFrame.encode(message(entry('a', zeros(65_536)))).length - 65_536
    const most = message(entry('a', zeros(BtpFrame.frameBytesMax - around)))
    holds(most)
    expect(BtpFrame.encode(most).length).toBe(BtpFrame.frameBytesMax)
    const more = message(entry('a', zeros(BtpFrame.frameBytesMax - around + 1)))
    refuses(more, BtpFrame.FrameTooLargeError)
    holds(more, BtpFrame.frameBytesMax + 1)
    const bytes = BtpFrame.encode(more, BtpFrame.frameBytesMax + 1)
    expect(() => BtpFrame.decode(bytes)).toThrow(BtpFrame.FrameTooLargeError)
    expect(() => BtpFrame.decode(BtpFrame.encode(message()), 7)).toThrow(BtpFrame.FrameTooLargeError)
  })
})

describe('protocol data', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => entry(`p${i}`))

  it('may have many entries', () => {
    for (const count of [0, 1, 2, 8, 9, 255, 256]) holds(message(...names(count)))
    refuses(message(...names(257)), Oer.CountError)
    expect(() => BtpFrame.decode(frameBytes(6, `020101${'01610000'.repeat(257)}`))).toThrow(Oer.CountError)
  })

  it('has one entry of each name', () => {
    for (const count of [1, 7, 8, 9, 255]) {
      const twice = message(...names(count), entry('p0'))
      refuses(twice, BtpFrame.DuplicateProtocolError)
      const bytes = BtpFrame.encode(message(...names(count), entry('q0')))
      const last = Buffer.from(bytes).lastIndexOf('q0')
      bytes[last] = 'p'.charCodeAt(0)
      expect(() => BtpFrame.decode(bytes)).toThrow(BtpFrame.DuplicateProtocolError)
    }
  })

  it('cannot announce more entries than the bytes left could hold', () => {
    expect(() => BtpFrame.decode(frameBytes(6, '0101'))).toThrow(Oer.CountError)
    expect(() => BtpFrame.decode(frameBytes(6, '01020161000001'))).toThrow(Oer.CountError)
    expect(() => BtpFrame.decode(frameBytes(6, '06ffffffffffff'))).toThrow(Oer.CountError)
    expect(() => BtpFrame.decode(frameBytes(6, '00'))).toThrow(Oer.NonCanonicalIntegerError)
    expect(() => BtpFrame.decode(frameBytes(6, ''))).toThrow(Oer.TruncatedError)
  })

  it('is found by name', () => {
    expect(BtpFrame.entry([ilp, entry('custom')], 'custom')).toEqual(entry('custom'))
    expect(BtpFrame.entry([ilp], 'toString')).toBeUndefined()
    expect(BtpFrame.entry([], 'ilp')).toBeUndefined()
  })
})

describe('the codes of errors', () => {
  it('are those of the RFC; the plugin of 2017 has others', () => {
    expect(BtpFrame.errorCodes.AlreadyFulfilledError).toBe('F07')
    expect(BtpFrame.errorCodesOf2017.AlreadyFulfilledError).toBe('F06')
    expect(Object.keys(BtpFrame.errorCodesOf2017)).toEqual(Object.keys(BtpFrame.errorCodes))
  })

  it('give way to the name', () => {
    expect(BtpFrame.errorNameOf({ name: 'AlreadyFulfilledError', code: 'F06' })).toBe('AlreadyFulfilledError')
    expect(BtpFrame.errorNameOf({ name: 'Unheard', code: 'F06' })).toBe('AlreadyRolledBackError')
    expect(BtpFrame.errorNameOf({ name: 'constructor', code: 'X99' })).toBeUndefined()
  })
})
