import { Base64Url } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { InvalidAddressError } from './ilp-address.js'
import * as PayHeader from './pay-header.js'

const secret = new Uint8Array(32).fill(5)
const address = 'g.letter-shop.mytrustline.server.UUxOFrawp0A'

describe('a Pay header', () => {
  it.each<[PayHeader.PayHeader, string]>([
    [{ form: 'tutorial', amount: 1n, address, secret }, `1 ${address} ${Base64Url.fromBytes(secret)}`],
    [{ form: 'http_ilp', amount: 1n, address, secret }, `1 ${address} ${Base64Url.fromBytes(secret)}`],
    [{ form: 'x_pay', amount: 1n, address, secret }, `1 ${address} ${Base64Url.fromBytes(secret)}`],
    [{ form: 'psk', amount: 1n, address, secret }, `interledger-psk 1 ${address} ${Base64Url.fromBytes(secret)}`],
    [{ form: 'hkdf', amount: 1n, address, secret }, `interledger-hkdf 1 ${address} ${Base64Url.fromBytes(secret)}`],
    [{ form: 'psk2', amount: 1n, address, secret }, `interledger-psk2 ${address} ${Base64Url.fromBytes(secret)} 1`],
    [
      { form: 'condition', amount: 1n, address, condition: secret },
      `interledger-condition 1 ${address} ${Base64Url.fromBytes(secret)}`,
    ],
    [{ form: 'btp2', amount: 1n, url: 'https://shop.example/' }, 'interledger-btp2 https://shop.example/ 1'],
  ])('is formatted: %o', (header, value) => {
    expect(PayHeader.format(header)).toBe(value)
    const { form } = header
    const unnamed = form === 'tutorial' || form === 'http_ilp' || form === 'x_pay' ? form : undefined
    expect(PayHeader.parse(value, unnamed === undefined ? {} : { unnamed })).toEqual(header)
  })

  it('is not formatted into what could not be parsed', () => {
    const header = { form: 'tutorial', amount: 1n, address, secret } as const
    expect(() => PayHeader.format({ ...header, amount: -1n })).toThrow(PayHeader.PayAmountError)
    expect(() => PayHeader.format({ ...header, amount: 2n ** 64n })).toThrow(PayHeader.PayAmountError)
    expect(() => PayHeader.format({ ...header, address: 'g.a b' })).toThrow(PayHeader.PaySyntaxError)
    expect(() => PayHeader.format({ ...header, address: 'g.' })).toThrow(InvalidAddressError)
    expect(() => PayHeader.format({ ...header, secret: new Uint8Array(15) })).toThrow(PayHeader.PaySecretError)
  })

  it('of 2,048 characters is the longest', () => {
    // One character more in the address leaves a length that base64url can have.
    const start = `1 ${address}x `
    const value = start + 'A'.repeat(2048 - start.length)
    expect(value.length).toBe(2048)
    expect(PayHeader.parse(value).form).toBe('tutorial')
    expect(() => PayHeader.parse(`${value} `)).toThrow(PayHeader.PaySyntaxError)
  })

  it('keeps its secret out of errors', () => {
    const text = Base64Url.fromBytes(secret)
    for (const value of [`1 g ${text}`, `x ${address} ${text}`, `1 ${address} ${text}=`, `a b c ${text}`]) {
      try {
        PayHeader.parse(value)
        expect.unreachable()
      } catch (error) {
        expect(String(error)).not.toContain(text.slice(0, 8))
      }
    }
  })
})
