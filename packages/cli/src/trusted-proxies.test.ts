import { describe, expect, it } from 'vitest'
import { OptionError } from './option.js'
import * as TrustedProxies from './trusted-proxies.js'

const proxies = TrustedProxies.create(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])

function addressOf(remoteAddress: string | undefined, ...forwarded: string[]): string {
  const headers = forwarded.length === 0 ? {} : { 'x-forwarded-for': forwarded.join(', ') }
  return proxies.addressOf({ headers, socket: { remoteAddress } as never })
}

describe('the address of a reader', () => {
  it.each([
    ['is that of the connection without a proxy', '198.51.100.1', [], '198.51.100.1'],
    ['is that of the connection when that is no trusted proxy', '198.51.100.1', ['203.0.113.9'], '198.51.100.1'],
    ['is what a trusted proxy says', '10.1.2.3', ['203.0.113.9'], '203.0.113.9'],
    ['is what a proxy says behind an address of IPv4 in IPv6', '::ffff:10.1.2.3', ['203.0.113.9'], '203.0.113.9'],
    ['is the last one that is not a proxy', '10.1.2.3', ['1.1.1.1', '203.0.113.9', '192.0.2.7'], '203.0.113.9'],
    ['is not what a reader claims before that', '192.0.2.7', ['10.0.0.1', '203.0.113.9'], '203.0.113.9'],
    ['may be of IPv6', 'fd00::1', ['2001:db8::5'], '2001:db8::5'],
    ['may come with a port', '10.1.2.3', ['203.0.113.9:4711'], '203.0.113.9'],
    ['may come with a port and brackets', '10.1.2.3', ['[2001:db8::5]:4711'], '2001:db8::5'],
    ['is that of the proxy when it says nothing', '10.1.2.3', [], '10.1.2.3'],
    ['is that of the proxy when what it says is no address', '10.1.2.3', ['203.0.113.9', 'unknown'], '10.1.2.3'],
    ['is the first proxy when all are proxies', '10.1.2.3', ['10.0.0.2', '10.0.0.3'], '10.0.0.2'],
    ['is nothing when the connection has gone', undefined, ['203.0.113.9'], ''],
  ] as const)('%s', (_, remote, forwarded, address) => {
    expect(addressOf(remote, ...forwarded)).toBe(address)
  })

  it('is looked for among so many only', () => {
    const all = Array.from({ length: 1_000 }, () => '10.0.0.2')
    expect(addressOf('10.1.2.3', '203.0.113.9', ...all)).toBe('10.0.0.2')
  })

  it('is that of the connection when no proxy is trusted', () => {
    const none = TrustedProxies.create([])
    const request = { headers: { 'x-forwarded-for': '203.0.113.9' }, socket: { remoteAddress: '127.0.0.1' } as never }
    expect(none.addressOf(request)).toBe('127.0.0.1')
  })
})

it.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0'])(
  'is no network: %j',
  (network) => {
    expect(() => TrustedProxies.create([network])).toThrow(OptionError)
  },
)
