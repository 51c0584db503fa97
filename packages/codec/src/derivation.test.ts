import { createHash, createHmac } from 'node:crypto'
import { hashes } from '@millstream/hashes'
import { Base64Url, Hex } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as Derivation from './derivation.js'
import { encodePayment } from './ilp-packet.js'
import { CharacterError } from './oer.js'

const secret = Hex.toBytes('020962ef8cff1e348db93135ad322bed00a4cd674803741d2a83cc607870d48e')
const address = 'test.crypto.xrp.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW.UUxOFrawp0A.0'
const hmac = (key: Uint8Array, message: string | Uint8Array): Uint8Array =>
  new Uint8Array(createHmac('sha256', key).update(message).digest())

describe('fulfillments', () => {
  it('of form A cover the address only', () => {
    const derive = Derivation.tutorial(hashes, secret)
    expect(derive(address)).toEqual(hmac(secret, address))
    expect(derive(`${address}1`)).not.toEqual(derive(address))
    expect(() => derive('g.é')).toThrow(CharacterError)
  })

  it('of forms C and D cover the packet, under a key that is derived first', () => {
    expect(Hex.fromBytes(hmac(secret, 'ilp_psk_condition'))).toBe(
      '8e862457e26b02046a4ab3680eeaf7e3d556212e0afc92cfc546c687a10c3020',
    )
    const packet = encodePayment(10n, address)
    const fulfillment = Derivation.psk(hashes, secret)(packet)
    expect(fulfillment).toEqual(hmac(hmac(secret, 'ilp_psk_condition'), packet))
    expect(Base64Url.fromBytes(fulfillment)).toBe('RYjEU25pOqGxmuglrG9aumrzIFkY-_8wNsbrJ8i5Lew')
    expect(Base64Url.fromBytes(Derivation.condition(hashes, fulfillment))).toBe(
      'N770ILD--rSY8WTKuCKc7M-iMUXvKPpnZQKTO3La73o',
    )
    expect(Derivation.psk(hashes, secret)(encodePayment(11n, address))).not.toEqual(fulfillment)
  })

  it('of form E cover the packet, under the secret itself', () => {
    const packet = encodePayment(10n, address)
    expect(Derivation.hkdf(hashes, secret)(packet)).toEqual(hmac(secret, packet))
  })

  it('of form X cover address and amount, joined', () => {
    expect(Derivation.xPay(hashes, secret)('g.a.b', 10n)).toEqual(hmac(secret, 'g.a.b10'))
  })
})

describe('conditions', () => {
  it('are the hash of the fulfillment', () => {
    const fulfillment = Uint8Array.from({ length: 32 }, (_, i) => i)
    const condition = Derivation.condition(hashes, fulfillment)
    expect(condition).toEqual(new Uint8Array(createHash('sha256').update(fulfillment).digest()))
    expect(Base64Url.fromBytes(condition)).toBe('Yw3NKWbEM2aRElRIu7JbT_QSpJxzLbLIq8G4WBvXEN0')
  })
})

describe('tokens of http-ilp', () => {
  it('are one for each server, and give the shared secret', () => {
    const token = Derivation.payToken(hashes, new Uint8Array(32).fill(1), 'myservice.example')
    expect(Base64Url.fromBytes(token)).toBe('ixMexStC-zvsGCldqTmg0vPyofvaLVTZOtWqdXvPQ5c')
    expect(Base64Url.fromBytes(Derivation.tokenSecret(hashes, new Uint8Array(32).fill(2), token))).toBe(
      'PirjW5f3O3JhTPSrVh3PP4wy9cZxA7bl7DsXJzWmmhI',
    )
  })
})
