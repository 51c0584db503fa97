import { describe, expect, it } from 'vitest'
import * as BtpUri from './btp-uri.js'

const parts = (url: string, username = '', token = '', secure = false): BtpUri.BtpUri => ({
  url,
  username,
  token,
  secure,
})

describe('a BTP URI', () => {
  it.each<[string, BtpUri.BtpUri]>([
    ['btp+ws://:@localhost:9000/', parts('ws://localhost:9000/')],
    ['btp+ws://localhost:9000', parts('ws://localhost:9000/')],
    ['btp+ws://alice:s3cret@localhost:9000/', parts('ws://localhost:9000/', 'alice', 's3cret')],
    ['btp+ws://alice@localhost:9000/', parts('ws://localhost:9000/', 'alice')],
    ['btp+ws://:token@localhost:9000/', parts('ws://localhost:9000/', '', 'token')],
    ['btp+wss://a:b@shop.example/btp?x=1', parts('wss://shop.example/btp?x=1', 'a', 'b', true)],
    ['btp+ws://al%40ice:s%3A3%2Fc%20r%C3%A9t@h:1/', parts('ws://h:1/', 'al@ice', 's:3/c rét')],
    ['btp+ws://a:b:c@h:1/', parts('ws://h:1/', 'a', 'b:c')],
    ['btp+ws://a:b@[::1]:9000/', parts('ws://[::1]:9000/', 'a', 'b')],
    ['btp+ws://a:b@H:80/', parts('ws://h/', 'a', 'b')],
  ])('%s', (text, uri) => {
    expect(BtpUri.parse(text)).toEqual(uri)
    expect(BtpUri.parse(BtpUri.format(uri))).toEqual(uri)
  })

  it.each([
    '',
    'ws://localhost/',
    'btp://localhost/',
    'btp+http://localhost/',
    'BTP+WS://localhost/',
    'btp+ws:localhost',
    'btp+ws://',
    'btp+ws:///path',
    'btp+ws://:@/',
    'btp+ws://a\\b@localhost/',
    'btp+ws://\\localhost/',
    'btp+ws://é/',
    'btp+ws://local host/',
    'btp+ws://localhost/\n',
    ' btp+ws://localhost/',
    'btp+ws://localhost:99999/',
    'btp+ws://localhost/#fragment',
    'btp+ws://localhost/#',
    'btp+ws://a%zz:b@localhost/',
    'btp+ws://a:%ff@localhost/',
    `btp+ws://localhost/${'a'.repeat(2048)}`,
  ])('is not %j', (text) => {
    expect(() => BtpUri.parse(text)).toThrow(BtpUri.BtpUriError)
  })

  it('is logged without its token', () => {
    const uri = BtpUri.parse('btp+wss://al%20ice:s3cret@shop.example:4195/path')
    expect(BtpUri.redact(uri)).toBe('btp+wss://al%20ice@shop.example:4195/path')
    expect(BtpUri.redact(BtpUri.parse('btp+ws://:s3cret@localhost/'))).toBe('btp+ws://localhost/')
    expect(BtpUri.format(uri)).toBe('btp+wss://al%20ice:s3cret@shop.example:4195/path')
  })

  it('never puts its token into an error', () => {
    try {
      BtpUri.parse('btp+ws://alice:s3cret@local host/')
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toContain('s3cret')
      expect(error).toMatchObject({ code: 'BTP_URI' })
    }
    expect(() => BtpUri.format(parts('ws://h/', '\ud800'))).toThrow(BtpUri.BtpUriError)
    expect(() => BtpUri.format(parts('http://h/'))).toThrow(BtpUri.BtpUriError)
  })
})
