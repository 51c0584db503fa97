/**
 * The payer's folder: its key, and one locked book for each ledger account.
 *
 * ```
 * ~/.millstream/              0700
 *   payer-key                 0600, 43 characters: 32 random bytes as base64url
 *   ledgers/<hash>/           one for each account at a ledger
 *     book                    see `book-file.ts`
 *     lock.N                  see `account-lock.ts`
 * ```
 */
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Base64Url, type Hashes, type Instant, Octets, type RandomBytes } from '@millstream/units'
import { type Book, type BookState, createBook } from '../book.js'
import { PayError } from '../pay-error.js'
import { AccountInUseError, type AccountLock, acquire, isAlive, type Owner, thisProcess } from './account-lock.js'
import * as BookFile from './book-file.js'
import { type Files, nodeFiles, replace } from './files.js'

export interface PayerStateOptions {
  /** `MILLSTREAM_HOME`, or `.millstream` in the home folder, when left out. Made with mode 0700. */
  readonly folder?: string
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  /** How long `book` waits for another process that uses the same account, in milliseconds. 0 */
  readonly lockWaitMs?: number
  /** The disk when left out. */
  readonly files?: Files
  /** This process when left out. */
  readonly owner?: Owner
  /** Asks the system when left out. */
  readonly isAlive?: (owner: Owner) => Promise<boolean>
}

export interface StateBook extends Book {
  /** Gives the lock back, once all that is known is written. */
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
   * @param heldMsMax - How long a payment there may be held: 45,000 ms if left out.
   * @throws {AccountInUseError} Another process pays from this account, or this one does already.
   * @throws {StateCorruptedError} The book cannot be read; nothing was changed.
   * @throws {StateNewerError} A newer version wrote it; nothing was changed.
   * @throws {StateUnusableError} The disk refuses.
   */
  book(origin: string, account: string, heldMsMax?: number): Promise<StateBook>
  /** Closes the books that are open. */
  close(): Promise<void>
}

const keyName = 'payer-key'
const keyBytes = 32
const bookName = 'book'
const lockPollMs = 50
const tokenLabel = 'millstream ledger token'
const bookLabel = 'millstream payer book'
const textEncoder = new TextEncoder()

/**
 * Opens the folder and makes what is missing.
 *
 * @throws {KeyExposedError} Others may read the key.
 * @throws {KeyInvalidError} The key file does not hold a key.
 * @throws {StateUnusableError} The disk refuses.
 */
export async function openPayerState(options: PayerStateOptions): Promise<PayerState> {
  const { clock, hashes, randomBytes } = options
  const files = options.files ?? nodeFiles
  const folder = options.folder ?? defaultFolder()
  const key = await usable(folder, () => openKey(files, folder, randomBytes))
  const keyed = hashes.hmac(key)
  const owner = options.owner ?? (await thisProcess())
  const open = new Set<StateBook>()

  return {
    folder,
    token: (origin) => Base64Url.fromBytes(keyed(textEncoder.encode(`${tokenLabel}\0${origin}`))),
    book: (origin, account, heldMsMax) => usable(folder, () => openBook(origin, account, heldMsMax)),
    async close() {
      const closed = await Promise.allSettled(Array.from(open, (book) => book.close()))
      for (const one of closed) if (one.status === 'rejected') throw one.reason
    },
  }

  async function openBook(ledger: string, account: string, heldMsMax?: number): Promise<StateBook> {
    const name = hashes.sha256(textEncoder.encode(`${bookLabel}\0${ledger}\0${account}`)).subarray(0, 16)
    const place = join(folder, 'ledgers', Base64Url.fromBytes(name))
    await files.makeFolder(place)
    const lock = await lockOf(place, ledger)
    try {
      const path = join(place, bookName)
      const bytes = await files.read(path)
      // A new book is worth nothing in a folder that a power cut takes away, nor in one whose own name it takes.
      if (bytes === undefined) {
        for (const above of [join(folder, 'ledgers'), folder, dirname(folder)]) await files.syncFolder(above)
      }
      const state = bytes === undefined ? undefined : BookFile.decode(hashes, bytes, path).state
      return stateBook(place, ledger, account, lock, state, heldMsMax)
    } catch (error) {
      // What went wrong first is what is told.
      await lock.release().catch(() => {})
      throw error
    }
  }

  function stateBook(
    place: string,
    ledger: string,
    account: string,
    lock: AccountLock,
    state: BookState | undefined,
    heldMsMax: number | undefined,
  ): StateBook {
    let isClosed = false
    const book = createBook({
      clock,
      ...(state === undefined ? {} : { state }),
      ...(heldMsMax === undefined ? {} : { heldMsMax }),
      save: (latest) =>
        usable(folder, async () => {
          // Another process may have the book by now.
          if (isClosed) throw new Error('the book was closed')
          await replace(files, place, bookName, BookFile.encode(hashes, { ledger, account, state: latest }))
        }),
    })
    const closing: StateBook = {
      ...book,
      async close() {
        if (!open.delete(closing)) return
        await book.flush()
        isClosed = true
        await usable(folder, () => lock.release())
      },
    }
    open.add(closing)
    return closing
  }

  async function lockOf(place: string, ledger: string): Promise<AccountLock> {
    const giveUpAt = Date.now() + (options.lockWaitMs ?? 0)
    for (;;) {
      const lock = await acquire({
        files,
        folder: place,
        owner,
        isAlive: options.isAlive ?? isAlive,
        randomBytes,
      })
      if ('release' in lock) return lock
      if (Date.now() >= giveUpAt) throw new AccountInUseError(ledger, lock.heldBy, place)
      await new Promise((resolve) => setTimeout(resolve, lockPollMs))
    }
  }
}

