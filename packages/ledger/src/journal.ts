/**
 * The journal of a ledger in memory: an append-only medium that is handed in, and the form of its batches. One batch
 * holds the changes of one write; all of them in order rebuild the ledger.
 *
 * | part      | shape                                                   | bytes |
 * | --------- | ------------------------------------------------------- | ----- |
 * | magic     | `MSJ` and the version, 1                                | 4     |
 * | length    | uint32, of the whole batch                              | 4     |
 * | number    | counts the batches of the journal from 1                | 1–8   |
 * | changes   | time, accounts, released holds, new holds, records      |       |
 * | checksum  | first bytes of the SHA-256 of everything before         | 8     |
 *
 * A batch that was cut short by a crash was never promised to anybody: at the end of the journal it is dropped, and the
 * batch written in its place carries its number again, so that it is known for what it is wherever it stands. A whole
 * batch with a wrong checksum, or a gap in the numbers, is damage to what was promised: an error.
 */
import { type Hashes, type Instant, MillstreamError, Octets } from '@millstream/units'
import type { AccountId, AccountKind } from './account.js'
import type { AccountRow, Changes, HeldTransfer, LedgerRecord } from './changes.js'
import { ByteReader, ByteWriter, UnreadableError } from './internal/octet-stream.js'
import type { Cursor, EntryKind, MaybePromise } from './store.js'

