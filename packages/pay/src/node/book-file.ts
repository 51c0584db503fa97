/**
 * A payer's book as a file: two lines of JSON. The first says what it is, its version and the SHA-256 of the second;
 * amounts are decimal strings.
 *
 * ```
 * {"format":"millstream payer book","version":1,"sha256":"…"}
 * {"ledger":"btp+ws://localhost:9000","account":"…","base":"1000","posted":"0","spent":"12","unresolved":[],"streams":[]}
 * ```
 */
import { Amount, type Hashes, Hex, Instant } from '@millstream/units'
import type { BookState } from '../book.js'
import { PayError } from '../pay-error.js'

export interface BookFile {
  /** Origin of the ledger, and the account there: for people, and to tell a file that was moved. */
  readonly ledger: string
  readonly account: string
  readonly state: BookState
}

const format = 'millstream payer book'
const version = 1
const textEncoder = new TextEncoder()

export function encode(hashes: Hashes, file: BookFile): Uint8Array {
  const { base, posted, spent, unresolved, streams, cannotTell } = file.state
  const body = JSON.stringify({
    ledger: file.ledger,
    account: file.account,
    base: base === undefined ? null : String(base),
    posted: String(posted),
    spent: String(spent),
    unresolved: unresolved.map(({ amount, until }) => ({ amount: String(amount), until })),
    streams: streams.map(({ address, next, reserved }) => ({ address, next, reserved: String(reserved) })),
    ...(cannotTell === true ? { cannotTell } : {}),
  })
  const sha256 = Hex.fromBytes(hashes.sha256(textEncoder.encode(body)))
  return textEncoder.encode(`${JSON.stringify({ format, version, sha256 })}\n${body}\n`)
}

/**
 * @param path - For the error only.
 * @throws {StateNewerError} A newer version wrote it.
 * @throws {StateCorruptedError} It is not what it was when it was written, or not a book.
 */
export function decode(hashes: Hashes, bytes: Uint8Array, path: string): BookFile {
  const text = new TextDecoder().decode(bytes)
  const end = text.indexOf('\n')
  const head = parseObject(text.slice(0, end), path)
  if (head.format !== format || typeof head.version !== 'number') throw new StateCorruptedError(path)
  if (head.version > version) throw new StateNewerError(path, head.version)
  if (!text.endsWith('\n') || end === text.length - 1) throw new StateCorruptedError(path)
  const body = text.slice(end + 1, -1)
  if (head.sha256 !== Hex.fromBytes(hashes.sha256(textEncoder.encode(body)))) throw new StateCorruptedError(path)
  try {
    return bookFrom(parseObject(body, path))
  } catch {
    throw new StateCorruptedError(path)
  }
}

function bookFrom(body: Record<string, unknown>): BookFile {
  return {
    ledger: textFrom(body.ledger),
    account: textFrom(body.account),
    state: {
      base: body.base === null ? undefined : BigInt(textFrom(body.base)),
      posted: BigInt(textFrom(body.posted)),
      spent: BigInt(textFrom(body.spent)),
      unresolved: listFrom(body.unresolved).map(({ amount, until }) => ({
        amount: Amount.fromText(textFrom(amount)),
        until: Instant.from(numberFrom(until)),
      })),
      streams: listFrom(body.streams).map(({ address, next, reserved }) => ({
        address: textFrom(address),
        next: numberFrom(next),
        reserved: Amount.fromText(textFrom(reserved)),
      })),
      ...(body.cannotTell === true ? { cannotTell: true } : {}),
    },
  }
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new StateCorruptedError(path)
}

function textFrom(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError()
  return value
}

function numberFrom(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new TypeError()
  return value
}

function listFrom(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new TypeError()
  return value
}

export class StateCorruptedError extends PayError {
  override readonly name = 'BookFile.StateCorruptedError'
  readonly code = 'PAY_STATE_CORRUPTED'
  constructor(path: string) {
    super({
      message: `The payer's book ${path} is damaged: it is not what was written. It was left as it is.`,
      next: 'restore it, or move it away to begin a new one (the ledger has the balance); nothing was paid',
    })
  }
}

export class StateNewerError extends PayError {
  override readonly name = 'BookFile.StateNewerError'
  readonly code = 'PAY_STATE_NEWER'
  constructor(path: string, found: number) {
    super({
      message: `A newer version of Millstream wrote the payer's book ${path} (version ${found}, known here: ${version}). It was left as it is.`,
      next: 'run the newer version, or use another folder (MILLSTREAM_HOME); nothing was paid',
    })
  }
}
