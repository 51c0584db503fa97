/**
 * The payer's folder: its key, and one locked book for each ledger account.
 */
import type { Hashes, Instant, RandomBytes } from '@millstream/units'
import type { Book } from '../book.js'

export interface PayerStateOptions {
  /** `MILLSTREAM_HOME`, or `.millstream` in the home folder, when left out. Made with mode 0700. */
  readonly folder?: string
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  /** How long `book` waits for another process that uses the same account. 0 */
  readonly lockWaitMs?: number
}

export interface StateBook extends Book {
  /** Writes what is known and gives the lock back. */
  close(): Promise<void>
}

export interface PayerState {
  readonly folder: string
  /**
   * The token for a ledger that was not given one: base64url(HMAC(payer key, label 0 origin)), 32 bytes, 43 characters.
   * The same for the same origin, another for any other.
   */
  token(origin: string): string
  /**
   * Opens the book of an account and locks it against other processes.
   *
   * @param origin - `btp+ws://host:port`.
   * @param account - Id of the payer's account there.
   * @throws {AccountInUseError} Another process pays from this account.
   * @throws {StateCorruptedError} The book cannot be read; nothing was changed.
   * @throws {StateNewerError} A newer version wrote it; nothing was changed.
   */
  book(origin: string, account: string): Promise<StateBook>
  close(): Promise<void>
}

export declare function openPayerState(options: PayerStateOptions): Promise<PayerState>
