import { Instant } from '@millstream/units'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as RejectionMessage from './rejection-message.js'

const account = 'g.letter-shop.mytrustline.server'
const now = Instant.from(1_512_086_400_000)

describe('the reasons of rejections', () => {
  it('come back as they were given', () => {
    const address = fc.constantFrom('g.x', 'g.x.y', 'g.letter-shop.mytrustline.client')
    const reason = fc.record({
      code: fc.constantFrom('F00', 'T99', 'R01', 'X42'),
      name: fc.stringMatching(/^[ -~]{1,40}$/),
      triggered_by: fc.oneof(address, fc.constant('test.a.')),
      forwarded_by: address,
      triggered_at: fc.date({ min: new Date(0), max: new Date(Instant.instantMax), noInvalidDate: true }),
      additional_info: fc.dictionary(fc.string(), fc.jsonValue()).filter((info) => !('message' in info)),
    })
    fc.assert(
      fc.property(reason, (given) => {
        const { additional_info: info, ...rest } = given
        const back = RejectionMessage.decode(RejectionMessage.encode(given, account, now), account, now)
        expect(back).toEqual({ ...rest, additional_info: JSON.parse(JSON.stringify(info)) })
      }),
    )
  })

  it('of a peer are read whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reason = RejectionMessage.decode(bytes, account, now)
        expect(reason.code).toHaveLength(3)
        expect(reason.triggered_at).toBeInstanceOf(Date)
      }),
    )
  })

  it('of a program are taken or refused by name', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('code', 'name', 'triggered_at', 'additional_info', 'x'), fc.anything()),
        (given) => {
          try {
            RejectionMessage.encode(given, account, now)
          } catch (error) {
            expect(error).toMatchObject({ name: 'InvalidFieldsError' })
          }
        },
      ),
    )
  })
})
