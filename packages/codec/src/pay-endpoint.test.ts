import { describe, expect, it } from 'vitest'
import * as PayEndpoint from './pay-endpoint.js'

describe('Pay-Endpoint', () => {
  it.each<[string, PayEndpoint.PayEndpoint]>([
    [
      '"btp+ws://localhost:9000/"',
      { uri: 'btp+ws://localhost:9000/', url: 'ws://localhost:9000/', hostname: 'localhost', secure: false },
    ],
    [
      '"btp+wss://Shop.example/btp";note=1',
      { uri: 'btp+wss://shop.example/btp', url: 'wss://shop.example/btp', hostname: 'shop.example', secure: true },
    ],
    [
      '"btp+ws://[::1]:9000/"',
      { uri: 'btp+ws://[::1]:9000/', url: 'ws://[::1]:9000/', hostname: '[::1]', secure: false },
    ],
  ])('is read: %s', (value, endpoint) => {
    expect(PayEndpoint.parse(value)).toEqual(endpoint)
    expect(PayEndpoint.parse(PayEndpoint.format(endpoint.uri))).toEqual(endpoint)
  })

  it.each([
    '',
    'btp+ws://localhost:9000/',
    '"ws://localhost:9000/"',
    '"http://localhost/"',
    '"btp+ws://a:b@localhost/"',
    '"btp+ws://:@localhost/"',
    '"btp+ws://"',
    '"btp+ws://localhost/", "btp+ws://other/"',
    '42',
    '"btp+ws://localhost/',
    `"btp+ws://localhost/${'a'.repeat(2048)}"`,
  ])('is refused: %s', (value) => {
    expect(() => PayEndpoint.parse(value)).toThrow(PayEndpoint.PayEndpointError)
  })

  it('is not formatted with credentials', () => {
    expect(PayEndpoint.format('btp+ws://localhost:9000')).toBe('"btp+ws://localhost:9000/"')
    expect(() => PayEndpoint.format('btp+ws://a:b@localhost/')).toThrow(PayEndpoint.PayEndpointError)
    expect(() => PayEndpoint.format('x')).toThrow(PayEndpoint.PayEndpointError)
  })
})
