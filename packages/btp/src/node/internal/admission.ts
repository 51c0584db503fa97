/**
 * Who may open a connection: bounds on all connections, on those of one address and on how fast one address opens
 * them. An address is an IPv4 address or an IPv6 /64, which is what one customer of a provider has.
 */
export interface AdmissionLimits {
  /** Connections at a time, those that have not said anything yet among them. */
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  /** Connections that one address may open in a second, after a burst of `opensBurst`. */
  readonly opensPerSecond: number
  readonly opensBurst: number
  /** Addresses that are remembered. */
  readonly addressesMax: number
}

export type AdmissionRefusal =
  | 'too many connections'
  | 'too many connections of one address'
  | 'opened too fast'
  | 'too many addresses'

export interface Admission {
  readonly connections: number
  /** Counts a connection in, or says why not. */
  enter(address: string): AdmissionRefusal | undefined
  /** Counts a connection out that was counted in. */
  leave(address: string): void
  /** Forgets addresses without connections that may open a full burst again. Call it now and then. */
  sweep(): void
}

interface Address {
  connections: number
  tokens: number
  refilledAt: number
}

/** @param now - Milliseconds of a clock that does not jump. */
export function createAdmission(limits: AdmissionLimits, now: () => number): Admission {
  const addresses = new Map<string, Address>()
  let connections = 0
  return {
    get connections() {
      return connections
    },
    enter(text) {
      const key = addressKey(text)
      const at = now()
      let address = addresses.get(key)
      if (address === undefined) {
        if (addresses.size >= limits.addressesMax) return 'too many addresses'
        address = { connections: 0, tokens: limits.opensBurst, refilledAt: at }
        addresses.set(key, address)
      }
      refill(address, at)
      if (address.tokens < 1) return 'opened too fast'
      address.tokens--
      if (connections >= limits.connectionsMax) return 'too many connections'
      if (address.connections >= limits.connectionsPerAddressMax) return 'too many connections of one address'
      address.connections++
      connections++
      return undefined
    },
    leave(text) {
      const address = addresses.get(addressKey(text))
      if (address === undefined || address.connections === 0) return
      address.connections--
      connections--
    },
    sweep() {
      const at = now()
      for (const [key, address] of addresses) {
        refill(address, at)
        if (address.connections === 0 && address.tokens >= limits.opensBurst) addresses.delete(key)
      }
    },
  }

  function refill(address: Address, at: number): void {
    const gained = ((at - address.refilledAt) * limits.opensPerSecond) / 1_000
    address.tokens = Math.min(limits.opensBurst, address.tokens + Math.max(0, gained))
    address.refilledAt = at
  }
}

const groupsOfNetwork = 4
const groups = 8

/**
 * What an address counts as: an IPv4 address itself, also when it stands in an IPv6 one; of IPv6 the first 64 bits.
 *
 * @example
 * addressKey('::ffff:192.0.2.1') // '192.0.2.1'
 * addressKey('2001:db8::1') // '2001:db8:0:0'
 */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  if (!address.includes(':')) return address
  const [before = '', after] = address.replace(/%.*$/, '').toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros: string[] = new Array(Math.max(0, groups - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, groupsOfNetwork).join(':')
}