function defaultFolder(): string {
  const { MILLSTREAM_HOME: home } = process.env
  return home === undefined || home === '' ? join(homedir(), '.millstream') : home
}

/** Reads the key, or makes one. Two processes that make one at the same time end up with the same. */
async function openKey(files: Files, folder: string, randomBytes: RandomBytes): Promise<Uint8Array> {
  const path = join(folder, keyName)
  await files.makeFolder(folder)
  const known = await files.read(path)
  if (known !== undefined) return keyFrom(files, path, known)
  const draft = join(folder, `draft.${Base64Url.fromBytes(randomBytes(12))}`)
  await files.write(draft, textEncoder.encode(`${Base64Url.fromBytes(randomBytes(keyBytes))}\n`))
  await files.link(draft, path)
  await files.remove(draft)
  await files.syncFolder(folder)
  return keyFrom(files, path, (await files.read(path)) ?? new Uint8Array())
}

async function keyFrom(files: Files, path: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (await files.isOpenToOthers(path)) throw new KeyExposedError(path)
  try {
    const key = Base64Url.toBytes(new TextDecoder().decode(bytes).trim())
    if (key.length === keyBytes && !Octets.equal(key, new Uint8Array(keyBytes))) return key
  } catch {
    // Told below.
  }
  throw new KeyInvalidError(path)
}

/** What a disk says becomes an error that a person can act on. */
async function usable<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PayError) throw error
    throw new StateUnusableError(folder, error)
  }
}

export class KeyExposedError extends PayError {
  override readonly name = 'PayerState.KeyExposedError'
  readonly code = 'PAY_KEY_EXPOSED'
  constructor(path: string) {
    super({
      message: `Others may read the payer's key ${path}, and whoever has it can spend from its accounts.`,
      next: `chmod 600 ${path}, or remove it if somebody has read it; nothing was paid`,
    })
  }
}

export class KeyInvalidError extends PayError {
  override readonly name = 'PayerState.KeyInvalidError'
  readonly code = 'PAY_KEY_INVALID'
  constructor(path: string) {
    super({
      message: `The file ${path} does not hold a payer's key: 32 bytes as base64url. It was left as it is.`,
      next: 'restore it, or move it away to begin with a new key, and so with new accounts; nothing was paid',
    })
  }
}

export class StateUnusableError extends PayError {
  override readonly name = 'PayerState.StateUnusableError'
  readonly code = 'PAY_STATE_UNUSABLE'
  constructor(folder: string, cause: unknown) {
    super({
      message: `The payer's folder ${folder} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      next: 'see to the disk and its permissions, or use another folder (MILLSTREAM_HOME)',
      cause,
    })
  }
}
