/**
 * The functions of cryptography that packages are handed: they import none, so that they run in browsers and under a
 * simulator. `@millstream/hashes` has them for Node and for browsers.
 */
export interface Hashes {
  /** SHA-256 of `message`: 32 bytes. */
  sha256(message: Uint8Array): Uint8Array
  /** Prepares `key` once; the function it returns gives HMAC-SHA-256 of each message: 32 bytes. */
  hmac(key: Uint8Array): (message: Uint8Array) => Uint8Array
}

/** Gives `length` bytes that nobody can predict. */
export type RandomBytes = (length: number) => Uint8Array
