/**
 * The shop's keys, and what is derived from them: the secret of each stream, and a seed for its content.
 *
 * A stream is named by its user id: 16 bytes, 22 characters of base64url, of which the first says which key (kid) the
 * rest is derived from and 15 are random. So the shop stores no secret, a restart forgets nobody, and a new key ends no
 * stream: streams of an older key live as long as the ring holds it.
 *
 * secret = HMAC-SHA-256(key[kid], label ‖ 0 ‖ ledger prefix ‖ 0 ‖ user id). Labels differ by use, so that nobody who has
 * one derived value, as a payer has the secret, learns another.
 */
import { Base64Url, type Hashes, MillstreamError, type RandomBytes } from '@millstream/units'

/** Names one key of the ring: 0 to 255. */
export type KeyId = number

export interface ShopKey {
  readonly kid: KeyId
  /** At least 32 bytes that nobody else knows. */
  readonly key: Uint8Array
}

export type DerivedUse =
  /** The secret in the `Pay` header. */
  | 'stream secret'
  /** Seeds generated content: the payer knows the secret, and must not be able to compute what it has not paid. */
  | 'content seed'

export interface Keyring {
  /** The key of new streams. */
  readonly current: KeyId
  has(kid: KeyId): boolean
  /** Makes `key` the key of new streams; older keys stay until they are removed. */
  rotate(key: ShopKey): void
  /** Streams of this key that are not in memory can no longer be derived. @throws {CurrentKeyError} */
  remove(kid: KeyId): void
  /** @throws {UnknownKeyError} The ring has no key `kid`. */
  derive(kid: KeyId, use: DerivedUse, prefix: string, userId: string): Uint8Array
}

/** Characters of a user id. */
export const userIdLength = 22

const userIdBytes = 16
const keyBytesMin = 32
const utf8 = new TextEncoder()

/**
 * @param keys - The first one is the key of new streams.
 * @throws {ShopKeyError} A key is too short, or a kid is out of range or there twice.
 */
export function createKeyring(hashes: Hashes, keys: readonly [ShopKey, ...ShopKey[]]): Keyring {
  const derivations = new Map<KeyId, (message: Uint8Array) => Uint8Array>()
  for (const key of keys) add(key)
  let current = keys[0].kid

  return {
    get current() {
      return current
    },
    has: (kid) => derivations.has(kid),
    rotate(key) {
      add(key)
      current = key.kid
    },
    remove(kid) {
      if (kid === current) throw new CurrentKeyError(kid)
      derivations.delete(kid)
    },
    derive(kid, use, prefix, userId) {
      const derivation = derivations.get(kid)
      if (derivation === undefined) throw new UnknownKeyError(kid)
      return derivation(utf8.encode(`millstream ${use}\0${prefix}\0${userId}`))
    },
  }

  function add({ kid, key }: ShopKey): void {
    if (!Number.isInteger(kid) || kid < 0 || kid > 255) throw new ShopKeyError(`A key id is 0 to 255, not ${kid}.`)
    if (key.length < keyBytesMin)
      throw new ShopKeyError(`A shop key has at least ${keyBytesMin} bytes, not ${key.length}.`)
    if (derivations.has(kid)) throw new ShopKeyError(`The shop has a key ${kid} already: take another key id.`)
    derivations.set(kid, hashes.hmac(key))
  }
}

/** A new user id. Nobody can guess it, and two are never the same. */
export function createUserId(randomBytes: RandomBytes, kid: KeyId): string {
  const bytes = randomBytes(userIdBytes).slice()
  bytes[0] = kid
  return Base64Url.fromBytes(bytes)
}

/** @returns `undefined` when `userId` is not one. */
export function keyIdOf(userId: string): KeyId | undefined {
  if (userId.length !== userIdLength || !/^[A-Za-z0-9_-]{21}[AQgw]$/.test(userId)) return undefined
  return Base64Url.toBytes(userId)[0]
}

export class ShopKeyError extends MillstreamError {
  override readonly name = 'Keyring.ShopKeyError'
  readonly code = 'SHOP_KEY'
}

export class CurrentKeyError extends MillstreamError {
  override readonly name = 'Keyring.CurrentKeyError'
  readonly code = 'SHOP_KEY_CURRENT'
  constructor(kid: KeyId) {
    super(`Key ${kid} is the key of new streams: rotate to another one first.`)
  }
}

export class UnknownKeyError extends MillstreamError {
  override readonly name = 'Keyring.UnknownKeyError'
  readonly code = 'SHOP_KEY_UNKNOWN'
  constructor(kid: KeyId) {
    super(`The shop has no key ${kid}.`)
  }
}
