import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { address, prefix, uint64 } from '../vectors/arbitrary.js'
import * as BtpUri from './btp-uri.js'
import { CodecError } from './codec-error.js'
import * as PayEndpoint from './pay-endpoint.js'
import * as PayHeader from './pay-header.js'
import * as PayTerms from './pay-terms.js'

const secret = fc.uint8Array({ minLength: 16, maxLength: 64 })
const header = fc.oneof(
  fc.record({
    form: fc.constantFrom<PayHeader.SecretForm[]>('tutorial', 'psk', 'http_ilp', 'hkdf', 'psk2', 'x_pay'),
    amount: uint64,
    address,
    secret,
  }),
  fc.record({
    form: fc.constant('condition' as const),
    amount: uint64,
    address,
    condition: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
)
const terms = fc.record(
  {
    unit: fc.oneof(
      fc.constantFrom('letter', 'line', 'event', 'opaque'),
      fc.integer({ min: 1, max: PayTerms.unitBytesMax }).map((bytes) => `bytes:${bytes}`),
    ),
    pieces: fc.integer({ min: 0, max: PayTerms.piecesMax }),
    asset: fc.record({
      code: fc.stringMatching(/^[\x21-\x7e]{1,32}$/),
      scale: fc.integer({ min: 0, max: PayTerms.scaleMax }),
    }),
    ledger: prefix,
    paymentMin: uint64,
  },
  { requiredKeys: ['unit', 'asset', 'ledger'] },
)
const uri = fc.record({
  url: fc.constantFrom('ws://localhost:9000/', 'wss://shop.example/btp?x=1', 'ws://[::1]:1/'),
  username: fc.string({ unit: 'grapheme', maxLength: 30 }),
  token: fc.string({ unit: 'grapheme', maxLength: 30 }),
})

const refusesByName = (read: () => unknown): void => {
  try {
    read()
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError)
  }
}

describe('any header', () => {
  it('is parsed as it was formatted', () => {
    fc.assert(
      fc.property(header, (value) => {
        const { form } = value
        const unnamed = form === 'tutorial' || form === 'http_ilp' || form === 'x_pay' ? { unnamed: form } : {}
        expect(PayHeader.parse(PayHeader.format(value), unnamed)).toEqual(value)
      }),
    )
    fc.assert(
      fc.property(terms, (value) => {
        expect(PayTerms.parse(PayTerms.format(value))).toEqual(value)
      }),
    )
    fc.assert(
      fc.property(uri, ({ url, username, token }) => {
        const value = { url, username, token, secure: url.startsWith('wss') }
        expect(BtpUri.parse(BtpUri.format(value))).toEqual(value)
        const endpoint = BtpUri.redact({ ...value, username: '' })
        expect(PayEndpoint.parse(PayEndpoint.format(endpoint)).url).toBe(url)
      }),
    )
  })

  it('that is hostile is refused by name', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(' ', ',', '=', '"', 'unit', 'letter', 'scale=9', 'interledger-psk', 'g.a', '1', 'btp+ws://', '@'),
    )
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (value) => {
        refusesByName(() => PayHeader.parse(value))
        refusesByName(() => PayTerms.parse(value))
        refusesByName(() => PayEndpoint.parse(value))
        refusesByName(() => BtpUri.parse(value))
      }),
      { numRuns: 2000 },
    )
    const header = fc
      .tuple(terms, fc.nat(), fc.string({ unit: 'binary-ascii', maxLength: 3 }))
      .map(([value, at, noise]) => {
        const whole = PayTerms.format(value)
        const place = at % (whole.length + 1)
        return whole.slice(0, place) + noise + whole.slice(place + noise.length)
      })
    fc.assert(
      fc.property(header, (value) => refusesByName(() => PayTerms.parse(value))),
      { numRuns: 1000 },
    )
  })
})
