import { Hex, TransferId } from '@millstream/units'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encode as encodeBinary } from 'xrpl'
import * as EscrowMemos from './escrow-memos.js'

const id = TransferId.parse('b4c838f6-80b1-47f8-a82e-b1fcfbed89d5')
const hexOf = (text: string) => Buffer.from(text).toString('hex').toUpperCase()
const memo = (type: string, data: string) => ({ Memo: { MemoType: hexOf(type), MemoData: data } })
const idMemo = memo(EscrowMemos.memoTypes.id, hexOf(TransferId.format(id)))

describe('the memos of an escrow', () => {
  it('are written as in 2017: the packet as base64url text, the id as a UUID, both in upper-case hexadecimal', () => {
    const packet = Hex.toBytes('014b00')
    expect(EscrowMemos.encode({ id, packet })).toEqual([
      {
        Memo: {
          MemoType: '68747470733A2F2F696E7465726C65646765722E6F72672F72656C2F787270496C70',
          MemoData: hexOf('AUsA'),
        },
      },
      {
        Memo: {
          MemoType: '68747470733A2F2F696E7465726C65646765722E6F72672F72656C2F7872704964',
          MemoData: hexOf('b4c838f6-80b1-47f8-a82e-b1fcfbed89d5'),
        },
      },
    ])
  })

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: EscrowMemos.packetBytesMax }), (packet) => {
        expect(EscrowMemos.decode(EscrowMemos.encode({ id, packet }))).toEqual({ id, packet })
      }),
    )
  })

  it('fit into what the ledger takes with the longest packet, and not with one byte more', () => {
    const bytesOf = (length: number) => {
      const Memos = EscrowMemos.encode({ id, packet: new Uint8Array(length) })
      // Less the header of the array and its end.
      return encodeBinary({ Memos } as never).length / 2 - 2
    }
    expect(bytesOf(EscrowMemos.packetBytesMax)).toBe(EscrowMemos.memosBytesMax)
    expect(bytesOf(EscrowMemos.packetBytesMax + 1)).toBeGreaterThan(EscrowMemos.memosBytesMax)
  })

  it('are found among others, in lower case, and padded', () => {
    const packet = Uint8Array.of(1, 2)
    const ilp = memo(EscrowMemos.memoTypes.ilp, hexOf('AQI=').toLowerCase())
    const others = [null, 7, {}, { Memo: null }, { Memo: { MemoType: 'zz' } }, memo('x', 'FF')]
    const lower = { Memo: { ...idMemo.Memo, MemoType: idMemo.Memo.MemoType.toLowerCase() } }
    expect(EscrowMemos.decode([...others, lower, ilp])).toEqual({ id, packet })
  })

  it('that are not there are missed by name', () => {
    for (const bad of [undefined, [], [idMemo], [memo('x', 'FF')]])
      expect(EscrowMemos.decode(bad)).toBe('memos_missing')
  })

  it('that cannot be read are malformed: not UTF-8, not hexadecimal, not base64url, no UUID, too long', () => {
    const ilp = (data: string) => [memo(EscrowMemos.memoTypes.ilp, data), idMemo]
    for (const bad of ['FF', 'ZZ', '4', hexOf('!!'), hexOf('A'), hexOf('ä'), hexOf('A'.repeat(2000))]) {
      expect(EscrowMemos.decode(ilp(bad))).toBe('memos_malformed')
    }
    const good = memo(EscrowMemos.memoTypes.ilp, hexOf('AQI'))
    for (const bad of ['FF', hexOf('no uuid'), hexOf(`${TransferId.format(id)}0`)]) {
      expect(EscrowMemos.decode([good, memo(EscrowMemos.memoTypes.id, bad)])).toBe('memos_malformed')
    }
    expect(EscrowMemos.decode({ 0: good })).toBe('memos_malformed')
  })

  it('of a stranger never throw', () => {
    const text = fc.oneof(fc.string(), fc.uint8Array().map(Hex.fromBytes), fc.constant(idMemo.Memo.MemoType))
    const one = fc.record({ Memo: fc.record({ MemoType: text, MemoData: text }) })
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.oneof(one, fc.anything()))), (value) => {
        const read = EscrowMemos.decode(value)
        expect(typeof read === 'string' || read.packet instanceof Uint8Array).toBe(true)
      }),
    )
  })
})
