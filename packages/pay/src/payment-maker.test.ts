import { Derivation, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { Base64Url, Hex } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createPaymentMaker } from './payment-maker.js'
import type { Terms } from './terms.js'

const secret = Base64Url.toBytes('Agli74z_HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4')
const address = 'g.letter-shop.mytrustline.server.UUxOFrawp0A'

describe('createPaymentMaker', () => {
  it('makes the payment of the tutorial', () => {
    const { packet, condition } = createPaymentMaker(hashes, { form: 'tutorial', price: 1n, address }, secret)(1)
    expect(Hex.fromBytes(packet)).toBe(
      '013900000000000000012e672e6c65747465722d73686f702e6d7974727573746c696e652e7365727665722e5555784f467261777030412e310000',
    )
    expect(Base64Url.fromBytes(condition)).toBe('2HDreVidTO3tQUC2FLIAC109-HMc_j3iJZMmflT7B2g')
  })

  it('makes the payment of a pre-shared key', () => {
    const { condition } = createPaymentMaker(hashes, { form: 'psk', price: 1n, address }, secret)(1)
    expect(Base64Url.fromBytes(condition)).toBe('GVA2jXx8A5cCgAeQmunRtsBh6jZmGD1r_UbGezfuLII')
  })

  it('makes the same packets and conditions as the codec, through every change of digits', () => {
    const numbers = [1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1005, 4097, 99_999, 100_000, Number.MAX_SAFE_INTEGER]
    for (const form of ['tutorial', 'psk', 'hkdf'] as const) {
      const terms: Pick<Terms, 'form' | 'price' | 'address'> = { form, price: 1000n, address }
      const make = createPaymentMaker(hashes, terms, secret)
      const tutorial = Derivation.tutorial(hashes, secret)
      const ofPacket = form === 'psk' ? Derivation.psk(hashes, secret) : Derivation.hkdf(hashes, secret)
      for (const number of numbers) {
        const account = `${address}.${number}`
        const packet = IlpPacket.encodePayment(1000n, account)
        const made = make(number)
        expect(made.packet).toEqual(packet)
        const fulfillment = form === 'tutorial' ? tutorial(account) : ofPacket(packet)
        expect(made.condition).toEqual(Derivation.condition(hashes, fulfillment))
      }
    }
  })

  it('hands out packets that later payments leave alone', () => {
    const make = createPaymentMaker(hashes, { form: 'tutorial', price: 1n, address }, secret)
    const packets = Array.from({ length: 2000 }, (_, i) => make(i + 1).packet)
    expect(packets.map((packet) => IlpPacket.decodePayment(packet).account)).toEqual(
      packets.map((_, i) => `${address}.${i + 1}`),
    )
  })

  it('takes addresses and prices of any length', () => {
    const long = `g.${'a'.repeat(900)}.b`
    const make = createPaymentMaker(hashes, { form: 'tutorial', price: 2n ** 64n - 1n, address: long }, secret)
    expect(IlpPacket.decodePayment(make(10).packet)).toMatchObject({ amount: 2n ** 64n - 1n, account: `${long}.10` })
  })
})
