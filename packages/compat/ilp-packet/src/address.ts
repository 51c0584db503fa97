/** Addresses, as version 3 names them. */
import { IlpAddress as Address } from '@millstream/codec'

export type IlpAddressScheme =
  | 'g'
  | 'private'
  | 'example'
  | 'test'
  | 'test1'
  | 'test2'
  | 'test3'
  | 'local'
  | 'peer'
  | 'self'

declare const brand: unique symbol
export type IlpAddress = string & { readonly [brand]: 'IlpAddress' }

export function isValidIlpAddress(value: unknown): value is IlpAddress {
  return Address.isDestination(value as string)
}

/** The scheme of an address: what is before the first point. */
export function getScheme(address: IlpAddress): IlpAddressScheme {
  return address.split('.')[0] as IlpAddressScheme
}
