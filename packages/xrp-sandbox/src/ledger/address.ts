/** Classic addresses. Base58 takes time with the square of its length, so what is too long is not even decoded. */
import { isValidClassicAddress, isValidXAddress, xAddressToClassicAddress } from 'ripple-address-codec'

/** Of X-addresses, the longer ones. */
const charactersMax = 64

export function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length <= charactersMax && isValidClassicAddress(value)
}

/** @returns The classic address of either form; `undefined` if it is none. */
export function toAddress(value: unknown): string | undefined {
  if (isAddress(value)) return value
  if (typeof value !== 'string' || value.length > charactersMax || !isValidXAddress(value)) return undefined
  return xAddressToClassicAddress(value).classicAddress
}
