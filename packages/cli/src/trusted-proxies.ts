/**
 * Who a request is from when there are proxies in front: without them every reader would have the address of the proxy,
 * and all would share the bounds of one.
 *
 * Each proxy adds the address that it was asked from to the end of `X-Forwarded-For`, so what stands there is believed
 * from the end, as far as trusted proxies said it: the first address that is not one of them is the reader's. What
 * stands before it may be anything.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { OptionError } from './option.js'

export interface TrustedProxies {
  isTrusted(address: string): boolean
  /** Of the reader, or of the last proxy that can be believed. */
  addressOf(request: Pick<IncomingMessage, 'headers' | 'socket'>): string
}

/** Longest list of addresses that is looked at, from its end. */
const addressesMax = 16

/**
 * @param networks - Addresses (`10.0.0.1`, `::1`) and networks (`10.0.0.0/8`, `fd00::/8`).
 * @throws {OptionError} One is neither.
 */
export function create(networks: readonly string[]): TrustedProxies {
  const trusted = new BlockList()
  for (const network of networks) add(trusted, network)

  function isTrusted(address: string): boolean {
    const version = isIP(address)
    return version !== 0 && trusted.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }

  return {
    isTrusted,
    addressOf({ headers, socket }) {
      let address = socket.remoteAddress ?? ''
      const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').slice(-addressesMax)
      while (isTrusted(address)) {
        const next = addressIn(forwarded.pop() ?? '')
        if (next === undefined) break
        address = next
      }
      return address
    },
  }
}

function add(trusted: BlockList, network: string): void {
  const [address = '', bits, ...rest] = network.split('/')
  const version = isIP(address)
  const type = version === 4 ? 'ipv4' : 'ipv6'
  try {
    if (version === 0 || rest.length > 0) throw new RangeError()
    if (bits === undefined) trusted.addAddress(address, type)
    else if (/^[0-9]{1,3}$/.test(bits)) trusted.addSubnet(address, Number(bits), type)
    else throw new RangeError()
  } catch {
    throw new OptionError('It must be an address or a network: 10.0.0.1, 10.0.0.0/8, ::1 or fd00::/8.')
  }
}

/** Some proxies write a port too, and brackets around an address of IPv6. */
function addressIn(text: string): string | undefined {
  const word = text.trim()
  const bare = /^\[([^\]]*)\](?::[0-9]{1,5})?$/.exec(word)?.[1] ?? word.replace(/^([0-9.]+):[0-9]{1,5}$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}
