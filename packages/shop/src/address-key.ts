/**
 * Who counts as one when streams are bounded per address: an IPv4 address, and all of an IPv6 network of 64 bits, since
 * one customer has at least that many addresses.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** @returns a key; the text itself when it is no address, such as the name of a local socket. */
export function addressKey(address: string): string {
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return address.slice(0, 64)
  const text = address.toLowerCase().split('%')[0]!
  const embedded = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (embedded !== null) {
    const [, head = '', ...octets] = embedded
    const mapped = expand(`${head}0:0`)
    if (mapped.slice(0, 6).join() === '0,0,0,0,0,65535') return octets.join('.')
    return network(mapped)
  }
  const groups = expand(text)
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') {
    const [high = 0, low = 0] = groups.slice(6)
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  return network(groups)
}

function network(groups: readonly number[]): string {
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** The eight groups of an IPv6 address without embedded IPv4. */
function expand(text: string): number[] {
  const [before = '', after] = text.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16))
}
