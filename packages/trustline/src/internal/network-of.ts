/**
 * The network that a remote address belongs to, as far as one customer can hold many addresses of it: an IPv4 address
 * alone, an IPv6 address with its whole /64.
 */

/**
 * @param address - As `socket.remoteAddress` gives it. What is neither IPv4 nor IPv6 stands for itself.
 * @example
 * networkOf('::ffff:192.0.2.1') // '192.0.2.1'
 * networkOf('2001:db8:1:2:3::9') // '2001:db8:1:2::/64'
 */
export function networkOf(address: string): string {
  const plain = address.split('%', 1)[0]!.toLowerCase()
  if (!plain.includes(':')) return plain
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  if (mapped !== null) return mapped[1]!
  const [head = '', tail] = plain.split('::', 2)
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const all = [...before, ...zeros, ...after]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
