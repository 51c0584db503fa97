/** What version 3 added around the packets of ILPv4. */
import { describe, expect, it } from 'vitest'
import * as IlpPacket from './index.js'

const prepare: IlpPacket.IlpPrepare = {
  amount: '107',
  executionCondition: Buffer.alloc(32, 1),
  expiresAt: new Date(1_508_932_800_123),
  destination: 'g.alice',
  data: Buffer.from('abc'),
}
const fulfill: IlpPacket.IlpFulfill = { fulfillment: Buffer.alloc(32, 2), data: Buffer.alloc(0) }
const reject: IlpPacket.IlpReject = { code: 'F00', triggeredBy: '', message: 'no', data: Buffer.alloc(0) }

describe('guards', () => {
  it('tell the packets apart', () => {
    for (const [packet, kinds] of [
      [prepare, [true, false, false, false]],
      [fulfill, [false, true, false, true]],
      [reject, [false, false, true, true]],
      [undefined, [false, false, false, false]],
      [null, [false, false, false, false]],
      ['text', [false, false, false, false]],
    ] as const) {
      expect([
        IlpPacket.isPrepare(packet),
        IlpPacket.isFulfill(packet),
        IlpPacket.isReject(packet),
        IlpPacket.isIlpReply(packet),
      ]).toEqual(kinds)
    }
  })

  it.each([
    { amount: '18446744073709551616' },
    { amount: '01' },
    { amount: 1 },
    { expiresAt: new Date(Number.NaN) },
    { expiresAt: '2017' },
    { destination: 'g' },
    { executionCondition: Buffer.alloc(31) },
    { data: new Uint8Array(1) },
  ])('do not take a PREPARE with %o', (wrong) => {
    expect(IlpPacket.isPrepare({ ...prepare, ...wrong })).toBe(false)
  })

  it.each([{ code: 1 }, { triggeredBy: 'nobody' }, { message: undefined }, { data: '' }])(
    'do not take a REJECT with %o',
    (wrong) => {
      expect(IlpPacket.isReject({ ...reject, ...wrong })).toBe(false)
    },
  )
})

describe('replies', () => {
  it('are fulfills or rejects', () => {
    expect(IlpPacket.deserializeIlpReply(IlpPacket.serializeIlpReply(fulfill))).toEqual(fulfill)
    expect(IlpPacket.deserializeIlpReply(IlpPacket.serializeIlpReply(reject))).toEqual(reject)
    expect(() => IlpPacket.deserializeIlpReply(IlpPacket.serializeIlpPrepare(prepare))).toThrow(
      expect.objectContaining({ code: 'ILP_PACKET_TYPE' }),
    )
  })
})

describe('errors', () => {
  it('become a REJECT, F00 unless they say otherwise', () => {
    expect(IlpPacket.errorToReject('g.x', new Error('boo')).toString('hex')).toBe('0e0c46303003672e7803626f6f00')
    expect(IlpPacket.errorToIlpReject('g.x', new IlpPacket.Errors.TransferTimedOutError('late'))).toEqual({
      code: 'R00',
      triggeredBy: 'g.x',
      message: 'late',
      data: Buffer.alloc(0),
    })
  })

  it('with a message that is too long become a REJECT with a part of it, in whole characters', () => {
    const { message } = IlpPacket.deserializeIlpReject(IlpPacket.errorToReject('g.x', new Error('✓'.repeat(3000))))
    expect(message).toBe('✓'.repeat(2730))
    const exact = IlpPacket.errorToIlpReject('g.x', new Error('x'.repeat(8191)))
    expect(exact.message.length).toBe(8191)
    expect(() => IlpPacket.errorToReject('g.x', new Error('half \ud800'))).not.toThrow()
  })

  it('have the codes and names of the original', () => {
    const { codes, ...classes } = IlpPacket.Errors
    expect(codes).toBe(IlpPacket.IlpError)
    for (const [name, ErrorClass] of Object.entries(classes)) {
      if (name === 'AmountTooLargeError') continue
      const error = new (ErrorClass as new (message: string, data: Buffer) => Error)('why', Buffer.from('01', 'hex'))
      expect(error).toBeInstanceOf(Error)
      expect([error.name, error.message]).toEqual([name, 'why'])
      const { ilpErrorCode } = error as unknown as IlpPacket.IlpErrorClass
      expect(IlpPacket.isCanonicalIlpRejectCode(ilpErrorCode)).toBe(true)
      expect(Object.keys(error).filter((key) => key !== 'ilpErrorData')).toEqual(['ilpErrorCode'])
    }
    expect(Object.keys(classes).length).toBe(21)
    expect(IlpPacket.isCanonicalIlpRejectCode('F10')).toBe(false)
    expect(IlpPacket.isCanonicalIlpRejectCode(undefined)).toBe(false)
  })

  it('of amounts carry both amounts', () => {
    const error = new IlpPacket.Errors.AmountTooLargeError('too much', { receivedAmount: '200', maximumAmount: '100' })
    expect(error.ilpErrorData.toString('hex')).toBe('00000000000000c80000000000000064')
    expect(IlpPacket.deserializeIlpReject(IlpPacket.errorToReject('g.conn', error))).toEqual({
      code: 'F08',
      triggeredBy: 'g.conn',
      message: 'too much',
      data: error.ilpErrorData,
    })
    expect(() => new IlpPacket.Errors.AmountTooLargeError('', { receivedAmount: '-1', maximumAmount: '1' })).toThrow(
      expect.objectContaining({ code: 'AMOUNT_SYNTAX' }),
    )
  })
})

describe('constants', () => {
  it('work in both directions', () => {
    expect(IlpPacket.Type.TYPE_ILP_PAYMENT).toBe(1)
    expect(IlpPacket.Type[14]).toBe('TYPE_ILP_REJECT')
    expect(IlpPacket.IlpPacketType[12]).toBe('Prepare')
    for (let type = 1; type <= 14; type++) {
      const { Type } = IlpPacket as unknown as { Type: Record<string | number, string | number> }
      expect(Type[Type[type]!]).toBe(type)
    }
  })

  it('have the schemes of addresses', () => {
    expect(IlpPacket.isValidIlpAddress('g.alice')).toBe(true)
    expect(IlpPacket.isValidIlpAddress('g')).toBe(false)
    expect(IlpPacket.isValidIlpAddress(undefined)).toBe(false)
    const address: string = 'test1.a.b'
    if (!IlpPacket.isValidIlpAddress(address)) return expect.unreachable()
    expect(IlpPacket.getScheme(address)).toBe('test1')
  })
})