export interface Journal {
  /** Writes a batch after all others. Ended, or resolved, means that it would survive a crash. */
  append(batch: Uint8Array): MaybePromise<void>
  /** All batches in the order of appending. */
  batches(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

const magic = Uint8Array.of(0x4d, 0x53, 0x4a)
const version = 1
const headBytes = 8
const checksumBytes = 8

const accountKinds: readonly AccountKind[] = ['system', 'named', 'stranger', 'passing']
/** What a record is, in one byte: the place in this list. */
const recordKinds: readonly (readonly [EntryKind, LedgerRecord['state']])[] = [
  ['transfer', 'fulfilled'],
  ['transfer', 'rejected'],
  ['transfer', 'expired'],
  ['deposit', 'posted'],
  ['withdrawal', 'posted'],
  ['merge', 'posted'],
  ['write_off', 'posted'],
]

export interface JournalBatch {
  readonly number: number
  readonly changes: Changes
}

export function encode(batch: JournalBatch, hashes: Pick<Hashes, 'sha256'>): Uint8Array {
  const { changes } = batch
  const out = new ByteWriter()
  out.bytes(magic)
  out.uint8(version)
  out.uint32(0)
  out.uint(batch.number)
  out.uint(changes.at)
  out.uint(changes.accounts.length)
  for (const account of changes.accounts) encodeAccount(out, account)
  out.uint(changes.released.length)
  for (const serial of changes.released) out.uint(serial)
  out.uint(changes.held.length)
  for (const hold of changes.held) encodeHold(out, hold)
  out.uint(changes.records.length)
  for (const record of changes.records) encodeRecord(out, record)
  out.uint32At(magic.length + 1, out.length + checksumBytes)
  out.bytes(hashes.sha256(out.view()).subarray(0, checksumBytes))
  return out.view().slice()
}

/**
 * @returns `undefined` for a batch that was cut short.
 * @throws {JournalVersionError} A later version wrote it.
 * @throws {JournalDamagedError} It is no batch, or its checksum is wrong.
 */
export function decode(bytes: Uint8Array, hashes: Pick<Hashes, 'sha256'>): JournalBatch | undefined {
  if (!Octets.equal(bytes.subarray(0, magic.length), magic.subarray(0, bytes.length))) {
    throw new JournalDamagedError('a batch does not begin as batches do')
  }
  if (bytes.length > magic.length && bytes[magic.length]! > version) throw new JournalVersionError(bytes[magic.length]!)
  if (bytes.length < headBytes) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length + 1)
  if (bytes.length < length) return undefined
  const end = length - checksumBytes
  const whole = bytes.length === length && end >= headBytes
  if (!whole || !Octets.equal(hashes.sha256(bytes.subarray(0, end)).subarray(0, checksumBytes), bytes.subarray(end))) {
    throw new JournalDamagedError('the checksum of a batch is wrong')
  }
  try {
    const input = new ByteReader(bytes.subarray(headBytes, end))
    const number = input.uint()
    const changes: Changes = {
      at: input.uint() as Instant.Instant,
      accounts: input.list(() => decodeAccount(input)),
      released: input.list(() => input.uint()),
      held: input.list(() => decodeHold(input)),
      records: input.list(() => decodeRecord(input)),
    }
    return { number, changes }
  } catch (error) {
    if (error instanceof UnreadableError) throw new JournalDamagedError('a batch cannot be read')
    throw error
  }
}

/**
 * Reads a whole journal.
 *
 * @param restore - Called with the changes of each batch.
 * @returns The number of the last batch, and the bytes of the one at the end that was cut short.
 * @throws {JournalDamagedError} Something that was promised is missing or changed.
 */
export async function replay(
  journal: Journal,
  hashes: Pick<Hashes, 'sha256'>,
  restore: (changes: Changes) => void,
): Promise<{ readonly number: number; readonly droppedBytes: number }> {
  let number = 0
  let droppedBytes = 0
  for await (const bytes of journal.batches()) {
    const batch = decode(bytes, hashes)
    if (batch === undefined) {
      droppedBytes = bytes.length
      continue
    }
    if (batch.number !== number + 1) {
      throw new JournalDamagedError(`batch ${batch.number} stands where ${number + 1} belongs`)
    }
    restore(batch.changes)
    number = batch.number
    droppedBytes = 0
  }
  return { number, droppedBytes }
}

function encodeAccount(out: ByteWriter, account: AccountRow): void {
  out.uint(account.id)
  out.uint8(accountKinds.indexOf(account.kind) | (account.closed ? 0x80 : 0))
  out.text(account.name)
  out.bigint(account.posted)
  out.bigint(account.creditLimit)
  out.uint(account.openedAt)
  out.uint(account.owedSince === undefined ? 0 : account.owedSince + 1)
  out.uint(account.last)
}

function decodeAccount(input: ByteReader): AccountRow {
  const id = input.uint() as AccountId
  const flags = input.uint8()
  const kind = accountKinds[flags & 0x7f]
  if (kind === undefined) throw new UnreadableError()
  const name = input.text()
  const posted = input.bigint()
  const creditLimit = input.bigint()
  const openedAt = input.uint() as Instant.Instant
  const owed = input.uint()
  const owedSince = owed === 0 ? undefined : ((owed - 1) as Instant.Instant)
  return {
    id,
    name,
    kind,
    posted,
    creditLimit,
    openedAt,
    owedSince,
    closed: flags >= 0x80,
    last: input.uint() as Cursor,
  }
}

function encodeHold(out: ByteWriter, hold: HeldTransfer): void {
  out.uint(hold.serial)
  out.bytes(hold.id)
  out.uint(hold.source)
  out.uint(hold.target)
  out.bigint(hold.amount)
  out.bytes(hold.condition)
  out.uint(hold.expiresAt)
  out.text(hold.destination)
  out.uint(hold.contentHash >>> 0)
  out.uint(hold.preparedAt)
}

function decodeHold(input: ByteReader): HeldTransfer {
  return {
    serial: input.uint(),
    id: input.bytes(16) as HeldTransfer['id'],
    source: input.uint() as AccountId,
    target: input.uint() as AccountId,
    amount: input.bigint(),
    condition: input.bytes(32) as HeldTransfer['condition'],
    expiresAt: input.uint() as Instant.Instant,
    destination: input.text(),
    contentHash: input.uint(),
    preparedAt: input.uint() as Instant.Instant,
  }
}

function encodeRecord(out: ByteWriter, record: LedgerRecord): void {
  out.uint8(recordKinds.findIndex(([kind, state]) => kind === record.kind && state === record.state))
  out.uint(record.cursor)
  out.uint(record.at)
  out.uint(record.source)
  out.uint(record.target)
  out.bigint(record.amount)
  out.uint(record.sourcePrevious)
  out.uint(record.targetPrevious)
  if (record.kind === 'transfer') {
    out.bytes(record.id!)
    out.text(record.destination!)
    out.uint(record.expiresAt!)
    out.uint(record.contentHash! >>> 0)
    if (record.state === 'fulfilled') out.bytes(record.fulfillment!)
  } else {
    out.text(record.reference ?? '')
  }
}

function decodeRecord(input: ByteReader): LedgerRecord {
  const [kind, state] = recordKinds[input.uint8()] ?? []
  if (kind === undefined || state === undefined) throw new UnreadableError()
  const movement = {
    kind,
    state,
    cursor: input.uint() as Cursor,
    at: input.uint() as Instant.Instant,
    source: input.uint() as AccountId,
    target: input.uint() as AccountId,
    amount: input.bigint(),
    sourcePrevious: input.uint() as Cursor,
    targetPrevious: input.uint() as Cursor,
  }
  if (kind !== 'transfer') {
    const reference = input.text()
    return reference === '' ? movement : { ...movement, reference }
  }
  const transfer = {
    ...movement,
    id: input.bytes(16) as HeldTransfer['id'],
    destination: input.text(),
    expiresAt: input.uint() as Instant.Instant,
    contentHash: input.uint(),
  }
  if (state !== 'fulfilled') return transfer
  return { ...transfer, fulfillment: input.bytes(32) as NonNullable<LedgerRecord['fulfillment']> }
}

export class JournalDamagedError extends MillstreamError {
  override readonly name = 'Journal.JournalDamagedError'
  readonly code = 'LEDGER_JOURNAL_DAMAGED'
  constructor(what: string) {
    super(
      `The journal of the ledger is damaged: ${what}. Nothing was written to it. Keep it for an inquiry, and go on with ` +
        'a copy from before.',
    )
  }
}

export class JournalVersionError extends MillstreamError {
  override readonly name = 'Journal.JournalVersionError'
  readonly code = 'LEDGER_JOURNAL_VERSION'
  constructor(found: number) {
    super(
      `The journal of the ledger was written by a later version of Millstream (form ${found}; this one reads ${version}). ` +
        'Nothing was changed. Install that version or a later one.',
    )
  }
}
